/**
 * What is recorded: each story takes an execution through other code of a workflow, in real time and within seconds.
 * Behind the workflows are the stand-ins of the workflow tests.
 */
import { WithStartWorkflowOperation, type Client, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { UpgradeActivities } from '../../activities/upgrades.ts';
import {
  AGENT_CHANGED_SIGNAL,
  AGENT_SESSION,
  AGENT_VIEW_QUERY,
  APPROVE_UPDATE,
  CANCEL_UPDATE,
  COMMAND_EDGE_SIGNAL,
  CONTROL_SIGNAL,
  DELIVER_WEBHOOK,
  EDGE_SIGNAL,
  EQUIPMENT_EDGE_SIGNAL,
  EQUIPMENT_SESSION,
  FIRE_TRIGGER,
  SHIP_DEVICES,
  PACING_UPDATE,
  PLATFORM_WAKE_SIGNAL,
  SHIP_TO_PLATFORM,
  platformShipmentWorkflowId,
  PAUSE_UPDATE,
  RESUME_UPDATE,
  RETRY_NOW_SIGNAL,
  RETRY_UPDATE,
  RUN_TASK,
  SEND_COMMAND,
  START_NOW_UPDATE,
  SYNC_MES,
  TASK_VIEW_QUERY,
  UPGRADE_DEVICE,
  UPGRADE_VIEW_QUERY,
  agentWorkflowId,
  commandWorkflowId,
  equipmentWorkflowId,
  deliveryWorkflowId,
  taskWorkflowId,
  upgradeWorkflowId,
  type EquipmentSessionInput,
  type TaskView,
  type UpgradeControl,
  type UpgradeDeviceInput,
  type UpgradeView,
} from '../../workflows/contract.ts';
import { waitFor } from '../support/wait.ts';
import type { SessionEdge, SessionState } from '../../workflows/rules/equipment.ts';
import { FakeAgent, type FakeAgentOptions } from '../workflows/fake-agent.ts';
import { FakeCommand, VALUE, type FakeCommandOptions } from '../workflows/fake-command.ts';
import { FakeDevice, HOUR, LIMITS, upgradeInput, type Behaviour } from '../workflows/fake-device.ts';
import { FakeReceiver } from '../workflows/fake-receiver.ts';
import { FakeEquipment, INPUT as EQUIPMENT } from '../workflows/fake-equipment.ts';
import { FakeMes } from '../workflows/fake-mes.ts';
import { FakePlatform, type FakePlatformOptions } from '../workflows/fake-platform.ts';
import { FakeShipment, type FakeShipmentOptions } from '../workflows/fake-shipment.ts';
import { FakeTask, MAKER, type FakeTaskOptions } from '../workflows/fake-task.ts';

/** Where a story is played. */
export interface Stage {
  client: Client;
  /** Runs `work` while a worker with these activities serves the task queue. */
  withWorker<Result>(activities: object, work: (taskQueue: string) => Promise<Result>): Promise<Result>;
}

/** One execution. */
export interface Run {
  workflowId: string;
  runId: string;
}

/** Plays itself and says which executions to keep, in their order. */
type Story = (stage: Stage) => Promise<Run[]>;

const LI = { author: 'li', cause: 'complaints' };
const nowMs = async () => Date.now();

// ---------------------------------------------------------------- upgradeDevice

interface UpgradeStory {
  behaviours: Behaviour[];
  input?: Partial<UpgradeDeviceInput>;
  twist?: (activities: UpgradeActivities) => UpgradeActivities;
  during?: (handle: WorkflowHandle, device: FakeDevice) => Promise<unknown>;
}

function upgrade({ behaviours, input: change = {}, twist = (same) => same, during }: UpgradeStory): Story {
  return async ({ client, withWorker }) => {
    const input = upgradeInput({ limits: { ...LIMITS, silenceMs: 1_000, settleMs: 1_000, proofMs: 1_500 }, ...change });
    const workflowId = upgradeWorkflowId(input.deviceId);
    const current = client.workflow.getHandle(workflowId);
    const device = new FakeDevice(input, behaviours, { nowMs, signal: (edge) => current.signal(EDGE_SIGNAL, edge) });
    return withWorker(twist(device.activities), async (taskQueue) => {
      const handle = await client.workflow.start(UPGRADE_DEVICE, { workflowId, taskQueue, args: [input] });
      await during?.(handle, device);
      // However it ends: an execution that failed must replay too.
      await handle.result().catch(() => {});
      return [{ workflowId, runId: handle.firstExecutionRunId }];
    });
  };
}

const control = (handle: WorkflowHandle, action: UpgradeControl['action']) =>
  handle.signal(CONTROL_SIGNAL, { ...LI, action, upgradeId: 1 });

const wasOffered = (device: FakeDevice) => waitFor(() => device.log.includes('offered'));

/** The gate is closed until something new is reported. */
function waitingFirst(activities: UpgradeActivities): UpgradeActivities {
  let asked = 0;
  return {
    ...activities,
    openOffer: async (key) => {
      asked += 1;
      if (asked > 1) return activities.openOffer(key);
      return { kind: 'waiting', reason: 'version_mismatch', waitMs: HOUR };
    },
  };
}

// ---------------------------------------------------------------- agentSession

function agent(
  options: FakeAgentOptions,
  during?: (handle: WorkflowHandle, fake: FakeAgent) => Promise<unknown>,
): Story {
  return async ({ client, withWorker }) => {
    const fake = new FakeAgent(options);
    const workflowId = agentWorkflowId('EQ00001');
    return withWorker(fake.activities, async (taskQueue) => {
      const args = [{ agentId: 1, code: 'EQ00001' }];
      const handle = await client.workflow.start(AGENT_SESSION, { workflowId, taskQueue, args });
      await during?.(handle, fake);
      await handle.result();
      return [{ workflowId, runId: handle.firstExecutionRunId }];
    });
  };
}

// ---------------------------------------------------------------- runTask

interface TaskStory {
  options: FakeTaskOptions;
  during?: (handle: WorkflowHandle, task: FakeTask) => Promise<unknown>;
  /** Devices that failed are retried when the task has ended: a second execution. */
  retried?: boolean;
}

function task({ options, during, retried = false }: TaskStory): Story {
  return async ({ client, withWorker }) => {
    const fake = new FakeTask(options, { nowMs, startedAtMs: Date.now() });
    const workflowId = taskWorkflowId(7);
    return withWorker(fake.activities, async (taskQueue) => {
      const first = await client.workflow.start(RUN_TASK, { workflowId, taskQueue, args: [{ taskId: 7 }] });
      await during?.(first, fake);
      await first.result();
      const runs = [{ workflowId, runId: first.firstExecutionRunId }];
      if (!retried) return runs;
      const startWorkflowOperation = new WithStartWorkflowOperation(RUN_TASK, {
        workflowId,
        taskQueue,
        args: [{ taskId: 7 }],
        workflowIdConflictPolicy: 'USE_EXISTING',
      });
      await client.workflow.executeUpdateWithStart(RETRY_UPDATE, { args: [LI], startWorkflowOperation });
      const second = await startWorkflowOperation.workflowHandle();
      await second.result();
      const { runId } = await second.describe();
      return [...runs, { workflowId, runId }];
    });
  };
}

const hasStarted = (fake: FakeTask) => waitFor(() => fake.upgrades.some(({ startedAtMs }) => startedAtMs !== null));

// ---------------------------------------------------------------- deliverWebhook

/** Pauses between attempts are cut short by the person who resends. */
function delivery(
  answers: ConstructorParameters<typeof FakeReceiver>[0],
  during?: (handle: WorkflowHandle) => unknown,
): Story {
  return async ({ client, withWorker }) => {
    const receiver = new FakeReceiver(answers, nowMs);
    const workflowId = deliveryWorkflowId(7);
    return withWorker(receiver.activities, async (taskQueue) => {
      const handle = await client.workflow.start(DELIVER_WEBHOOK, { workflowId, taskQueue, args: [{ deliveryId: 7 }] });
      for (let attempts = 1; attempts < answers.length; attempts++) {
        await waitFor(() => receiver.attempts.length === attempts);
        await handle.signal(RETRY_NOW_SIGNAL);
      }
      await waitFor(() => receiver.attempts.length === answers.length);
      await during?.(handle);
      await handle.result();
      return [{ workflowId, runId: handle.firstExecutionRunId }];
    });
  };
}

// ---------------------------------------------------------------- sendCommand

function command(
  options: FakeCommandOptions & { during?: (handle: WorkflowHandle, fake: FakeCommand) => Promise<unknown> },
): Story {
  return async ({ client, withWorker }) => {
    const workflowId = commandWorkflowId(7);
    const current = client.workflow.getHandle(workflowId);
    const fake = new FakeCommand(options, {
      nowMs,
      startedAtMs: Date.now(),
      signal: (edge) => current.signal(COMMAND_EDGE_SIGNAL, edge).catch(() => {}),
      after: (ms, act) => void setTimeout(() => void act(), ms),
    });
    return withWorker(fake.activities, async (taskQueue) => {
      const handle = await client.workflow.start(SEND_COMMAND, { workflowId, taskQueue, args: [fake.input] });
      await options.during?.(handle, fake);
      await handle.result();
      return [{ workflowId, runId: handle.firstExecutionRunId }];
    });
  };
}

const isOpen = (fake: FakeCommand) => waitFor(() => fake.facts.attempt === 1);

// ---------------------------------------------------------------- equipmentSession

/** A session through these edges; retired at its end, unless it ends otherwise. */
function session(
  edges: readonly (readonly [SessionEdge, SessionState])[],
  {
    resume,
    end,
  }: { resume?: EquipmentSessionInput['resume']; end?: (handle: WorkflowHandle) => Promise<unknown> } = {},
): Story {
  return async ({ client, withWorker }) => {
    const fake = new FakeEquipment(async () => Date.now());
    const input = { ...EQUIPMENT, ...(resume !== undefined && { resume }) };
    const workflowId = equipmentWorkflowId(input.code);
    return withWorker(fake.activities, async (taskQueue) => {
      const handle = await client.workflow.start(EQUIPMENT_SESSION, { workflowId, taskQueue, args: [input] });
      await waitFor(() => !fake.isMarked);
      for (const [edge, state] of edges) {
        if (edge === 'flags') fake.change({ pendingFlags: ['material_up'], openAlarms: ['A1'], parametersVersion: 1 });
        else await fake.edge(edge, state);
        await handle.signal(EQUIPMENT_EDGE_SIGNAL, edge);
        await waitFor(() => !fake.isMarked);
      }
      if (end === undefined) {
        await fake.edge('offline', 'offline');
        fake.change({ isActive: false });
        await handle.signal(EQUIPMENT_EDGE_SIGNAL, 'settings');
      } else {
        await end(handle);
      }
      await handle.result();
      return [{ workflowId, runId: handle.firstExecutionRunId }];
    });
  };
}

// ---------------------------------------------------------------- shipDevices, fireTrigger

function shipment(
  workflow: typeof SHIP_DEVICES | typeof FIRE_TRIGGER,
  options: FakeShipmentOptions,
  during?: (handle: WorkflowHandle, fake: FakeShipment) => Promise<unknown>,
): Story {
  return async ({ client, withWorker }) => {
    const fake = new FakeShipment(options);
    const workflowId = `${workflow}-${options.devices}`;
    const args = workflow === SHIP_DEVICES ? [{ shipmentId: 7 }] : [{ triggerId: 3, cycleId: 9 }];
    const activities = { ...new FakePlatform({ devices: 3 }).activities, ...fake.activities };
    return withWorker(activities, async (taskQueue) => {
      const handle = await client.workflow.start(workflow, { workflowId, taskQueue, args });
      await during?.(handle, fake);
      await handle.result();
      return [{ workflowId, runId: handle.firstExecutionRunId }];
    });
  };
}

// ---------------------------------------------------------------- shipToPlatform

function platformShipment(
  options: FakePlatformOptions,
  during?: (handle: WorkflowHandle, fake: FakePlatform) => Promise<unknown>,
): Story {
  return async ({ client, withWorker }) => {
    const fake = new FakePlatform(options);
    const workflowId = platformShipmentWorkflowId(7);
    return withWorker(fake.activities, async (taskQueue) => {
      const handle = await client.workflow.start(SHIP_TO_PLATFORM, {
        workflowId,
        taskQueue,
        args: [{ shipmentId: 7 }],
      });
      await during?.(handle, fake);
      await handle.result();
      return [{ workflowId, runId: handle.firstExecutionRunId }];
    });
  };
}

/** Ends the wait of the moment. */
const wakeAfter = (pages: number) => async (handle: WorkflowHandle, fake: FakePlatform) => {
  await waitFor(() => fake.pages.length >= pages);
  await handle.signal(PLATFORM_WAKE_SIGNAL);
};

// ---------------------------------------------------------------- all of them

/** Every story by the name of its file; one that makes two executions makes `<name>` and `<name>-2`. */
/** A cycle of reading MES that answers like this. */
function mesCycle(answers: ConstructorParameters<typeof FakeMes>[0], more: { isCancelled?: boolean } = {}): Story {
  return ({ client, withWorker }) => {
    const workflowId = `mes-sync-${answers.length}-${more.isCancelled === true}`;
    const mes = new FakeMes(answers);
    return withWorker(mes.activities, async (taskQueue) => {
      const handle = await client.workflow.start(SYNC_MES, { workflowId, taskQueue, args: [{}] });
      if (more.isCancelled === true) {
        await waitFor(() => mes.reads.length > 0);
        await handle.cancel();
      }
      await handle.result().catch(() => {});
      return [{ workflowId, runId: handle.firstExecutionRunId }];
    });
  };
}
const MES_AWAY = { state: 'unreachable', rows: 0, words: 'MES does not answer' } as const;

export const STORIES: Readonly<Record<string, Story>> = {
  shipment: shipment(SHIP_DEVICES, { devices: 250 }),
  'shipment-cancelled-in-temporal': shipment(SHIP_DEVICES, { devices: 100_000, perStep: 1 }, async (handle, fake) => {
    await waitFor(() => fake.shipped > 3);
    await handle.cancel();
  }),
  trigger: shipment(FIRE_TRIGGER, { devices: 20, platformShipmentId: 5 }),
  'trigger-differences': shipment(FIRE_TRIGGER, { devices: 0 }),
  'mes-cycle': mesCycle([{ state: 'more', rows: 10, words: '' }]),
  'mes-away-once': mesCycle([MES_AWAY]),
  'mes-refused': mesCycle([{ state: 'refused', rows: 0, words: 'the user can do more than read' }]),
  'mes-cancelled': mesCycle([MES_AWAY, MES_AWAY], { isCancelled: true }),
  'upgrade-two-files': upgrade({ behaviours: ['upgrades'] }),
  'upgrade-retries': upgrade({
    behaviours: [{ fails: 'terminal_803' }, 'stops in the middle', 'keeps old version', 'upgrades'],
  }),
  'upgrade-waits': upgrade({
    behaviours: ['upgrades'],
    twist: waitingFirst,
    during: async (handle) => {
      await waitFor(async () => (await handle.query<UpgradeView>(UPGRADE_VIEW_QUERY)).status === 'waiting');
      await handle.signal(EDGE_SIGNAL, 'reported');
    },
  }),
  'upgrade-failed': upgrade({ behaviours: [{ fails: 'terminal_745' }] }),
  'upgrade-partial': upgrade({ behaviours: ['upgrades', 'says nothing after the transfer'] }),
  'upgrade-cancelled': upgrade({
    behaviours: ['never comes online'],
    during: async (handle, device) => {
      await wasOffered(device);
      await control(handle, 'cancel');
    },
  }),
  'upgrade-cancelled-in-temporal': upgrade({
    behaviours: ['never comes online'],
    during: async (handle, device) => {
      await wasOffered(device);
      await handle.cancel();
    },
  }),
  'upgrade-baseband': upgrade({
    behaviours: ['upgrades'],
    input: { files: [{ firmwareId: 3, fileName: 'bb_V2.bin', component: 'T3', targetVersion: 'V2' }] },
    during: async (handle, device) => {
      await waitFor(() => device.log.some((line) => line.includes('awaiting_operator')));
      await control(handle, 'confirm');
    },
  }),
  'upgrade-program-error': upgrade({
    behaviours: ['upgrades'],
    twist: (activities) => ({
      ...activities,
      openOffer: async () => {
        throw ApplicationFailure.nonRetryable('the program has a bug', 'InvariantViolated');
      },
    }),
  }),

  'task-simple': task({ options: { devices: 5, maxConcurrent: 2, windowOpensAfterMs: 1_500 } }),
  'task-controlled': task({
    options: { devices: 6, maxConcurrent: 1, takesMs: null, dispatchDelayMs: HOUR },
    during: async (handle, fake) => {
      await handle.executeUpdate(START_NOW_UPDATE, { args: [LI] });
      await hasStarted(fake);
      await handle.executeUpdate(PAUSE_UPDATE, { args: [LI] });
      await waitFor(() => fake.status === 'paused');
      await handle.executeUpdate(PACING_UPDATE, { args: [{ ...LI, fields: { maxConcurrent: 3 } }] });
      await handle.executeUpdate(RESUME_UPDATE, { args: [LI] });
      await waitFor(() => fake.mostAtOnce === 3);
      await handle.executeUpdate(CANCEL_UPDATE, { args: [LI] });
    },
  }),
  'task-controlled-at-once': task({
    options: { devices: 4, maxConcurrent: 1, takesMs: null },
    during: async (handle, fake) => {
      await hasStarted(fake);
      const pacing = { ...LI, fields: { maxConcurrent: 2 } };
      await Promise.all([
        handle.executeUpdate(PAUSE_UPDATE, { args: [LI] }),
        handle.executeUpdate(PACING_UPDATE, { args: [pacing] }),
        handle.executeUpdate(RETRY_UPDATE, { args: [LI] }),
        handle.executeUpdate(RESUME_UPDATE, { args: [LI] }),
      ]);
      await handle.executeUpdate(CANCEL_UPDATE, { args: [LI] });
    },
  }),
  'task-cancelled-in-temporal': task({
    options: { devices: 3, dispatchDelayMs: HOUR },
    during: (handle) => handle.cancel(),
  }),
  'task-approved': task({
    options: { devices: 2, approval: { withinMs: HOUR, onExpiry: 'cancel', fourEyes: true } },
    during: async (handle) => {
      await waitFor(async () => (await handle.query<TaskView>(TASK_VIEW_QUERY)).phase === 'awaiting approval');
      const own = { author: MAKER, keyId: 1 };
      await handle.executeUpdate(APPROVE_UPDATE, { args: [own] }).catch(() => {});
      await handle.executeUpdate(APPROVE_UPDATE, { args: [{ author: 'wang', keyId: 2, cause: 'looks good' }] });
    },
  }),
  'task-not-approved': task({
    options: { devices: 2, approval: { withinMs: 1_500, onExpiry: 'cancel', fourEyes: true } },
  }),
  'task-aborted': task({
    options: {
      devices: 6,
      maxConcurrent: 2,
      endsAs: 'failed',
      abort: [{ failures: 'any', percent: 50, afterFinished: 4, effect: 'pause' }],
    },
    during: async (handle, fake) => {
      await waitFor(() => fake.status === 'paused');
      await handle.executeUpdate(RESUME_UPDATE, { args: [LI] });
    },
  }),
  'task-aborted-waiting': task({
    options: {
      devices: 8,
      maxConcurrent: 4,
      endsAs: 'failed',
      abort: [{ failures: 'any', percent: 50, afterFinished: 4, effect: 'cancel_waiting' }],
    },
  }),
  'task-joined': task({
    options: { devices: 1, joins: true, deadlineMs: 10_000 },
    during: (_handle, fake) => waitFor(() => fake.counts()['succeeded'] === 1).then(() => fake.join(1)),
  }),
  'webhook-delivered': delivery(['again', 'again', 'delivered']),
  'webhook-cancelled-in-temporal': delivery(['again'], (handle) => handle.cancel()),
  'command-answered': command({ reactions: [VALUE('600')] }),
  'command-asked-back': command({ reactions: [VALUE('60'), { awayMs: 500 }] }),
  // In real time: thirty seconds for an answer that does not come.
  'command-slept': command({ reactions: ['silent', { awayMs: 1_000 }] }),
  'command-restart': command({
    input: { deviceId: 'pile-32010200000001', order: { kind: 'restart', control: 'at_once' } },
    reactions: [{ said: 'restart', accepted: true }],
  }),
  'command-expired': command({ reactions: [{ awayMs: Infinity }], lifeMs: 1_500 }),
  'command-taken-back': command({
    reactions: [{ awayMs: Infinity }],
    during: (_handle, fake) => isOpen(fake).then(() => fake.cancel()),
  }),
  'command-cancelled-in-temporal': command({
    reactions: [{ awayMs: Infinity }],
    during: (handle, fake) => isOpen(fake).then(() => handle.cancel()),
  }),
  'equipment-session': session([
    ['online', 'online'],
    ['alive', 'alive'],
    ['flags', 'alive'],
    ['suspect', 'suspect'],
    ['offline', 'offline'],
    ['back', 'alive'],
  ]),
  'equipment-session-resumed': session([['suspect', 'suspect']], {
    resume: { lastEdge: 0, edges: 93, lines: ['2026-01-01 00:00:00 back: heartbeat'], since: 1_767_225_600_000 },
  }),
  'equipment-session-cancelled-in-temporal': session([['online', 'online']], { end: (handle) => handle.cancel() }),
  'platform-shipment': platformShipment({ devices: 250, faults: ['doubt', 'trouble'] }, wakeAfter(4)),
  'platform-shipment-paused': platformShipment({ devices: 100, faults: ['paused'] }, wakeAfter(1)),
  'platform-shipment-cancelled-in-temporal': platformShipment(
    { devices: 100, faults: ['paused'] },
    async (handle, fake) => {
      await waitFor(() => fake.pages.length > 0);
      await handle.cancel();
    },
  ),
  'task-retried': task({ options: { devices: 3, endsAs: 'failed' }, retried: true }),
  'agent-flags': agent({
    ends: [
      { kind: 'flag', flagId: 1, action: 'material_up' },
      { kind: 'rested', why: '' },
      { kind: 'parameters', why: 'KeyFlag 98' },
      { kind: 'lost', why: 'no answer' },
    ],
  }),
  'agent-refused': agent({
    online: [{ kind: 'refused', why: 'refused: unknown equipment', periodMs: 500 }],
    ends: [{ kind: 'dropped', why: 'refused: who are you', periodMs: 500 }],
  }),
  'agent-changed-while-away': agent({ online: ['unreachable', 'unreachable', 'unreachable'] }, async (handle, fake) => {
    await waitFor(() => fake.log.length === 2);
    await handle.query(AGENT_VIEW_QUERY);
    await handle.signal(AGENT_CHANGED_SIGNAL);
  }),
};
