/**
 * README and docs/ against the code: settings, scripts, codes, links, and the tests that the promises name. What the
 * texts say beyond that is for people to check.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROBLEMS } from '../api/problems.ts';
import { PERMISSIONS } from '../api/auth.ts';
import { describeVariables } from '../config.ts';
import { GATEWAY_ERROR_CODES } from '../gateways/errors.ts';
import { FAILURE_CODES, failureMeaning } from '../workflows/rules/retry.ts';
import { REFUSAL_REASONS, TASK_STATUSES, UPGRADE_STATUSES, WAITING_REASONS } from '../workflows/rules/statuses.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const readme = read('README.md');
const operations = read('docs/operations.md');
const texts = ['README.md', ...markdownIn('docs')];

function markdownIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name))
    .toSorted(byText);
}

function byText(a: string | undefined, b: string | undefined): number {
  return (a ?? '') < (b ?? '') ? -1 : 1;
}

/** The text below a heading, up to the next one of the same or a higher level. */
function section(text: string, heading: string): string {
  const [level = ''] = /^#+/.exec(heading) ?? [];
  const from = text.indexOf(`\n${heading}\n`);
  if (from < 0) return '';
  const body = text.slice(from + heading.length + 2);
  const next = new RegExp(`^#{1,${level.length}} `, 'm').exec(body);
  return next === null ? body : body.slice(0, next.index);
}

/** The cells of the table rows in a text, without its header and the line below that. */
function rows(text: string): string[][] {
  const lines = text.split('\n').filter((line) => line.startsWith('|'));
  const cells = lines.map((line) =>
    line
      .slice(1, line.lastIndexOf('|'))
      .split('|')
      .map((cell) => cell.trim()),
  );
  return cells.filter((row, index) => !isRuler(row) && !isRuler(cells[index + 1] ?? []));
}

function isRuler(row: readonly string[]): boolean {
  return row.length > 0 && row.every((cell) => /^:?-+:?$/.test(cell));
}

/** First cells of a section's tables, without their backticks. */
function codes(heading: string): string[] {
  return rows(section(operations, heading)).map(([code = '']) => code.replaceAll('`', ''));
}

describe('the README', () => {
  it('has exactly the settings there are, as they are', () => {
    const settings = describeVariables().map(({ name, meaning, format, default: value }) => [
      `\`${name}\``,
      meaning,
      format,
      value,
    ]);
    expect(rows(section(readme, '## Settings'))).toEqual(settings);
  });

  it('names every script of package.json, and no other', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = texts.flatMap((path) =>
      [...read(path).matchAll(/\bnpm (?:run (?:-s )?)?([a-z-]+)/g)].map(([, name]) => name!),
    );
    const own = new Set(['ci', 'install', 'package']);
    expect([...new Set(named)].filter((name) => !own.has(name) && !(name in scripts))).toEqual([]);
    const listed = rows(section(readme, '## Scripts')).map(([cell = '']) => /`npm (?:run )?([a-z-]+)`/.exec(cell)?.[1]);
    expect(listed.toSorted(byText)).toEqual(Object.keys(scripts).toSorted(byText));
  });

  it('names tests that exist', () => {
    const promises = section(readme, '## What it promises');
    const named = [...promises.matchAll(/`(test\/[\w/.-]+\.test\.ts)`: (.*)/g)];
    expect(named.length).toBeGreaterThan(10);
    const missing = named.flatMap(([, file, titles]) => {
      const source = existsSync(join(root, file!)) ? read(file!) : '';
      return [...titles!.matchAll(/“([^”]+)”/g)]
        .map(([, title]) => title!)
        .filter((title) => !source.includes(title))
        .map((title) => `${file}: ${title}`);
    });
    expect(missing).toEqual([]);
  });

  it('knows every folder with code, and no other', () => {
    const map = section(readme, '## The map');
    const ignored = new Set(['node_modules', 'dist', 'coverage', 'embedded']);
    const folders = readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && !ignored.has(entry.name))
      .map(({ name }) => name);
    expect(folders.filter((name) => !map.includes(`\n${name}/ `))).toEqual([]);
    const named = [...map.matchAll(/^([\w-]+)\/ /gm)].map(([, name]) => name!);
    expect(named.filter((name) => !existsSync(join(root, name)))).toEqual([]);
  });
});

describe('docs/operations.md', () => {
  it.each([
    ['## Upgrade statuses', UPGRADE_STATUSES],
    ['## Waiting reasons', [...WAITING_REASONS, ...REFUSAL_REASONS]],
    ['## Failure codes', FAILURE_CODES],
    ['## Task statuses', TASK_STATUSES],
    ['## Problems of the API', Object.keys(PROBLEMS)],
    ['## Errors of the gateways', GATEWAY_ERROR_CODES],
    ['### Keys', PERMISSIONS],
  ] as const)('explains under "%s" every code there is, once, and no other', (heading, expected) => {
    expect(codes(heading).toSorted(byText)).toEqual([...expected].toSorted(byText));
  });

  it('gives every row of its tables all of its cells', () => {
    const short = rows(operations).filter((row) => row.some((cell) => cell === ''));
    expect(short).toEqual([]);
  });

  it('tells the class of every failure as the code has it', () => {
    const told = rows(section(operations, '## Failure codes')).map(([code = '', retry = '']) => [
      code.replaceAll('`', ''),
      retry.replaceAll('`', ''),
    ]);
    expect(told).toEqual(FAILURE_CODES.map((code) => [code, failureMeaning(code).retry]));
  });

  it('tells the status of every problem as the API answers it', () => {
    const told = rows(section(operations, '## Problems of the API')).map(([code = '', status]) => [
      code.replaceAll('`', ''),
      Number(status),
    ]);
    expect(told).toEqual(Object.entries(PROBLEMS).map(([code, { status }]) => [code, status]));
  });
});

describe('links', () => {
  it.each(texts)('of %s lead to files and headings that exist', (path) => {
    const broken = [...read(path).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target]) => target!)
      .filter((target) => !/^https?:/.test(target))
      .filter((target) => !leadsSomewhere(path, target));
    expect(broken).toEqual([]);
  });

  it.each(texts)('and paths in backticks in %s exist', (path) => {
    const source = /`((?:workflows|activities|db|gateways|api|bench|test|docs|embedded)\/[\w./-]*)`/g;
    const named = [...read(path).matchAll(source)].map(([, name]) => name!);
    expect(named.filter((name) => !existsSync(join(root, name)))).toEqual([]);
  });
});

function leadsSomewhere(from: string, target: string): boolean {
  const [file = '', anchor] = target.split('#');
  const path = file === '' ? from : relative(root, resolve(root, dirname(from), file));
  if (!existsSync(join(root, path))) return false;
  return anchor === undefined || anchorsOf(read(path)).includes(anchor);
}

/** Anchors of headings, made as code hosts make them. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-'),
  );
}
