/**
 * How soon, and how fast, what happens reaches those who follow it: live streams beside a bare `NOTIFY` and a bare server
 * that writes ready frames; webhooks beside a bare POST and a bare loop of workflows.
 */
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import postgres from 'postgres';
import type { Area, Bench } from './area.ts';
import { bareLoop } from './bare-runs.ts';
import type { BareHttpQuestion } from './bare-http.ts';
import { IS_MEASURABLE, NOT_MEASURABLE, until } from './measure.ts';
import { Operator } from './operator.ts';
import { ask, median, shareOf, spread, startRole, type Measured } from './processes.ts';
import { startStage, type Stage } from './stage.ts';

const BARE_CHANNEL = 'bench_bare';
/** Of the real frames, which carry a row of the log. */
const EVERY_MS = 50;
/** Deliveries to one webhook at one time. */
const DELIVERIES = 20;
/** Between two looks for deliveries to start; single events come at any moment of it. */
const SWEEP_MS = 1_000;

/** The area. */
export const events: Area = {
  name: 'events',
  title: 'live streams and webhooks',
  uses: ['postgres', 'temporal'],
  settings: {
    streams: { means: 'streams that follow the department', full: '20', kind: 'count', least: 1 },
    singles: { means: 'events that happen one by one', full: '300', quick: '60', kind: 'count', least: 1 },
    burst: { means: 'events that happen at once, for streams', full: '2000', quick: '500', kind: 'count', least: 1 },
    rounds: { means: 'rounds of such bursts', full: '5', quick: '3', kind: 'count', least: 1 },
    deliveries: {
      means: 'events that happen at once, for a webhook',
      full: '400',
      quick: '80',
      kind: 'count',
      least: 1,
    },
    'single-deliveries': { means: 'events for a webhook one by one', full: '20', quick: '6', kind: 'count', least: 1 },
  },
  async measure(bench, settings) {
    if (!IS_MEASURABLE) return bench.missing('events', NOT_MEASURABLE);
    const bare = await startRole('bare-http', bench);
    const stage = await startStage({ roles: 'api,worker', settings: { WEBHOOK_ALLOW_PRIVATE: 'true' } });
    bench.atEnd(() => stage.stop());
    const sql = postgres(stage.databaseUrl, { max: 2 });
    bench.atEnd(() => sql.end());
    await measureStreams(bench, stage, { sql, bare, number: (name) => settings.number(name) });
    await measureWebhooks(bench, stage, { sql, number: (name) => settings.number(name) });
  },
};

interface StreamRun {
  sql: postgres.Sql;
  bare: Measured;
  number: (name: string) => number;
}

async function measureStreams(bench: Bench, stage: Stage, { sql, bare, number }: StreamRun): Promise<void> {
  const streams = number('streams');
  const authorization = `Bearer ${stage.key}`;
  const follow = (url: string) => Promise.all(Array.from({ length: streams }, () => Follower.open(url, authorization)));
  const followers = await follow(`${stage.apiUrl}/api/v1/events`);
  const bareFollowers = await follow(`http://127.0.0.1:${bare.port}/stream`);
  const all = [...followers, ...bareFollowers];
  bench.atEnd(() => all.forEach((follower) => follower.close()));

  bench.progress(`single events to ${streams} streams`);
  const singles = number('singles');
  const happenedMs = new Map<number, number>();
  const tookMs: number[] = [];
  const bareTookMs: number[] = [];
  for (const follower of followers) {
    follower.onEvent = (text) => {
      const at = happenedMs.get(numberIn(text));
      if (at !== undefined) tookMs.push(performance.now() - at);
    };
  }
  let announcedMs = 0;
  const { unlisten } = await sql.listen(BARE_CHANNEL, () => bareTookMs.push(performance.now() - announcedMs));
  for (let n = 1; n <= singles; n += 1) {
    happenedMs.set(n, performance.now());
    await happen(sql, n, n);
    await pause(EVERY_MS * Math.random());
    announcedMs = performance.now();
    await sql.notify(BARE_CHANNEL, String(n));
    await until(async () => bareTookMs.length === n, 1);
    await pause(EVERY_MS * Math.random());
  }
  await until(async () => tookMs.length >= singles * streams);
  await unlisten();
  for (const [word, share] of [['p50', 0.5] as const, ['p99', 0.99] as const]) {
    bench.figure({
      name: `from an event to its frame in ${streams} live streams, ${word}`,
      unit: 'ms',
      better: 'less',
      value: shareOf(tookMs, share),
      baseline: { name: 'NOTIFY', value: shareOf(bareTookMs, share) },
    });
  }
  bench.note('live streams: the logs are read at most ten times a second, for all streams together');

  const burst = number('burst');
  const speeds = { slipway: [] as number[], bare: [] as number[] };
  const frame = followers[0]!.lastFrame;
  for (let round = 0; round <= number('rounds'); round += 1) {
    bench.progress(`${burst} events at once, round ${round}`);
    const perSecond = async (group: readonly Follower[], begin: () => Promise<unknown>) => {
      for (const follower of group) follower.reset();
      const startedMs = performance.now();
      await begin();
      await until(async () => group.every(({ frames }) => frames >= burst), 5);
      return (burst * streams) / ((performance.now() - startedMs) / 1_000);
    };
    const ours = await perSecond(followers, () => happen(sql, 1, burst));
    const theirs = await perSecond(bareFollowers, () =>
      ask(bare.child, { frame, times: burst } satisfies BareHttpQuestion),
    );
    if (round === 0) continue; // warms up
    speeds.slipway.push(ours);
    speeds.bare.push(theirs);
  }
  bench.figure({
    name: `frames of ${burst} events at once in ${streams} live streams`,
    unit: 'frames/s',
    better: 'more',
    ...spread(speeds.slipway),
    baseline: { name: 'ready frames', ...spread(speeds.bare) },
    ratio: median(speeds.slipway.map((speed, round) => speed / speeds.bare[round]!)),
  });
  for (const follower of all) follower.close();
}

