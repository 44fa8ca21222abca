import { afterEach, describe, expect, test } from 'vitest';
import { DeviceHttpServer } from '../../gateways/http.ts';
import { MomClient } from '../../gateways/mom/client.ts';
import { codeAt, createEquipments, EquipmentStatus } from '../../gateways/mom/fleet.ts';
import { QUIRK_NAMES } from '../../gateways/mom/quirks.ts';
import { MomGateway } from '../../gateways/mom/server.ts';
import { EquipmentSimulator, type EquipmentOptions } from '../../gateways/mom/simulator.ts';
import { FakeLog } from '../support/fake-host.ts';
import { FakeMomHost } from '../support/fake-mom-host.ts';
import { waitFor } from '../support/wait.ts';

const DEADLINE = { deadlineMs: 30_000 };
const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).toReversed()) await end();
});

async function start(options: Partial<EquipmentOptions> = {}) {
  const host = new FakeMomHost();
  const log = new FakeLog();
  const gateway = new MomGateway({ host, log });
  const server = new DeviceHttpServer(gateway.routes, { maxConnections: 200, requestTimeoutMs: 10_000 }, log);
  const port = await server.listen(0, '127.0.0.1');
  cleanUp.push(() => server.close(100));
  const client = new MomClient({ url: `http://127.0.0.1:${port}` });
  cleanUp.push(() => client.close());
  const equipment = new EquipmentSimulator({ client, equipmentCode: 'EQ1', periodMs: 20, ...options });
  cleanUp.push(() => equipment.stop());
  const names = () => host.calls.map(({ name }) => name);
  return { host, gateway, client, equipment: equipment.start(), names };
}

describe('an equipment', () => {
  test('goes online, beats, and follows each KeyFlag until it is gone', async () => {
    const { host, equipment, names } = await start();
    await waitFor(() => names().includes('EqptAlive'), DEADLINE);
    expect(names()[0]).toBe('EqptRun');
    expect(equipment.parameters).toHaveLength(2);
    host.keyFlags = ['98', '0', '1', '97'];
    await waitFor(() => host.keyFlags.length === 0, DEADLINE);
    const followed = names().filter((name) => name !== 'EqptAlive');
    expect(followed).toEqual(['EqptRun', 'EqptRun', 'MaterialUpLoad', 'MaterialDownLoad', 'WaterContent']);
  });

  test('tells states, alarms and what its trays do', async () => {
    const { names, host } = await start({ activityMs: 5, serialNos: ['C1', 'C2'] });
    await waitFor(
      () =>
        names().includes('TrayUnbind') &&
        host.calls.some((call) => call.name === 'EqptAlert' && call.request.alerts[0]?.isRaised === false),
      DEADLINE,
    );
    const script = names()
      .filter((name) => name !== 'EqptAlive')
      .slice(0, 10);
    expect(script).toEqual([
      'EqptRun',
      'EqptStatus',
      'EqptAlert',
      'EqptStatus',
      'CellState',
      'TrayBind',
      'TrayCellsStatus',
      'AgingInput',
      'TrayUnbind',
      'EqptAlert',
    ]);
  });

  test('falls silent and comes back', async () => {
    const { names } = await start({ faults: { silentAfterMs: 300, silentForMs: 700 } });
    const counts: number[] = [];
    await waitFor(() => {
      counts.push(names().length);
      return counts.filter((count) => count === names().length).length > 3 && names().length > 1;
    }, DEADLINE);
    const atSilence = names().length;
    await waitFor(() => names().length > atSilence + 2, DEADLINE);
  });

  test('has a clock of its own', async () => {
    const { host } = await start({ faults: { clockSkewMs: -7_200_000 } });
    const call = await waitFor(() => host.calls[0], DEADLINE);
    const skewMs = call.receivedAtMs - (call.request.requestedAtMs ?? 0);
    expect(Math.abs(skewMs - 7_200_000)).toBeLessThan(60_000);
  });

  test('sends twice what counts once', async () => {
    const { names, gateway } = await start({ activityMs: 5, faults: { sendsTwice: true } });
    await waitFor(() => names().filter((name) => name === 'EqptStatus').length >= 2, DEADLINE);
    expect(gateway.counters.repeated).toBeGreaterThan(0);
  });

  test('tells changes of state in the wrong order', async () => {
    const { host } = await start({ activityMs: 5, faults: { wrongOrder: true } });
    const changes = () => host.calls.flatMap((call) => (call.name === 'EqptStatus' ? [call.request.changedAtMs] : []));
    await waitFor(() => changes().length >= 2, DEADLINE);
    const [first = 0, second = 0] = changes();
    expect(second).toBeLessThan(first);
  });

  test('writes bodies in every odd way, and only broken ones are rejected', async () => {
    const { equipment, host } = await start({ activityMs: 1, faults: { quirk: 'all' } });
    await waitFor(() => equipment.outcomes.done + equipment.outcomes.rejected >= 4 * QUIRK_NAMES.length, DEADLINE);
    expect(equipment.outcomes).toMatchObject({ unreachable: 0, refused: 0 });
    expect(equipment.outcomes.rejected).toBeGreaterThan(0);
    const failures = new Set(host.records.flatMap(({ failure }) => failure ?? []));
    expect([...failures].filter((failure) => failure !== 'bad_json' && failure !== 'missing_field')).toEqual([]);
  });
});

describe('a fleet', () => {
  test('counts codes up and tells what its equipments do', async () => {
    const { client } = await start();
    const common = { client, periodMs: 10, startCode: 'EQ-098', startCell: 'C0001', cellsPerTray: 2 };
    const fleet = createEquipments({ ...common, devices: 4, faultShare: 0.5, faults: { quirk: 'truncated' } });
    expect(fleet.map(({ equipmentCode }) => equipmentCode)).toEqual(['EQ-098', 'EQ-099', 'EQ-100', 'EQ-101']);
    const status = new EquipmentStatus(fleet);
    cleanUp.push(async () => void (await Promise.all(fleet.map((equipment) => equipment.stop()))));
    for (const equipment of fleet) equipment.start();
    await waitFor(
      () =>
        fleet.filter(({ isOnline }) => isOnline).length === 2 && fleet.some(({ outcomes }) => outcomes.rejected > 0),
      DEADLINE,
    );
    expect(status.line()).toMatch(/^2\/4 online · \d+ calls .* rejected · .*EqptRun no JSON/);
  });

  test('needs room for its codes', () => {
    expect(codeAt('EQ09', 1)).toBe('EQ10');
    expect(() => codeAt('EQ99', 1)).toThrow(/digits/);
    expect(() => codeAt('EQ', 1)).toThrow(/digits/);
    expect(codeAt('EQ', 0)).toMatch(/^EQ/);
  });
});
