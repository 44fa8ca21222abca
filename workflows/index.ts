/** Every workflow: the entry of the bundle. */
export { upgradeDevice } from './upgrade-device.ts';
export { runTask } from './run-task.ts';
