/** Every workflow: the entry of the bundle. */
export { upgradeDevice } from './upgrade-device.ts';
export { runTask } from './run-task.ts';
export { deliverWebhook, pingWebhook } from './deliver-webhook.ts';
export { sendCommand } from './send-command.ts';
export { syncMes } from './sync-mes.ts';
export { shipDevices } from './ship-devices.ts';
export { fireTrigger } from './fire-trigger.ts';
export { shipToPlatform } from './ship-to-platform.ts';
export { equipmentSession } from './equipment-session.ts';
export { agentSession } from './agent-session.ts';
