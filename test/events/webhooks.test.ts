/**
 * Webhooks from end to end: a real database, a real Temporal server, a real receiver. What dies in between is replaced,
 * and every event arrives.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWebhookActivities } from '../../activities/webhooks.ts';
import { Executions } from '../../api/executions/executions.ts';
import { WebhookSweep } from '../../api/events/webhook-sweep.ts';
import { findDelivery, listDeliveries, requeueDelivery } from '../../db/events/webhook-deliveries.ts';
import { createWebhook } from '../../db/events/webhooks.ts';
import { newSecret, signatures } from '../../gateways/webhooks.ts';
import { Records } from '../db/records.ts';
import { provided } from '../support/run-servers.ts';
import { installRuntime, workflowBundle } from '../support/temporal.ts';
import { waitFor } from '../support/wait.ts';

interface Message {
  id: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into bodies of every shape
  body: any;
  isSigned: boolean;
}

let records: Records;
let connection: Connection;
let native: NativeConnection;
let receiver: Server;
const got: Message[] = [];
const secret = newSecret();
/** What the receiver answers. */
let answer: (message: Message) => number | 'nothing' = () => 204;
const taskQueue = `webhooks-${randomUUID()}`;
let departmentId = 0;
let webhookId = 0;

beforeAll(async () => {
  installRuntime();
  records = await Records.start();
  connection = await Connection.connect({ address: provided('temporalAddress') });
  native = await NativeConnection.connect({ address: provided('temporalAddress') });
  receiver = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => (text += part));
    request.once('end', () => {
      const [id, timestamp, signature] = ['id', 'timestamp', 'signature'].map(
        (name) => request.headers[`webhook-${name}`] as string,
      );
      const message = {
        id: id!,
        body: JSON.parse(text) as unknown,
        isSigned: signatures([secret], id!, timestamp!, text) === signature,
      };
      got.push(message);
      const status = answer(message);
      if (status !== 'nothing') response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const [row] = await records.sql<{ id: number }[]>`insert into departments (name) values ('hooked') returning id`;
  departmentId = row!.id;
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
  webhookId = (await createWebhook(records.db, {
    departmentId,
    url,
    secret,
    kinds: [],
    remark: '',
    createdBy: 'test',
  }))!.id;
});
afterAll(async () => {
  receiver.closeAllConnections();
  await new Promise((resolve) => receiver.close(resolve));
  await Promise.all([connection.close(), native.close()]);
  await records.stop();
});

async function events(count: number): Promise<number[]> {
  const rows = await records.sql<{ id: string }[]>`
    insert into events (department_id, kind, task_id, device_id, data)
    select ${departmentId}, 'device.failed', 7, 'terminal-A', jsonb_build_object('n', n) from generate_series(1, ${count}::int) n
    returning id`;
  return rows.map(({ id }) => Number(id));
}

/** A worker and a sweep while `work` goes on; the next ones take over what they leave. */
async function running<Result>(work: (executions: Executions) => Promise<Result>, times: object = {}): Promise<Result> {
  const executions = new Executions({ client: new Client({ connection }), taskQueue, uiUrl: 'http://ui.test' });
  const worker = await Worker.create({
    connection: native,
    taskQueue,
    workflowBundle: await workflowBundle(),
    activities: createWebhookActivities({ db: records.db, executions, allowPrivateWebhooks: true }),
  });
  return worker.runUntil(async () => {
    const sweep = new WebhookSweep({ db: records.db, executions, log: pino({ level: 'silent' }), times });
    sweep.start();
    try {
      return await work(executions);
    } finally {
      await sweep.stop();
    }
  });
}

const allDelivered = async () =>
  (await listDeliveries(records.db, webhookId, { status: 'pending', limit: 1 })).length === 0;

describe('an event', () => {
  it('arrives, signed, with all that it says; what failed is tried again under the same id', async () => {
    const [eventId] = await events(1);
    answer = () => (got.length === 1 ? 503 : 204);
    await running(async (executions) => {
      await waitFor(() => got.length === 1);
      const { id } = await waitFor(async () => (await listDeliveries(records.db, webhookId, { limit: 1 }))[0]);
      await waitFor(async () => (await findDelivery(records.db, webhookId, id))!.lastStatus === 503);
      await executions.retryDelivery(id);
      await waitFor(allDelivered);
      expect(await findDelivery(records.db, webhookId, id)).toMatchObject({
        status: 'delivered',
        attempts: 2,
        lastStatus: 204,
      });
      expect(await executions.pingWebhook(webhookId)).toMatchObject({ status: 204, error: null });
      // Sent again, although it has arrived.
      await requeueDelivery(records.db, id);
      await waitFor(allDelivered);
    });
    const [first, second, ping, again] = got;
    expect(first!.body).toEqual({
      id: eventId,
      kind: 'device.failed',
      at: expect.stringMatching(/^\d{4}-.*Z$/),
      departmentId,
      taskId: 7,
      deviceId: 'terminal-A',
      data: { n: 1 },
      links: { task: '/api/v1/upgrade-tasks/7', device: '/api/v1/devices/terminal-A' },
    });
    expect([second, again]).toEqual([first, first]);
    expect(ping!.body).toMatchObject({ kind: 'ping', departmentId });
    expect(got.every(({ isSigned }) => isSigned)).toBe(true);
  });

  it('about a shipment leads to the shipment, and to its workflow', async () => {
    got.length = 0;
    await records.sql`insert into events (department_id, kind, data) values
      (${departmentId}, 'shipment.finished', '{"shipmentId": 12, "status": "finished"}'),
      (${departmentId}, 'platform_shipment.finished', '{"platformShipmentId": 34, "status": "red"}')`;
    await running(async () => {
      await waitFor(() => got.length === 2);
      // What is not written down is sent once more.
      await waitFor(allDelivered);
    });
    const linksOf = (kind: string) => got.find(({ body }) => body.kind === kind)!.body.links;
    const ui = 'http://ui.test/namespaces/default/workflows';
    expect(linksOf('shipment.finished')).toEqual({
      shipment: '/api/v1/shipments/12',
      execution: `${ui}/shipment%2F12`,
    });
    expect(linksOf('platform_shipment.finished')).toEqual({
      platformShipment: '/api/v1/platform-shipments/34',
      execution: `${ui}/platform-shipment%2F34`,
    });
  });

  it('arrives also when worker and sweep die in the middle', async () => {
    got.length = 0;
    answer = () => 204;
    const ids = await events(120);
    // Taken, and then everything is gone: nobody starts what was taken, nobody ends what was started.
    const taken = new WebhookSweep({
      db: records.db,
      executions: { startWebhookDelivery: () => Promise.reject(new Error('killed')) },
      log: pino({ level: 'silent' }),
    });
    await waitFor(async () => {
      await taken.sweep();
      return (
        (await records.sql`select 1 from webhook_deliveries where started_at is not null and finished_at is null`)
          .length > 0
      );
    });
    await running(async () => void (await waitFor(() => got.length >= 30)), {
      claimedMs: 0,
      unheardEveryMs: 0,
      busyMs: 10,
    });
    await running(async () => void (await waitFor(allDelivered, { deadlineMs: 60_000 })), {
      claimedMs: 0,
      unheardEveryMs: 500,
      busyMs: 10,
    });
    const arrived = got.map(({ body }) => body.id as number);
    expect([...new Set(arrived)].toSorted((a, b) => a - b)).toEqual(ids);
  });
});
