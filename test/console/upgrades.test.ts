/**
 * The operator's journey in a real browser: files, plan, task, all succeeded while watching. Whoever may only look sees
 * no buttons. Many devices cost the browser little: figures are printed.
 */
import type { CDPSession, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { ConsoleWorld, describeConsole, expectAccessible, PATIENCE_MS, screenshot, TEST_MS } from './world.ts';
import { demoFirmware } from '../../bench/operator.ts';
import { createFleet, snAt, type FleetOptions } from '../../gateways/terminal/fleet.ts';
import type { TerminalSimulator } from '../../gateways/terminal/simulator.ts';
import { waitFor } from '../support/wait.ts';

/** A journey has many steps, each of which may have to wait. */
const JOURNEY_MS = 300_000;
const LIVE_DEVICES = Number(process.env['CONSOLE_DEVICES'] ?? 1_000);
const MEASURED_MS = 10_000;
const TABLE_DEVICES = 10_000;
const TERMINALS = 6;
const FIRST_SN = '6134441301';

describeConsole('upgrades in the console', () => {
  let world: ConsoleWorld;
  const fleets: TerminalSimulator[] = [];

  beforeAll(async () => {
    world = await ConsoleWorld.start();
    await startTerminals(FIRST_SN, TERMINALS);
  }, TEST_MS);
  afterEach(() => world.closePages());
  afterAll(async () => {
    await Promise.all(fleets.map((terminal) => terminal.stop()));
    await world?.stop();
  }, TEST_MS);

  /** Registers terminals, connects them, and waits until all have reported their version. */
  async function startTerminals(startSn: string, devices: number, more: Partial<FleetOptions> = {}): Promise<string[]> {
    const fleet = createFleet({
      devices,
      host: '127.0.0.1',
      port: world.slipway.terminalPort,
      startSn,
      version: 10,
      reportIntervalMs: 2_000,
      packetTimeoutMs: 10_000,
      upgradeDelayMs: 200,
      reconnectDelayMs: 200,
      faultShare: 0,
      faults: {},
      ...more,
    });
    fleets.push(...fleet);
    const ids = await world.operator.registerTerminals(fleet.map(({ sn }) => sn));
    for (const terminal of fleet) terminal.start();
    const path = `/api/v1/devices/count?protocol=terminal&version=10`;
    const before = devices;
    await waitFor(async () => (await world.api<{ devices: number }>('GET', path)).devices >= before, {
      deadlineMs: JOURNEY_MS,
      message: 'not all terminals reported',
    });
    return ids;
  }

  it(
    'leads from two files over a plan to a task whose devices all succeed while one watches',
    { timeout: JOURNEY_MS },
    async () => {
      const page = await world.page('/firmware', { expects: [/422/] });
      await page.getByText('There is no file yet').waitFor();
      await expectAccessible(page);
      const files = [demoFirmware(11, 10), demoFirmware(12, 11)];
      await page.locator('input[type=file]').setInputFiles(files.map(asFile));

      const [first, second] = files.map(({ fileName }) => formFor(page, fileName)) as [Locator, Locator];
      expect(await first.getByLabel('Target version').inputValue()).toBe('11');
      await first.getByLabel('Compatible version').fill('10');
      await first.getByLabel('Replaces these versions').fill('10');
      await first.getByLabel('MD5 that came with the file').fill('0'.repeat(32));
      await first.getByText('The file was changed or cut on its way', { exact: false }).waitFor();
      await first.getByRole('button', { name: 'Upload', exact: true }).click();
      expect(await count('/api/v1/firmware')).toBe(0);
      await first.getByLabel('MD5 that came with the file').fill('');
      await first.getByRole('button', { name: 'No MD5 came with it' }).click();
      await first.getByText('Equal to the MD5 of these bytes.').waitFor();
      await expectAccessible(page);
      await screenshot(page, 'firmware-upload');
      await first.getByRole('button', { name: 'Upload', exact: true }).click();
      await page.getByText('Slipway has the same MD5 and SHA-256', { exact: false }).waitFor();

      await second.getByLabel('Compatible version').fill('11');
      await second.getByLabel('Replaces these versions').fill('11');
      await second.getByRole('button', { name: 'No MD5 came with it' }).click();
      await second.getByRole('button', { name: 'Upload', exact: true }).click();
      await page.getByRole('link', { name: files[1]!.fileName, exact: true }).waitFor();
      expect(await count('/api/v1/firmware')).toBe(2);
      await refusesTooSmall(page);

      await page.getByRole('link', { name: 'Tasks', exact: true }).click();
      await page.getByRole('link', { name: 'New task' }).first().click();
      for (const { fileName } of files) await page.getByRole('button', { name: `Choose ${fileName}` }).click();
      await expectAccessible(page);
      await page.getByRole('button', { name: 'Next' }).click();
      await page.getByText(`${TERMINALS} devices fit.`).waitFor();
      await expectAccessible(page);
      await page.getByRole('button', { name: 'Next' }).click();
      await page.getByLabel('Name').fill('spring rollout');
      await page.getByLabel('Time to think again').fill('0');
      await page.getByLabel('At one time', { exact: true }).fill('2');
      await chooseRules(page);
      await expectAccessible(page);
      await page.getByRole('button', { name: 'Next' }).click();
      await page.getByRole('button', { name: `${TERMINALS} go`, exact: true }).waitFor();
      await page.getByText(`terminal-${FIRST_SN}`).waitFor();
      await expectAccessible(page);
      await screenshot(page, 'task-plan');
      await page.getByRole('button', { name: `Make the task for ${TERMINALS} devices` }).click();
      await page
        .getByRole('dialog')
        .getByRole('button', { name: `Make the task for ${TERMINALS} devices` })
        .click();
      await page.waitForURL(/\/tasks\/\d+$/);

      await page.getByRole('button', { name: `${TERMINALS} succeeded`, exact: true }).waitFor({ timeout: TEST_MS });
      await page.getByText('20 % every bad end of at least 10 ended: pause').waitFor();
      await page.getByText('50 % failed of at least 10 ended: cancel all').waitFor();
      await page.getByText('at most 4 with the same model').waitFor();
      await page.locator('h1').getByText('finished').waitFor({ timeout: TEST_MS });
      await expect
        .poll(() => page.locator('td').getByText('succeeded', { exact: true }).count(), { timeout: PATIENCE_MS })
        .toBe(TERMINALS);
      await page.getByRole('button', { name: `terminal-${FIRST_SN}` }).click();
      await page.getByRole('dialog').getByText('a report newer than the offer says T1 12').waitFor();
      await expectAccessible(page);
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      await screenshot(page, 'task');
    },
  );

  it('knows one device: versions, upgrades, why, and a command that is answered', { timeout: JOURNEY_MS }, async () => {
    const page = await world.page(`/devices?search=${FIRST_SN.slice(-4)}`);
    await page.getByRole('link', { name: FIRST_SN }).click();
    await page.getByText('Why it is as it is').waitFor();
    await expectAccessible(page);
    await page.getByRole('tab', { name: 'Upgrades' }).click();
    await page.getByText('10 → 11, 11 → 12').waitFor();
    await page.getByRole('tab', { name: 'Where it comes from' }).click();
    await page.getByText('Registered here, not shipped from the factory', { exact: false }).waitFor();
    await expectAccessible(page);
    await page.getByRole('tab', { name: 'Commands' }).click();
    await page.getByText('No command was sent yet').waitFor();
    await page.getByLabel('Command', { exact: true }).selectOption({ label: 'set sleep time' });
    await page.getByLabel('Sleep time').fill('90');
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.locator('td').getByText('succeeded', { exact: true }).waitFor({ timeout: TEST_MS });
    await expectAccessible(page);
    await screenshot(page, 'device');
  });

  it('imports devices from a CSV file and says which rows are refused', { timeout: TEST_MS }, async () => {
    const page = await world.page('/devices');
    await page.getByRole('button', { name: 'Import CSV' }).click();
    const rows = ['protocol,identity,model', 'terminal,6134449901,GV2', 'terminal,12,GV2', 'ufo,1,'];
    const buffer = Buffer.from(rows.join('\n'));
    await page
      .getByRole('dialog')
      .locator('input[type=file]')
      .setInputFiles({ name: 'devices.csv', mimeType: 'text/csv', buffer });
    await page.getByText('2 refused').waitFor();
    await page.getByText('protocol "ufo" is unknown', { exact: false }).waitFor();
    await expectAccessible(page);
    await page.keyboard.press('Escape');
    await page.getByLabel('Search').fill('6134449901');
    await page.getByRole('link', { name: '6134449901' }).waitFor();
    await page.getByLabel('Select 6134449901').or(page.getByLabel('Select terminal-6134449901')).check();
    await page.getByRole('button', { name: 'Change', exact: true }).click();
    await page.getByRole('dialog').getByLabel('Order').fill('SO-2026-1');
    await page.getByRole('button', { name: 'Change all' }).click();
    await page.getByText('1 done, 0 were so already, 0 refused').waitFor();
    await page.locator('td').getByText('SO-2026-1').waitFor();
  });

  it('shows at once what needs a person, and takes the decision', { timeout: JOURNEY_MS }, async () => {
    const page = await world.page('/');
    await page.getByText('Nothing needs a person.').waitFor();
    const [liar] = await startTerminals('6134447701', 1, { faultShare: 1, faults: { lie: true } });
    const { items } = await world.api<{ items: { id: number }[] }>('GET', '/api/v1/firmware?targetVersion=11');
    await world.operator.createTask({
      name: 'one that lies',
      firmwareIds: [items[0]!.id],
      deviceIds: [liar],
      options: { dispatchDelayMinutes: 0, attemptsPerFile: 1, limits: { settleSeconds: 1 } },
    });
    await page.getByRole('link', { name: liar!, exact: true }).waitFor({ timeout: JOURNEY_MS / 2 });
    await expectAccessible(page);
    await screenshot(page, 'overview');
    await page.getByRole('link', { name: 'Needs a person' }).click();
    await page.getByRole('heading', { name: 'Needs a person' }).waitFor();
    await expectAccessible(page);
    await screenshot(page, 'attention');
    await page.getByRole('button', { name: `leave as it is ${liar}` }).click();
    await page.getByRole('dialog').getByLabel('Why').fill('it is in the laboratory');
    await page.getByRole('dialog').getByRole('button', { name: 'leave as it is' }).click();
    await page.getByText('1 decided, 0 refused').waitFor();
    await page.getByText('Nothing needs a person').waitFor();
  });

  it('changes the pace, the rules and the limits of a task that is under way', { timeout: TEST_MS }, async () => {
    const [late] = await startTerminals('6134447801', 1);
    const { items } = await world.api<{ items: { id: number }[] }>('GET', '/api/v1/firmware?targetVersion=11');
    const abort = [{ failures: 'unproven', percent: 30, afterFinished: 5, effect: 'cancel' }];
    const { id } = await world.operator.createTask({
      name: 'to be changed',
      firmwareIds: [items[0]!.id],
      deviceIds: [late],
      options: { dispatchDelayMinutes: 600, abort },
    });
    const page = await world.page(`/tasks/${id}`);
    await page.getByText('30 % unproven of at least 5 ended: cancel all').waitFor();
    await page.getByRole('button', { name: 'Change the pacing' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Share of those that ended').fill('15');
    await dialog.getByLabel('Limits by model, order or gateway').check();
    await dialog.getByLabel('Devices with the same').selectOption('order');
    await dialog.getByLabel('Under way together').fill('3');
    await expectAccessible(page);
    await dialog.getByRole('button', { name: 'Change', exact: true }).click();
    await page.getByText('15 % unproven of at least 5 ended: cancel all').waitFor();
    await page.getByText('at most 3 with the same order').waitFor();
    const { options } = await world.api<{ options: object }>('GET', `/api/v1/upgrade-tasks/${id}`);
    expect(options).toMatchObject({ abort: [{ ...abort[0], percent: 15 }], keyLimits: [{ key: 'order', max: 3 }] });
  });

  it('shows whoever may only look no buttons, and the API refuses anyway', { timeout: TEST_MS }, async () => {
    const key = await world.newKey('looks only', ['device:read']);
    const { items } = await world.api<{ items: { id: number }[] }>('GET', '/api/v1/upgrade-tasks?q=spring');
    const task = `/tasks/${items[0]!.id}`;
    const page = await world.page('/firmware', { key, expects: [/403/] });
    await page.getByRole('link', { name: '1110d100_V11.bin', exact: true }).waitFor();
    for (const [path, ready] of [
      ['/firmware', '1110d100_V11.bin'],
      ['/tasks', 'spring rollout'],
      [task, `terminal-${FIRST_SN}`],
      ['/devices', FIRST_SN],
      [`/devices/terminal-${FIRST_SN}?tab=commands`, 'set sleep time'],
      ['/attention', 'Needs a person'],
    ] as const) {
      await page.goto(path);
      await page.getByText(ready, { exact: false }).first().waitFor();
      const doing = /^(Upload|Delete|New task|Make a task|Pause|Cancel|Retry|Change|Register|Import|Upgrade it|Send)/;
      expect(await page.getByRole('button', { name: doing }).count(), path).toBe(0);
      expect(await page.getByRole('link', { name: doing }).count(), path).toBe(0);
      expect(await page.locator('input[type=file], td input[type=checkbox]').count(), path).toBe(0);
    }
    const ask = `fetch('/api/v1/upgrade-${task.slice(1)}/pause', { method: 'POST', headers: { 'X-Slipway-Console': '1' } })`;
    expect(await page.evaluate(`${ask}.then((reply) => reply.status)`)).toBe(403);
  });

  it.each(['zh', 'en'] as const)('speaks %s on every page', { timeout: JOURNEY_MS }, async (locale) => {
    const { items } = await world.api<{ items: { id: number }[] }>('GET', '/api/v1/upgrade-tasks?q=spring');
    const page = await world.page('/', { locale });
    const pages = {
      '/': ['总览', 'Overview'],
      '/attention': ['待人工处理', 'Needs a person'],
      '/firmware': ['升级文件', 'Upgrade files'],
      '/tasks': ['任务管理', 'Tasks'],
      '/tasks/new': ['新建任务', 'New task'],
      '/upgrades': ['升级管理', 'Upgrades'],
      '/devices': ['设备注册', 'Devices'],
      '/unknown-devices': ['未注册设备', 'Unknown devices'],
      [`/tasks/${items[0]!.id}`]: ['spring rollout', 'spring rollout'],
      [`/devices/terminal-${FIRST_SN}`]: [FIRST_SN, FIRST_SN],
    };
    for (const [path, [zh, en]] of Object.entries(pages)) {
      await page.goto(path);
      await page
        .locator('h1')
        .getByText(locale === 'zh' ? zh! : en!)
        .waitFor();
      await page.waitForLoadState('load');
      await expectAccessible(page);
      if (locale === 'zh') expect(await page.evaluate(WORDS_LEFT), path).toEqual([]);
      if (locale === 'zh' && path === '/tasks') await screenshot(page, 'tasks-zh');
    }
  });

  it('fits a phone', { timeout: TEST_MS }, async () => {
    const page = await world.page('/', { width: 390, height: 800 });
    for (const path of ['/', '/firmware', '/tasks/1', '/devices', '/attention', '/tasks/new']) {
      await page.goto(path);
      await page.locator('h1').first().waitFor();
      await expect
        .poll(() => page.evaluate('document.documentElement.scrollWidth - innerWidth'), { timeout: PATIENCE_MS })
        .toBeLessThanOrEqual(0);
    }
  });

  it(`keeps a table of ${TABLE_DEVICES} devices smooth`, { timeout: JOURNEY_MS }, async () => {
    const sns = Array.from({ length: TABLE_DEVICES }, (_, index) => snAt('7000000001', index));
    const ids = await world.operator.registerTerminals(sns, 'TABLE');
    const { items } = await world.api<{ items: { id: number }[] }>('GET', '/api/v1/firmware?targetVersion=11');
    const options = { approval: { required: true } };
    const task = await world.operator.createTask({ firmwareIds: [items[0]!.id], deviceIds: ids, options });
    const page = await world.page(`/tasks/${task.id}`);
    await page.getByText('terminal-7000000001').waitFor();
    const scrolled = await page.evaluate<Scrolled>(scrollTo(TABLE_DEVICES));
    process.stdout.write(
      `table of ${TABLE_DEVICES}: ${scrolled.frames} frames while scrolling through, half of them within ${scrolled.median.toFixed(0)} ms, 95 % within ${scrolled.p95.toFixed(0)} ms, longest task ${scrolled.longest.toFixed(0)} ms, at most ${scrolled.rows} rows drawn\n`,
    );
    expect(scrolled.reached).toBe(TABLE_DEVICES);
    expect(scrolled.rows).toBeLessThan(120);
    // a machine shared with servers and tests: smooth is 50 ms, broken is a second
    expect(scrolled.median).toBeLessThan(250);
  });

  it(`follows ${LIVE_DEVICES} devices for little work of the browser`, { timeout: 2 * JOURNEY_MS }, async () => {
    const ids = await startTerminals('8000000001', LIVE_DEVICES, { reportIntervalMs: 30_000, upgradeDelayMs: 1_000 });
    const { items } = await world.api<{ items: { id: number }[] }>('GET', '/api/v1/firmware?targetVersion=11');
    const task = await world.operator.createTask({
      name: 'many at once',
      firmwareIds: [items[0]!.id],
      deviceIds: ids,
      options: { dispatchDelayMinutes: 0, maxConcurrent: LIVE_DEVICES },
    });
    const page = await world.page(`/tasks/${task.id}`);
    await page.getByText('terminal-8000000001').waitFor();
    await waitFor(async () => (await world.operator.counts(task.id)).counts['transferring'] ?? 0, {
      deadlineMs: TEST_MS,
      message: 'nothing moves',
    });
    const session = await page.context().newCDPSession(page);
    // processor time of the page's thread: what others do on this machine does not count
    await session.send('Performance.enable', { timeDomain: 'threadTicks' });
    const before = await movedOf(task.id);
    const from = await metricsOf(session);
    await new Promise((resolve) => setTimeout(resolve, MEASURED_MS));
    const to = await metricsOf(session);
    const after = await movedOf(task.id);
    const percent = (name: 'tasks' | 'scripts' | 'process') =>
      (((to[name] - from[name]) / (to.at - from.at)) * 100).toFixed(1);
    process.stdout.write(
      `live page of ${LIVE_DEVICES} devices: ${percent('tasks')} % of one core over ${(to.at - from.at).toFixed(1)} s (scripts ${percent('scripts')} %, the whole process ${percent('process')} %); then ${before}, now ${after}\n`,
    );
    // 10 % on a machine of its own
    expect(Number(percent('tasks'))).toBeLessThan(30);
  });

  async function movedOf(taskId: number): Promise<string> {
    return JSON.stringify((await world.operator.counts(taskId)).counts).replaceAll('"', '');
  }

  async function count(path: string): Promise<number> {
    return (await world.api<{ items: unknown[] }>('GET', path)).items.length;
  }
});

function asFile({ fileName, content }: { fileName: string; content: Buffer }) {
  return { name: fileName, mimeType: 'application/octet-stream', buffer: content };
}

function formFor(page: Page, fileName: string): Locator {
  return page.locator('section.panel', { has: page.getByRole('heading', { name: `New file: ${fileName}` }) });
}

/** Two rules that stop the task, and a limit by model. */
async function chooseRules(page: Page): Promise<void> {
  await page.getByText('More options').click();
  await page.getByLabel('Stop by itself when too many fail').check();
  await page.getByRole('button', { name: 'Another rule' }).click();
  const second = page.getByRole('group', { name: 'Stop by itself when too many fail, 2' });
  await second.getByLabel('What counts').selectOption('failed');
  await second.getByLabel('Share of those that ended').fill('50');
  await second.getByLabel('Then').selectOption('cancel');
  await page.getByRole('button', { name: 'Another rule' }).click();
  await page.getByRole('button', { name: 'Take away: Stop by itself when too many fail, 3' }).click();
  await page.getByLabel('Limits by model, order or gateway').check();
  await page.getByLabel('Under way together').fill('4');
}

/** What the page cannot know is refused by the server, and said beside the field. */
async function refusesTooSmall(page: Page): Promise<void> {
  const name = '1310d100_V13.bin';
  await page
    .locator('input[type=file]')
    .setInputFiles({ name, mimeType: 'application/octet-stream', buffer: Buffer.from('x') });
  const form = formFor(page, name);
  await form.getByRole('button', { name: 'No MD5 came with it' }).click();
  await form.getByRole('button', { name: 'Upload', exact: true }).click();
  await form.getByText('The file was refused and nothing was stored.', { exact: false }).waitFor();
  await form
    .getByText('10240', { exact: false })
    .or(form.getByText('10 240', { exact: false }))
    .first()
    .waitFor();
  await form.getByRole('button', { name: 'Leave it' }).click();
  await form.waitFor({ state: 'detached' });
}

/** English labels and buttons on a Chinese page: what is neither a name nor a code must be Chinese. */
const WORDS_LEFT = `[...document.querySelectorAll('main h2, main label, main th, main button, main .lead, main [role=tab]')]
  .map((each) => (each.textContent ?? '').trim())
  .filter((text) => /[a-z]{4,}/.test(text) && !/\\p{Script=Han}/u.test(text) && !/[_\\d.]/.test(text))`;

interface Scrolled {
  frames: number;
  median: number;
  p95: number;
  longest: number;
  rows: number;
  reached: number;
}

/** Scrolls a table to its end, as pages of it arrive. */
const scrollTo = (wanted: number) => `(async () => {
  const box = document.querySelector('.table-scroll');
  const gaps = [];
  let longest = 0;
  let rows = 0;
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
  });
  observer.observe({ entryTypes: ['longtask'] });
  const reached = () => (document.querySelectorAll('.table tbody tr[aria-rowindex]').length === 0 ? 0
    : Number([...document.querySelectorAll('.table tbody tr[aria-rowindex]')].at(-1).getAttribute('aria-rowindex')) - 1);
  const untilMs = performance.now() + 120000;
  let last = performance.now();
  while (performance.now() < untilMs) {
    await new Promise((resolve) => requestAnimationFrame(resolve));
    const now = performance.now();
    gaps.push(now - last);
    last = now;
    rows = Math.max(rows, document.querySelectorAll('.table tbody tr').length);
    box.scrollTop += 700;
    if (reached() >= ${wanted}) break;
  }
  observer.disconnect();
  const sorted = gaps.sort((a, b) => a - b);
  const at = (share) => sorted[Math.floor(sorted.length * share)] ?? 0;
  return { frames: gaps.length, median: at(0.5), p95: at(0.95), longest, rows, reached: reached() };
})()`;

/** In seconds. */
async function metricsOf(session: CDPSession) {
  const { metrics } = await session.send('Performance.getMetrics');
  const value = (name: string) => metrics.find((each) => each.name === name)?.value ?? 0;
  return {
    at: performance.now() / 1_000,
    tasks: value('TaskDuration'),
    scripts: value('ScriptDuration'),
    process: value('ProcessTime'),
  };
}
