/** Every route that is not a `get`, and how the audit log must answer for it. */
import { routes } from '../../../api/routes/index.ts';
import { agentRequests } from './agents.ts';
import { equipmentRequests } from './equipment.ts';
import type { Requests, Scene } from './scene.ts';
import { sessionRequests } from './sessions.ts';
import { shipmentRequests } from './shipments.ts';
import { upgradeRequests } from './upgrades.ts';

/** Routes that only ask: they are asked, and every row of the database must be as it was. */
export const HARMLESS = [
  'planUpgradeTask',
  'pingWebhook',
  'planShipment',
  'tryClassification',
  'tryTrigger',
] as const satisfies readonly string[];

/** Routes whose changes are no change that somebody must answer for, each with the reason; there is no request for them. */
export const EXEMPT: Readonly<Record<string, string>> = {};

/** Everything that is not a `get` and needs a request. */
export const walked = routes.filter(({ method, id }) => method !== 'get' && !Object.hasOwn(EXEMPT, id));

export function requestsOf(scene: Scene): Requests {
  return {
    ...upgradeRequests(scene),
    ...shipmentRequests(scene),
    ...equipmentRequests(scene),
    ...agentRequests(scene),
    ...sessionRequests(scene),
  };
}
