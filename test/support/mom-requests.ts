/** A good request of each call, as the program has it. */
import type { MomRequests } from '../../gateways/mom/contract.ts';

export const REQUESTED_AT_MS = Date.UTC(2024, 3, 10, 6, 16, 31);

const envelope = {
  sessionId: '3F2504E0-4F89-11D3-9A0C-0305E82C3301',
  requestedAtMs: REQUESTED_AT_MS,
  software: 'KATOP',
  equipmentCode: 'EQ00001',
  employeeNo: 'E0001',
};
const tray = { ...envelope, trayBarcode: 'ZN180 104JZ000130', opFlag: 0, password: null } as const;
const alert = { description: '气压低', level: '2', partCode: null, productType: null };

export const REQUESTS: MomRequests = {
  EqptRun: { ...envelope, password: 'secret', equipmentModel: 0 },
  EqptAlive: { ...envelope, employeeNo: null },
  EqptStatus: {
    ...envelope,
    employeeNo: null,
    locationId: 'NA',
    statusCode: 'Running',
    reasonCode: 'Planned running',
    description: null,
    changedAtMs: REQUESTED_AT_MS - 1_000,
  },
  EqptAlert: {
    ...envelope,
    alerts: [
      { alertCode: 'A1', isRaised: true, ...alert },
      { alertCode: 'A2', isRaised: false, ...alert },
    ],
  },
  TrayBind: {
    ...tray,
    cells: [
      { serialNo: 'YF-KH-A-000001', positionNo: 1 },
      { serialNo: 'YF-KH-A-000002', positionNo: 2 },
    ],
  },
  TrayUnbind: { ...tray, opFlag: 1, password: 'secret' },
  CellState: { ...envelope, cells: [{ serialNo: 'YF-KH-A-000001' }, { serialNo: 'YF-KH-A-000002' }] },
  TrayCellsStatus: { ...envelope, trayBarcode: 'ZN180 104JZ000130' },
  AgingInput: tray,
  MaterialUpLoad: { ...envelope, data: { Material: 'M1', Lots: [{ Lot: 'L1', Quantity: 2.5 }] } },
  MaterialDownLoad: { ...envelope, data: {} },
  WaterContent: { ...envelope, data: { Ppm: '12.5' } },
};
