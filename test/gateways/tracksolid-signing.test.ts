import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  givenParameters,
  passwordMd5,
  platformTime,
  readPlatformTime,
  signatureOf,
} from '../../gateways/tracksolid/signing.ts';

const COMMON = {
  app_key: 'TESTKEY01',
  timestamp: '2026-01-02 03:04:05',
  sign_method: 'md5',
  v: '1.0',
  format: 'json',
};

describe('the signature', () => {
  it.each([
    [
      'the example of the document',
      'h9lri085eachcz4sn7gwnkh6j0jt0yz4',
      { foo: 1, bar: 2, foo_bar: 3, foobar: 4 },
      '2CEB0E3B7EA209555DFFC9296378FDD9',
    ],
    [
      'a login',
      'TESTSECRET02',
      {
        ...COMMON,
        method: 'jimi.oauth.token.get',
        user_id: 'ams',
        user_pwd_md5: '5ebe2294ecd0e0f08eab7690d2a6ee69',
        expires_in: 7200,
      },
      '83C6A6524FB2217CBC918BFCF1587EF2',
    ],
    [
      'a list of IMEIs with its commas',
      'TESTSECRET02',
      {
        ...COMMON,
        method: 'jimi.open.device.move',
        access_token: 'tok',
        src_account: 'ams',
        dest_account: 'cust01',
        imeis: '868120145233604,868120145233605',
      },
      '7A727C9D2EF43C90B2E5FFB0773000FF',
    ],
    [
      'Chinese text, and a parameter without a value',
      'TESTSECRET02',
      { ...COMMON, method: 'jimi.user.child.list', access_token: 'tok', target: '几米', empty: '' },
      '413A81B293D2B97EE0CC00E6EE52ED39',
    ],
  ])('is that of the vector: %s', (_, secret, parameters, sign) => {
    expect(signatureOf(secret, parameters)).toBe(sign);
  });

  const name = fc.string({
    unit: fc.constantFrom('a', 'b', 'z', 'A', 'Z', '0', '9', '_'),
    minLength: 1,
    maxLength: 12,
  });
  const value = fc.oneof(
    fc.string({ unit: 'grapheme', minLength: 1 }),
    fc.integer(),
    fc.boolean(),
    fc.constantFrom('', null, undefined),
  );
  const parameters = fc.dictionary(name, value, { noNullPrototype: true });
  const secret = fc.string({ unit: 'grapheme' });

  it('does not depend on the order in which parameters are given', () => {
    fc.assert(
      fc.property(secret, parameters, (key, given) => {
        const backwards = Object.fromEntries(Object.entries(given).reverse());
        expect(signatureOf(key, backwards)).toBe(signatureOf(key, given));
      }),
    );
  });

  it('does not depend on what is empty, nor on an older signature', () => {
    fc.assert(
      fc.property(secret, parameters, (key, given) => {
        expect(signatureOf(key, { ...given, empty: '', none: null, sign: 'X' })).toBe(
          signatureOf(key, givenParameters(given)),
        );
      }),
    );
  });

  it('is the MD5 of the sorted names and values between the secret', () => {
    fc.assert(
      fc.property(secret, parameters, (key, given) => {
        const pairs = Object.entries(given)
          .filter(([each, content]) => each !== 'sign' && content !== '' && content != null)
          .map(([each, content]): [string, string] => [each, String(content)])
          .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        const bytes = Buffer.from(key + pairs.flat().join('') + key, 'utf8');
        expect(signatureOf(key, given)).toBe(createHash('md5').update(bytes).digest('hex').toUpperCase());
      }),
    );
  });

  it('changes with every value and with the secret', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ unit: 'grapheme', minLength: 1 }), { minLength: 2, maxLength: 2 }),
        ([a, b]) => {
          expect(signatureOf('secret', { name: a })).not.toBe(signatureOf('secret', { name: b }));
          expect(signatureOf(a!, { name: 'x' })).not.toBe(signatureOf(b!, { name: 'x' }));
        },
      ),
    );
  });
});

describe('times and passwords', () => {
  it('are written as the platform reads them', () => {
    expect(platformTime(Date.UTC(2026, 0, 2, 3, 4, 5, 678))).toBe('2026-01-02 03:04:05');
    expect(passwordMd5('secret')).toBe('5ebe2294ecd0e0f08eab7690d2a6ee69');
  });

  it('are read back to the second, and only when they are times', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_102_444_800 }), (seconds) => {
        expect(readPlatformTime(platformTime(seconds * 1_000))).toBe(seconds * 1_000);
      }),
    );
    for (const text of ['', '2026-02-30 00:00:00', '2026-01-02T03:04:05', '2026-01-02 25:00:00', '2026-1-2 3:4:5']) {
      expect(readPlatformTime(text)).toBeNull();
    }
  });
});
