/**
 * The settings of the connection to Tracksolid: part of the one table (`config.ts`).
 */
import { integer, optional, secretText, url, variable, word, type Format, type Problem } from './formats.ts';
import {
  DEFAULT_IMPORT_FIELDS_TEXT,
  readImportFields,
  type ImportFields,
} from '../gateways/tracksolid/import-fields.ts';
import { passwordMd5, readPlatformTime } from '../gateways/tracksolid/signing.ts';

const md5: Format<string> = {
  text: 'an MD5, 32 hex digits',
  example: '5ebe2294ecd0e0f08eab7690d2a6ee69',
  parse: (text) => {
    if (!/^[0-9a-f]{32}$/i.test(text)) throw new TypeError('is not an MD5');
    return text.toLowerCase();
  },
};

const platformTime: Format<string> = {
  text: 'a time in UTC, YYYY-MM-DD hh:mm:ss',
  example: '2099-12-31 23:59:59',
  parse: (text) => {
    if (readPlatformTime(text) === null) throw new TypeError('is not such a time');
    return text;
  },
};

const account: Format<string> = {
  text: 'the name of an account: letters, digits and _ @ . -',
  example: 'ams',
  parse: (text) => {
    if (!/^[\w@.-]{1,64}$/.test(text)) throw new TypeError('has other signs than letters, digits, _, @, . and -');
    return text;
  },
};

const importFields: Format<ImportFields> = {
  text: 'name=text pairs joined by &, with {account} {imeis} {model} {lifetime} {expiration} {source} {customer} {brand} {remark} in the texts',
  example: 'account={account}&imeis={imeis}',
  parse: readImportFields,
};

export const tracksolidVariables = {
  TRACKSOLID_URL: optional(
    'Tracksolid: the address of your node; without it, secondary shipments to it wait',
    url(['http:', 'https:'], 'https://hk-open.tracksolidpro.com/route/rest'),
    { defaultText: 'not connected' },
  ),
  TRACKSOLID_APP_KEY: optional('Tracksolid: key of the app', word('8FB345B8693CCD00')),
  TRACKSOLID_APP_SECRET: optional('Tracksolid: secret of the app', secretText, { secret: true }),
  TRACKSOLID_USER: optional('Tracksolid: account that the program works for; devices go to accounts below it', account),
  TRACKSOLID_PASSWORD: optional('Tracksolid: password of the account', secretText, { secret: true }),
  TRACKSOLID_PASSWORD_MD5: optional('Tracksolid: MD5 of the password, instead of the password', md5, { secret: true }),
  TRACKSOLID_CALLS_PER_SECOND: variable('Tracksolid: most calls a second of one worker', integer(1, 10_000), 5),
  TRACKSOLID_TIMEOUT_S: variable('Tracksolid: seconds an answer is waited for', integer(1, 300), 20),
  TRACKSOLID_IMPORT_METHOD: variable(
    'Tracksolid: method that imports devices; it is not public, ask the platform for its name',
    word('x.ams.device.import'),
    'x.ams.device.import',
  ),
  TRACKSOLID_IMPORT_FIELDS: variable(
    'Tracksolid: private parameters of that method',
    importFields,
    readImportFields(DEFAULT_IMPORT_FIELDS_TEXT),
    { defaultText: DEFAULT_IMPORT_FIELDS_TEXT },
  ),
  TRACKSOLID_LIFETIME_UNTIL: variable(
    'Tracksolid: until when “for a lifetime” is',
    platformTime,
    '2099-12-31 23:59:59',
  ),
} satisfies Record<string, object>;

type Values = {
  [Name in keyof typeof tracksolidVariables]: (typeof tracksolidVariables)[Name] extends { format: Format<infer T> }
    ? T | undefined
    : never;
};

/** What is missing for a connection that was begun to be configured. */
export function tracksolidContradictions(values: Partial<Values>): Problem<keyof Values>[] {
  const isMissing = (name: keyof Values) => name in values && values[name] === undefined;
  if (values.TRACKSOLID_URL === undefined) return [];
  const needed = (['TRACKSOLID_APP_KEY', 'TRACKSOLID_APP_SECRET', 'TRACKSOLID_USER'] as const).filter(isMissing);
  const problems: Problem<keyof Values>[] = needed.map((name) => ({
    name,
    problem: 'is not set, but TRACKSOLID_URL is',
    advice: 'Set it, or leave TRACKSOLID_URL out',
  }));
  if (isMissing('TRACKSOLID_PASSWORD') && isMissing('TRACKSOLID_PASSWORD_MD5')) {
    const problem = 'is not set, nor is TRACKSOLID_PASSWORD_MD5, but TRACKSOLID_URL is';
    problems.push({ name: 'TRACKSOLID_PASSWORD', problem, advice: 'Set one of them' });
  }
  return problems;
}

/** The connection, or null when it is not configured. */
export function arrangeTracksolid(values: Values) {
  const { TRACKSOLID_URL: address, TRACKSOLID_APP_KEY: appKey, TRACKSOLID_APP_SECRET: appSecret } = values;
  const { TRACKSOLID_USER: user, TRACKSOLID_PASSWORD: password, TRACKSOLID_PASSWORD_MD5: hash } = values;
  if (address === undefined || appKey === undefined || appSecret === undefined || user === undefined) return null;
  return {
    url: address,
    appKey,
    appSecret,
    user,
    passwordMd5: hash ?? passwordMd5(password ?? ''),
    callsPerSecond: values.TRACKSOLID_CALLS_PER_SECOND!,
    timeoutMs: values.TRACKSOLID_TIMEOUT_S! * 1_000,
    importMethod: values.TRACKSOLID_IMPORT_METHOD!,
    importFields: values.TRACKSOLID_IMPORT_FIELDS!,
    lifetimeUntil: values.TRACKSOLID_LIFETIME_UNTIL!,
  };
}
