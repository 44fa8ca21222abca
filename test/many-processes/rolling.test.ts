/**
 * A new build with changed workflow code goes out while devices are in the middle of their upgrades: what began on the
 * old build ends on it, what begins afterwards runs on the new one, and nobody replays a history that does not fit. And
 * back again. Before that, an installation without versions goes over to them.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Deployments } from '../../api/deployments.ts';
import type { Operator } from '../../bench/operator.ts';
import { upgradeWorkflowId } from '../../workflows/contract.ts';
import { workflowBuildId } from '../../workflow-bundle.ts';
import { firstOperator, Slipway, SOURCE_ENTRY, TestServers, type Settings } from '../support/program.ts';
import { waitFor } from '../support/wait.ts';
import { expectAllProven, expectExactTransfers, Fleet, type Task } from '../system/fleet.ts';
import { Wire } from '../system/wire.ts';
import { NEW_STEP_MS, SecondBuild } from './second-build.ts';

const PATIENCE_MS = 120_000;
const TEST_MS = 400_000;
const DEPLOYMENT = 'slipway';
const FIRST = workflowBuildId();
const run = promisify(execFile);

let servers: TestServers;
let second: SecondBuild;
let operator: Operator;
let wire: Wire;
let client: Client;
let deployments: Deployments;
const parts: Record<string, Slipway> = {};
const fleets: Fleet[] = [];
/** Orders of both builds. */
const tasks: Record<string, Task> = {};

const versioned = (): Settings => ({ ...servers.settings('worker'), WORKER_DEPLOYMENT: DEPLOYMENT });

async function start(name: string, settings: Settings, entry = SOURCE_ENTRY): Promise<Slipway> {
  const part = new Slipway(settings, entry);
  parts[name] = part;
  await part.untilReady();
  return part;
}

/** Terminals that stand still in the middle of the first file. */
async function holdInTheMiddle(fleet: Fleet): Promise<Task> {
  fleet.hold(fleet.version + 1);
  const task = await fleet.order(operator);
  await fleet.untilHeld(task.from + 1);
  return task;
}

async function newFleet(firstSn: string): Promise<Fleet> {
  // They stand still for as long as it takes to start a build, and must not lose patience with us.
  const options = { packetTimeoutMs: PATIENCE_MS * 4 };
  const fleet = await new Fleet(wire, 2, firstSn, 10, options).start(operator);
  fleets.push(fleet);
  return fleet;
}

/** On which build the upgrade of each device ended, whether it took the step of the second build, and what failed. */
async function stories(fleet: Fleet): Promise<{ build: string | null; newSteps: number; failures: string[] }[]> {
  return Promise.all(
    fleet.deviceIds.map(async (deviceId) => {
      const handle = client.workflow.getHandle(upgradeWorkflowId(deviceId));
      const { raw } = await handle.describe();
      const { events } = await handle.fetchHistory();
      const failures = (events ?? []).flatMap(({ workflowTaskFailedEventAttributes: failed }) =>
        failed == null ? [] : [failed.failure?.message ?? 'a workflow task failed'],
      );
      const newSteps = (events ?? []).filter(
        ({ timerStartedEventAttributes: timer }) => timer?.startToFireTimeout?.nanos === NEW_STEP_MS * 1_000_000,
      ).length;
      const build = raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId ?? null;
      return { build, newSteps, failures };
    }),
  );
}

beforeAll(async () => {
  second = new SecondBuild();
  servers = await TestServers.start();
  const front = await start('front', servers.settings('api', 'gateway'));
  ({ operator } = await firstOperator(front));
  await start('unversioned', servers.settings('worker'));
  wire = await Wire.open(front.terminalPort);
  const address = servers.settings('worker')['TEMPORAL_ADDRESS']!;
  client = new Client({ connection: await Connection.connect({ address }) });
  deployments = new Deployments({ client, name: DEPLOYMENT, taskQueue: 'slipway' });
}, 480_000);

afterEach(({ task }) => {
  if (task.result?.state !== 'fail') return;
  for (const [name, part] of Object.entries(parts)) process.stderr.write(`--- ${name}:\n${part.tail(12)}\n`);
});

afterAll(async () => {
  await Promise.all(fleets.map((fleet) => fleet.stop()));
  await wire?.close();
  await client?.connection.close();
  await Promise.all(Object.values(parts).map((part) => part.kill()));
  await servers?.stop();
  second?.remove();
}, 60_000);

const untilCurrent = (buildId: string) =>
  waitFor(async () => (await deployments.describe()).current === buildId, {
    deadlineMs: PATIENCE_MS,
    message: `${buildId} did not become current`,
  });

test(
  'an installation without versions goes over to them in the middle of a task',
  async () => {
    const fleet = await newFleet('6134443001');
    const task = await holdInTheMiddle(fleet);
    await parts['unversioned']!.kill();
    await start('first', versioned());
    await untilCurrent(FIRST);
    wire.release();
    await expectAllProven(fleet, task, operator);
    expectExactTransfers(fleet, task);
    for (const story of await stories(fleet)) expect(story).toMatchObject({ newSteps: 0, failures: [] });
    expect(await task.untilFinished(operator)).toMatchObject({ status: 'finished' });
  },
  TEST_MS,
);

test(
  'a new build that is only there takes nothing; made current, it takes what begins from then on',
  async () => {
    const before = await newFleet('6134443101');
    tasks['before'] = await holdInTheMiddle(before);
    await start('second', versioned(), second.entry('main.ts'));
    const buildId = await waitFor(
      async () => (await deployments.describe()).builds.find((build) => build.buildId !== FIRST)?.buildId,
      { deadlineMs: PATIENCE_MS, message: 'the second build did not show up' },
    );
    expect((await deployments.describe()).current).toBe(FIRST);

    // As whoever brings it out does it, with the program of the new build.
    const env = { ...process.env, ...versioned() };
    const entry = second.entry('deployment.ts');
    const { stdout } = await run(process.execPath, ['--import', 'tsx', entry, 'current'], { env });
    expect(stdout).toBe(`New workflows begin on ${buildId}.\n`);
    await untilCurrent(buildId);

    const after = await newFleet('6134443201');
    tasks['after'] = await after.order(operator);
    await expectAllProven(after, tasks['after'], operator);
    expectExactTransfers(after, tasks['after']);
    for (const story of await stories(after)) expect(story).toEqual({ build: buildId, newSteps: 1, failures: [] });

    // Both files of a device that had begun are done by the old build, also by a worker that was started after the change.
    await parts['first']!.kill();
    await start('first', versioned());
    wire.release();
    await expectAllProven(before, tasks['before'], operator);
    expectExactTransfers(before, tasks['before']);
    for (const story of await stories(before)) expect(story).toEqual({ build: FIRST, newSteps: 0, failures: [] });
    // Tasks are not pinned: the one of before has gone over.
    expect(await tasks['before'].untilFinished(operator)).toMatchObject({ status: 'finished' });
    const { builds } = await deployments.describe();
    expect(Object.fromEntries(builds.map(({ buildId: each, workers }) => [each, workers > 0]))).toEqual({
      [FIRST]: true,
      [buildId]: true,
    });
  },
  TEST_MS,
);

test(
  'a build is taken back: what begins from then on runs on the one before',
  async () => {
    await deployments.setCurrent(FIRST);
    await untilCurrent(FIRST);
    const [, , fleet] = fleets;
    const task = await fleet!.order(operator);
    await expectAllProven(fleet!, task, operator);
    for (const story of await stories(fleet!)) expect(story).toEqual({ build: FIRST, newSteps: 0, failures: [] });
  },
  TEST_MS,
);
