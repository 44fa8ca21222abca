/**
 * The clerk's day in a real browser: a file of MES, search, a shipment, on to Tracksolid (a stand-in that checks
 * everything), and what is seen there; what needs a person; a trigger; a viewer; both languages.
 */
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { TracksolidStandIn } from '../../gateways/tracksolid/stand-in.ts';
import { ACCOUNTS, APP } from '../support/tracksolid.ts';
import { ConsoleWorld, describeConsole, expectAccessible, screenshot, TEST_MS } from './world.ts';

/** A shipment is a workflow, and the machine may be busy with others. */
const FOLLOW_MS = 90_000;
const LONG_MS = 240_000;
const PER_ORDER = 20;
const ORDERS = [
  { order: 'CPX01904013A3', company: '深圳途骏信息科技有限公司', model: 'GV2' },
  { order: 'CPX01904014A3', company: '国贸部营销事业三部', model: 'NT33' },
  { order: 'CPX01904015A3', company: '某某物流有限公司', model: 'GV2' },
] as const;
const imeiOf = (order: number, place: number) => String(868_120_145_200_000 + order * 100 + place);

describeConsole('shipping in the console', () => {
  let world: ConsoleWorld;
  let standIn: TracksolidStandIn;

  beforeAll(async () => {
    standIn = new TracksolidStandIn({ ...APP, accounts: ACCOUNTS });
    world = await ConsoleWorld.start({
      TRACKSOLID_URL: await standIn.listen(),
      TRACKSOLID_APP_KEY: APP.appKey,
      TRACKSOLID_APP_SECRET: APP.appSecret,
      TRACKSOLID_USER: APP.user,
      TRACKSOLID_PASSWORD: 'secret',
      TRACKSOLID_CALLS_PER_SECOND: '100',
    });
  }, TEST_MS);
  afterEach(() => world.closePages());
  afterAll(async () => {
    await world?.stop();
    await standIn?.close();
  }, TEST_MS);

  it(
    'leads from a file of MES to devices that are seen on the platform, and every sum closes',
    { timeout: LONG_MS },
    async () => {
      const page = await world.page('/shipping');

      // Nothing is there yet: the page says what to do.
      await page.getByText('The MES list is empty').waitFor();
      await expectAccessible(page);
      await page.getByRole('link', { name: 'Go to MES sync' }).click();
      await page.getByText('No process was told where MES is', { exact: false }).waitFor();
      const rows = [
        ...ORDERS.flatMap((_, order) => packedRows(order)),
        '999,BOX,,ZD-1,GV2,某某公司,2026-03-01 10:00:00',
      ];
      await importRows(page, rows);
      const imported = page.locator('[data-import-result]');
      await imported.getByText('the row has no IMEI').waitFor();
      expect(await sumsOf(page, '[data-import-result]')).toEqual({ new: 60, changed: 0, unchanged: 0, rejected: 1 });
      await expectAccessible(page);
      await screenshot(page, 'mes-sync');

      // Found by what the clerk knows, whole and exactly; half an order number finds nothing and says why.
      await page.getByRole('link', { name: 'MES list', exact: true }).click();
      const order = page.getByLabel('Order (ZhiDan)');
      await order.fill('CPX01904013');
      await order.press('Enter');
      await page.getByText('No device fits').waitFor();
      await page.getByText('whole and exact', { exact: false }).first().waitFor();
      await expectAccessible(page);
      await order.fill(ORDERS[0].order);
      await order.press('Enter');
      await page.getByText('20 devices', { exact: true }).waitFor();
      expect(new URL(page.url()).search).toBe(`?order=${ORDERS[0].order}`);
      await page.getByRole('button', { name: `Details of ${imeiOf(0, 1)}` }).waitFor();
      await expectAccessible(page);
      await screenshot(page, 'shipping');

      // Checked, then shipped.
      await page.getByRole('link', { name: `Ship whole order ${ORDERS[0].order}` }).click();
      await page.getByLabel('Remark').fill('first lot');
      await page.getByRole('button', { name: 'Check' }).click();
      await page.getByText('What would happen').waitFor();
      await expectAccessible(page);
      await screenshot(page, 'shipment-plan');
      await page.getByLabel('Remark').fill('first lot, by road');
      await page.getByText('Check again.', { exact: false }).waitFor();
      expect(await page.getByRole('button', { name: 'Ship 20 devices' }).isDisabled()).toBe(true);
      await page.getByRole('button', { name: 'Check' }).click();
      await page.getByText('nothing is written yet', { exact: false }).waitFor();
      await page.getByRole('button', { name: 'Ship 20 devices' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByText('which nobody can change or delete', { exact: false }).waitFor();
      await dialog.getByRole('button', { name: 'Ship 20 devices' }).click();

      // Watched until it has ended, without touching the page.
      await page.waitForURL('**/shipping/shipments/*');
      await page.getByText('The sums close', { exact: true }).waitFor({ timeout: FOLLOW_MS });
      expect(await sumsOf(page)).toEqual({ shipped: 20, refused: 0, open: 0, classified: 20, unmatched: 0 });
      await page.getByRole('link', { name: imeiOf(0, 1), exact: true }).waitFor();
      await page.getByText('first lot, by road').waitFor();
      await expectAccessible(page);
      await screenshot(page, 'shipment');

      // On to Tracksolid: the form is what this platform asks for.
      await page.getByRole('link', { name: 'Send on to a platform' }).click();
      await page.getByText('A customer was found for 20 of its devices: hemi 20.').waitFor();
      await page.getByRole('radio', { name: /其他平台/ }).check();
      expect(await page.getByLabel(/^Account/).count()).toBe(0);
      await page.getByRole('radio', { name: /^Tracksolid导入\+终身/ }).check();
      expect(await page.getByLabel(/^Last day of use/).count()).toBe(0);
      await page.getByRole('button', { name: 'Ship', exact: true }).click();
      await page.getByText('Required by this platform.').first().waitFor();
      await page.getByLabel(/^Account/).fill('cust01');
      await page.getByLabel(/^Customer name/).fill('禾米');
      await page.getByLabel(/^Model/).fill('GV2');
      await expectAccessible(page);
      await screenshot(page, 'new-secondary-shipment');
      await page.getByRole('button', { name: 'Ship', exact: true }).click();
      await page.getByRole('dialog').getByText('They go to the account cust01.').waitFor();
      await page.getByRole('dialog').getByRole('button', { name: 'Ship', exact: true }).click();
      await page.waitForURL(/platform-shipments\/\d+$/);
      await page.getByText('The sums close', { exact: true }).waitFor({ timeout: FOLLOW_MS });
      expect(await sumsOf(page)).toEqual({ confirmed: 20, refused: 0, unknown: 0, not_sent: 0, open: 0 });
      await page.getByText('in cust01, until 2099-12-31 23:59:59').first().waitFor();
      await expectAccessible(page);
      await screenshot(page, 'secondary-shipment');
      await page.getByRole('tab', { name: 'Log' }).click();
      await page.getByRole('table').getByText('import', { exact: false }).first().waitFor();
      for (let place = 1; place <= PER_ORDER; place++) {
        expect(standIn.world.devices.get(imeiOf(0, place))).toMatchObject({ account: 'cust01', imports: 1 });
      }

      // And proven later, from the record of one device.
      await page.getByRole('link', { name: 'Shipment records', exact: true }).click();
      await page.getByRole('link', { name: imeiOf(0, 7), exact: true }).waitFor();
      await expectAccessible(page);
      await screenshot(page, 'shipment-records');
      const csv = await page.getByRole('link', { name: 'Download CSV' }).getAttribute('href');
      expect(await (await page.request.get(csv!)).text()).toContain(imeiOf(0, 20));
      await page.getByRole('link', { name: imeiOf(0, 7), exact: true }).click();
      await page
        .getByText(`History of ${imeiOf(0, 7)}`)
        .first()
        .waitFor();
      await page.getByRole('link', { name: 'Shipment 1', exact: true }).first().waitFor();
      await page.getByRole('link', { name: 'Secondary shipment 1', exact: true }).waitFor();
      await expectAccessible(page);
    },
  );

  it(
    'ships what was selected, names what cannot go, and shows what needs a person until somebody decides',
    { timeout: LONG_MS },
    async () => {
      const page = await world.page(`/shipping?order=${ORDERS[1].order}`);
      for (const place of [1, 2]) await page.getByLabel(`Select ${imeiOf(1, place)}`).check();
      await page.getByRole('button', { name: 'Ship 2 selected' }).click();
      const imeis = page.getByLabel('IMEIs', { exact: true });
      expect((await imeis.inputValue()).split('\n').toSorted()).toEqual([imeiOf(1, 1), imeiOf(1, 2)]);
      await imeis.fill(`${imeiOf(1, 1)}, ${imeiOf(1, 2)}\n${imeiOf(0, 1)} 12345`);
      await page.getByRole('button', { name: 'Check' }).click();
      await page.getByText('Shipped already').first().waitFor();
      await page.getByText('Not an IMEI of 15 digits').first().waitFor();
      await page.getByRole('button', { name: 'Ship 2 devices' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Ship 2 devices' }).click();
      await page.getByText('The sums close', { exact: true }).waitFor({ timeout: FOLLOW_MS });
      expect(await sumsOf(page)).toMatchObject({ shipped: 2, refused: 2, open: 0, classified: 2 });
      await page.locator('[data-sum=refused]').click();
      await page.getByRole('region', { name: 'Devices' }).getByText('Shipped already', { exact: false }).waitFor();
      expect(new URL(page.url()).searchParams.get('status')).toBe('refused');

      // One of them is somebody else's on the platform already.
      standIn.world.place(imeiOf(1, 1), 'somebody');
      await page.getByRole('link', { name: 'Send on to a platform' }).click();
      await page.getByRole('radio', { name: /^Tracksolid导入\+终身/ }).check();
      await page.getByLabel(/^Account/).fill('cust02');
      await page.getByLabel(/^Customer name/).fill('国贸');
      await page.getByLabel(/^Model/).fill('NT33');
      await page.getByRole('button', { name: 'Ship', exact: true }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Ship', exact: true }).click();
      await page.getByText('The sums close', { exact: true }).waitFor({ timeout: FOLLOW_MS });
      expect(await sumsOf(page)).toEqual({ confirmed: 1, refused: 1, unknown: 0, not_sent: 0, open: 0 });
      await page.getByRole('link', { name: '1 needs a person' }).click();
      await page.getByRole('button', { name: `Details of ${imeiOf(1, 1)}` }).click();
      await page.getByText('Have it released there, then retry.').waitFor();
      await expectAccessible(page);
      await page.getByRole('dialog').getByRole('button', { name: 'Write off' }).click();
      const note = page.getByRole('dialog').getByLabel('Note');
      expect(await page.getByRole('dialog').getByRole('button', { name: 'Write off' }).isDisabled()).toBe(true);
      await note.fill('the customer keeps it in the old account');
      await screenshot(page, 'secondary-attention');
      await page.getByRole('dialog').getByRole('button', { name: 'Write off' }).click();
      await page.getByText('1 decided.', { exact: false }).waitFor();
      await page.getByText('Nothing fits that needs a person').waitFor();

      // The connection can be left alone for a while.
      await page.getByRole('link', { name: 'Platforms and connections' }).click();
      await page.getByRole('button', { name: 'Pause', exact: true }).click();
      await page.getByRole('dialog').getByLabel('Why').fill('they move house');
      await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
      await page.getByText('they move house').waitFor();
      await expectAccessible(page);
      await page.getByRole('button', { name: 'Resume' }).click();
      await page.getByText('Working').waitFor();
    },
  );

  it(
    'makes a trigger, tries it, switches it on, and what a file brings is shipped by it',
    { timeout: LONG_MS },
    async () => {
      const page = await world.page('/triggers');
      await page.getByText('No trigger yet').waitFor();
      await page.getByRole('link', { name: 'New trigger' }).first().click();
      await page.getByRole('button', { name: 'Make it' }).click();
      await page.getByText('Say what fits', { exact: false }).waitFor();
      await page.getByLabel('Name', { exact: true }).fill('logistics');
      await page.getByLabel('Words in the company name').fill('物流');
      await page.getByRole('button', { name: 'Make it' }).click();
      await page.waitForURL(/triggers\/\d+$/);
      await page.getByText('It is off. Try it', { exact: false }).waitFor();
      await page.getByRole('button', { name: 'Dry run' }).click();
      await page.locator('[data-dry-run] [data-sum=shipped]').first().waitFor();
      expect(await sumsOf(page, '[data-dry-run]')).toMatchObject({ shipped: 20, refused: 0, unmatched: 20 });
      await expectAccessible(page);
      await screenshot(page, 'trigger');
      await page.getByRole('button', { name: 'Switch on' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Switch on' }).click();
      await page.getByText('It fires within seconds', { exact: false }).waitFor();

      const other = await world.page('/shipping/mes');
      await importRows(other, packedRows(3, '新物流公司'));
      await other.getByText('Every row was taken.').waitFor();
      // nobody touches the trigger's page
      await page.getByRole('cell', { name: 'Done', exact: true }).waitFor({ timeout: FOLLOW_MS });
      await page.getByRole('link', { name: /^Shipment \d+$/ }).click();
      await page.getByText('The sums close', { exact: true }).waitFor({ timeout: FOLLOW_MS });
      expect(await sumsOf(page)).toMatchObject({ shipped: 20, classified: 0, unmatched: 20 });
    },
  );

  it(
    'shows the rules in their order, tries a name, and keeps a change from overwriting another',
    { timeout: TEST_MS },
    async () => {
      const page = await world.page('/classification', { expects: [/409|412/] });
      await page.getByText('Revision 1', { exact: true }).waitFor();
      const name = page.getByLabel('Company name');
      await name.fill('深圳市几米物联有限公司（国际部）');
      await name.press('Enter');
      await page.getByText('Customer: guomao').waitFor();
      await page.locator('[data-verdict]').getByText('Decides').waitFor();
      await expectAccessible(page);
      await screenshot(page, 'classification');

      await page.getByRole('button', { name: 'Change the rules' }).click();
      await page.getByRole('button', { name: 'Add a rule' }).click();
      const added = page.getByRole('group', { name: 'Rule 5' });
      await added.getByLabel('Words').fill('物流');
      await added.getByLabel('Customer').fill('wuliu');
      await name.fill('某某物流有限公司');
      await name.press('Enter');
      await page.getByText('Customer: wuliu').waitFor();
      await expectAccessible(page);

      // Somebody else is faster.
      const { rules } = await world.api<{ rules: { number: number }[] }>('GET', '/api/v1/classification');
      await world.api('PATCH', '/api/v1/classification', { rules: rules.slice(0, 3) });
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
      await page.getByText('Somebody else changed the rules.', { exact: false }).waitFor();
      expect(await added.getByLabel('Customer').inputValue()).toBe('wuliu');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
      await page.getByText('Revision 3', { exact: true }).waitFor();
      await page.getByRole('link', { name: 'Revisions' }).click();
      await page.getByText('Revision 1', { exact: true }).waitFor();
    },
  );

  it('shows a viewer what was shipped, and nothing to do about it', { timeout: TEST_MS }, async () => {
    const key = await world.newKey('viewer', ['device:read']);
    const page = await world.page('/shipping', { key });
    await page.getByRole('heading', { name: 'Shipments' }).waitFor();
    const shown = {
      '/shipping': 'Shipment 1',
      '/shipping/shipments/1': 'The sums close',
      '/platform-shipments': 'Secondary shipment 1',
      '/platform-shipments/1': 'The sums close',
      '/triggers': 'logistics',
      '/platform-shipments/platforms': 'Working',
      '/platform-shipments/attention': 'Nothing needs a person',
      '/classification': '→',
    };
    for (const [path, text] of Object.entries(shown)) {
      await page.goto(path);
      await page
        .getByRole('main')
        .getByText(text, { exact: text !== '→' })
        .first()
        .waitFor();
      for (const name of [
        /^New /,
        /^Ship/,
        /^Stop/,
        /^Send on/,
        /^Pause/,
        /^Retry/,
        /^Write off/,
        /^Change/,
        /^Switch/,
      ]) {
        const main = page.getByRole('main');
        expect(await main.getByRole('button', { name }).count(), `${path} ${name}`).toBe(0);
        expect(await main.getByRole('link', { name: /^New |^Send on/ }).count(), path).toBe(0);
      }
    }
    for (const path of ['/shipping/new', '/shipping/mes', '/platform-shipments/new', '/triggers/new']) {
      await page.goto(path);
      await page.getByText('It needs the permission shipment:write', { exact: false }).waitFor();
    }
  });

  it.each(['zh', 'en'] as const)(
    'can be read and used in %s, on a phone, too',
    { timeout: LONG_MS },
    async (locale) => {
      const titles = {
        '/shipping': { zh: '出货管理', en: 'Shipping' },
        '/shipping/shipments': { zh: '出货单', en: 'Shipments' },
        '/shipping/mes': { zh: 'MES 同步', en: 'MES sync' },
        '/shipping/rejected': { zh: '未收录的行', en: 'Rejected rows' },
        '/shipping/new': { zh: '新建出货单', en: 'New shipment' },
        '/shipment-records': { zh: '出货总记录', en: 'Shipment records' },
        '/platform-shipments': { zh: '二次出货', en: 'Secondary shipment' },
        '/platform-shipments/new': { zh: '新建二次出货', en: 'New secondary shipment' },
        '/platform-shipments/attention': { zh: '待人工处理', en: 'Needs a person' },
        '/classification': { zh: '客户归类', en: 'Classification' },
        '/classification/models': { zh: '机型协议', en: 'What models speak' },
        '/triggers/new': { zh: '新建触发器', en: 'New trigger' },
      };
      const page = await world.page('/shipping', { locale });
      for (const [path, title] of Object.entries(titles)) {
        await page.setViewportSize({ width: 1280, height: 800 });
        await page.goto(path);
        await page.getByRole('heading', { level: 1, name: title[locale], exact: true }).waitFor();
        await expect.poll(() => page.locator('[aria-busy=true]').count(), { timeout: 30_000 }).toBe(0);
        await expectAccessible(page);
        await page.setViewportSize({ width: 390, height: 800 });
        expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), path).toBeLessThanOrEqual(0);
      }
    },
  );
});

/** Rows of MES for one order, as a file has them. */
function packedRows(order: number, company?: string): string[] {
  const { order: name, model, company: own } = ORDERS[order] ?? { order: 'CPX-NEW', model: 'GV2', company: '' };
  return Array.from({ length: PER_ORDER }, (_, index) => {
    const place = index + 1;
    const carton = `${name}-${place <= 10 ? 1 : 2}`;
    const minute = String(place).padStart(2, '0');
    return `${order * 100 + place},${carton},${imeiOf(order, place)},${name},${model},${company ?? own},2026-03-01 10:${minute}:00`;
  });
}

async function importRows(page: Page, rows: readonly string[]): Promise<void> {
  const text = `Id,BoxNo,IMEI,ZhiDan,SoftModel,CompanyName,TestTime\n${rows.join('\n')}\n`;
  const file = { name: 'cartons.csv', mimeType: 'text/csv', buffer: Buffer.from(text) };
  await page.getByLabel('CSV file').setInputFiles(file);
  await page.locator('[data-import-result]').waitFor();
}

/** The sums that a page shows, by part. */
async function sumsOf(page: Page, within = 'main'): Promise<Record<string, number>> {
  const parts = await page.locator(`${within} [data-sum]`).all();
  const entries = parts.map(async (part): Promise<[string, number]> => {
    const count = await part.locator('b').textContent();
    return [(await part.getAttribute('data-sum'))!, Number(count!.replaceAll(',', ''))];
  });
  return Object.fromEntries(await Promise.all(entries));
}
