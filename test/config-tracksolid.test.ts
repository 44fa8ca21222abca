import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../config.ts';
import { fillImportFields, readImportFields } from '../gateways/tracksolid/import-fields.ts';

const WHOLE = {
  TRACKSOLID_URL: 'https://hk-open.tracksolidpro.com/route/rest',
  TRACKSOLID_APP_KEY: 'KEY',
  TRACKSOLID_APP_SECRET: 'very secret',
  TRACKSOLID_USER: 'ams@example.com',
  TRACKSOLID_PASSWORD: 'secret',
};

function problemsOf(env: Record<string, string>): string {
  try {
    loadConfig(env);
    return '';
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

describe('the connection to Tracksolid', () => {
  it('is off unless it has an address', () => {
    expect(loadConfig({}).tracksolid).toBeNull();
  });

  it('knows the password only as its MD5, whichever was given', () => {
    const connected = {
      url: WHOLE.TRACKSOLID_URL,
      user: 'ams@example.com',
      passwordMd5: '5ebe2294ecd0e0f08eab7690d2a6ee69',
      callsPerSecond: 5,
      timeoutMs: 20_000,
      importMethod: 'x.ams.device.import',
      lifetimeUntil: '2099-12-31 23:59:59',
    };
    expect(loadConfig(WHOLE).tracksolid).toMatchObject(connected);
    const { TRACKSOLID_PASSWORD: _, ...rest } = WHOLE;
    const hashed = { ...rest, TRACKSOLID_PASSWORD_MD5: connected.passwordMd5.toUpperCase() };
    expect(loadConfig(hashed).tracksolid).toMatchObject(connected);
  });

  it('says everything that is missing at once, and no secret', () => {
    const said = problemsOf({ TRACKSOLID_URL: WHOLE.TRACKSOLID_URL });
    for (const name of ['APP_KEY', 'APP_SECRET', 'USER', 'PASSWORD'])
      expect(said).toContain(`TRACKSOLID_${name} is not set`);
    const wrong = problemsOf({
      ...WHOLE,
      TRACKSOLID_PASSWORD_MD5: 'hunter2',
      TRACKSOLID_LIFETIME_UNTIL: '2099-02-30 00:00:00',
    });
    expect(wrong).toContain('TRACKSOLID_PASSWORD_MD5');
    expect(wrong).toContain('TRACKSOLID_LIFETIME_UNTIL');
    expect(wrong).not.toContain('hunter2');
  });
});

describe('the fields of the import', () => {
  it('are texts in which words stand for what is known', () => {
    const fields = readImportFields('list={imeis}&to={account}&kind=ams&note={customer} / {remark}');
    const values = {
      imeis: '1,2',
      account: 'a',
      customer: '禾米',
      remark: '',
      model: '',
      lifetime: '',
      expiration: '',
      source: '',
      brand: '',
    };
    expect(fillImportFields(fields, values)).toEqual({ list: '1,2', to: 'a', kind: 'ams', note: '禾米 / ' });
  });

  it.each([
    ['imeis={imeis}', '{account}'],
    ['account={account}', '{imeis}'],
    ['account={account}&imeis={imeis}&x={y}', '{y}'],
    ['account={account}&imeis={imeis}&sign=1', 'sign'],
    ['account={account}&imeis={imeis}&imeis=1', 'twice'],
    ['account={account}&imeis={imeis}&', 'without a name'],
  ])('that cannot be right are refused by name: %s', (text, why) => {
    expect(() => readImportFields(text)).toThrow(why);
    expect(problemsOf({ ...WHOLE, TRACKSOLID_IMPORT_FIELDS: text })).toContain('TRACKSOLID_IMPORT_FIELDS');
  });
});
