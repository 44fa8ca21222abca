/**
 * The decoder for people: `npm run -s decode -- <terminal|ams|pcp|pile>` reads captured bytes or text and says what
 * they are.
 *
 * One JSON line in, one JSON line out, with the codecs the program itself uses. An input line has the shape of the files
 * in `test/vectors/`; one that cannot be used gives a line with `bad_input`. It opens no connection and keeps no state
 * between lines.
 */
import { pathToFileURL } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { readVersions } from './ams/versions.ts';
import { BadInput, inputText, isObject, type Json } from './decode-fields.ts';
import { decodePcpInput, PCP_MODES } from './decode-pcp.ts';
import { decodePile, PILE_DIRECTIONS, PILE_MODES } from './decode-pile.ts';
import { decodeTerminal, DIRECTIONS, MODES, type DecodeOptions } from './decode-terminal.ts';
import { PCP_DIRECTIONS } from './pcp/codec.ts';

const DECODE_PROTOCOLS = ['terminal', 'ams', 'pcp', 'pile'] as const;
type DecodeProtocol = (typeof DECODE_PROTOCOLS)[number];

/** Decodes one input object; never throws on what is in it. */
export function decodeInput(protocol: DecodeProtocol, input: unknown, options: DecodeOptions = {}): Json {
  try {
    if (!isObject(input)) throw new BadInput('the line must hold a JSON object');
    if (protocol === 'ams') return { ...readVersions(inputText(input)) };
    if (protocol === 'pcp') return decodePcpInput(input, options);
    if (protocol === 'pile') return decodePile(input, options);
    return decodeTerminal(input, options);
  } catch (error) {
    if (error instanceof BadInput) return { ok: false, error: 'bad_input', message: error.message };
    throw error;
  }
}

/** Decodes one line of JSON text. */
export function decodeLine(protocol: DecodeProtocol, line: string, options: DecodeOptions = {}): Json {
  let input: unknown;
  try {
    input = JSON.parse(line.replace(/^\ufeff/, ''));
  } catch (error) {
    return { ok: false, error: 'bad_input', message: `not JSON: ${(error as Error).message}` };
  }
  return decodeInput(protocol, input, options);
}

interface CommandLine extends DecodeOptions {
  hex?: string;
  text?: string;
  mode?: string;
  direction?: string;
}

/** Text of a shell: `\r` and `\n` are hard to type, so they may be spelled out. */
function shellText(protocol: DecodeProtocol, text: string): string {
  return protocol !== 'ams' ? text.replaceAll('\\r', '\r').replaceAll('\\n', '\n') : text;
}

async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('decode')
    .description('Says what captured bytes or text of a device are, one JSON line for each.')
    .argument('<protocol>', DECODE_PROTOCOLS.join(' or '), parseProtocol)
    .option('--hex <digits>', 'decode this frame in place of standard input')
    .option(
      '--text <text>',
      'decode this text in place of standard input; \\r and \\n may be spelled out (not for ams)',
    )
    .addOption(
      new Option('--mode <mode>', 'what the input holds').choices([
        ...new Set([...MODES, ...PCP_MODES, ...PILE_MODES]),
      ]),
    )
    .addOption(
      new Option('--direction <direction>', 'who sent it').choices([
        ...new Set([...PCP_DIRECTIONS, ...PILE_DIRECTIONS, ...DIRECTIONS]),
      ]),
    )
    .addOption(
      new Option('--bcc-mode <mode>', 'warn: accept wrong check codes of lines, for printed samples').choices([
        'strict',
        'warn',
      ]),
    )
    .option(
      '--details',
      'add offset and hex to errors; to pcp and pile streams, what the frames say and what was dropped; to pcp results, words',
    )
    .addHelpText('after', HELP)
    .parse(argv, { from: 'user' });
  const protocol = program.processedArgs[0] as DecodeProtocol;
  const { hex, text, mode, direction, ...options } = program.opts<CommandLine>();
  if (hex !== undefined || text !== undefined) {
    const bytes = hex === undefined ? { text: shellText(protocol, text as string) } : { hex };
    const result = decodeInput(protocol, { ...bytes, mode, direction }, options);
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  for await (const line of inputLines()) {
    if (line.trim() === '') continue;
    process.stdout.write(`${JSON.stringify(decodeLine(protocol, line, options))}\n`);
  }
}

/** Lines of standard input; only LF ends one, because JSON text may hold the other separators of Unicode. */
async function* inputLines(): AsyncGenerator<string> {
  process.stdin.setEncoding('utf8');
  let rest = '';
  for await (const chunk of process.stdin as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() as string;
    yield* lines;
  }
  yield rest;
}

function parseProtocol(value: string): DecodeProtocol {
  const protocol = DECODE_PROTOCOLS.find((each) => each === value);
  if (protocol === undefined) throw new InvalidArgumentError(`It must be ${DECODE_PROTOCOLS.join(' or ')}.`);
  return protocol;
}

const HELP = `
Input lines are JSON objects:
  terminal  {"mode": "frame|text|stream|text-stream|mixed-stream", "direction": "device->server|server->device",
             "hex": "..." or "text": "...", "terminal": {"softwareVersion": "10", "sn": "6134441313", "hasMainInfoLen": true},
             "session": {"sn": "6134441313", "packetCount": 36}, "bccMode": "strict|warn"}
            {"mode": "packet", "firmware": {"generator": "byte[i] = (i*7+3) mod 256", "size": 35912},
             "packetSize": 1024, "pcnt": 1}
  ams       {"text": "{t:'1',v:'X_V1'}"}
  pcp       {"mode": "datagram|stream", "direction": "device->platform|platform->device",
             "hex": "..." or "text": "+NNMI:8,FFFE01134c9a0000"}
  pile      {"mode": "frame|stream", "direction": "pile->platform|platform->pile", "hex": "..."}

Examples:
  npm run -s decode -- terminal --hex 1302011561344413130BFF6C010DFE9D4113B17E7E
  npm run -s decode -- terminal --text '+B1301,10,CHKSLPT,1B\\r\\n'
  npm run -s decode -- ams < uploads.jsonl
  npm run -s decode -- pcp --direction 'device->platform' --hex FFFE0116850E000100
  npm run -s decode -- pile --hex 680C001100923201020000000101D2E7`;

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // whoever reads may stop reading, for example `head`
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  await main(process.argv.slice(2));
}
