/**
 * Registers devices from a CSV file: the file goes out as a stream and the answer comes back as one, so 100 000 rows
 * need no memory, and what is refused is seen at once.
 */
import { createReadStream, statSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Command } from 'commander';
import { failureFrom, unreachable, type Api } from './api.ts';
import { runs } from './context.ts';
import { EXIT, Failure } from './failures.ts';
import { amount, bytes, type Output } from './output.ts';
import { bar, LiveLine } from './progress.ts';

interface ImportedRow {
  row: number;
  status: string;
  deviceId: string | null;
  code: string | null;
  message: string | null;
}

interface Sums {
  rows: number;
  created: number;
  updated: number;
  unchanged: number;
  refused: number;
}

export function addImportCommand(devices: Command): void {
  devices
    .command('import')
    .description('register devices from a CSV file (UTF-8, the first line names the columns)')
    .argument('<file>', 'the file, or - for stdin')
    .addHelpText(
      'after',
      `
Columns: protocol, identity, imei, model, powerKw, productionDate, shipDate, orderNo, remark; charging piles need
model (DC or AC) and powerKw.
A refused row never stops the rest, and importing a file again is harmless. Exit code 1 if a row was refused.`,
    )
    .action(
      runs(async ({ out, api }, path: string) => {
        const source = openSource(path);
        const report = new Report(out);
        const live = new LiveLine(out);
        let sent = 0;
        const counting = new Transform({
          transform(chunk: Buffer, _encoding, done) {
            sent += chunk.length;
            live.show(() => progressText(out, sent, source.size, report.seen));
            done(null, chunk);
          },
        });
        try {
          await exchange(api, source.stream, counting, report);
        } finally {
          live.clear();
        }
        return report.end();
      }),
    );
}

function openSource(path: string): { stream: Readable; size: number | null } {
  if (path === '-') return { stream: process.stdin, size: null };
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) throw new Failure(`${path} is a folder. Name a CSV file.`);
    return { stream: createReadStream(path), size: stat.isFile() ? stat.size : null };
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(`${path} cannot be read: ${(error as Error).message}.`);
  }
}

function progressText(out: Output, sent: number, size: number | null, rows: number): string {
  const seen = rows === 0 ? '' : `  ${amount(rows)} rows answered`;
  if (size === null || size === 0) return `${bytes(sent)} sent${seen}`;
  return `${bar(sent / size, Math.min(40, (out.width ?? 80) - 40))} ${bytes(sent)} of ${bytes(size)}${seen}`;
}

/** Sends the file while the answer is being read: the server answers rows before it has seen the last one. */
async function exchange(api: Api, file: Readable, counting: Transform, report: Report): Promise<void> {
  const { url, headers } = api.request('/devices/import');
  const request = (url.protocol === 'https:' ? https : http).request(url, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'text/csv', accept: 'application/x-ndjson, application/json' },
  });
  const answered = new Promise<http.IncomingMessage>((resolve, reject) => {
    request.once('response', resolve).once('error', reject);
  });
  const sending = pipeline(file, counting, request).catch((error: unknown) => {
    // A server that has refused stops reading; what it said counts.
    if (isCut(error)) return;
    request.destroy(error as Error);
    throw error;
  });
  try {
    const response = await answered;
    await readAnswer(response, api, report);
    file.destroy();
    await sending;
  } catch (error) {
    throw error instanceof Failure ? error : unreachable(api.url, error);
  }
}

function isCut(error: unknown): boolean {
  return ['EPIPE', 'ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE'].includes(String((error as { code?: unknown }).code));
}

async function readAnswer(response: http.IncomingMessage, api: Api, report: Report): Promise<void> {
  response.setEncoding('utf8');
  const status = response.statusCode ?? 0;
  const type = response.headers['content-type'] ?? '';
  if (status === 200 && /ndjson|jsonl|json-seq/.test(type)) {
    let pending = '';
    try {
      for await (const chunk of response) {
        const lines = (pending + String(chunk)).split('\n');
        pending = lines.pop()!;
        for (const line of lines) if (line.trim() !== '') report.line(JSON.parse(line));
      }
    } catch {
      // Cut off: that its end is missing says so.
    }
    return;
  }
  let text = '';
  for await (const chunk of response) text += String(chunk);
  if (status < 200 || status > 299) throw failureFrom(status, text, api.url);
  const { results, ...sums } = JSON.parse(text) as Sums & { results: ImportedRow[] };
  for (const row of results) report.row(row);
  report.sums = sums;
}

/** Says what came of the rows: refused ones as they come, the sums at the end. */
class Report {
  sums: Sums | null = null;
  problem: Failure | null = null;
  seen = 0;
  readonly #out: Output;
  readonly #counted: Sums = { rows: 0, created: 0, updated: 0, unchanged: 0, refused: 0 };
  readonly #refused: ImportedRow[] = [];
  readonly #show: (rows: readonly ImportedRow[]) => void;

  constructor(out: Output) {
    this.#out = out;
    this.#show = out.table<ImportedRow>([
      { title: 'row', value: ({ row }) => row, align: 'right' },
      { title: 'device', value: ({ deviceId }) => deviceId },
      { title: 'refused because', value: ({ code }) => code },
      { title: 'what to do', value: ({ message }) => message, gives: true },
    ]);
  }

  /** A line of a streamed answer: a row, the sums at its end, or a problem that ended it. */
  line(line: { row?: number; summary?: Sums; problem?: { status?: number } }): void {
    if (line.row !== undefined) this.row(line as ImportedRow);
    else if (line.summary !== undefined) this.sums = line.summary;
    else if (line.problem !== undefined) {
      this.problem = failureFrom(line.problem.status ?? 500, JSON.stringify(line.problem), '');
    }
  }

  row(row: ImportedRow): void {
    this.seen++;
    this.#counted.rows++;
    if (row.status in this.#counted) this.#counted[row.status as keyof Sums]++;
    if (row.status === 'refused') this.#refused.push(row);
  }

  /** Prints the result, also of an import that did not come to its end; the exit code. */
  end(): number {
    const { rows, created, updated, unchanged, refused } = this.sums ?? this.#counted;
    const sums = { rows, created, updated, unchanged, refused };
    if (this.#out.isJson) this.#out.document({ ...sums, refusedRows: this.#refused });
    this.#show(this.#refused);
    this.#out.say(
      `${amount(rows)} rows: ${amount(created)} created, ${amount(updated)} updated, ${amount(unchanged)} unchanged, ` +
        this.#out.paint(refused > 0 ? 'red' : 'dim', `${amount(refused)} refused`),
    );
    if (this.problem !== null) throw this.problem;
    if (this.sums === null) {
      const message =
        'The answer ended before its end: the rows above are done. Import the file again, that is harmless.';
      throw new Failure(message, { exitCode: EXIT.unreachable, code: 'unreachable' });
    }
    this.#out.essence(created + updated + unchanged);
    return refused > 0 ? EXIT.failed : EXIT.ok;
  }
}
