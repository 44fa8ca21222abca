import { expect, it } from 'vitest';
import { drawScripts, isAllowedEnd, KIND_NAMES, KINDS } from './scripts.ts';

it('a seed gives the same devices each time, and another one gives others', () => {
  expect(drawScripts(7, 300)).toEqual(drawScripts(7, 300));
  expect(drawScripts(8, 300)).not.toEqual(drawScripts(7, 300));
});

it('forty-four devices are enough for one of each kind and protocol', () => {
  const drawn = new Set(drawScripts(1, 44).map(({ kind, protocol }) => `${kind} ${protocol}`));
  expect(KIND_NAMES.flatMap((kind) => KINDS[kind].protocols.map((protocol) => `${kind} ${protocol}`))).toEqual([
    ...drawn,
  ]);
});

it('no liar may succeed, and nobody who does what it should may end otherwise', () => {
  for (const kind of ['liar', 'refuser', 'half a liar', 'vanisher', 'falls silent', 'absent'] as const) {
    expect(isAllowedEnd(kind, 'succeeded', null), kind).toBe(false);
  }
  for (const kind of ['honest', 'bad radio', 'clumsy', 'latecomer', 'reports stale'] as const) {
    expect(isAllowedEnd(kind, 'succeeded', null), kind).toBe(true);
    expect(isAllowedEnd(kind, 'failed', 'version_unchanged'), kind).toBe(false);
  }
  expect(isAllowedEnd('reverter', 'succeeded', null)).toBe(false);
});