async function measureWebhooks(
  bench: Bench,
  stage: Stage,
  { sql, number }: Pick<StreamRun, 'sql' | 'number'>,
): Promise<void> {
  const arrivedMs = new Map<number, number>();
  const receiver = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => (text += part));
    request.once('end', () => {
      arrivedMs.set(numberIn(text), performance.now());
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  bench.atEnd(() => {
    receiver.closeAllConnections();
    receiver.close();
  });
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
  await new Operator(stage.apiUrl, stage.key).call('POST', '/webhooks', { url, kinds: ['device.failed'] });

  const singles = number('single-deliveries');
  const tookMs: number[] = [];
  const bareTookMs: number[] = [];
  for (let n = 0; n <= singles; n += 1) {
    if (n % 5 === 0) bench.progress(`events for a webhook one by one, ${n} of ${singles}`);
    const startedMs = performance.now();
    await happen(sql, n, n);
    await until(async () => arrivedMs.has(n), 1);
    if (n > 0) tookMs.push(arrivedMs.get(n)! - startedMs);
    const body = JSON.stringify({ data: { n: -1 } });
    const postedMs = performance.now();
    await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    if (n > 0) bareTookMs.push(performance.now() - postedMs); // the first of both warms up
    await pause(SWEEP_MS * Math.random());
  }
  bench.figure({
    name: 'from an event to its webhook, p50',
    unit: 'ms',
    better: 'less',
    ...spread(tookMs),
    baseline: { name: 'POST', ...spread(bareTookMs) },
  });
  bench.note(`webhooks: new events are looked for every ${SWEEP_MS} ms, which is half a second of that on average`);

  const burst = number('deliveries');
  bench.progress(`${burst} events for a webhook at once, beside a bare loop`);
  const loop = () => bareLoop(bench, stage, burst, { atOnce: DELIVERIES, deviceMs: 0 });
  const before = await loop();
  arrivedMs.clear();
  const startedMs = performance.now();
  await happen(sql, 1, burst);
  await until(async () => arrivedMs.size >= burst, 5);
  const perSecond = burst / ((performance.now() - startedMs) / 1_000);
  const after = await loop();
  bench.figure({
    name: `deliveries of ${burst} events to one webhook`,
    unit: 'deliveries/s',
    better: 'more',
    value: perSecond,
    baseline: { name: 'bare loop', ...spread([before.perSecond, after.perSecond]) },
  });
}

/** Events as a device that fails makes them, numbered. */
async function happen(sql: postgres.Sql, from: number, to: number): Promise<void> {
  await sql`
    insert into events (department_id, kind, device_id, data)
    select (select min(id) from departments), 'device.failed', 'terminal-A', jsonb_build_object('n', n)
    from generate_series(${from}::int, ${to}::int) n`;
}

/** The number of the event in a frame or a message. */
function numberIn(text: string): number {
  return Number(/"n":\s*(-?\d+)/.exec(text)?.[1]);
}

/** One client of a live stream. */
class Follower {
  /** Frames since the last reset. */
  frames = 0;
  lastFrame = '';
  onEvent: (text: string) => void = () => {};
  readonly #response: IncomingMessage;
  #rest = '';

  private constructor(response: IncomingMessage) {
    this.#response = response;
    response.on('error', () => {}); // it was closed
    response.setEncoding('utf8').on('data', (part: string) => this.#read(part));
  }

  static open(url: string, authorization: string): Promise<Follower> {
    return new Promise((resolve, reject) => {
      get(url, { agent: false, headers: { authorization } }, (response) => {
        if (response.statusCode === 200) resolve(new Follower(response));
        else reject(new Error(`${url}: ${response.statusCode}`));
      }).on('error', reject);
    });
  }

  reset(): void {
    this.frames = 0;
  }

  close(): void {
    this.#response.destroy();
  }

  #read(part: string): void {
    const texts = (this.#rest + part).split('\n\n');
    this.#rest = texts.pop() ?? '';
    for (const text of texts) {
      if (!text.includes('"n":')) continue;
      this.frames += 1;
      this.lastFrame = `${text}\n\n`;
      this.onEvent(text);
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
