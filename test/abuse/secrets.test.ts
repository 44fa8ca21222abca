/**
 * No secret leaves the program: a running one is given a secret of every kind and used, and then everything it tells is
 * looked through, at the most talkative log level.
 */
import { describe, expect, test } from 'vitest';
import { leaksIn } from './secrets/forms.ts';
import { tellEverything } from './secrets/scenario.ts';

test('no key, password, token or cookie is in logs, problems, answers, metrics, the console or Temporal', async () => {
  const { places, secrets } = await tellEverything();
  // Each place says something at all, or nothing would be tried.
  for (const [place, text] of Object.entries(places)) expect(text.length, place).toBeGreaterThan(100);
  for (const [name, secret] of Object.entries(secrets)) expect(secret.length, name).toBeGreaterThanOrEqual(8);
  expect(leaksIn(places, secrets)).toEqual([]);
}, 600_000);

describe('what is looked for', () => {
  const secret = 'hunter2-ÿ/+ x';
  test.each([
    ['as it is', secret],
    ['in an address', encodeURIComponent(secret)],
    ['in JSON', JSON.stringify({ secret })],
    ['in hex', Buffer.from(secret).toString('hex')],
    ['in base64', Buffer.from(secret).toString('base64')],
    ['in base64, with something before it', Buffer.from(`user:${secret}`).toString('base64')],
    ['in base64 for addresses', Buffer.from(`ab${secret}c`).toString('base64url')],
  ])('is found %s', (_, text) => {
    expect(leaksIn({ here: `x ${text} y` }, { password: secret })).toHaveLength(1);
  });

  test('nothing is found where there is nothing', () => {
    expect(leaksIn({ here: 'hunter3' }, { password: secret })).toEqual([]);
  });
});
