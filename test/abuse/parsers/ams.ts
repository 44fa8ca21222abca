/** What AMS trackers upload as their versions, and what part of a file they ask for. */
import { readRange } from '../../../gateways/ams/ranges.ts';
import { readVersions, VERSIONS_ERRORS, VERSIONS_TEXT_LIMIT } from '../../../gateways/ams/versions.ts';
import { demand, repeated, type Parser } from '../fuzz/parser.ts';
import { bytesOf, vectorsOf } from './vectors.ts';

const WARNING =
  /^(?:trailing_comma|full_width_punctuation|unquoted_value|empty_list|(?:unknown_type|duplicate_type|empty_version|extra_key):[\s\S]*)$/;

export const versions: Parser = {
  name: 'ams-versions',
  maxBytes: 1_200,
  tokens: [
    '{',
    '}',
    '[',
    ']',
    ',',
    '，',
    ':',
    "'",
    '"',
    '\\',
    "t:'1'",
    "v:'V1'",
    "{t:'3',v:'X'}",
    'null',
    'T3',
    ' ',
    '\u3000',
    '\0',
    '__proto__',
    "'constructor'",
  ],
  seeds: () => vectorsOf('ams-version').map(bytesOf),
  read(input) {
    const read = readVersions(input.toString('utf8'));
    if (!read.ok) {
      demand(VERSIONS_ERRORS.includes(read.error), `an error without a name: ${read.error}`);
      return read;
    }
    const types = read.versions.map(({ t }) => t);
    demand(new Set(types).size === types.length, 'a type is there twice');
    for (const { t, v, kind } of read.versions) {
      demand(t !== '' && v !== '' && v === v.trim(), 'a version is empty or has blanks around it');
      demand((kind === 'unknown') === !/^[1-5]$/.test(t), `type ${t} is called ${kind}`);
    }
    demand(
      new Set(read.warnings).size === read.warnings.length && read.warnings.every((each) => WARNING.test(each)),
      'an odd warning',
    );
    // Written cleanly, it is read as the same.
    const quoted = (text: string) => `'${text.replaceAll(/[\\']/g, '\\$&')}'`;
    const clean = read.versions.map(({ t, v }) => `{t:${quoted(t)},v:${quoted(v)}}`).join(',') || '[]';
    const again = readVersions(clean);
    demand(again.ok, `what was read cannot be read when it is written cleanly: ${clean}`);
    demand(JSON.stringify(again.versions) === JSON.stringify(read.versions), 'it changes when it is written and read');
    return read;
  },
  long: {
    'many braces': (bytes) => repeated('{', bytes),
    'many entries': (bytes) => repeated("{t:'1',v:'V'},", bytes),
    'an endless text': (bytes) => repeated('x', bytes, "{t:'1',v:'"),
    'many signs to escape': (bytes) => repeated('\\x', bytes, "{t:'1',v:'", "'}"),
    'many blanks': (bytes) => repeated(' ', bytes, "{t:'1',v:", "'x'}"),
    'blanks inside a word': (bytes) => repeated(' ', bytes, '{t:1,v:a', 'b}'),
    'many keys': (bytes) => repeated('a:1,', bytes, '{', "t:'1'}"),
    'more than is read': () => repeated('{', 4_000_000),
  },
  // The last one apart, more would be refused unread.
  longBytes: VERSIONS_TEXT_LIMIT - 64,
};

export const ranges: Parser = {
  name: 'ams-ranges',
  maxBytes: 200,
  tokens: ['bytes=', 'Bytes=', '0', '-', '999', '1000', '99999999999999999999999', ',', ' ', '\t'],
  seeds: () =>
    ['bytes=0-', 'bytes=5-9', 'bytes=-7', 'bytes=999-', 'bytes=1000-', 'bytes=9-5', 'items=1-2', 'bytes=0-1,3-4'].map(
      (text) => Buffer.from(text),
    ),
  read(input) {
    const sizeBytes = 1_000;
    const asked = readRange(input.toString('latin1'), sizeBytes);
    if (asked.kind === 'part') {
      const { start, end } = asked;
      const isInside =
        Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start < end && end <= sizeBytes;
      demand(isInside, `bytes ${start} to ${end} of ${sizeBytes} are sent`);
    }
    return asked;
  },
  long: {
    'many digits': (bytes) => repeated('9', bytes, 'bytes='),
    'many blanks': (bytes) => repeated(' ', bytes, 'bytes=', 'x'),
    'blanks behind': (bytes) => repeated('\t', bytes, 'bytes=0-', 'x'),
  },
};
