/**
 * Megabytes per second of the FTP server for piles, beside a bare TCP server that sends the same bytes on every
 * connection and closes it: same client, same run. What FTP does besides, PASV and RETR for each file, is part of it;
 * the file is larger than those of piles, so that the sending is what is measured and not these round trips.
 */
import { createHash } from 'node:crypto';
import net from 'node:net';
import type { Bench } from './area.ts';
import { memoryHost, offerOf } from './packet-servers.ts';
import { ask, cpuMicros, inPairs, reportPairs, serveRole, startRole, stop } from './processes.ts';
import type { OpenOffer } from '../gateways/devices.ts';
import { FileCache } from '../gateways/file-cache.ts';
import { FtpServer } from '../gateways/pile/ftp.ts';

const FILE_BYTES = 16 * 1024 * 1024;
const CLIENTS = 4;
const KINDS = ['FTP', 'bare'] as const;
const file = Buffer.alloc(FILE_BYTES, createHash('sha256').update('bench').digest());
const readBuffer = Buffer.allocUnsafeSlow(262_144);

interface FetchOrder {
  kind: (typeof KINDS)[number];
  port: number;
  durationMs: number;
  user: string;
  password: string;
  path: string;
}

/** Measures some rounds of each server. */
export async function measureFtp(
  bench: Bench,
  { rounds, durationMs }: { rounds: number; durationMs: number },
): Promise<void> {
  const servers = { FTP: await startRole('ftp-server', bench), bare: await startRole('ftp-bare', bench) };
  const { child: generator } = await startRole('ftp-load', bench);
  const access = await ask<object>(servers.FTP.child, 'access');
  const result = await inPairs(KINDS, rounds, async (kind) => {
    const { child, port } = servers[kind];
    const before = await ask<{ cpu: number }>(child, 'cpu');
    const { bytes, elapsedMs } = await ask<{ bytes: number; elapsedMs: number }>(generator, {
      ...access,
      kind,
      port,
      durationMs,
    });
    const after = await ask<{ cpu: number }>(child, 'cpu');
    const megabytes = bytes / 1_000_000;
    return { perSecond: megabytes / (elapsedMs / 1_000), cpuMicrosEach: (after.cpu - before.cpu) / megabytes };
  });
  for (const { child } of [...Object.values(servers), { child: generator }]) stop(child);
  reportPairs(bench, result, {
    name: `FTP files of ${FILE_BYTES / 1024 / 1024} MiB to ${CLIENTS} clients`,
    unit: 'MB/s',
    each: 'MB',
    baseline: 'TCP sending',
  });
}

/** The role of the FTP server. */
export async function serveFtp(): Promise<void> {
  const offer: OpenOffer = { ...offerOf('pile-55031412782305'), token: 'bench', sizeBytes: FILE_BYTES };
  const ignore = () => {};
  const server = new FtpServer({
    host: { ...memoryHost(), offerById: async () => offer, openOffer: async () => offer },
    files: new FileCache(2 * FILE_BYTES, async () => file),
    log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    listenHost: '127.0.0.1',
    port: 0,
    passivePorts: null,
    limits: { downloadsPerDevice: 1_000 },
  });
  const port = await server.listen();
  serveRole<'cpu' | 'access'>(port, (question) =>
    question === 'access' ? server.accessFor(offer) : { cpu: cpuMicros() },
  );
}

/** The role of the bare server. */
export async function serveBare(): Promise<void> {
  const server = net.createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    socket.resume();
    socket.end(file);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  serveRole((server.address() as net.AddressInfo).port, () => ({ cpu: cpuMicros() }));
}

/** The role of the clients. */
export async function serveLoad(): Promise<void> {
  serveRole<FetchOrder>(0, async (order) => {
    let bytes = 0;
    const startedAtMs = performance.now();
    const isOver = () => performance.now() - startedAtMs >= order.durationMs;
    await Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        const next = order.kind === 'FTP' ? await logIn(order) : { fetch: () => fetchAll(order.port), end: () => {} };
        while (!isOver()) bytes += await next.fetch();
        next.end();
      }),
    );
    return { bytes, elapsedMs: performance.now() - startedAtMs };
  });
}

/** A client that fetches the file again and again over one control connection. */
async function logIn({ port, user, password, path }: FetchOrder) {
  const socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
  let text = '';
  let wake = () => {};
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += String(chunk);
    wake();
  });
  const reply = async () => {
    while (!text.includes('\r\n')) await new Promise<void>((resolve) => (wake = resolve));
    const line = text.slice(0, text.indexOf('\r\n'));
    text = text.slice(line.length + 2);
    if (/^[45]/.test(line)) throw new Error(`the FTP server answered ${line}`);
    return line;
  };
  const say = (line: string) => {
    socket.write(`${line}\r\n`);
    return reply();
  };
  await reply();
  await say(`USER ${user}`);
  await say(`PASS ${password}`);
  return {
    fetch: async () => {
      const numbers =
        /\((.*)\)/
          .exec(await say('PASV'))?.[1]
          ?.split(',')
          .map(Number) ?? [];
      const bytes = fetchAll((numbers[4] ?? 0) * 256 + (numbers[5] ?? 0));
      await say(`RETR ${path}`);
      const count = await bytes;
      await reply();
      return count;
    },
    end: () => socket.destroy(),
  };
}

/** Reads a connection to its end; how many bytes came. */
function fetchAll(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    const socket = net.connect({
      host: '127.0.0.1',
      port,
      onread: {
        buffer: readBuffer,
        callback: (count) => {
          bytes += count;
          return true;
        },
      },
    });
    socket.on('error', reject);
    socket.on('close', () => {
      if (bytes === FILE_BYTES) resolve(bytes);
      else reject(new Error(`${bytes} bytes instead of ${FILE_BYTES}`));
    });
    socket.resume();
  });
}
