/** Lines of the decoder for people: the protocol, and a JSON line as a capture holds it. */
import { decodeLine } from '../../../gateways/decode.ts';
import { demand, repeated, type Parser } from '../fuzz/parser.ts';
import { vectorsOf } from './vectors.ts';

const PROTOCOLS = ['terminal', 'ams', 'pcp', 'pile'] as const;
const FILES = { terminal: ['b1301', 'nbota'], ams: ['ams-version'], pcp: ['pcp'], pile: ['pile'] };

export const decoder: Parser = {
  name: 'decode',
  maxBytes: 1_200,
  tokens: [
    '"mode":', '"frame"', '"stream"', '"text-stream"', '"mixed-stream"', '"packet"', '"datagram"', '"direction":', '"device->server"', '"server->device"', '"either"',
    '"hex":"', '"text":"', '"terminal":{', '"session":null', '"session":{}', '"firmware":{"generator":"byte[i] = (i*7+3) mod 256","size":35912}', '"packetSize":0', '"pcnt":-1',
    '"snLength":[5]', '"startMark":"0x2B"', '"bccMode":"warn"', '"keywords":["(a+)+$"]', '{', '}', '[', ']', ',', '"', '1e99', '"size":1e9', 'null',
  ], // prettier-ignore
  seeds: () =>
    PROTOCOLS.flatMap((protocol) =>
      vectorsOf(...FILES[protocol])
        .filter((_, index) => index % 4 === 0)
        .map((vector) => {
          const { decoded: _decoded, source: _source, note: _note, ...line } = vector as Record<string, unknown>;
          return Buffer.from(`${protocol}\n${JSON.stringify(line)}`);
        }),
    ),
  read(input) {
    const text = input.toString('utf8');
    const end = Math.max(text.indexOf('\n'), 0);
    const protocol =
      PROTOCOLS.find((each) => each === text.slice(0, end)) ?? PROTOCOLS[text.length % PROTOCOLS.length]!;
    const options = { details: text.length % 2 === 0 };
    const decoded = decodeLine(protocol, text.slice(end + 1), options);
    demand(JSON.stringify(decoded).length < 2_000 + 60 * text.length, 'an answer is much longer than its line');
    return decoded;
  },
  long: {
    'many digits': (bytes) => repeated('13', bytes, 'terminal\n{"mode":"stream","hex":"', '"}'),
    'many blanks': (bytes) => repeated(' ', bytes, 'pile\n{"hex":"', '68"}'),
    'many +': (bytes) => repeated('+', bytes, 'terminal\n{"mode":"mixed-stream","text":"', '"}'),
    'lines of a server': (bytes) =>
      repeated('+B1301', bytes, 'terminal\n{"mode":"text-stream","direction":"server->device","text":"', '"}'),
    'line ends far away': (bytes) =>
      repeated('+', bytes, 'terminal\n{"mode":"text-stream","direction":"server->device","text":"', '\\r\\n"}'),
    'start marks of PCP': (bytes) => repeated('fffe', bytes, 'pcp\n{"mode":"stream","hex":"', '"}'),
    'many brackets': (bytes) => repeated('[', bytes, 'terminal\n'),
  },
};
