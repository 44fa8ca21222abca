/** Requests of equipment, its employees, cells and trays. */
import { handleTrayCall, type TrayCall } from '../../../api/factory/mom-trays.ts';
import { REQUESTS } from '../../support/mom-requests.ts';
import type { Requests, Scene } from './scene.ts';

export function equipmentRequests(scene: Scene): Requests {
  const { api, department } = scene;

  const equipment = async () => {
    const code = scene.fresh('EQ');
    await scene.make('POST', 'equipment', { code });
    return code;
  };
  const idOf = async (code: string) => {
    const [row] = await api.sql`select id from equipment where code = ${code}`;
    return Number(row!['id']);
  };
  const employee = async () => {
    const number = scene.fresh('E');
    await scene.make('POST', 'equipment-employees', { number });
    return number;
  };
  const cell = async () => {
    const serialNo = scene.fresh('cell');
    await scene.make('POST', 'cells', [{ serialNo, bindCode: 'M1/WO1' }]);
    return serialNo;
  };
  /** A tray with one cell, as its equipment filled it. */
  const tray = async () => {
    const code = await equipment();
    const by = { id: await idOf(code), code, departmentId: department.id, isHoldListed: false };
    const trayBarcode = scene.fresh('tray');
    const request = { ...REQUESTS.TrayBind, trayBarcode, cells: [{ serialNo: await cell(), positionNo: 1 }] };
    const about = { address: '', receivedAtMs: 0, warnings: [], fingerprint: '' };
    const call = { name: 'TrayBind', calledAs: 'TrayBind', request, ...about } as never as TrayCall;
    await api.db.transaction((tx) => handleTrayCall(tx, call, by));
    return trayBarcode;
  };
  const agingLimits = () => ({ bindCode: scene.fresh('M'), lowerMinutes: 720, upperMinutes: 2_880 });

  return {
    createEquipment: async () => ({ path: '/api/v1/equipment', body: { code: scene.fresh('EQ') } }),
    importEquipment: async () => ({
      path: '/api/v1/equipment/import',
      body: `code,name\n${scene.fresh('EQ')},welder\n`,
      headers: { 'content-type': 'text/csv' },
    }),
    updateEquipment: async () => ({ path: `/api/v1/equipment/${await equipment()}`, body: { name: 'welder' } }),
    deleteEquipment: async () => ({ path: `/api/v1/equipment/${await equipment()}` }),
    acknowledgeEquipmentAlarm: async () => {
      const [alarm] = await api.sql`
        insert into equipment_alarms (equipment_id, alert_code) values (${await idOf(await equipment())}, 'A01')
        returning id`;
      return { path: `/api/v1/equipment-alarms/${alarm!['id']}/acknowledge`, body: {} };
    },
    setEquipmentParameters: async () => ({
      path: `/api/v1/equipment/${await equipment()}/parameters`,
      body: { parameters: [{ parameterCode: 'FWELD00001', targetValue: '12.50' }] },
    }),
    raiseEquipmentFlag: async () => ({
      path: `/api/v1/equipment/${await equipment()}/flags`,
      body: { action: 'material_up' },
    }),
    cancelEquipmentFlag: async () => {
      const code = await equipment();
      await scene.make('POST', `equipment/${code}/flags`, { action: 'material_up' });
      return { path: `/api/v1/equipment/${code}/flags/material_up/cancel`, body: {} };
    },
    createEquipmentEmployee: async () => ({
      path: '/api/v1/equipment-employees',
      body: { number: scene.fresh('E'), name: '李雷' },
    }),
    updateEquipmentEmployee: async () => ({
      path: `/api/v1/equipment-employees/${await employee()}`,
      body: { isActive: false },
    }),

    registerCells: async () => ({
      path: '/api/v1/cells',
      body: [{ serialNo: scene.fresh('cell'), bindCode: 'M1/WO1' }],
    }),
    importCells: async () => ({
      path: '/api/v1/cells/import',
      body: `serialNo,bindCode\n${scene.fresh('cell')},M1/WO1\n`,
      headers: { 'content-type': 'text/csv' },
    }),
    updateCell: async () => ({ path: `/api/v1/cells/${await cell()}`, body: { status: 2, cause: 'leak' } }),
    deleteCell: async () => ({ path: `/api/v1/cells/${await cell()}` }),
    updateTray: async () => ({ path: `/api/v1/trays/${await tray()}`, body: { property: 'A' } }),
    unbindTray: async () => ({ path: `/api/v1/trays/${await tray()}/unbind`, body: { cause: 'it broke' } }),
    setAgingLimits: async () => ({ path: '/api/v1/aging-limits', body: agingLimits() }),
    removeAgingLimits: async () => {
      const limits = agingLimits();
      await scene.make('POST', 'aging-limits', limits);
      return { path: `/api/v1/aging-limits?bindCode=${limits.bindCode}` };
    },
  };
}
