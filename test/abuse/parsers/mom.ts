/** What equipment says to the MOM interface, and what a MOM answers to Slipway. */
import { MOM_NAMES, MOM_REJECTIONS, type MomName } from '../../../gateways/mom/contract.ts';
import {
  ANSWER_LIMIT,
  fingerprintOf,
  identityOf,
  keepable,
  parseBody,
  readAnswer,
  readRequest,
  REQUEST_LIMIT,
  writeRequest,
} from '../../../gateways/mom/envelope.ts';
import { WARNINGS_LIMIT } from '../../../gateways/mom/fields.ts';
import { parseLoose } from '../../../gateways/mom/loose-json.ts';
import { QUIRK_NAMES, QUIRKS } from '../../../gateways/mom/quirks.ts';
import { nameOf } from '../../../gateways/mom/values.ts';
import { REQUESTED_AT_MS, REQUESTS } from '../../support/mom-requests.ts';
import { demand, repeated, type Parser } from '../fuzz/parser.ts';

const TIMES = { zIsUtc: false };
const TOKENS = [
  '{', '}', '[', ']', ',', '，', ':', '：', '"', '\\', '\\u0000', '\\ud800', '\\n', '\r\n', ' ', '//', '/*', '*/', '#', '\ufeff', 'null', 'TRUE', 'false',
  '"SessionId":', '"RequestTime":', '"EquipmentCode":', '"Password"', '" Pass word ":"x"', '"SerialNos":[', '"AlertInfo":', '"AlertReset":0',
  '"2024-4-10T6:16:31Z"', '1e400', '-0', '00012', '0.1', '"__proto__":', '"constructor":', '\ud83d\ude00',
]; // prettier-ignore

/** The name of the call stands before the body, as it does in the path. */
function asInput(name: string, text: string): Buffer {
  return Buffer.from(`${name}\n${text}`, 'utf8');
}

function partsOf(input: Buffer): { name: MomName; text: string } {
  const all = input.toString('utf8');
  const end = all.indexOf('\n');
  const called = all.slice(0, Math.max(end, 0));
  const text = all.slice(end + 1);
  return { name: nameOf(called) ?? MOM_NAMES[text.length % MOM_NAMES.length]!, text };
}

const long: Parser['long'] = {
  'many brackets': (bytes) => repeated('[', bytes, 'EqptRun\n{"a":'),
  'many braces': (bytes) => repeated('{"a":', bytes, 'EqptRun\n'),
  'an endless text': (bytes) => repeated('x', bytes, 'EqptRun\n{"a":"'),
  'many backslashes': (bytes) => repeated('\\', bytes, 'EqptRun\n{"a":"'),
  'many line breaks in a text': (bytes) => repeated(' \n', bytes, 'EqptRun\n{"Software":"', '",}'),
  'many comments': (bytes) => repeated('/**/', bytes, 'EqptRun\n', '{}'),
  'comments without an end': (bytes) => repeated('/*', bytes, 'EqptRun\n{'),
  'many headings': (bytes) => repeated('#\n', bytes, 'EqptRun\n', '{}'),
  'many keys': (bytes) => repeated('"SessionId ":1,', bytes, 'EqptRun\n{', '"x":1}'),
  'many passwords': (bytes) => repeated('"password":', bytes, 'EqptRun\n{'),
  'blanks in a password': (bytes) => repeated(' ', bytes, 'EqptRun\n{"p', '":"x",}'),
  'many digits': (bytes) => repeated('9', bytes, 'EqptRun\n{"EquipmentModel":', ',}'),
  'blanks around a value': (bytes) => repeated(' ', bytes, 'EqptRun\n{"SessionId":"', 'x",}'),
  'blanks in a time': (bytes) => repeated(' ', bytes, 'EqptRun\n{"RequestTime":"2024-04-10', '06:16:31"}'),
};

export const requests: Parser = {
  name: 'mom-request',
  maxBytes: 1_500,
  tokens: TOKENS,
  seeds: () =>
    MOM_NAMES.flatMap((name, index) => {
      const clean = writeRequest(name, REQUESTS[name]);
      const quirks = [QUIRK_NAMES[index % QUIRK_NAMES.length]!, QUIRK_NAMES[(index + 11) % QUIRK_NAMES.length]!];
      return [asInput(name, clean), ...quirks.map((quirk) => asInput(name, QUIRKS[quirk].bend(clean)))];
    }),
  read(input) {
    const { name, text } = partsOf(input);
    const kept = keepable(text);
    demand(kept.length <= 4_096 && !kept.includes('\0'), 'what is kept of a body cannot be stored');
    const loose = parseLoose(text);
    const body = parseBody(text);
    if (!body.ok) {
      demand(MOM_REJECTIONS.includes(body.failure), `a refusal without a name: ${body.failure}`);
      return { loose, body };
    }
    const identity = identityOf(body);
    const read = readRequest(name, body, TIMES);
    demand(read.warnings.length <= WARNINGS_LIMIT, `${read.warnings.length} warnings`);
    if (!read.ok) {
      demand(MOM_REJECTIONS.includes(read.failure), `a refusal without a name: ${read.failure}`);
      return { identity, read };
    }
    demand(!/\\u0000|\\ud[89a-f]/i.test(JSON.stringify(read.request)), 'a request holds what a database refuses');
    const again = readAgain(name, { ...read.request, requestedAtMs: read.request.requestedAtMs ?? REQUESTED_AT_MS });
    demand(again === fingerprintOf(wholeSeconds(read.request)), 'it changes when it is written and read');
    return { identity, read };
  },
  long,
  longBytes: REQUEST_LIMIT - 64,
};

type Request = (typeof REQUESTS)[MomName];

function readAgain(name: MomName, request: Request): string {
  const body = parseBody(writeRequest(name, request as never), Infinity);
  demand(body.ok, 'what was written is no JSON');
  const read = readRequest(name, body, TIMES);
  demand(read.ok, `what was written is refused: ${read.ok ? '' : read.message}`);
  return fingerprintOf(read.request);
}

/** Times are written to the second. */
function wholeSeconds(request: Request): Request {
  if (!('changedAtMs' in request)) return request;
  return { ...request, changedAtMs: Math.floor((request.changedAtMs ?? 0) / 1_000) * 1_000 };
}

export const answers: Parser = {
  name: 'mom-answer',
  maxBytes: 1_500,
  tokens: [...TOKENS, '"ResultFlag":true', '"Success":true', '"MOMMessage":"OK"', '"KeyFlag":"1"'],
  seeds: () =>
    MOM_NAMES.map((name) =>
      asInput(
        name,
        JSON.stringify({
          SessionId: 'S', RequestTime: '2024-04-10 06:16:31', Software: 'MOM', EquipmentCode: 'EQ1', ResultFlag: true, Success: true, MOMMessage: 'OK', KeyFlag: '1',
          ParameterInfo: [{ ParameterCode: 'P1', ParameterValue: '1' }], SerialNos: [{ SerialNo: 'A', PositionNo: 1 }], TrayBarcode: 'T',
        }),
      ),
    ), // prettier-ignore
  read(input) {
    const { name, text } = partsOf(input);
    const read = readAnswer(name, text, TIMES);
    if (!read.ok) demand(MOM_REJECTIONS.includes(read.failure), `a refusal without a name: ${read.failure}`);
    demand(read.warnings.length <= WARNINGS_LIMIT, `${read.warnings.length} warnings`);
    return read;
  },
  long,
  longBytes: ANSWER_LIMIT - 64,
};
