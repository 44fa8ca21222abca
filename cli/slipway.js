#!/usr/bin/env node
/**
 * Where `npx slipway` begins: runs the compiled command line when there is one and it is not older than its source,
 * else the source itself.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('.', import.meta.url));
const compiled = fileURLToPath(new URL('../dist/cli/index.js', import.meta.url));

if (isCurrent()) {
  await import(compiled);
} else {
  // By require, which needs no loader thread and so starts in half the time.
  const { register } = await import('tsx/cjs/api');
  register();
  createRequire(import.meta.url)('./index.ts');
}

function isCurrent() {
  if (!existsSync(compiled)) return false;
  const compiledMs = statSync(compiled).mtimeMs;
  const files = readdirSync(source).filter((name) => name.endsWith('.ts'));
  return files.every((name) => statSync(source + name).mtimeMs <= compiledMs);
}
