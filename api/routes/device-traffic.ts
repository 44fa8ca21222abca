/**
 * What a device sent beside what Slipway is for: messages of its own business, and frames nobody could read. To look at
 * when a device is set up or does not do what it should.
 */
import { Type } from 'typebox';
import { DeviceId } from '../devices/device-views.ts';
import { notFound } from '../problems.ts';
import { route } from '../route.ts';
import { AfterLargeId, AfterText, closed, Limit, Moment, moment, nullable, page, readPage } from '../schemas.ts';
import { hasDevice } from '../../db/devices/devices.ts';
import { BUSINESS_KEPT, listBusinessMessages, listFrameErrors } from '../../db/devices/traffic.ts';

const Params = closed({ deviceId: DeviceId });

export const deviceTrafficRoutes = [
  route({
    method: 'get',
    path: '/api/v1/devices/{deviceId}/business-messages',
    id: 'listBusinessMessages',
    tag: 'devices',
    summary: 'Messages of a device that are not for Slipway, newest first',
    description: `A payload at the address of the upgrades that is no message of the upgrade protocol. The last ${BUSINESS_KEPT} of each device are kept, of each at most 2 048 bytes.`,
    permission: 'device:read',
    params: Params,
    query: closed({ limit: Limit, after: AfterLargeId }),
    status: 200,
    response: page(
      closed(
        {
          id: Type.Integer(),
          receivedAt: Moment,
          reason: Type.String({ description: 'the first check of the upgrade protocol that it failed' }),
          bytes: Type.Integer({ description: 'kept of it' }),
          hex: Type.String(),
          text: nullable(Type.String({ description: 'null: the bytes are not text' })),
        },
        { title: 'BusinessMessage' },
      ),
      'BusinessMessagePage',
    ),
    handle: async ({ params: { deviceId }, query: { limit, after }, caller }, { db }) => {
      if (!(await hasDevice(db, caller.departmentId, deviceId))) throw notFound('device', deviceId);
      return readPage(
        limit,
        (limit) => listBusinessMessages(db, deviceId, { before: after, limit }),
        ({ id, receivedAt, reason, payload }) => ({
          id,
          receivedAt: moment(receivedAt),
          reason,
          bytes: payload.length,
          hex: payload.toString('hex').toUpperCase(),
          text: textOf(payload),
        }),
        ({ id }) => id,
      );
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/devices/{deviceId}/frame-errors',
    id: 'listFrameErrors',
    tag: 'devices',
    summary: 'Frames of a device that could not be read, counted by kind',
    permission: 'device:read',
    params: Params,
    query: closed({ limit: Limit, after: AfterText }),
    status: 200,
    response: page(
      closed(
        {
          kind: Type.String({ description: 'name of the error, as `npm run decode` gives it' }),
          count: Type.Integer(),
          lastAt: Moment,
          lastHex: Type.String({ description: 'beginning of the last one' }),
        },
        { title: 'FrameErrors' },
      ),
      'FrameErrorsPage',
    ),
    handle: async ({ params: { deviceId }, query: { limit, after = '' }, caller }, { db }) => {
      if (!(await hasDevice(db, caller.departmentId, deviceId))) throw notFound('device', deviceId);
      return readPage(
        limit,
        (limit) => listFrameErrors(db, deviceId, { after, limit }),
        ({ kind, count, lastAt, lastExcerpt }) => ({ kind, count, lastAt: moment(lastAt), lastHex: lastExcerpt }),
        ({ kind }) => kind,
      );
    },
  }),
];

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The payload as text, if it is text that can be shown. */
function textOf(payload: Buffer): string | null {
  try {
    const text = utf8.decode(payload);
    return isShowable(text) ? text : null;
  } catch {
    return null;
  }
}

/** No control characters but line ends and tabs. */
function isShowable(text: string): boolean {
  for (const letter of text) {
    const code = letter.codePointAt(0) ?? 0;
    if (code === 0x7f || (code < 0x20 && letter !== '\n' && letter !== '\r' && letter !== '\t')) return false;
  }
  return true;
}
