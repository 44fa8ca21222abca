/** What `npm run abuse -- secrets` looks for, it finds in every way of writing. */
import { describe, expect, test } from 'vitest';
import { leaksIn } from './secrets/forms.ts';

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
