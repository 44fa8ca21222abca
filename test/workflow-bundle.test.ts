import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { loadWorkflowBundle } from '../workflow-bundle.ts';

const cacheDir = mkdtempSync(join(tmpdir(), 'slipway-bundles-'));
afterAll(() => rmSync(cacheDir, { recursive: true, force: true }));

it('the bundle is made once, and of those of other versions only the newest are kept', async () => {
  for (let day = 0; day < 8; day++) {
    const path = join(cacheDir, `workflows-${String(day).repeat(16)}.js`);
    writeFileSync(path, '');
    utimesSync(path, day * 86_400, day * 86_400);
  }
  writeFileSync(join(cacheDir, 'temporal-1.0'), '');
  const { code } = (await loadWorkflowBundle(cacheDir)) as { code: string };
  expect(code.length).toBeGreaterThan(10_000);
  const names = readdirSync(cacheDir);
  expect(names).toContain('temporal-1.0');
  expect(names.filter((name) => /^workflows-(\d)\1{15}/.test(name))).toEqual(
    ['4', '5', '6', '7'].map((digit) => `workflows-${digit.repeat(16)}.js`),
  );
  const mine = names.find((name) => name.startsWith('workflows-') && !/^workflows-(\d)\1{15}/.test(name))!;
  writeFileSync(join(cacheDir, mine), 'kept');
  expect(await loadWorkflowBundle(cacheDir)).toEqual({ code: 'kept' });
});
