/**
 * Firmware files described byte by byte, so that packets and their check codes can be computed without having the file:
 * `{"generator": "byte[i] = (i*7+3) mod 256", "size": 35912}`. For the decoder; nothing of it is ever sent.
 */
import { BadInput, hexBytes, toldNumber, type Json } from './decode-fields.ts';

/** Bytes of a described file; far above what any terminal takes. */
const FILE_LIMIT = 16 * 1024 * 1024;

/** Names under which the size of a file is told. */
export const FILE_SIZE_NAMES = ['size', 'filesize', 'fsz'];

/** The described file: bytes as `hex`, or `size` bytes made by `generator`, an expression in `i`. */
export function describedFile(file: Json): Buffer {
  if (typeof file.hex === 'string') return hexBytes(file.hex);
  const size = toldNumber([file], FILE_SIZE_NAMES);
  if (size === null || size > FILE_LIMIT) throw new BadInput(`firmware.size must be 0..${FILE_LIMIT}`);
  if (typeof file.generator !== 'string') throw new BadInput('firmware needs a generator or hex');
  const byteAt = parseGenerator(file.generator);
  return Buffer.from(Uint8Array.from({ length: size }, (_, index) => byteAt(index)));
}

type Formula = (i: number) => number;

const OPERATORS: Readonly<Record<string, { level: number; apply: (a: number, b: number) => number }>> = {
  or: { level: 0, apply: (a, b) => (a | b) >>> 0 },
  xor: { level: 1, apply: (a, b) => (a ^ b) >>> 0 },
  and: { level: 2, apply: (a, b) => (a & b) >>> 0 },
  '<<': { level: 3, apply: (a, b) => a * 2 ** b },
  '>>': { level: 3, apply: (a, b) => Math.floor(a / 2 ** b) },
  '+': { level: 4, apply: (a, b) => a + b },
  '-': { level: 4, apply: (a, b) => a - b },
  '*': { level: 5, apply: (a, b) => a * b },
  '/': { level: 5, apply: (a, b) => Math.floor(a / b) },
  mod: { level: 5, apply: (a, b) => a - b * Math.floor(a / b) },
};
const SYNONYMS: Readonly<Record<string, string>> = { '%': 'mod', '^': 'xor', '&': 'and', '|': 'or', '//': '/' };

/** Reads `byte[i] = <formula>`: numbers (decimal or 0x), `i`, + - * / mod and or xor << >>, parentheses. */
export function parseGenerator(text: string): Formula {
  const formula = text.replace(/^\s*byte\s*\[\s*i\s*\]\s*=/i, '').toLowerCase();
  const tokens = formula.match(/0x[0-9a-f]+|[0-9]+|[a-z]+|<<|>>|\/\/|\S/g) ?? [];
  let next = 0;
  const operand = (): Formula => {
    const token = tokens[next++];
    if (token === 'i') return (i) => i;
    if (token === '(') {
      const inner = expression(0);
      if (tokens[next++] !== ')') throw new BadInput('generator: a parenthesis is not closed');
      return inner;
    }
    if (token === undefined || !/^[0-9]/.test(token)) throw new BadInput(`generator: unexpected ${token ?? 'end'}`);
    const value = Number(token);
    return () => value;
  };
  const expression = (level: number): Formula => {
    let left = operand();
    for (;;) {
      const token = tokens[next];
      const operator = token === undefined ? undefined : OPERATORS[SYNONYMS[token] ?? token];
      if (operator === undefined || operator.level < level) return left;
      next += 1;
      const [before, after] = [left, expression(operator.level + 1)];
      left = (i) => operator.apply(before(i), after(i));
    }
  };
  if (tokens.length > 200) throw new BadInput('generator: too long');
  const whole = expression(0);
  if (next < tokens.length) throw new BadInput(`generator: unexpected ${tokens[next]}`);
  return (i) => whole(i) & 0xff;
}
