/** Requests of MES, shipments, their rules and triggers, platforms. */
import { pack } from '../../support/shipment-records.ts';
import type { Requests, Scene } from './scene.ts';

/** Tracksolid, for life. */
const PLATFORM = 2;
const CONNECTOR = '/api/v1/platform-connectors/tracksolid';

export function shipmentRequests(scene: Scene): Requests {
  const { api, department } = scene;

  /** An order of a device that MES has packed. */
  const order = async () => {
    const imei = scene.imei();
    await pack(api.db, [{ id: scene.next(), imei, order: scene.fresh('order'), model: scene.fresh('model') }]);
    return { imeis: [imei], shipDate: '2026-03-02', remark: scene.fresh('remark') };
  };
  const trigger = async () => {
    const made = await scene.make('POST', 'triggers', {
      name: scene.fresh('trigger'),
      match: { model: scene.fresh('model') },
    });
    return made.links.self as string;
  };
  const platform = async () => (await scene.make('POST', 'platforms', { name: scene.fresh('platform') })).id as number;
  const platformOrder = async () => {
    const imei = scene.imei();
    await api.sql`
      insert into matched_devices (imei, department_id, customer, rule)
      values (${imei}, ${department.id}, ${scene.fresh('customer')}, '1')`;
    const info = { account: scene.fresh('account'), customerName: '禾米', model: 'GV2' };
    return { platformId: PLATFORM, imeis: [imei], info };
  };

  return {
    updateMesSync: async () => ({ path: '/api/v1/mes/sync', body: { intervalSeconds: 1_000 + scene.next() } }),
    syncMesNow: async () => ({ path: '/api/v1/mes/sync/now' }),
    importMes: async () => ({
      path: '/api/v1/mes/import/carton',
      body: `Id,BoxNo,IMEI,ZhiDan,SoftModel,TestTime\n${scene.next()},B-1,${scene.imei()},ZD-1,GV2,2026-03-01 10:00:00\n`,
      headers: { 'content-type': 'text/csv' },
    }),

    planShipment: async () => ({ path: '/api/v1/shipments/plan', body: await order() }),
    createShipment: async () => ({ path: '/api/v1/shipments', body: await order() }),
    stopShipment: async () => {
      const { id } = await scene.make('POST', 'shipments', await order());
      return { path: `/api/v1/shipments/${id}/stop`, body: { cause: 'wrong order' } };
    },
    updateClassification: async () => {
      const rule = { number: scene.next(), words: ['国际部'], customer: scene.fresh('customer'), active: true };
      return { path: '/api/v1/classification', body: { rules: [rule] } };
    },
    tryClassification: async () => ({ path: '/api/v1/classification/try', body: { name: '国贸部' } }),
    setModelProtocol: async () => ({
      path: `/api/v1/model-protocols/${scene.fresh('model')}`,
      body: { protocol: 'pcp' },
    }),

    createTrigger: async () => ({
      path: '/api/v1/triggers',
      body: { name: scene.fresh('trigger'), match: { model: scene.fresh('model') } },
    }),
    updateTrigger: async () => ({ path: await trigger(), body: { shipInDays: 2 } }),
    deleteTrigger: async () => ({ path: await trigger() }),
    switchTriggerOn: async () => ({ path: `${await trigger()}/on`, body: {} }),
    switchTriggerOff: async () => {
      const path = await trigger();
      await scene.make('POST', `${path.replace('/api/v1/', '')}/on`, {});
      return { path: `${path}/off`, body: { cause: 'enough' } };
    },
    tryTrigger: async () => ({ path: `${await trigger()}/dry-run` }),

    createPlatform: async () => ({ path: '/api/v1/platforms', body: { name: scene.fresh('platform') } }),
    updatePlatform: async () => ({
      path: `/api/v1/platforms/${await platform()}`,
      body: { remark: scene.fresh('remark') },
    }),
    pausePlatformConnector: async () => ({ path: `${CONNECTOR}/pause`, body: {} }),
    resumePlatformConnector: async () => {
      await scene.make('POST', `${CONNECTOR.replace('/api/v1/', '')}/pause`, {});
      return { path: `${CONNECTOR}/resume`, body: {} };
    },
    createPlatformShipment: async () => ({ path: '/api/v1/platform-shipments', body: await platformOrder() }),
    stopPlatformShipment: async () => {
      const { id } = await scene.make('POST', 'platform-shipments', await platformOrder());
      return { path: `/api/v1/platform-shipments/${id}/stop`, body: {} };
    },
    reclassifyDevices: async () => ({
      path: '/api/v1/classification/reclassify',
      body: { imeis: (await platformOrder()).imeis, note: scene.fresh('note') },
    }),
    decidePlatformDevices: async () => {
      const { id } = await scene.make('POST', 'platform-shipments', await platformOrder());
      const [device] = await api.sql`
        update platform_shipment_devices set status = 'refused', reason = 'refused_by_platform', first_sent_at = now(),
          finished_at = now(), attempts = 1 where shipment_id = ${id} returning id`;
      const ids = [Number(device!['id'])];
      return {
        path: '/api/v1/platform-attention/decide',
        body: { ids, decision: 'write_off', note: 'sold elsewhere' },
      };
    },
  };
}
