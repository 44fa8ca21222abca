/** What others answer and where they are: Tracksolid, receivers of webhooks. */
import { isIP } from 'node:net';
import { readImportFields } from '../../../gateways/tracksolid/import-fields.ts';
import { postForm } from '../../../gateways/tracksolid/post.ts';
import { readDetail, readImeiCodes } from '../../../gateways/tracksolid/results.ts';
import { verdictOf, wordsOf } from '../../../gateways/tracksolid/client.ts';
import { refuseUrl } from '../../../gateways/webhook-targets.ts';
import { demand, repeated, Violation, type Parser } from '../fuzz/parser.ts';

const IMEI = '863412345678901';
const IMEIS = [IMEI, '863412345678902'];

/** The text of an answer; the platform itself is a stand-in that answers it at once. */
export const tracksolid: Parser = {
  name: 'tracksolid',
  maxBytes: 1_200,
  tokens: [
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '\\',
    '"code":0',
    '"code":"0"',
    '"code":1004',
    '"message":',
    '"result":',
    '"data":',
    'null',
    '1e400',
    '"__proto__":{}',
    IMEI,
    '"imei":',
    '"user_expiration":"a,2026-01-01 00:00:00|b,x"',
    '"result":-1',
  ],
  seeds: () =>
    [
      { code: 0, message: 'success', result: { access_token: 'T', expiresIn: 7_200 } },
      {
        code: 0,
        message: 'success',
        result: [
          {
            imei: IMEI,
            account: 'a',
            user_expiration: 'a,2026-01-01 00:00:00',
            expiration: '2026-01-01 00:00:00',
            mcType: 'GT06',
          },
        ],
      },
      { code: 1004, message: 'illegal token', result: null },
      { code: '0', message: '', data: `${IMEI},863412345678902` },
      { code: 12002, message: 'x', result: [{ imei: IMEI, update_result: '-1', update_msg: 'no' }] },
      [1, 2],
    ].map((answer) => Buffer.from(JSON.stringify(answer))),
  async read(input) {
    const outcome = await answered(input);
    demand(['answered', 'unknown'].includes(outcome.kind), `an answer is taken for ${outcome.kind}`);
    const words = wordsOf(outcome);
    demand(words.length < 1_000 && !/[\r\n\0]/.test(words), 'words that cannot be shown on one line');
    if (outcome.kind !== 'answered') return { outcome, words };
    demand(Number.isInteger(outcome.code), `the code ${outcome.code} is no number`);
    const detail = readDetail(outcome.result, IMEI);
    const codes = readImeiCodes(outcome, IMEIS);
    demand(
      [...codes.keys()].every((imei) => IMEIS.includes(imei)),
      'an answer is about a device that nobody asked for',
    );
    demand(
      [...codes.values()].every(({ code }) => Number.isInteger(code)),
      'a code that is no number',
    );
    return { outcome, words, verdict: verdictOf(outcome), detail, codes: [...codes] };
  },
  long: {
    'many brackets': (bytes) => repeated('[', bytes, '{"code":0,"result":'),
    'a long message': (bytes) => repeated(' \\n', bytes, '{"code":0,"message":"', '"}'),
    'many devices': (bytes) => repeated(`{"imei":"${IMEI}","code":"1"},`, bytes, '{"code":0,"result":[', '0]}'),
    'a list in a text': (bytes) => repeated(' ,;', bytes, '{"code":0,"result":"', '"}'),
    'many expirations': (bytes) =>
      repeated('a,2026-01-01 00:00:00|', bytes, `{"code":0,"result":{"imei":"${IMEI}","user_expiration":"`, '"}}'),
    'blanks in a code': (bytes) => repeated(' ', bytes, '{"code":"1', 'x"}'),
  },
};

async function answered(input: Buffer) {
  const real = globalThis.fetch;
  globalThis.fetch = async () => new Response(new Uint8Array(input), { status: 200 });
  try {
    return await postForm('http://platform.example/', {}, { timeoutMs: 60_000 });
  } finally {
    globalThis.fetch = real;
  }
}

/** Texts of a configuration, with words in braces. */
export const importFields: Parser = {
  name: 'import-fields',
  maxBytes: 400,
  tokens: [
    'account={account}',
    'imeis={imeis}',
    '&',
    '=',
    '{',
    '}',
    '{model}',
    '{nothing}',
    'sign',
    'method',
    '__proto__=',
    'constructor=',
  ],
  seeds: () =>
    ['account={account}&imeis={imeis}&model={model}', 'a={imeis}{account}', 'x', '&&', 'sign=1'].map((text) =>
      Buffer.from(text),
    ),
  read(input) {
    try {
      return readImportFields(input.toString('utf8'));
    } catch (error) {
      demand(
        error instanceof TypeError && /^(?:has|sets|does not say) /.test(error.message),
        `it ends in ${String(error)}`,
      );
      return error.message;
    }
  },
  long: {
    'many braces': (bytes) => repeated('{', bytes, 'a='),
    'many parts': (bytes) => repeated('&', bytes, 'account={account}'),
  },
};

