import { randomUUID } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/common';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UpgradeActivities } from '../../activities/upgrades.ts';
import {
  CONTROL_SIGNAL,
  EDGE_SIGNAL,
  UPGRADE_DEVICE,
  type UpgradeDeviceInput,
  type UpgradeOutcome,
} from '../../workflows/contract.ts';
import { isEnd } from '../../workflows/rules/statuses.ts';
import { startTimeSkipping, withWorker } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';
import { FakeDevice, HOUR, upgradeInput, type Behaviour } from './fake-device.ts';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await startTimeSkipping();
});
afterAll(async () => {
  await env.teardown();
});

interface Played {
  outcome: UpgradeOutcome;
  device: FakeDevice;
  events: number;
  days: number;
}

interface Play {
  input?: Partial<UpgradeDeviceInput>;
  /** Changes the activities, for the torture. */
  twist?: (activities: UpgradeActivities) => UpgradeActivities;
  during?: (handle: WorkflowHandle, device: FakeDevice) => Promise<void>;
}

/** Runs one upgrade against a device that behaves as told. */
async function play(
  behaviours: Behaviour[],
  { input: change = {}, twist = (same) => same, during }: Play = {},
): Promise<Played> {
  const nowMs = () => env.currentTimeMs();
  const startedMs = await nowMs();
  const input = upgradeInput({ deadlineAtMs: startedMs + 7 * 24 * HOUR, ...change });
  const workflowId = `upgrade/${randomUUID()}`;
  const handle = env.client.workflow.getHandle(workflowId);
  const device = new FakeDevice(input, behaviours, { nowMs, signal: (edge) => handle.signal(EDGE_SIGNAL, edge) });
  return withWorker(env.nativeConnection, twist(device.activities), async (taskQueue) => {
    await env.client.workflow.start(UPGRADE_DEVICE, { workflowId, taskQueue, args: [input] });
    await during?.(handle, device);
    const outcome = (await handle.result()) as UpgradeOutcome;
    const { events } = await handle.fetchHistory();
    return { outcome, device, events: events?.length ?? 0, days: ((await nowMs()) - startedMs) / (24 * HOUR) };
  });
}

describe('one device', () => {
  it('takes two files, each proven before the next, in well under 100 events', async () => {
    const { outcome, device, events } = await play(['upgrades']);
    expect(outcome).toEqual({ status: 'succeeded', reason: null });
    expect(device.log).toEqual(['offered', 'confirming: proven 11', 'offered', 'succeeded: proven 12']);
    expect(events).toBeLessThanOrEqual(26);
  });

  it('that runs the target already gets nothing sent', async () => {
    const { outcome, device } = await play(['upgrades'], {
      twist: (activities) => ({ ...activities, openOffer: async () => ({ kind: 'already_current', version: '12' }) }),
    });
    expect(outcome).toEqual({ status: 'succeeded', reason: null });
    expect(device.offers).toBe(0);
  });

  it('that says OVER and keeps the old version is never succeeded', async () => {
    const { outcome, device } = await play(['keeps old version']);
    expect(outcome).toEqual({ status: 'failed', reason: 'version_unchanged' });
    expect(device.offers).toBe(3);
    expect(device.log).not.toContain('succeeded');
  });

  it('that proves file one and not file two is partial', async () => {
    const { outcome } = await play(['upgrades', 'keeps old version']);
    expect(outcome).toEqual({ status: 'partial', reason: 'version_unchanged' });
  });

  it('of which nothing is heard after the transfer is unproven', async () => {
    const { outcome } = await play(['says nothing after the transfer']);
    expect(outcome).toEqual({ status: 'unproven', reason: 'no_report' });
  });

  it('that never comes online expires after the time for it, without a row of timers', async () => {
    const { outcome, days, events } = await play(['never comes online']);
    expect(outcome).toEqual({ status: 'expired', reason: 'device_offline' });
    expect(days).toBeCloseTo(1, 1);
    expect(events).toBeLessThan(25);
  });

  it('that stops in the middle is offered again at no cost and goes on', async () => {
    const { outcome, device } = await play([
      'stops in the middle',
      'stops in the middle',
      'stops in the middle',
      'upgrades',
    ]);
    expect(outcome.status).toBe('succeeded');
    expect(device.log.filter((line) => line === 'waiting: transfer_silent')).toHaveLength(3);
  });

  it.each<[Behaviour, number, UpgradeOutcome]>([
    [{ fails: 'terminal_803' }, 3, { status: 'failed', reason: 'terminal_803' }],
    [{ fails: 'terminal_745' }, 1, { status: 'failed', reason: 'terminal_745' }],
    [{ fails: 'terminal_unknown' }, 1, { status: 'failed', reason: 'terminal_unknown' }],
  ])('that answers %j is offered %i times', async (behaviour, offers, expected) => {
    const { outcome, device } = await play([behaviour]);
    expect(outcome).toEqual(expected);
    expect(device.offers).toBe(offers);
  });

  it('recovers from bad luck: two failures, then success', async () => {
    const { outcome, device } = await play([{ fails: 'terminal_805' }, { fails: 'terminal_803' }, 'upgrades']);
    expect(outcome.status).toBe('succeeded');
    expect(device.offers).toBe(4);
  });

  it('does not outlive the deadline of the task, whatever the limits say', async () => {
    const now = await env.currentTimeMs();
    const { outcome, days } = await play(['stops in the middle'], { input: { deadlineAtMs: now + 2 * HOUR } });
    expect(outcome).toEqual({ status: 'expired', reason: 'task_deadline' });
    expect(days).toBeLessThan(0.1);
  });
});

