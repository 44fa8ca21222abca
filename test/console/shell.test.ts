/** The frame of the console in a real browser: signing in and out, languages, light and dark, phones, weight. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { generateKey } from '../../api/auth.ts';
import { ConsoleWorld, describeConsole, expectAccessible, screenshot, TEST_MS } from './world.ts';

describeConsole('the console', () => {
  let world: ConsoleWorld;

  beforeAll(async () => {
    world = await ConsoleWorld.start();
  }, TEST_MS);
  afterEach(() => world.closePages());
  afterAll(() => world?.stop(), TEST_MS);

  it(
    'takes a key and shows who is signed in; a page that was asked for comes after that',
    { timeout: TEST_MS },
    async () => {
      const page = await world.page('/devices?q=61', { key: null });
      await expectAccessible(page);
      await screenshot(page, 'sign-in');
      await page.getByLabel('API key', { exact: true }).fill(world.key);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('navigation').waitFor();
      await page.getByText('default', { exact: true }).waitFor();
      expect(new URL(page.url()).pathname + new URL(page.url()).search).toBe('/devices?q=61');
      const cookies = await page.context().cookies(`${world.url}/api/v1/me`);
      expect(cookies).toHaveLength(1);
      expect(cookies[0]).toMatchObject({ httpOnly: true, sameSite: 'Strict' });
      expect(cookies[0]!.value).not.toContain('swk_');
      expect(await page.evaluate('document.cookie + JSON.stringify(localStorage)')).not.toMatch(/sw[sk]_/);
    },
  );

  it('says what is wrong with a key: its form at once, its validity after asking', { timeout: TEST_MS }, async () => {
    const page = await world.page('/', { key: null, expects: [/401/] });
    await page.getByLabel('API key', { exact: true }).fill('swk_half');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Check that it was copied whole.', { exact: false }).waitFor();
    await page.getByLabel('API key', { exact: true }).fill(generateKey().key);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('unknown or revoked', { exact: false }).waitFor();
    await expectAccessible(page);
  });

  it('signs out: here, and the session is over on the server', { timeout: TEST_MS }, async () => {
    const page = await world.page();
    const cookies = await page.context().cookies(`${world.url}/api/v1/me`);
    const [cookie] = cookies;
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('API key', { exact: true }).waitFor();
    const reply = await fetch(`${world.url}/api/v1/me`, { headers: { cookie: `${cookie!.name}=${cookie!.value}` } });
    expect(reply.status).toBe(401);
    await page.reload();
    await page.getByLabel('API key', { exact: true }).waitFor();
  });

  it('speaks the language of the browser, switches, and remembers', { timeout: TEST_MS }, async () => {
    const page = await world.page('/', { locale: 'zh' });
    await page.getByRole('link', { name: '设备注册' }).waitFor();
    for (const name of ['升级文件', '任务管理', '升级管理', '出货管理', '出货总记录', '二次出货', '设备会话']) {
      expect(await page.getByRole('link', { name, exact: true }).count(), name).toBe(1);
    }
    expect(await page.getAttribute('html', 'lang')).toBe('zh-CN');
    await page.getByRole('button', { name: 'English' }).click();
    await page.getByRole('link', { name: 'Upgrade files' }).waitFor();
    await page.reload();
    await page.getByRole('link', { name: 'Upgrade files' }).waitFor();
    expect(await page.getAttribute('html', 'lang')).toBe('en');
  });

  it.each(['light', 'dark'] as const)('can be read in %s', { timeout: TEST_MS }, async (theme) => {
    const page = await world.page('/no-such-page', { theme });
    await page.getByText('There is no such page').first().waitFor();
    expect(await page.getAttribute('html', 'data-theme')).toBe(theme);
    await expectAccessible(page);
    const other = theme === 'light' ? 'dark' : 'light';
    await page.getByRole('button', { name: `Switch to ${other}` }).click();
    expect(await page.getAttribute('html', 'data-theme')).toBe(other);
  });

  it('fits a phone: the navigation opens, leads on and closes', { timeout: TEST_MS }, async () => {
    const page = await world.page('/no-such-page', { width: 390, height: 800 });
    const link = page.getByRole('link', { name: 'Tasks', exact: true });
    expect(await link.isVisible()).toBe(false);
    await page.getByRole('button', { name: 'Menu' }).click();
    await expectAccessible(page);
    await link.click();
    await page.waitForURL('**/tasks');
    await page.getByRole('button', { name: 'Menu' }).waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
  });

  it(
    'works with the keyboard: past the navigation, and on to a page whose heading is read',
    { timeout: TEST_MS },
    async () => {
      const page = await world.page('/no-such-page');
      await page.keyboard.press('Tab');
      expect(await page.evaluate('document.activeElement.textContent.trim()')).toBe('Skip to the content');
      await page.getByRole('link', { name: 'Tasks', exact: true }).focus();
      await page.keyboard.press('Enter');
      await page.waitForURL('**/tasks');
      await page.locator('h1:focus').waitFor();
    },
  );

  it('shows nobody what they may not do', { timeout: TEST_MS }, async () => {
    const key = await world.newKey('looks only', ['device:read']);
    const page = await world.page('/admin/keys', { key });
    await page.getByText('It needs the permission admin', { exact: false }).waitFor();
    expect(await page.getByRole('link', { name: 'Webhooks' }).count()).toBe(0);
  });

  it('asks to sign in again when the key is revoked', { timeout: TEST_MS }, async () => {
    const key = await world.newKey('soon gone', ['device:read', 'admin']);
    const page = await world.page('/no-such-page', { key, expects: [/401/] });
    const keys = await world.api<{ items: { id: number; name: string }[] }>('GET', '/api/v1/api-keys?limit=500');
    await world.api('DELETE', `/api/v1/api-keys/${keys.items.find(({ name }) => name === 'soon gone')!.id}`);
    const ask = "fetch('/api/v1/me').then((reply) => reply.status)";
    await expect.poll(() => page.evaluate(ask), { timeout: 30_000, interval: 500 }).toBe(401);
    await page.reload();
    await page.getByLabel('API key', { exact: true }).waitFor();
  });

  it(
    'is served strictly, kept for ever where it may be, and answers machines as an API does',
    { timeout: TEST_MS },
    async () => {
      const html = await fetch(`${world.url}/tasks/12`, { headers: { accept: 'text/html,*/*' } });
      expect(html.status).toBe(200);
      expect(html.headers.get('cache-control')).toBe('no-cache');
      const policy = html.headers.get('content-security-policy') ?? '';
      expect(policy).toContain("script-src 'self'");
      expect(policy).toContain("style-src 'self'");
      expect(policy).not.toContain('unsafe');
      const text = await html.text();
      expect(text).not.toMatch(/<script(?![^>]*src=)|<style| style=| on\w+=/);
      const [, script] = /src="(\/assets\/[^"]+\.js)"/.exec(text)!;
      for (const [wanted, given] of [
        ['br', 'br'],
        ['gzip', 'gzip'],
        ['identity', null],
      ] as const) {
        const asset = await fetch(world.url + script!, { headers: { 'accept-encoding': wanted } });
        expect(asset.headers.get('content-encoding')).toBe(given);
        expect(asset.headers.get('cache-control')).toContain('immutable');
        expect((await asset.text()).length).toBeGreaterThan(1_000);
      }
      for (const path of ['/api/v1/nothing', '/assets/nothing.js', '/assets/..%2findex.html', '/docs/nothing']) {
        const reply = await fetch(world.url + path, {
          headers: { accept: 'text/html', authorization: `Bearer ${world.key}` },
        });
        expect(reply.status, path).toBe(404);
        expect(reply.headers.get('content-type'), path).toContain('application/problem+json');
      }
      expect((await fetch(`${world.url}/tasks/12`)).status).toBe(404);
    },
  );

  it('weighs at most 150 KiB on the first load', { timeout: TEST_MS }, async () => {
    const page = await world.page('/no-such-page');
    const wire = await page.context().newCDPSession(page);
    let bytes = 0;
    wire.on('Network.loadingFinished', ({ encodedDataLength }) => void (bytes += encodedDataLength));
    await wire.send('Network.enable');
    await wire.send('Network.setCacheDisabled', { cacheDisabled: true });
    await page.goto('/');
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.waitForLoadState('load');
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThanOrEqual(150 * 1_024);
    process.stderr.write(`first load of the overview: ${(bytes / 1_024).toFixed(1)} KiB\n`);
  });
});
