/**
 * What a running program tells of itself, while simulated terminals upgrade: its metrics and their documentation, the
 * dashboard, its log, and the command line that watches.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Operator } from '../../bench/operator.ts';
import { Person } from '../cli/run.ts';
import { DataFolder, firstOperator, Slipway, testSettings } from '../support/program.ts';
import { waitFor } from '../support/wait.ts';
import { expectAllProven, Fleet } from './fleet.ts';
import { Wire } from './wire.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

/** One metric as `/metrics` has it. */
interface Family {
  name: string;
  help: string;
  type: string;
  samples: { name: string; labels: Record<string, string>; value: number }[];
}

let folder: DataFolder;
let slipway: Slipway;
let operator: Operator;
let wire: Wire;
let fleet: Fleet;
let person: Person;
let families: Map<string, Family>;
let failedDevice = '';

beforeAll(async () => {
  folder = new DataFolder();
  slipway = await Slipway.start({ ...testSettings(folder.path), LOG_LEVEL: 'info' });
  const { operator: first, key } = await firstOperator(slipway);
  operator = first;
  person = new Person({ SLIPWAY_URL: slipway.ready.apiUrl!, SLIPWAY_KEY: key });
  await scrape();
  wire = await Wire.open(slipway.terminalPort);
  fleet = await new Fleet(wire, 4, '6134441341', 10).start(operator);
}, 150_000);

afterAll(async () => {
  person?.leave();
  await fleet?.stop();
  await wire?.close();
  await slipway?.kill();
  await folder?.remove();
}, 60_000);

async function scrape(): Promise<Map<string, Family>> {
  const text = await (await fetch(`${slipway.ready.apiUrl}/metrics`)).text();
  const found = new Map<string, Family>();
  for (const line of text.split('\n')) {
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) ?(.*)$/.exec(line) ?? [];
    if (kind !== undefined) {
      const family = found.get(name) ?? { name, help: '', type: '', samples: [] };
      found.set(name, kind === 'HELP' ? { ...family, help: rest } : { ...family, type: rest });
      continue;
    }
    const [, sample, labels = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line) ?? [];
    if (sample === undefined) continue;
    const own = found.get(sample) ?? found.get(sample.replace(/_(bucket|sum|count)$/, ''));
    own?.samples.push({
      name: sample,
      labels: Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, text]) => [key!, text!])),
      value: Number(value),
    });
  }
  return found;
}

/** A value of a metric with certain labels. */
function valueOf(name: string, labels: Record<string, string> = {}): number | undefined {
  const samples = [...families.values()].flatMap((family) => family.samples);
  return samples.find(
    (each) => each.name === name && Object.entries(labels).every(([key, value]) => each.labels[key] === value),
  )?.value;
}

test('the command line watches a task of real terminals to its end', async () => {
  const task = await fleet.order(operator, { files: 1 });
  const watched = await person.run(['task', 'watch', String(task.id)]);
  expect(watched.code, watched.errors + watched.out).toBe(0);
  expect(watched.out).toContain('all 4 devices succeeded');
  await expectAllProven(fleet, task, operator);
  // Another one, cancelled, so that there is a device that did not succeed.
  fleet.hold(fleet.version + 1);
  const second = await fleet.order(operator, { files: 1 });
  await fleet.untilHeld(fleet.version + 1);
  failedDevice = fleet.deviceIds[0]!;
  await person.run(['task', 'cancel', String(second.id), '--cause', 'the test wants it']);
  const ended = await person.run(['task', 'watch', String(second.id), '--json']);
  expect(ended.code).toBe(2);
}, 240_000);

