/**
 * The workflows that are pinned: they end on the build they began on, whatever changes (Temporal Worker Versioning).
 * Matters only where workers are versioned (`WORKER_DEPLOYMENT`). For what ends by itself within days: a change of these
 * needs no `patched`, and the old build must run until its last one has ended.
 *
 * All others go over to the current build with their next step. They live for weeks or for ever and would hold each old
 * build for as long; a change of them needs `patched` and a recorded history, as all do without versioning.
 */
import { setWorkflowOptions, workflowInfo } from '@temporalio/workflow';
import { deliverWebhook, pingWebhook } from './deliver-webhook.ts';
import { fireTrigger } from './fire-trigger.ts';
import { shipDevices } from './ship-devices.ts';
import { shipToPlatform } from './ship-to-platform.ts';
import { syncMes } from './sync-mes.ts';
import { upgradeDevice } from './upgrade-device.ts';

/** Temporal refuses the word from a worker that is not versioned, so it is said only where there is a deployment. */
const PINNED = () =>
  (workflowInfo().currentDeploymentVersion?.deploymentName ?? '') === ''
    ? {}
    : ({ versioningBehavior: 'PINNED' } as const);

setWorkflowOptions(PINNED, upgradeDevice);
setWorkflowOptions(PINNED, deliverWebhook);
setWorkflowOptions(PINNED, pingWebhook);
setWorkflowOptions(PINNED, shipDevices);
setWorkflowOptions(PINNED, shipToPlatform);
setWorkflowOptions(PINNED, syncMes);
setWorkflowOptions(PINNED, fireTrigger);

export { deliverWebhook, fireTrigger, pingWebhook, shipDevices, shipToPlatform, syncMes, upgradeDevice };
