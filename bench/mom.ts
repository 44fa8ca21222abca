/**
 * Heartbeats per second of the whole program with its database, beside a bare Express handler that parses the same JSON
 * and answers the same fields: same load, same run, round by round. Then a fleet that beats as equipment does: times of
 * answers, what a heartbeat costs, and whether any reached a workflow (`mom-fleet.ts`).
 */
import net from 'node:net';
import type { Area, Bench } from './area.ts';
import { BEAT_BODY, BEAT_CODE, BEAT_PATH } from './bare-http.ts';
import { IS_MEASURABLE, NOT_MEASURABLE, until } from './measure.ts';
import { driveFleet } from './mom-fleet.ts';
import { Operator } from './operator.ts';
import { median, spread, startRole } from './processes.ts';
import { startStage, type Stage } from './stage.ts';
import { MomClient } from '../gateways/mom/client.ts';

const RATIO_GOAL = 0.5;
const KINDS = ['server', 'express'] as const;
type Kind = (typeof KINDS)[number];

const REQUEST =
  `POST ${BEAT_PATH} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n` +
  `Content-Length: ${BEAT_BODY.length}\r\n\r\n${BEAT_BODY}`;

/** The area. */
export const mom: Area = {
  name: 'mom',
  title: 'heartbeats of factory equipment',
  uses: ['postgres', 'temporal'],
  settings: {
    connections: { means: 'connections that beat as fast as they can', full: '50', kind: 'count', least: 1 },
    rounds: { means: 'rounds of each server; 0 leaves them out', full: '8', quick: '3', kind: 'count' },
    'round-ms': { means: 'milliseconds of a round', full: '500', kind: 'count', least: 1 },
    devices: { means: 'equipments of the fleet; 0 leaves it out', full: '10000', quick: '1000', kind: 'count' },
    'calling-in': {
      means: 'of these call in, which wakes a workflow each; the others are alive from the beginning',
      full: '200',
      quick: '50',
      kind: 'count',
    },
    'period-ms': {
      means: 'milliseconds between two heartbeats of one equipment',
      full: '30000',
      quick: '10000',
      kind: 'count',
      least: 1,
    },
    'duration-ms': {
      means: 'milliseconds for which the fleet is measured',
      full: '30000',
      quick: '10000',
      kind: 'count',
      least: 1,
    },
    'start-code': { means: 'code of the first equipment of the fleet', full: 'EQ10001', kind: 'text' },
    url: {
      means: 'address of a program that runs already, for a fleet that is registered there',
      full: '',
      kind: 'text',
    },
    token: { means: 'what it asks for', full: '', kind: 'secret' },
    temporal: { means: 'its Temporal, to look at histories', full: '', kind: 'text' },
  },
  async measure(bench, settings) {
    const url = settings.text('url');
    const rounds = url === '' ? settings.number('rounds') : 0;
    const devices = settings.number('devices');
    if (!IS_MEASURABLE) return bench.missing('heartbeats', NOT_MEASURABLE);
    const bare = await startRole('bare-http', bench);
    const stage = url === '' ? await startStage() : null;
    if (stage !== null) bench.atEnd(() => stage.stop());
    if (stage !== null && rounds > 0) {
      bench.progress('heartbeats as fast as they are answered');
      const load = { connections: settings.number('connections'), durationMs: settings.number('round-ms') };
      await compare(bench, stage, bare.port, { rounds, ...load });
    }
    if (devices === 0) return;
    bench.progress(`a fleet of ${devices} equipments`);
    await driveFleet(bench, {
      stage,
      bare,
      url: stage === null ? url : `http://127.0.0.1:${stage.ports.deviceHttpPort}`,
      token: settings.text('token') || undefined,
      temporal: stage?.temporalAddress ?? (settings.text('temporal') || undefined),
      devices,
      callingIn: stage === null ? devices : Math.min(devices, settings.number('calling-in')),
      startCode: settings.text('start-code'),
      periodMs: settings.number('period-ms'),
      durationMs: settings.number('duration-ms'),
    });
  },
};

async function compare(
  bench: Bench,
  stage: Stage,
  express: number,
  { connections, rounds, durationMs }: { connections: number; rounds: number; durationMs: number },
): Promise<void> {
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
  bench.figure({
    name: `heartbeats over ${connections} connections`,
    unit: 'heartbeats/s',
    better: 'more',
    ...spread(measured.server),
    baseline: { name: 'Express handler', ...spread(measured.express) },
    ratio: median(measured.server.map((perSecond, round) => perSecond / measured.express[round]!)),
    goal: { of: 'ratio', atLeast: RATIO_GOAL },
  });
}

/** Registers the equipment that beats, and has it call in. */
async function goOnline(operator: Operator, port: number): Promise<void> {
  await operator.call('POST', '/equipment', { code: BEAT_CODE });
  const client = new MomClient({ url: `http://127.0.0.1:${port}` });
  const envelope = { sessionId: BEAT_CODE, requestedAtMs: Date.now(), software: 'KATOP', equipmentCode: BEAT_CODE };
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
