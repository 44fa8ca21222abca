/**
 * The real program on data of its own, and people in front of it: pages in a real Chromium. Whatever a page complains
 * of, a script error, a warning, a breach of the security policy, fails the test.
 *
 * Chromium is what CHROMIUM names, or `chromium` on the PATH. Without it these tests are skipped, but not where CI is set.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import type { Operator } from '../../bench/operator.ts';
import { provideConsole } from '../../console-files.ts';
import { firstOperator, Slipway, TestServers, type Settings } from '../support/program.ts';

/** Machines are slow and shared: waiting ends much earlier when all is well. */
export const PATIENCE_MS = 30_000;
export const TEST_MS = 120_000;
const SCREENSHOTS = fileURLToPath(new URL('../../docs/console/', import.meta.url));
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const executable = findChromium();

/** `describe`, where there is a Chromium. */
export const describeConsole = executable === null ? describe.skip : describe;

/** How a person looks at the console. */
export interface View {
  /** Signs in with this key before the page is handed over; null: nobody is signed in. Default: the first key. */
  key?: string | null;
  locale?: 'en' | 'zh';
  theme?: 'light' | 'dark';
  width?: number;
  height?: number;
  /** Complaints that belong to the test, such as a refused request. */
  expects?: readonly RegExp[];
}

interface Watched {
  page: Page;
  complaints: string[];
}

/** The program and a browser, for one test file. */
export class ConsoleWorld {
  readonly slipway: Slipway;
  readonly operator: Operator;
  /** The first key: it may do everything. */
  readonly key: string;
  readonly #servers: TestServers;
  readonly #browser: Browser;
  readonly #watched: Watched[] = [];

  private constructor(
    servers: TestServers,
    slipway: Slipway,
    browser: Browser,
    first: { operator: Operator; key: string },
  ) {
    this.#servers = servers;
    this.slipway = slipway;
    this.#browser = browser;
    this.operator = first.operator;
    this.key = first.key;
  }

  /** Starts everything; in `beforeAll`, with `TEST_MS` to do it. */
  static async start(settings: Settings = {}): Promise<ConsoleWorld> {
    // here, not in the program: an old console would be served until the new one is there
    const built = provideConsole({ info: () => {}, error: () => {} });
    await built.ready;
    if (built.failure() !== null) throw new Error(`the console could not be built: ${built.failure()}`);
    const servers = await TestServers.start();
    const slipway = await Slipway.start({ ...servers.settings(), ...settings });
    const first = await firstOperator(slipway);
    const browser = await chromium.launch({
      executablePath: executable ?? '',
      args: ['--no-sandbox', '--disable-dev-shm-usage'],
    });
    return new ConsoleWorld(servers, slipway, browser, first);
  }

  get url(): string {
    return this.slipway.ready.apiUrl ?? '';
  }

  /** A page on the console, in a browser profile of its own. */
  async page(path = '/', view: View = {}): Promise<Page> {
    const { key = this.key, locale = 'en', theme = 'light', width = 1280, height = 800, expects = [] } = view;
    const context = await this.#browser.newContext({
      baseURL: this.url,
      locale: locale === 'zh' ? 'zh-CN' : 'en-GB',
      colorScheme: theme,
      viewport: { width, height },
      acceptDownloads: true,
    });
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    const complaints: string[] = [];
    this.#watched.push({ page, complaints });
    const complain = (text: string) => {
      if (!expects.some((each) => each.test(text))) complaints.push(text);
    };
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complain(`${message.type()}: ${message.text()}`);
    });
    page.on('pageerror', (error) => complain(`script error: ${error.stack ?? error.message}`));
    page.on('requestfailed', (request) => {
      const why = request.failure()?.errorText ?? '';
      if (!why.includes('ERR_ABORTED')) complain(`request failed: ${request.url()} ${why}`);
    });
    if (key !== null) {
      const reply = await context.request.post('/api/v1/session', {
        data: { key },
        headers: { 'X-Slipway-Console': '1' },
      });
      expect(reply.status(), await reply.text()).toBe(201);
    }
    await page.goto(path);
    await page.locator('h1').first().waitFor();
    return page;
  }

  /** Throws when a page has complained; then closes all pages. In `afterEach`. */
  async closePages(): Promise<void> {
    const watched = this.#watched.splice(0);
    await Promise.all(watched.map(({ page }) => page.context().close()));
    expect(watched.flatMap(({ complaints }) => complaints)).toEqual([]);
  }

  /** Makes a key in the department of the first one. */
  async newKey(name: string, permissions: readonly string[]): Promise<string> {
    const me = await this.api<{ department: { id: number } }>('GET', '/api/v1/me');
    const made = await this.api<{ key: string }>('POST', '/api/v1/api-keys', {
      name,
      permissions,
      departmentId: me.department.id,
    });
    return made.key;
  }

  /** Asks the API beside the page, with the first key. */
  async api<Body>(method: string, path: string, body?: unknown): Promise<Body> {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        authorization: `Bearer ${this.key}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === '' ? null : JSON.parse(text)) as Body;
  }

  async stop(): Promise<void> {
    await this.#browser.close();
    await this.slipway.kill();
    await this.#servers.stop();
  }
}

/** Fails when axe finds something serious or critical on the page as it is now. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(axeSource);
  const found = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: {
        run(): Promise<{ violations: { id: string; impact: string; help: string; nodes: { html: string }[] }[] }>;
      };
    };
    const { violations } = await axe.run();
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`);
  });
  expect(found).toEqual([]);
}

/** Writes `docs/console/<name>.png`, when SLIPWAY_SCREENSHOTS asks for it. */
export async function screenshot(page: Page, name: string): Promise<void> {
  if (process.env['SLIPWAY_SCREENSHOTS'] !== '1') return;
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), animations: 'disabled' });
}

function findChromium(): string | null {
  const named = process.env['CHROMIUM'];
  if (named !== undefined && named !== '') return named;
  try {
    const found = execFileSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim();
    if (existsSync(found)) return found;
  } catch {
    // none
  }
  if (process.env['CI'] === 'true') throw new Error('CI needs Chromium for the tests of the console');
  process.stderr.write('no Chromium on the PATH and none named by CHROMIUM: tests of the console are skipped\n');
  return null;
}
