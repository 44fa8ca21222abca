/**
 * How fast the API answers among many devices, beside a bare Express handler that asks the database for `select 1`: one
 * question after the other, each kind in turn, so that all of them have had the same of the machine.
 */
import { Agent, get } from 'node:http';
import postgres from 'postgres';
import type { Area } from './area.ts';
import type { BareHttpQuestion } from './bare-http.ts';
import { demoFirmware, Operator } from './operator.ts';
import { ask, shareOf, startRole } from './processes.ts';
import { startStage } from './stage.ts';
import { registerTerminals } from './terminals.ts';
import { snAt } from '../gateways/terminal/fleet.ts';

/** What is found by its key is found in milliseconds. */
const KEY_GOAL_MS = 10;
const FIRST_SN = '5100000000';
const WARM_UP = 20;

/** The area. */
export const api: Area = {
  name: 'api',
  title: 'answers of the API among many devices',
  uses: ['postgres', 'temporal'],
  settings: {
    devices: { means: 'registered devices', full: '200000', quick: '20000', kind: 'count', least: 1_000 },
    'task-devices': { means: 'devices of a task', full: '5000', quick: '1000', kind: 'count', least: 1 },
    questions: { means: 'questions of each kind', full: '400', quick: '60', kind: 'count', least: 1 },
  },
  async measure(bench, settings) {
    const devices = settings.number('devices');
    const bare = await startRole('bare-http', bench);
    const stage = await startStage({ roles: 'api,worker' });
    bench.atEnd(() => stage.stop());
    const sql = postgres(stage.databaseUrl, { max: 1 });
    bench.atEnd(() => sql.end());
    await ask(bare.child, { databaseUrl: stage.databaseUrl } satisfies BareHttpQuestion);
    bench.progress(`registering ${devices} devices`);
    await registerTerminals(sql, FIRST_SN, devices);
    const operator = new Operator(stage.apiUrl, stage.key);
    const taskDevices = Math.min(devices, settings.number('task-devices'));
    const firmwareId = await operator.uploadFirmware(demoFirmware(20, 10));
    const { id: taskId } = await operator.createTask({
      firmwareIds: [firmwareId],
      deviceIds: Array.from({ length: taskDevices }, (_, index) => `terminal-${snAt(FIRST_SN, index)}`),
      // It only has to be there: nothing of it runs while the API is measured.
      options: { dispatchDelayMinutes: 600, deadlineHours: 24 },
    });

    const any = (count: number) => Math.floor(Math.random() * count);
    const sn = () => snAt(FIRST_SN, any(devices));
    const kinds: Kind[] = [
      { name: 'a device by its id', path: () => `/devices/terminal-${sn()}`, isByKey: true },
      { name: 'devices by identity', path: () => `/devices?q=${sn()}`, isByKey: true },
      { name: 'devices by the end of the label', path: () => `/devices?search=${sn().slice(-6)}` },
      { name: 'a page of 100 devices', path: () => `/devices?limit=100&after=terminal-${sn()}`, isByKey: true },
      { name: 'a page of 100 devices of a model', path: () => `/devices?limit=100&model=GV2&after=terminal-${sn()}` },
      { name: 'a page of 100 devices at a version', path: () => `/devices?limit=100&version=10` },
      { name: 'a task with its counts', path: () => `/upgrade-tasks/${taskId}` },
      { name: 'a page of 100 devices of a task', path: () => `/upgrade-tasks/${taskId}/devices?limit=100` },
    ];
    const asker = new Asker(stage.key);
    bench.atEnd(() => asker.close());
    const took = new Map<Kind | null, number[]>([null, ...kinds].map((kind) => [kind, []]));
    const questions = settings.number('questions');
    bench.progress(`${questions} questions of each kind`);
    for (let turn = -WARM_UP; turn < questions; turn += 1) {
      for (const [kind, times] of took) {
        const url = kind === null ? `http://127.0.0.1:${bare.port}/select-1` : `${stage.apiUrl}/api/v1${kind.path()}`;
        const startedMs = performance.now();
        await asker.get(url);
        if (turn >= 0) times.push(performance.now() - startedMs);
      }
    }
    const least = took.get(null)!;
    for (const kind of kinds) {
      for (const [word, share] of [['p50', 0.5] as const, ['p99', 0.99] as const]) {
        bench.figure({
          name: `${kind.name}, ${word}`,
          unit: 'ms',
          better: 'less',
          value: shareOf(took.get(kind)!, share),
          baseline: { name: 'Express, select 1', value: shareOf(least, share) },
          ...(kind.isByKey && word === 'p99' ? { goal: { of: 'value', atMost: KEY_GOAL_MS } } : {}),
        });
      }
    }
  },
};

interface Kind {
  name: string;
  path: () => string;
  /** Found by a key of its own. */
  isByKey?: boolean;
}

/** Asks over a connection that stays open, as a program does. */
class Asker {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #headers: Readonly<Record<string, string>>;

  constructor(key: string) {
    this.#headers = { authorization: `Bearer ${key}` };
  }

  /** Reads an answer to its end; rejects when it is none. */
  get(url: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const request = get(url, { agent: this.#agent, headers: this.#headers }, (response) => {
        if (response.statusCode !== 200) reject(new Error(`${url}: ${response.statusCode}`));
        response.on('error', reject);
        response.on('end', resolve).resume();
      });
      request.on('error', reject);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
