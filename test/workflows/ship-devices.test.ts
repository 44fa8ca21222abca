/** Primary shipment and triggers, with their steps stood in for: whatever fails or is repeated, every device ends once. */
import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EndedFiring, ShipmentActivities, ShipmentEnd } from '../../activities/shipments.ts';
import { FIRE_TRIGGER, SHIP_DEVICES } from '../../workflows/contract.ts';
import { startTimeSkipping, withWorker } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';
import { FakePlatform } from './fake-platform.ts';
import { FakeShipment, type FakeShipmentOptions } from './fake-shipment.ts';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await startTimeSkipping();
});
afterAll(() => env.teardown());

type Twist = (activities: ShipmentActivities, fake: FakeShipment) => ShipmentActivities;

async function play<Result>(
  workflow: string,
  options: FakeShipmentOptions,
  {
    twist = (same) => same,
    during,
  }: { twist?: Twist; during?: (h: WorkflowHandle, f: FakeShipment, p: FakePlatform) => unknown } = {},
) {
  const fake = new FakeShipment(options);
  const platform = new FakePlatform({ devices: 3 });
  const activities = { ...platform.activities, ...twist(fake.activities, fake) };
  const args = workflow === SHIP_DEVICES ? [{ shipmentId: 7 }] : [{ triggerId: 3, cycleId: 9 }];
  return withWorker(env.nativeConnection, activities, async (taskQueue) => {
    const workflowId = `test/${randomUUID()}`;
    const handle = await env.client.workflow.start(workflow, { workflowId, taskQueue, args });
    await during?.(handle, fake, platform);
    const result = (await handle.result()) as Result;
    const { events } = await handle.fetchHistory();
    return { result, fake, platform, events: events!.length };
  });
}

/** Every step fails the first time, before or after its work. */
const failingOnce =
  (isAfter: boolean): Twist =>
  (activities) => {
    const failed = new Set<string>();
    return Object.fromEntries(
      Object.entries(activities).map(([name, act]) => [
        name,
        async (...args: never[]) => {
          const isFirst = !failed.has(name);
          failed.add(name);
          if (isFirst && !isAfter) throw new Error('away');
          const result = await (act as (...args: never[]) => Promise<unknown>)(...args);
          if (isFirst) throw new Error('the answer was lost');
          return result;
        },
      ]),
    ) as unknown as ShipmentActivities;
  };

describe('a shipment', () => {
  it('takes step after step to the end, in few events', async () => {
    const { result, fake, events } = await play<ShipmentEnd>(SHIP_DEVICES, { devices: 250 });
    expect(result).toMatchObject({ status: 'finished', sums: { shipped: 250 } });
    expect(fake.log).toEqual(['shipped 100', 'shipped 100', 'shipped 50', 'finished']);
    expect(events).toBeLessThan(30);
  });

  it.each([false, true])('ends although every step fails once (after its work: %s)', async (isAfter) => {
    const { result, fake } = await play<ShipmentEnd>(SHIP_DEVICES, { devices: 250 }, { twist: failingOnce(isAfter) });
    expect(result.status).toBe('finished');
    expect(fake.shipped).toBe(250);
  });

  it('refuses what is open when it is cancelled in Temporal, and ends with its sums', async () => {
    const { result, fake } = await play<ShipmentEnd>(
      SHIP_DEVICES,
      { devices: 1_000_000, perStep: 1 },
      {
        during: async (handle, fake) => {
          await waitFor(() => fake.shipped > 3);
          await handle.cancel();
        },
      },
    );
    expect(result.status).toBe('finished');
    expect(fake.shipped + fake.refused).toBe(1_000_000);
    expect(fake.refused).toBeGreaterThan(0);
  });
});

describe('a trigger that fires', () => {
  it('ships in a workflow of its own, and sends on in another', async () => {
    const { result, fake, platform } = await play<EndedFiring>(
      FIRE_TRIGGER,
      { devices: 20, platformShipmentId: 5 },
      { during: (_handle, _fake, platform) => waitFor(() => platform.open.size === 0, { deadlineMs: 30_000 }) },
    );
    expect(result).toMatchObject({ status: 'done', shipmentId: 7, platformShipmentId: 5 });
    expect(fake.log).toEqual(['begun', 'shipped 20', 'finished', 'ended']);
    expect(platform.open.size).toBe(0);
  });

  it('ships nothing when only differences were found', async () => {
    const { fake } = await play<EndedFiring>(FIRE_TRIGGER, { devices: 0 });
    expect(fake.log).toEqual(['begun', 'ended']);
  });

  it.each([false, true])('ends although every step fails once (after its work: %s)', async (isAfter) => {
    const { result, fake } = await play<EndedFiring>(FIRE_TRIGGER, { devices: 20 }, { twist: failingOnce(isAfter) });
    expect(result.status).toBe('done');
    expect(fake.shipped).toBe(20);
  });
});
