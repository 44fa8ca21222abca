/** Requests of devices, firmware, upgrades, webhooks and people. */
import { firmwareBytes, registerTerminals, uploadFile, uploadForm } from '../harness.ts';
import type { Requests, Scene } from './scene.ts';

const FAILED = `status = 'failed', reason = 'offline', finished_at = now(), dispatched_at = now()`;
const AWAITS_PERSON = `status = 'confirming', reason = 'awaiting_operator', dispatched_at = now()`;

export function upgradeRequests(scene: Scene): Requests {
  const { api, department } = scene;

  const terminal = async (version: string | null = '10') =>
    (await registerTerminals(api, department, [scene.sn()], version))[0]!;
  const file = (from = '98', to = '99') => uploadFile(api, department.key, from, to, { remark: scene.fresh('file') });
  const order = async () => {
    const [from, to] = [String(10 + (scene.next() % 80)), '99'];
    return { firmwareIds: [await file(from, to)], deviceIds: [await terminal(from)] };
  };
  /** A task with one terminal. */
  const task = async () => (await scene.make('POST', 'upgrade-tasks', await order())).links.self as string;
  /** Its upgrade, changed as it is needed. */
  const upgrade = async (change = '') => {
    const taskId = Number((await task()).split('/').at(-1));
    if (change !== '') await api.sql.unsafe(`update device_upgrades set ${change} where task_id = ${taskId}`);
    const [row] = await api.sql`select id from device_upgrades where task_id = ${taskId}`;
    return `/api/v1/device-upgrades/${row!['id']}`;
  };
  const url = () => `https://hooks.example.com/${scene.fresh('hook')}`;
  const webhook = async () => {
    const made = await scene.make('POST', 'webhooks', { url: url(), kinds: ['task.finished'] });
    return `/api/v1/webhooks/${made.id}`;
  };

  return {
    registerDevices: async () => ({
      path: '/api/v1/devices',
      body: [{ protocol: 'terminal', identity: scene.sn() }],
    }),
    importDevices: async () => ({
      path: '/api/v1/devices/import',
      body: `protocol,identity\nterminal,${scene.sn()}\n`,
      headers: { 'content-type': 'text/csv' },
    }),
    changeDevices: async () => ({
      path: '/api/v1/devices/bulk',
      body: { action: 'update', deviceIds: [await terminal()], set: { remark: 'x' } },
    }),
    updateDevice: async () => ({ path: `/api/v1/devices/${await terminal()}`, body: { remark: 'x' } }),
    deleteDevice: async () => ({ path: `/api/v1/devices/${await terminal(null)}` }),
    sendDeviceCommand: async () => ({
      path: `/api/v1/devices/${await terminal()}/commands`,
      body: { kind: 'read_sleep' },
    }),
    cancelCommand: async () => {
      const made = await scene.make('POST', `devices/${await terminal()}/commands`, { kind: 'read_sleep' });
      return { path: `${made.links.self}/cancel`, body: {} };
    },
    uploadFirmware: async () => ({
      path: '/api/v1/firmware',
      body: uploadForm({ remark: scene.fresh('file') }, firmwareBytes(12_000, scene.fresh('bytes'))),
    }),
    deleteFirmware: async () => ({ path: `/api/v1/firmware/${await file()}` }),

    planUpgradeTask: async () => ({ path: '/api/v1/upgrade-tasks/plan', body: await order() }),
    createUpgradeTask: async () => ({ path: '/api/v1/upgrade-tasks', body: await order() }),
    pauseUpgradeTask: async () => ({ path: `${await task()}/pause`, body: {} }),
    resumeUpgradeTask: async () => ({ path: `${await task()}/resume`, body: {} }),
    cancelUpgradeTask: async () => ({ path: `${await task()}/cancel`, body: { cause: 'wrong file' } }),
    startUpgradeTaskNow: async () => ({ path: `${await task()}/start-now`, body: {} }),
    retryFailedDevices: async () => ({ path: `${await task()}/retry-failed`, body: {} }),
    changeUpgradeTaskPacing: async () => ({ path: `${await task()}/pacing`, body: { maxConcurrent: 3 } }),
    approveUpgradeTask: async () => ({ path: `${await task()}/approve`, body: {} }),
    rejectUpgradeTask: async () => ({ path: `${await task()}/reject`, body: { cause: 'not now' } }),
    decideDeviceUpgrade: async () => ({ path: `${await upgrade(FAILED)}/decide`, body: { decision: 'give_up' } }),
    cancelDeviceUpgrade: async () => ({ path: `${await upgrade()}/cancel`, body: {} }),
    skipDeviceUpgrade: async () => ({ path: `${await upgrade()}/skip`, body: {} }),
    confirmDeviceUpgrade: async () => ({ path: `${await upgrade(AWAITS_PERSON)}/confirm`, body: {} }),
    decideManyDeviceUpgrades: async () => {
      const upgradeIds = [Number((await upgrade(FAILED)).split('/').at(-1))];
      return { path: '/api/v1/attention/decide', body: { upgradeIds, decision: 'give_up' } };
    },

    createWebhook: async () => ({ path: '/api/v1/webhooks', body: { url: url() } }),
    updateWebhook: async () => ({ path: await webhook(), body: { remark: 'x' } }),
    deleteWebhook: async () => ({ path: await webhook() }),
    rotateWebhookSecret: async () => ({ path: `${await webhook()}/rotate-secret` }),
    pingWebhook: async () => ({ path: `${await webhook()}/ping` }),
    resendWebhookDelivery: async () => {
      const path = await webhook();
      const [event] = await api.sql`
        insert into events (department_id, kind) values (${department.id}, 'task.finished') returning id`;
      const [delivery] = await api.sql`
        insert into webhook_deliveries (webhook_id, event_id, status, finished_at)
        values (${path.split('/').at(-1)!}, ${event!['id']}, 'failed', now()) returning id`;
      return { path: `${path}/deliveries/${delivery!['id']}/resend` };
    },

    createDepartment: async () => ({ path: '/api/v1/departments', body: { name: scene.fresh('department') } }),
    createApiKey: async () => ({
      path: '/api/v1/api-keys',
      body: { name: scene.fresh('key'), departmentId: department.id, permissions: [] },
    }),
    revokeApiKey: async () => {
      await api.key(department.id, scene.fresh('key'), []);
      const [row] = await api.sql`select id from api_keys order by id desc limit 1`;
      return { path: `/api/v1/api-keys/${row!['id']}` };
    },
  };
}
