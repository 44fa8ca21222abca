/** Every workflow: the entry of the bundle. */
export {
  deliverWebhook,
  fireTrigger,
  pingWebhook,
  shipDevices,
  shipToPlatform,
  syncMes,
  upgradeDevice,
} from './pinned.ts';
export { runTask } from './run-task.ts';
export { sendCommand } from './send-command.ts';
export { equipmentSession } from './equipment-session.ts';
export { agentSession } from './agent-session.ts';
