/**
 * Heartbeats per second of the MOM's server with everything behind it in memory, beside a bare Express handler that
 * parses the same JSON and answers the same fields: same load, same run, round by round.
 *
 * `npm run bench -- mom [--connections 50] [--rounds 8] [--round-ms 500]`. With `--url http://host:7780` it drives a
 * running program instead, with `--devices 10000 --period-ms 30000 --duration-ms 120000`, and prints times of answers.
 */
import { fork, type ChildProcess } from 'node:child_process';
import net, { type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import express from 'express';
import { DeviceHttpServer } from '../gateways/http.ts';
import { MomClient } from '../gateways/mom/client.ts';
import type { MomHost } from '../gateways/mom/contract.ts';
import { createEquipments } from '../gateways/mom/fleet.ts';
import { MomGateway } from '../gateways/mom/server.ts';

const RATIO_GOAL = 0.5;
const P99_GOAL_MS = 50;
const KINDS = ['server', 'express'] as const;
type Kind = (typeof KINDS)[number];

const BODY = JSON.stringify({
  SessionId: '3F2504E0-4F89-11D3-9A0C-0305E82C3301',
  RequestTime: '2024-04-10 14:16:31',
  Software: 'KATOP',
  EquipmentCode: 'EQ00001',
});
const REQUEST =
  'POST /api/MachineIntegration/EqptAlive HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n' +
  `Content-Length: ${BODY.length}\r\n\r\n${BODY}`;

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      connections: { type: 'string', default: '50' },
      rounds: { type: 'string', default: '8' },
      'round-ms': { type: 'string', default: '500' },
      role: { type: 'string' },
      url: { type: 'string' },
      token: { type: 'string' },
      devices: { type: 'string', default: '10000' },
      'start-code': { type: 'string', default: 'EQ00001' },
      'period-ms': { type: 'string', default: '30000' },
      'duration-ms': { type: 'string', default: '120000' },
    },
  });
  if (values.role === 'server' || values.role === 'express') return serve(values.role);
  if (values.url !== undefined) {
    return drive({
      url: values.url,
      token: values.token,
      devices: Number(values.devices),
      startCode: values['start-code'],
      periodMs: Number(values['period-ms']),
      durationMs: Number(values['duration-ms']),
    });
  }
  await compare(Number(values.connections), Number(values.rounds), Number(values['round-ms']));
}

async function compare(connections: number, rounds: number, durationMs: number): Promise<void> {
  const children: ChildProcess[] = [];
  try {
    const ports = {} as Record<Kind, number>;
    for (const kind of KINDS) {
      const child = fork(fileURLToPath(new URL('index.ts', import.meta.url)), ['mom', '--role', kind]);
      children.push(child);
      ports[kind] = await new Promise<number>((resolve, reject) => {
        child.once('message', (port) => resolve(port as number));
        child.once('exit', (code) => reject(new Error(`a server ended with ${code}`)));
      });
    }
    const measured: Record<Kind, number[]> = { server: [], express: [] };
    for (let round = 0; round <= rounds; round += 1) {
      for (const kind of round % 2 === 0 ? KINDS : KINDS.toReversed()) {
        const perSecond = await load(ports[kind], connections, durationMs);
        if (round > 0) measured[kind].push(perSecond); // the first one warms up
      }
    }
    console.log(
      `Heartbeats over ${connections} connections, ${rounds} rounds of ${durationMs} ms, Node ${process.version}`,
    );
    for (const kind of KINDS) {
      const all = measured[kind];
      const [slowest, fastest] = [Math.min(...all), Math.max(...all)].map((value) => value.toFixed(0));
      console.log(`  ${kind.padEnd(8)} ${median(all).toFixed(0)}/s median, ${slowest} to ${fastest}`);
    }
    const ratio = median(
      measured.server.map((perSecond, round) => perSecond / (measured.express[round] ?? Number.NaN)),
    );
    const verdict = ratio >= RATIO_GOAL ? 'met' : 'MISSED';
    console.log(
      `server / express, median of the rounds: ${ratio.toFixed(2)} (goal at least ${RATIO_GOAL}: ${verdict})`,
    );
  } finally {
    for (const child of children) if (child.connected) child.disconnect();
  }
}

