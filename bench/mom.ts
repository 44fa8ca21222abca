/**
 * Heartbeats per second of the whole program with its database, beside a bare Express handler that parses the same JSON
 * and answers the same fields: same load, same run, round by round.
 *
 * `npm run bench -- mom [--connections 50] [--rounds 8] [--round-ms 500]`. With `--devices 10000 [--period-ms 30000]
 * [--duration-ms 120000]` a fleet beats instead, and times of answers and histories of sessions are printed
 * (`mom-fleet.ts`). With `--calling-in 500` only so many call in and wake their workflows before; the others are alive
 * from the beginning. `--url http://host:7780 [--temporal host:7233]` beats against a program that runs already.
 */
import { fork } from 'node:child_process';
import net, { type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import express from 'express';
import { driveFleet } from './mom-fleet.ts';
import { until } from './measure.ts';
import { Operator } from './operator.ts';
import { startStage } from './stage.ts';
import { MomClient } from '../gateways/mom/client.ts';

const RATIO_GOAL = 0.5;
const KINDS = ['server', 'express'] as const;
type Kind = (typeof KINDS)[number];

const CODE = 'EQ00001';
const BODY = JSON.stringify({
  SessionId: '3F2504E0-4F89-11D3-9A0C-0305E82C3301',
  RequestTime: '2024-04-10 14:16:31',
  Software: 'KATOP',
  EquipmentCode: CODE,
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
      temporal: { type: 'string' },
      devices: { type: 'string' },
      'calling-in': { type: 'string' },
      'start-code': { type: 'string', default: 'EQ00001' },
      'period-ms': { type: 'string', default: '30000' },
      'duration-ms': { type: 'string', default: '120000' },
    },
  });
  if (values.role === 'express') return serve();
  if (values.url !== undefined || values.devices !== undefined) {
    return driveFleet({
      url: values.url,
      token: values.token,
      temporal: values.temporal,
      devices: Number(values.devices ?? 10_000),
      callingIn: values.url === undefined ? Number(values['calling-in'] ?? values.devices) : Infinity,
      startCode: values['start-code'],
      periodMs: Number(values['period-ms']),
      durationMs: Number(values['duration-ms']),
    });
  }
  await compare(Number(values.connections), Number(values.rounds), Number(values['round-ms']));
}

async function compare(connections: number, rounds: number, durationMs: number): Promise<void> {
  const stage = await startStage();
  const child = fork(fileURLToPath(new URL('index.ts', import.meta.url)), ['mom', '--role', 'express']);
  try {
    const express = await new Promise<number>((resolve, reject) => {
      child.once('message', (port) => resolve(port as number));
      child.once('exit', (code) => reject(new Error(`the bare server ended with ${code}`)));
    });
    const server = stage.ports.deviceHttpPort!;
    const ports: Record<Kind, number> = { server, express };
    await goOnline(new Operator(stage.apiUrl, stage.key), server);
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
    if (child.connected) child.disconnect();
    await stage.stop();
  }
}

/** Registers the equipment that beats, and has it call in. */
async function goOnline(operator: Operator, port: number): Promise<void> {
  await operator.call('POST', '/equipment', { code: CODE });
  const client = new MomClient({ url: `http://127.0.0.1:${port}` });
  const envelope = { sessionId: CODE, requestedAtMs: Date.now(), software: 'KATOP', equipmentCode: CODE };
  const call = { ...envelope, employeeNo: null, password: null, equipmentModel: 0 } as const;
  // A gateway hears of new equipment in a moment.
  await until(async () => (await client.call('EqptRun', call)).kind === 'done');
  client.close();
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

async function serve(): Promise<void> {
  process.on('disconnect', () => process.exit());
  process.send?.(await startExpress());
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

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