/** Addresses that a webhook must never lead to, by what their URL says. */
export const targets: Parser = {
  name: 'webhook-urls',
  maxBytes: 300,
  tokens: [
    'http://', 'https://', 'localhost', '127.0.0.1', '0x7f.1', '2130706433', '[::1]', '[::ffff:127.0.0.1]', '[64:ff9b::7f00:1]', '[2002:7f00:1::]', '169.254.169.254',
    '[fe80::1%25eth0]', '@', ':', '/', '#', '?', '\\', '.', 'user:pass@', '0', '10.0.0.1', '①②⑦.0.0.1', '%31', '。', 'example.com', '[fd00:ec2::254]', '::', 'ffff',
  ], // prettier-ignore
  seeds: () =>
    [
      'https://example.com/hook', 'http://127.0.0.1/', 'http://0x7f000001/', 'http://[::ffff:10.0.0.1]/', 'http://169.254.169.254/latest', 'https://user:p@example.com',
      'ftp://example.com', 'http://localhost.', 'http://[64:ff9b::a00:1]', 'http://8.8.8.8', 'http://[2606:4700::1111]/x#y', 'http://127.1:80', 'http://017700000001',
    ].map((text) => Buffer.from(text)), // prettier-ignore
  read(input) {
    const text = input.toString('utf8');
    const refused = refuseUrl(text, false);
    if (refused !== null) {
      demand(refused.length > 0, 'a refusal without words');
      return refused;
    }
    const url = new URL(text);
    demand(url.protocol === 'http:' || url.protocol === 'https:', `${url.protocol} is let through`);
    demand(url.username === '' && url.password === '' && url.hash === '', 'a password or a fragment is let through');
    const host = url.hostname.replaceAll(/[[\]]/g, '');
    if (isIP(host) !== 0 && !isPublic(host)) throw new Violation(`${host} is let through`);
    demand(!/^(?:.*\.)?localhost\.?$/i.test(host), `${host} is let through`);
    return null;
  },
  long: {
    'many dots': (bytes) => repeated('.', bytes, 'http://'),
    'many colons': (bytes) => repeated(':', bytes, 'http://[', ']'),
    'many labels': (bytes) => repeated('a.', bytes, 'http://'),
  },
};

/** Told in another way than by the program: by the beginning of the address, bit for bit. */
function isPublic(host: string): boolean {
  const bits = isIP(host) === 4 ? bits4(host) : bits6(host);
  const inner =
    /^0{80}1{16}|^0{96}(?=.*1)|^00000000011001001111111110011011/.test(bits) && bits.length === 128
      ? bits.slice(96)
      : bits.startsWith('0010000000000010') && bits.length === 128
        ? bits.slice(16, 48)
        : null;
  if (inner !== null && bits !== `${'0'.repeat(127)}1`) return isPublic(dotted(inner));
  const within = (network: string, length: number) => {
    const other = isIP(network) === 4 ? bits4(network) : bits6(network);
    return other.length === bits.length && other.slice(0, length) === bits.slice(0, length);
  };
  return !FORBIDDEN.some(([network, length]) => within(network, length));
}

const FORBIDDEN: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8], ['10.0.0.0', 8], ['127.0.0.0', 8], ['169.254.0.0', 16], ['172.16.0.0', 12], ['192.168.0.0', 16], ['100.64.0.0', 10], ['224.0.0.0', 3],
  ['::1', 128], ['::', 128], ['fe80::', 10], ['fc00::', 7], ['ff00::', 8],
]; // prettier-ignore

function bits4(address: string): string {
  return address
    .split('.')
    .map((part) => Number(part).toString(2).padStart(8, '0'))
    .join('');
}

function bits6(address: string): string {
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string | undefined) => (text ?? '').split(':').filter((group) => group !== '');
  const [first, last] = [groups(head), groups(tail)];
  const all =
    tail === undefined ? first : [...first, ...Array<string>(8 - first.length - last.length).fill('0'), ...last];
  return all.map((group) => Number.parseInt(group, 16).toString(2).padStart(16, '0')).join('');
}

function dotted(bits: string): string {
  return [0, 8, 16, 24].map((at) => Number.parseInt(bits.slice(at, at + 8), 2)).join('.');
}