describe('a person', () => {
  const control = (action: string, upgradeId = 1) => ({ action, author: 'li', cause: 'wrong batch', upgradeId });

  it('cancels a device that waits', async () => {
    const { outcome } = await play(['never comes online'], {
      during: async (handle) => handle.signal(CONTROL_SIGNAL, control('cancel')),
    });
    expect(outcome).toEqual({ status: 'cancelled', reason: 'cancelled_by_operator' });
  });

  it('leaves one device out', async () => {
    const { outcome } = await play(['never comes online'], {
      during: async (handle) => handle.signal(CONTROL_SIGNAL, control('skip')),
    });
    expect(outcome).toEqual({ status: 'skipped', reason: 'skipped_by_operator' });
  });

  it('cannot stop a device that has every byte: the truth is awaited', async () => {
    const { outcome } = await play(['says nothing after the transfer'], {
      during: async (handle, device) => {
        await waitFor(() => device.log.includes('offered'));
        await handle.signal(CONTROL_SIGNAL, control('cancel'));
      },
    });
    expect(outcome).toEqual({ status: 'unproven', reason: 'no_report' });
  });

  it('with a control for another upgrade of the same device changes nothing', async () => {
    const { outcome } = await play(['never comes online'], {
      during: async (handle) => handle.signal(CONTROL_SIGNAL, control('cancel', 99)),
    });
    expect(outcome.status).toBe('expired');
  });

  it('who cancels in the Temporal Web UI gets the same orderly end', async () => {
    const { outcome } = await play(['never comes online'], { during: async (handle) => void (await handle.cancel()) });
    expect(outcome).toEqual({ status: 'cancelled', reason: 'cancelled_by_operator' });
  });

  const baseband = [{ firmwareId: 3, fileName: 'bb_V2.bin', component: 'T3' as const, targetVersion: 'V2' }];

  it('must confirm a baseband upgrade: the report alone does not close it', async () => {
    const { outcome, device } = await play(['upgrades'], {
      input: { files: baseband },
      during: async (handle) => handle.signal(CONTROL_SIGNAL, control('confirm')),
    });
    expect(outcome).toEqual({ status: 'succeeded', reason: null });
    expect(device.log).toContain('confirming: proven V2');
  });

  it('who never confirms a baseband upgrade leaves it unproven at the deadline', async () => {
    const { outcome, days } = await play(['upgrades'], { input: { files: baseband } });
    expect(outcome).toEqual({ status: 'unproven', reason: 'baseband_not_confirmed' });
    expect(days).toBeCloseTo(7, 1);
  });
});

describe('torture: whatever happens to a step, the end is a documented one', () => {
  const steps: (keyof UpgradeActivities)[] = ['openOffer', 'readOffer', 'closeOffer', 'recordProof', 'finishUpgrade'];
  const scripts: Behaviour[][] = [['upgrades'], [{ fails: 'terminal_803' }, 'upgrades', 'keeps old version']];

  for (const step of steps) {
    for (const script of scripts) {
      const name = `${step} (${script.length === 1 ? 'good path' : 'bad luck'})`;

      it(`${name} fails once before and once after its effect`, async () => {
        const plain = await play(script);
        const { outcome, device } = await play(script, { twist: (activities) => failingTwice(activities, step) });
        expect(outcome).toEqual(plain.outcome);
        expect(device.status).toBe(plain.device.status);
        expect(device.offers).toBe(plain.device.offers);
      });

      it(`${name} fails for good`, async () => {
        const ended = play(script, { twist: (activities) => broken(activities, step) });
        const result = await ended.catch((error: unknown) => error);
        if (result instanceof Error) expect(result).toBeInstanceOf(WorkflowFailedError);
        else expect(isEnd((result as Played).outcome.status)).toBe(true);
      });
    }
  }

  it.each([0, 1, 2, 3])('cancelled at step %i', async (at) => {
    const { outcome } = await play(['upgrades', { fails: 'terminal_803' }, 'never comes online'], {
      during: async (handle, device) => {
        await waitFor(() => device.log.length >= at);
        await handle.signal(CONTROL_SIGNAL, { action: 'cancel', author: 'li', upgradeId: 1 });
      },
    });
    expect(['cancelled', 'partial']).toContain(outcome.status);
  });
});

/** The step fails before doing anything, then does its work and fails, then works: what a crash looks like. */
function failingTwice(activities: UpgradeActivities, step: keyof UpgradeActivities): UpgradeActivities {
  let calls = 0;
  const work = activities[step] as (key: never) => Promise<unknown>;
  const twisted = async (key: never) => {
    calls += 1;
    if (calls === 1) throw new Error('connection refused');
    const result = await work(key);
    if (calls === 2) throw new Error('connection lost before the answer');
    return result;
  };
  return { ...activities, [step]: twisted };
}

function broken(activities: UpgradeActivities, step: keyof UpgradeActivities): UpgradeActivities {
  return {
    ...activities,
    [step]: async () => {
      throw ApplicationFailure.nonRetryable('the program has a bug', 'InvariantViolated');
    },
  };
}
