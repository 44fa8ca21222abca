/**
 * The platforms that a secondary shipment may choose, and the connections to them.
 */
import { Type } from 'typebox';
import { audit, differences } from '../audit.ts';
import {
  AskedFields,
  ConnectorName,
  Platform,
  PlatformConnector,
  showConnector,
  showPlatform,
} from '../shipments/platform-views.ts';
import { loggable, notFound, problem } from '../problems.ts';
import { assertRevision, etagOf, IfMatch } from '../http/revisions.ts';
import { Answer, route, type Services } from '../route.ts';
import { AfterId, closed, ControlBody, Id, Limit, page, readPage, text } from '../schemas.ts';
import type { Db } from '../../db/index.ts';
import { findRunningShipments } from '../../db/shipments/platform-orders.ts';
import * as platforms from '../../db/shipments/platforms.ts';
import type { Connector } from '../../db/schema.ts';

const Name = text(100, { minLength: 1 });
const Reading = text(200);
const Remark = text(500);
const One = closed({ platformId: Id });
const OneConnector = closed({ connector: ConnectorName });
/** A resumed connection wakes so many shipments; the others look by themselves within minutes. */
const WOKEN = 100;

export const platformRoutes = [
  route({
    method: 'get',
    path: '/api/v1/platforms',
    id: 'listPlatforms',
    tag: 'shipments',
    summary: 'List the platforms of secondary shipment',
    permission: 'device:read',
    query: closed({ limit: Limit, after: AfterId }),
    status: 200,
    response: page(Platform, 'PlatformPage'),
    handle: ({ query: { limit, after = 0 } }, { db }) =>
      readPage(
        limit,
        (limit) => platforms.listPlatforms(db, { after, limit }),
        showPlatform,
        ({ id }) => id,
      ),
  }),
  route({
    method: 'post',
    path: '/api/v1/platforms',
    id: 'createPlatform',
    tag: 'shipments',
    summary: 'Add a platform that is not connected',
    description: 'Shipments to it are written down; nothing is sent.',
    permission: 'admin',
    body: closed(
      {
        name: Name,
        reading: Type.Optional(Reading),
        fields: Type.Optional(AskedFields),
        remark: Type.Optional(Remark),
      },
      { title: 'NewPlatform', examples: [{ name: '客户平台', reading: 'the platform of a customer' }] },
    ),
    status: 201,
    response: Platform,
    problems: ['name_taken', 'order_refused'],
    atomic: true,
    idempotent: true,
    handle: async (input, { db }) => {
      const { name, reading = '', fields = [], remark = '' } = input.body;
      assertOnce(fields);
      const row = await platforms.createPlatform(db, { name, reading, fields, remark });
      if (row === null) throw taken(name);
      await audit(db, input, { kind: 'platform', id: row.id, after: { name, reading, fields, remark } });
      return new Answer(showPlatform(row), {
        headers: { ...etagOf(row.revision), Location: `/api/v1/platforms/${row.id}` },
      });
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/platforms/{platformId}',
    id: 'getPlatform',
    tag: 'shipments',
    summary: 'Show a platform',
    permission: 'device:read',
    params: One,
    status: 200,
    response: Platform,
    handle: async ({ params: { platformId } }, { db }) => {
      const row = await platforms.findPlatform(db, platformId);
      if (row === null) throw notFound('platform', platformId);
      return new Answer(showPlatform(row), { headers: etagOf(row.revision) });
    },
  }),
  route({
    method: 'patch',
    path: '/api/v1/platforms/{platformId}',
    id: 'updatePlatform',
    tag: 'shipments',
    summary: 'Change a platform',
    description: 'Shipments that were made before keep what they were ordered with.',
    permission: 'admin',
    params: One,
    headers: IfMatch,
    body: closed(
      {
        name: Type.Optional(Name),
        reading: Type.Optional(Reading),
        fields: Type.Optional(AskedFields),
        isActive: Type.Optional(Type.Boolean()),
        remark: Type.Optional(Remark),
      },
      { title: 'PlatformChange', examples: [{ isActive: false }] },
    ),
    status: 200,
    response: Platform,
    problems: ['name_taken', 'edit_conflict', 'order_refused'],
    atomic: true,
    handle: async (input, { db }) => {
      const { params, body } = input;
      const { platformId } = params;
      const before = await platforms.findPlatform(db, platformId, { lock: true });
      if (before === null) throw notFound('platform', platformId);
      await assertRevision(db, input, { kind: 'platform', id: platformId, revision: before.revision });
      assertOnce(body.fields ?? []);
      const isNeeded = before.connector === null || body.fields === undefined || body.fields.some(isAccount);
      if (!isNeeded) {
        throw problem('order_refused', `${before.name} is connected: its shipments need the field account, required.`);
      }
      const changed = differences(before, body);
      if (changed === null) return new Answer(showPlatform(before), { headers: etagOf(before.revision) });
      const row = await platforms.changePlatform(db, platformId, body);
      if (row === null) throw taken(body.name ?? before.name);
      await audit(db, input, { kind: 'platform', id: platformId, ...changed });
      return new Answer(showPlatform(row), { headers: etagOf(row.revision) });
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/platform-connectors',
    id: 'listPlatformConnectors',
    tag: 'shipments',
    summary: 'List the connections to platforms, and whether one is paused',
    permission: 'device:read',
    status: 200,
    response: page(PlatformConnector, 'PlatformConnectorPage'),
    handle: async (_input, { db }) => ({ items: (await platforms.listConnectors(db)).map(showConnector), next: null }),
  }),
  route({
    method: 'post',
    path: '/api/v1/platform-connectors/{connector}/pause',
    id: 'pausePlatformConnector',
    tag: 'shipments',
    summary: 'Send nothing to a platform until somebody resumes it',
    description: 'For all departments. Calls that are under way are finished.',
    permission: 'shipment:write',
    params: OneConnector,
    body: ControlBody,
    status: 200,
    response: PlatformConnector,
    atomic: true,
    handle: async (input, { db }) => {
      const { params, body, caller } = input;
      const { connector } = params;
      const reason = body.cause ?? `paused by ${caller.name}`;
      await platforms.pauseConnector(db, connector, { forMs: null, reason, by: caller.name });
      await audit(db, input, { kind: 'platformConnector', id: connector, after: { isPaused: true, cause: reason } });
      return showOne(db, connector);
    },
  }),
  route({
    method: 'post',
    path: '/api/v1/platform-connectors/{connector}/resume',
    id: 'resumePlatformConnector',
    tag: 'shipments',
    summary: 'Go on with a platform that is paused',
    permission: 'shipment:write',
    params: OneConnector,
    body: ControlBody,
    status: 200,
    response: PlatformConnector,
    problems: ['control_refused'],
    atomic: true,
    handle: async (input, services) => {
      const { db } = services;
      const { connector } = input.params;
      if (!(await platforms.resumeConnector(db, connector))) {
        throw problem('control_refused', `${connector} is not paused.`);
      }
      const after = { isPaused: false, cause: input.body.cause ?? '' };
      await audit(db, input, { kind: 'platformConnector', id: connector, after });
      const waiting = await findRunningShipments(db, WOKEN);
      services.afterCommit(() => wakeShipments(services, waiting));
      return showOne(db, connector);
    },
  }),
];

async function showOne(db: Db, connector: Connector) {
  const row = (await platforms.listConnectors(db)).find(({ name }) => name === connector);
  if (row === undefined) throw notFound('connector', connector);
  return showConnector(row);
}

async function wakeShipments({ executions, log }: Services, waiting: readonly { id: number }[]): Promise<void> {
  for (const { id } of waiting) {
    await executions.wakePlatformShipment(id).catch((error: unknown) => {
      log.warn({ err: loggable(error), shipmentId: id }, 'a shipment was not woken, it looks by itself within minutes');
    });
  }
}

function isAccount({ name, required }: { name: string; required: boolean }): boolean {
  return name === 'account' && required;
}

function assertOnce(fields: readonly { name: string }[]): void {
  const names = fields.map(({ name }) => name);
  if (new Set(names).size === names.length) return;
  const errors = [{ path: 'body.fields', message: 'each name once' }];
  throw problem('order_refused', 'A field is named twice.', { errors });
}

function taken(name: string) {
  return problem('name_taken', `There is a platform ${name} already.`);
}