describe('the metrics', () => {
  beforeAll(async () => {
    await waitFor(
      async () => {
        families = await scrape();
        return (valueOf('slipway_proof_latency_seconds_count') ?? 0) >= 4;
      },
      { deadlineMs: 60_000, message: 'the proofs were not measured' },
    );
  }, 90_000);

  test('say what happened', () => {
    expect(valueOf('slipway_upgrade_transitions_total', { status: 'succeeded' })).toBe(4);
    expect(valueOf('slipway_offers_sent_total')).toBeGreaterThanOrEqual(4);
    expect(valueOf('slipway_terminal_packets_total')).toBeGreaterThanOrEqual(40);
    expect(valueOf('slipway_database_up')).toBe(1);
    expect(valueOf('slipway_database_query_duration_seconds_count')).toBeGreaterThan(50);
    expect(valueOf('slipway_database_pool_connections')).toBe(20);
    expect(valueOf('slipway_build_info', { roles: 'api,worker,gateway' })).toBe(1);
    expect(valueOf('slipway_queue_age_seconds', { queue: 'tasks' })).toBe(0);
    expect(valueOf('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThan(0);
  });

  test('are named as Prometheus wants it, explained, and say nothing of single devices', () => {
    const own = [...families.values()].filter(({ name }) => name.startsWith('slipway_'));
    expect(own.length).toBeGreaterThan(30);
    for (const { name, help, type, samples } of own) {
      expect(help, name).not.toBe('');
      expect(name).toMatch(/^slipway_[a-z0-9]+(_[a-z0-9]+)*$/);
      expect(name.endsWith('_total'), `${name} is a ${type}`).toBe(type === 'counter');
      expect(name, 'base units only').not.toMatch(
        /_(milliseconds|ms|minutes|hours|kilobytes|kib|megabytes|percent)(_|$)/,
      );
      expect(name).not.toMatch(/_(counter|gauge|histogram|count|sum|bucket)$/);
      if (type === 'histogram') expect(name).toMatch(/_(seconds|bytes)$/);
      const series = new Set(samples.map(({ labels }) => JSON.stringify({ ...labels, le: '' })));
      expect(series.size, `${name} has too many series`).toBeLessThan(200);
      for (const { labels } of samples) {
        for (const value of Object.values(labels))
          expect(value, name).not.toMatch(/^(terminal|ams)-|^\d{9,}$|^[0-9a-f]{32}/);
      }
    }
  });

  test('are all in the table of docs/observability.md, with their meaning, and no others', () => {
    const rows = [
      ...read('docs/observability.md').matchAll(/^\| `(slipway_\w+)`\s*\| (\w+)\s*\| \w+\s*\| (.*?)\s*\|$/gm),
    ];
    const documented = rows.map(([, name, type, help]) => `${name} ${type} ${help}`);
    const own = [...families.values()].filter(({ name }) => name.startsWith('slipway_'));
    expect(documented.toSorted()).toEqual(own.map(({ name, type, help }) => `${name} ${type} ${help}`).toSorted());
  });

  test('are those of the dashboard, whose panels have titles and units, and of the alerts', () => {
    interface Panel {
      type: string;
      title: string;
      fieldConfig?: { defaults: { unit: string } };
      targets?: { expr: string }[];
    }
    const dashboard = JSON.parse(read('docs/grafana/slipway.json')) as {
      panels: Panel[];
      schemaVersion: number;
      templating: { list: { name: string; type: string }[] };
    };
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(39);
    expect(dashboard.templating.list).toContainEqual(
      expect.objectContaining({ name: 'datasource', type: 'datasource' }),
    );
    const rows = dashboard.panels.filter(({ type }) => type === 'row').map(({ title }) => title);
    expect(rows).toEqual(['Fleet', 'Tasks and queues', 'Gateways', 'Temporal SDK', 'Database', 'API and processes']);
    const panels = dashboard.panels.filter(({ type }) => type !== 'row');
    expect(panels.filter(({ title, fieldConfig }) => title === '' || !fieldConfig?.defaults.unit)).toEqual([]);
    const expressions = panels.flatMap(({ targets }) => targets!.map(({ expr }) => expr));
    const alerts = [...read('docs/observability.md').matchAll(/```promql\n([\s\S]*?)```/g)].map(([, text]) => text!);
    expect(alerts.length).toBeGreaterThan(5);
    const named = [...expressions, ...alerts].flatMap((text) =>
      [...text.matchAll(/\b((?:slipway|temporal|nodejs|process)_\w+)/g)].map(([, name]) => name!),
    );
    const known = (name: string) => families.has(name) || families.has(name.replace(/_(bucket|sum|count)$/, ''));
    // Counted only once something has gone wrong, which it has not here.
    const onlyInTrouble = new Set(['temporal_workflow_task_execution_failed', 'temporal_request_failure']);
    expect([...new Set(named)].filter((name) => !known(name) && !onlyInTrouble.has(name))).toEqual([]);
  });

  test('of a look right after another come from memory: within 100 ms', async () => {
    const times: number[] = [];
    for (let look = 0; look < 10; look++) {
      const startMs = performance.now();
      await scrape();
      times.push(performance.now() - startMs);
    }
    expect(Math.min(...times)).toBeLessThan(100);
  });
});

test('everything the log says of a device is found by its id, from the gateway to the workflow', () => {
  const lines = slipway.logLines.filter(({ deviceId }) => deviceId === failedDevice);
  const ends = lines.filter(({ msg }) => msg === 'a device upgrade has ended');
  expect(ends.map(({ status }) => status)).toEqual(['succeeded', 'cancelled']);
  for (const line of ends) {
    expect(line).toMatchObject({
      workflowId: `upgrade/${failedDevice}`,
      taskId: expect.any(Number),
      upgradeId: expect.any(Number),
    });
  }
});
