/**
 * Who attacks one listener of the program disturbs nobody else: a short form of `npm run abuse -- listeners`, with some
 * hundred connections in place of ten thousand.
 */
import { expect, test } from 'vitest';
import { listenersCommand } from './listeners/command.ts';

/** The most dangerous of each kind. */
const ATTACKS = [
  'api: headers that drip',
  'api: endless bodies',
  'device HTTP: endless headers',
  'terminal: lines that never end',
  'pile: frames that promise more',
  'ftp: connections that say nothing',
  'pcp: no CoAP',
];

test('honest clients are served while every listener is attacked, and nothing is given to who may not have it', async () => {
  const { rows } = await listenersCommand({
    only: ATTACKS,
    seconds: 0.5,
    scale: { connections: 400, slow: 100, flooding: 5 },
    mostMs: 20_000,
    isShort: true,
  });
  expect(rows.filter(({ result }) => result !== 'passed')).toEqual([]);
  expect(rows.length).toBe(6 + ATTACKS.length + 9);
}, 300_000);
