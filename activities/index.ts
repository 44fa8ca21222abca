/**
 * Every activity, made from what it needs. The names are what people read in the Temporal Web UI.
 */
import { createAgentActivities } from './agent.ts';
import { createCommandActivities } from './commands.ts';
import { createEquipmentActivities } from './equipment.ts';
import { createPlatformActivities, type TracksolidConnection } from './platforms.ts';
import { createMesActivities, type MesSource } from './mes.ts';
import { createShipmentActivities } from './shipments.ts';
import { createTaskActivities, type Executions } from './tasks.ts';
import { createUpgradeActivities } from './upgrades.ts';
import { createWebhookActivities, type ExecutionLinks } from './webhooks.ts';
import type { Db } from '../db/index.ts';

/** What the activities are made from. */
export interface ActivityDependencies {
  db: Db;
  executions: Executions & ExecutionLinks;
  /** Aborted when the worker stops: steps that watch for minutes end early, and another worker goes on. */
  stopping: AbortSignal;
  /** May webhooks lead to private addresses? */
  allowPrivateWebhooks: boolean;
  /** Null: MES is not read here. */
  mes: MesSource | null;
  /** Null: not configured. */
  tracksolid: TracksolidConnection | null;
}

/** All activities of one worker. */
export function createActivities(dependencies: ActivityDependencies) {
  return {
    ...createUpgradeActivities(dependencies.db),
    ...createTaskActivities(dependencies),
    ...createWebhookActivities(dependencies),
    ...createMesActivities(dependencies),
    ...createCommandActivities(dependencies.db),
    ...createEquipmentActivities(dependencies.db),
    ...createPlatformActivities(dependencies),
    ...createAgentActivities(dependencies),
    ...createShipmentActivities(dependencies),
  };
}

export type Activities = ReturnType<typeof createActivities>;
