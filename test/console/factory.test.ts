/**
 * The engineer's day in a real browser: simulated equipment comes online, raises an alarm while the page is open,
 * fetches the parameters that were changed in the page; trays and cells; what the MOM of an agent refused. Then the
 * administrator's: keys, audit log, webhooks, settings. A viewer, who may change nothing; both languages.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { MomClient } from '../../gateways/mom/client.ts';
import { EquipmentSimulator } from '../../gateways/mom/simulator.ts';
import { waitFor } from '../support/wait.ts';
import { ConsoleWorld, describeConsole, expectAccessible, screenshot, TEST_MS } from './world.ts';

const LONG_MS = 240_000;
/** An equipment beats each second; the machine may be busy with others. */
const PATIENCE = { deadlineMs: 90_000 };

describeConsole('equipment and administration in the console', () => {
  let world: ConsoleWorld;
  let receiver: Server;
  let received = 0;
  const running: EquipmentSimulator[] = [];

  beforeAll(async () => {
    receiver = createServer((request, response) => {
      received += 1;
      request.resume().once('end', () => response.writeHead(204).end());
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    world = await ConsoleWorld.start({ WEBHOOK_ALLOW_PRIVATE: 'true', MOM_TOKEN: 'do-not-show-me' });
  }, TEST_MS);
  afterEach(async () => {
    await Promise.all(running.splice(0).map((each) => each.stop().catch(() => {})));
    await world.closePages();
  });
  afterAll(async () => {
    await world?.stop();
    receiver?.close();
  }, TEST_MS);

  const momUrl = () => `http://127.0.0.1:${world.slipway.ready.deviceHttpPort}`;
  const simulate = (equipmentCode: string) => {
    const client = new MomClient({ url: momUrl(), token: 'do-not-show-me' });
    const equipment = new EquipmentSimulator({ client, equipmentCode, periodMs: 1_000 }).start();
    running.push(equipment);
    return equipment;
  };
  const alarm = (alertCode: string, isRaised: boolean) => ({
    alerts: [{ alertCode, isRaised, description: '气压低', level: '2', partCode: null, productType: null }],
  });

  it(
    'shows equipment that comes online, its alarm as it is raised, and brings new parameters to it',
    { timeout: LONG_MS },
    async () => {
      const page = await world.page('/equipment');
      await page.getByText('No equipment yet').waitFor();
      await expectAccessible(page);

      // One that is not registered is among the strangers, and registered from there.
      const equipment = simulate('EQ00001');
      await page.getByRole('link', { name: 'Unknown callers' }).click();
      await page.getByRole('button', { name: 'Register', exact: true }).click();
      await expectAccessible(page);
      await page.getByLabel('Name', { exact: true }).fill('Welder 1');
      await page.getByLabel('Heartbeat period').fill('2');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('heading', { name: 'EQ00001 · Welder 1' }).waitFor();
      await page.locator('.facts').getByText('alive', { exact: true }).waitFor();

      // The alarm comes by itself, on the page of all alarms and on that of the equipment.
      await page.getByRole('tab', { name: 'Alarms' }).click();
      await page.getByText('No alarms').waitFor();
      await equipment.call('EqptAlert', alarm('AIR-01', true));
      await page.getByRole('cell', { name: 'AIR-01' }).first().waitFor();
      await page.getByRole('tab', { name: 'Alarms (1)' }).waitFor();
      await page.getByRole('button', { name: 'Acknowledge' }).click();
      await page.getByRole('dialog').getByLabel('Remark').fill('compressor is off');
      await page.getByRole('dialog').getByRole('button', { name: 'Acknowledge' }).click();
      await page.getByText('compressor is off').waitFor();
      await expectAccessible(page);
      await equipment.call('EqptAlert', alarm('AIR-01', false));
      await page.getByRole('cell', { name: 'cleared', exact: true }).first().waitFor();

      // A parameter outside its limits is not sent; a good one reaches the equipment.
      await page.getByRole('tab', { name: 'Parameters' }).click();
      await page.getByRole('button', { name: 'Set parameters' }).click();
      await fillRow(page, 1, { Code: 'FWELD00001', Target: '20', 'Upper limit': '14' });
      await page.getByRole('button', { name: 'Set as a new version' }).click();
      await page.getByText('is outside the limits').waitFor();
      await expectAccessible(page);
      await fillRow(page, 1, { Target: '12.50' });
      await page.getByRole('button', { name: 'Set as a new version' }).click();
      await page.getByRole('dialog').getByText('1 added', { exact: false }).waitFor();
      await page.getByRole('dialog').getByRole('button', { name: 'Set as a new version' }).click();
      await page.getByRole('heading', { name: 'Parameters V1 (version 1)' }).waitFor();
      await waitFor(() => equipment.parameters[0]?.targetValue === '12.50', PATIENCE);
      await page.locator('.facts').getByText('version 1, fetched').waitFor();
      await page.getByRole('button', { name: 'Change parameters' }).click();
      await fillRow(page, 1, { Target: '13.25' });
      await page.getByRole('button', { name: 'Set as a new version' }).click();
      await page.getByRole('dialog').getByText('0 added, 1 changed, 0 removed').waitFor();
      await page.getByRole('dialog').getByRole('button', { name: 'Set as a new version' }).click();
      await waitFor(() => equipment.parameters[0]?.targetValue === '13.25', PATIENCE);
      await page.locator('.facts').getByText('version 2, fetched').waitFor();
      await screenshot(page, 'equipment-parameters');

      // What it is asked it does, and what it sends is listed.
      await page.getByRole('tab', { name: 'Flags' }).click();
      await page.getByRole('button', { name: 'Ask the equipment' }).click();
      await page.getByLabel('For what').selectOption('water_content');
      await page.getByRole('dialog').getByRole('button', { name: 'Ask the equipment' }).click();
      await page.getByRole('cell', { name: 'WaterContent', exact: true }).waitFor();
      await expectAccessible(page);

      await equipment.call('EqptStatus', {
        locationId: 'NA',
        statusCode: 'Running',
        reasonCode: 'Planned running',
        description: null,
        changedAtMs: Date.now(),
      });
      await page.getByRole('tab', { name: 'Timeline' }).click();
      await page
        .getByRole('img', { name: /running/ })
        .first()
        .waitFor();
      await page.getByText('The same as a table').click();
      await page.getByRole('cell', { name: 'running' }).first().waitFor();
      await expectAccessible(page);
      await page.getByText('The same as a table').click();
      await screenshot(page, 'equipment-session');
      await page.getByRole('tab', { name: 'Log' }).click();
      await page.getByText('As the equipment reported them', { exact: false }).waitFor();
      await expectAccessible(page);
      await page.getByRole('tab', { name: 'Calls' }).click();
      await page.getByRole('cell', { name: 'EqptRun' }).first().waitFor();
      await page.getByRole('link', { name: 'To all equipment' }).click();
      await page.locator('.tile').getByText('running', { exact: true }).waitFor();

      // A whole hall of them.
      for (const [index, statusCode] of (
        ['Running', 'Waiting', 'Down', 'Maintenance', 'Alerting'] as const
      ).entries()) {
        const code = `EQ0000${index + 2}`;
        const place = { model: 'WELD', location: `A${index + 2}`, periodSeconds: 5 };
        await world.api('POST', '/api/v1/equipment', { code, name: `Welder ${index + 2}`, ...place });
        const each = simulate(code);
        await waitFor(() => each.isOnline, PATIENCE);
        const status = { locationId: 'NA', statusCode, reasonCode: 'Planned', description: null };
        await each.call('EqptStatus', { ...status, changedAtMs: Date.now() });
        if (statusCode === 'Alerting') await each.call('EqptAlert', alarm('AIR-01', true));
      }
      await page.locator('.tile').getByText('1 open alarm').waitFor();
      await page.locator('.tile').getByText('maintenance', { exact: true }).waitFor();
      await page.locator('.tile').getByText('alive', { exact: true }).nth(5).waitFor();
      await expectAccessible(page);
      await screenshot(page, 'equipment');
    },
  );

  it('imports cells, says which rows were refused, and changes what is selected', { timeout: LONG_MS }, async () => {
    const page = await world.page('/cells');
    await page.getByText('No cells yet').waitFor();
    await page.getByRole('button', { name: 'Import CSV' }).first().click();
    const file = 'serialNo,status,bindCode\nA-1,ok,M1/WO1\nA-2,ok,M1/WO1\nA-3,strange,M1/WO1\n';
    await page
      .locator('input[type=file]')
      .setInputFiles({ name: 'cells.csv', mimeType: 'text/csv', buffer: Buffer.from(file) });
    await page.getByText('3 rows: 2 created, 0 updated, 0 unchanged, 1 refused').waitFor();
    await page.getByRole('cell', { name: 'A-3' }).waitFor();
    await expectAccessible(page);
    await page.getByRole('dialog').getByRole('button', { name: 'Close', exact: true }).last().click();
    await page.getByLabel('Select A-1').check();
    await page.getByRole('button', { name: 'Set Hold' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Confirm' }).click();
    await page.getByRole('cell', { name: 'Hold' }).waitFor();
    await page.getByRole('link', { name: 'Aging limits' }).click();
    await page.getByRole('button', { name: 'Set limits' }).first().click();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('cell', { name: 'everything else' }).waitFor();
    await page.getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await page.getByText('No limits yet').waitFor();
    await expectAccessible(page);
  });

  it('lists what the MOM of an agent refused, sends it again and writes it off', { timeout: LONG_MS }, async () => {
    await world.api('POST', '/api/v1/equipment', { code: 'EQ70001' });
    const page = await world.page('/agents');
    await page.getByRole('button', { name: 'New agent' }).first().click();
    await page.getByLabel('EquipmentCode').fill('EQ70001');
    await page.getByLabel('Address of the MOM').fill(momUrl());
    await page.getByLabel('Token (x-mom-token)').fill('do-not-show-me');
    await page.getByLabel('Heartbeat period').fill('1');
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: 'EQ70001' }).waitFor();
    await world.api('POST', '/api/v1/agents/EQ70001/trays/unbind', { trayBarcode: 'NO-SUCH-TRAY' });
    await page.getByLabel('Status', { exact: true }).selectOption('quarantined');
    await page.getByRole('button', { name: 'Send again' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Send again' }).click();
    await page.getByText('Queued again').waitFor();
    // It is refused again, as a call of its own.
    const quarantine = '/api/v1/agents/EQ70001/calls?status=quarantined';
    const calls = () => world.api<{ items: { redriveOf: number | null }[] }>('GET', quarantine);
    await waitFor(async () => typeof (await calls()).items[0]?.redriveOf === 'number', PATIENCE);
    await page.reload();
    await page.getByRole('button', { name: 'Write off' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Write off' }).click();
    await page.getByText('Nothing is in quarantine').waitFor();
    await expectAccessible(page);
    await screenshot(page, 'agent');
  });

  it('makes a key that is shown once, signs in with it, and revokes it', { timeout: LONG_MS }, async () => {
    const page = await world.page('/admin/keys');
    await page.getByRole('button', { name: 'New key' }).first().click();
    await page.getByLabel('Name', { exact: true }).fill('night engineer');
    await expectAccessible(page);
    await page.getByRole('dialog').getByRole('button', { name: 'New key' }).click();
    const key = (await page.getByRole('dialog').locator('.copy code').textContent()) ?? '';
    expect(key).toMatch(/^swk_/);
    await expectAccessible(page);
    await page.getByRole('button', { name: 'I have kept it' }).click();
    await page.getByRole('cell', { name: 'night engineer' }).waitFor();
    expect(await page.content()).not.toContain(key);

    const other = await world.page('/equipment', { key: null, expects: [/401/] });
    await other.getByLabel('API key', { exact: true }).fill(key);
    await other.getByRole('button', { name: 'Sign in' }).click();
    await other.getByText('night engineer').waitFor();

    const row = page.getByRole('row', { name: /night engineer/ });
    await row.getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await row.getByText('revoked').waitFor();
    await screenshot(page, 'keys');
    await other.getByLabel('API key', { exact: true }).waitFor({ timeout: PATIENCE.deadlineMs });

    await page.goto('/admin/audit?action=revokeApiKey');
    await page.getByRole('button', { name: 'Details' }).first().click();
    await page.getByRole('rowheader', { name: 'revoked' }).waitFor();
    await expectAccessible(page);
    await screenshot(page, 'audit');
  });

  it('sends a test message to a webhook; shows settings, but no secret', { timeout: LONG_MS }, async () => {
    const page = await world.page('/admin/webhooks');
    await page.getByText('No webhooks yet').waitFor();
    await page.getByRole('button', { name: 'New webhook' }).first().click();
    await page.getByLabel('Address').fill(`http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`);
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('dialog').getByText('whsec_', { exact: false }).waitFor();
    await page.getByRole('button', { name: 'I have kept it' }).click();
    await page.getByRole('button', { name: 'Send a test message' }).click();
    await page.getByText('Taken: 204', { exact: false }).waitFor({ timeout: PATIENCE.deadlineMs });
    expect(received).toBeGreaterThan(0);
    await expectAccessible(page);

    await page.goto('/admin/settings?search=MOM_TOKEN');
    await page.getByRole('cell', { name: '(set)' }).waitFor();
    expect(await page.content()).not.toContain('do-not-show-me');
    await page.goto('/admin/settings');
    await page.getByRole('cell', { name: 'API_PORT' }).waitFor();
    await expectAccessible(page);
    await page.goto('/admin/departments');
    await page.getByRole('cell', { name: 'default' }).waitFor();
    await expectAccessible(page);
  });

  it('shows a viewer what there is and no button that changes it, in Chinese', { timeout: LONG_MS }, async () => {
    await world.api('POST', '/api/v1/equipment', { code: 'EQ80001' });
    const key = await world.newKey('viewer', ['device:read']);
    const page = await world.page('/equipment', { key, locale: 'zh' });
    await page.getByRole('link', { name: 'EQ80001' }).waitFor();
    await page.getByRole('heading', { name: '设备会话' }).waitFor();
    await expectAccessible(page);
    await expectNone(page, ['登记设备', '导入 CSV']);
    expect(await page.getByRole('link', { name: '未登记的呼叫' }).count()).toBe(0);
    expect(await page.getByRole('link', { name: '密钥与部门' }).count()).toBe(0);
    await page.getByRole('link', { name: 'EQ80001' }).click();
    await page.getByRole('tab', { name: '工艺参数' }).click();
    await page.getByText('还没有工艺参数').waitFor();
    await expectNone(page, ['修改', '删除', '设置参数']);
    await page.getByRole('tab', { name: 'KeyFlag' }).click();
    await page.getByText('还没有提出过要求').waitFor();
    await expectNone(page, ['要求设备']);
    await expectAccessible(page);
    for (const [path, heading, forbidden] of [
      ['/equipment-alarms', '设备告警', ['确认']],
      ['/equipment-employees', '员工', ['新增员工']],
      ['/trays', '托盘', []],
      ['/cells', '电芯', ['导入 CSV']],
      ['/agents', '设备代理', ['新建代理']],
    ] as const) {
      await page.goto(path);
      await page.getByRole('heading', { name: heading, exact: true }).waitFor();
      await page.locator('.empty-title, table').first().waitFor();
      await expectNone(page, forbidden);
      await expectAccessible(page);
    }
    await page.goto('/admin/keys');
    await page.getByText('需要权限', { exact: false }).or(page.getByText('admin')).first().waitFor();
    await expectNone(page, ['新建密钥']);
  });

  it('is usable on a phone, in Chinese, for an administrator', { timeout: LONG_MS }, async () => {
    const page = await world.page('/admin/keys', { locale: 'zh', width: 390 });
    await page.getByRole('heading', { name: 'API 密钥' }).waitFor();
    for (const path of ['/admin/keys', '/admin/audit', '/admin/settings', '/equipment', '/equipment-alarms']) {
      await page.goto(path);
      await page.locator('h1').first().waitFor();
      await page.locator('.empty-title, table, .tile').first().waitFor();
      const spill = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
      expect(spill, path).toBeLessThanOrEqual(0);
      await expectAccessible(page);
    }
  });
});

/** Fills fields of a row of the parameters editor. */
async function fillRow(page: Page, row: number, fields: Record<string, string>): Promise<void> {
  for (const [field, value] of Object.entries(fields)) {
    await page.getByLabel(`${field}, row ${row}`, { exact: true }).fill(value);
  }
}

/** There is no button of these names. */
async function expectNone(page: Page, names: readonly string[]): Promise<void> {
  for (const name of names) expect(await page.getByRole('button', { name, exact: true }).count(), name).toBe(0);
}