/** Asks again as soon as the answer is there, on each connection; answers per second. */
async function load(port: number, connections: number, durationMs: number): Promise<number> {
  let answers = 0;
  const startedAt = performance.now();
  const endAt = startedAt + durationMs;
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const socket = net.connect({ host: '127.0.0.1', port, noDelay: true }, () => socket.write(REQUEST));
      let text = '';
      socket.on('error', reject);
      socket.on('close', () => resolve());
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1');
        const length = /content-length: (\d+)/i.exec(text)?.[1];
        const head = text.indexOf('\r\n\r\n');
        if (head === -1 || length === undefined || text.length < head + 4 + Number(length)) return;
        const isRight = text.includes('"Success":true');
        if (!isRight) socket.destroy(new Error(`wrong answer: ${text}`));
        if (!isRight) return;
        text = '';
        answers += 1;
        if (performance.now() < endAt) socket.write(REQUEST);
        else socket.destroy();
      });
    });
  await Promise.all(Array.from({ length: connections }, one));
  return answers / ((performance.now() - startedAt) / 1_000);
}

async function serve(kind: Kind): Promise<void> {
  process.on('disconnect', () => process.exit());
  process.send?.(kind === 'server' ? await startServer() : await startExpress());
}

function startServer(): Promise<number> {
  const host: MomHost = {
    admit: () => ({ ok: true }),
    handle: async (call) => {
      if (call.name !== 'EqptAlive') throw new Error('only heartbeats are measured');
      return { ok: true, name: call.name, answer: { keyFlag: '99' } };
    },
    record: ignore,
  };
  const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
  const limits = { maxConnections: 20_000, requestTimeoutMs: 60_000 };
  return new DeviceHttpServer(new MomGateway({ host, log }).routes, limits, log).listen(0, '127.0.0.1');
}

async function startExpress(): Promise<number> {
  const app = express();
  app.disable('x-powered-by');
  app.post('/api/MachineIntegration/EqptAlive', express.json(), (request, response) => {
    const { SessionId, EquipmentCode } = request.body as Record<string, string>;
    const ResponseTime = new Date().toISOString();
    response.json({
      SessionId,
      ResponseTime,
      EquipmentCode,
      ResultFlag: true,
      Success: true,
      MOMMessage: 'ok',
      KeyFlag: '99',
    });
  });
  return new Promise((resolve) => {
    const server = app.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

interface Drive {
  url: string;
  token: string | undefined;
  devices: number;
  startCode: string;
  periodMs: number;
  durationMs: number;
}

/** Beats for many equipments against a running program. */
async function drive({ url, token, devices, startCode, periodMs, durationMs }: Drive): Promise<void> {
  const client = new MomClient({ url, token, maxConnections: 200 });
  const fleet = createEquipments({ client, devices, startCode, cellsPerTray: 0, periodMs, faultShare: 0, faults: {} });
  const tookMs: number[] = [];
  const ends: Record<string, number> = {};
  let isMeasuring = false;
  for (const equipment of fleet) {
    equipment.on('answered', (name, outcome) => {
      if (!isMeasuring || name !== 'EqptAlive') return;
      tookMs.push(outcome.tookMs);
      ends[outcome.kind] = (ends[outcome.kind] ?? 0) + 1;
    });
    equipment.start();
  }
  const online = () => fleet.filter(({ isOnline }) => isOnline).length;
  await delay(periodMs); // all have gone online by then
  console.log(
    `${online()} of ${devices} equipments are online, ${(devices / (periodMs / 1_000)).toFixed(0)} heartbeats/s expected`,
  );
  isMeasuring = true;
  await delay(durationMs);
  await Promise.all(fleet.map((equipment) => equipment.stop()));
  client.close();
  const sorted = tookMs.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  console.log(
    `${sorted.length} heartbeats in ${durationMs / 1_000} s (${(sorted.length / (durationMs / 1_000)).toFixed(0)}/s): ${JSON.stringify(ends)}`,
  );
  const verdict = at(0.99) <= P99_GOAL_MS ? 'met' : 'MISSED';
  console.log(
    `answers: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms (goal at most ${P99_GOAL_MS}: ${verdict}), slowest ${at(1)} ms`,
  );
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function ignore(): void {}
