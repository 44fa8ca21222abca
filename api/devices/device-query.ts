/**
 * What devices can be searched and narrowed by in the address of a list.
 */
import { Type, type Static } from 'typebox';
import { MAX_POWER_KW } from './device-protocols.ts';
import { ProtocolName } from './device-views.ts';
import { ComponentName, Day, momentIn, text } from '../schemas.ts';
import type { DeviceFilter } from '../../db/devices/devices.ts';
import { UPGRADE_STATUSES } from '../../workflows/rules/statuses.ts';

const moment = (description: string) => Type.Optional(Type.String({ format: 'date-time', description }));

/** Parameters of every list of devices; all given must fit. */
export const DEVICE_QUERY = {
  protocol: Type.Optional(ProtocolName),
  model: Type.Optional(text(100)),
  powerKw: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_POWER_KW, description: 'of charging piles' })),
  orderNo: Type.Optional(text(100, { description: 'empty: devices without an order' })),
  q: Type.Optional(text(40, { description: 'beginning of an id, an identity or an IMEI' })),
  search: Type.Optional(
    text(200, {
      description:
        'what you remember of it: last or first digits of the label (at least 3), words of model, order or remark, or their beginnings; every word must be found',
      examples: ['1313', 'GV2 SO-2025-0017'],
    }),
  ),
  version: Type.Optional(
    text(100, { description: 'last reported version, of any component unless `component` is given' }),
  ),
  component: Type.Optional(ComponentName),
  seenSince: moment('heard of at this moment or later'),
  seenBefore: moment('not heard of since this moment, but before'),
  neverSeen: Type.Optional(Type.Boolean({ description: 'true: never heard of; false: heard of at least once' })),
  productionFrom: Type.Optional(Day),
  productionTo: Type.Optional(Type.String({ format: 'date', description: 'this day included' })),
  shippedFrom: Type.Optional(Day),
  shippedTo: Type.Optional(Type.String({ format: 'date', description: 'this day included' })),
  upgradeStatus: Type.Optional(
    Type.Enum(UPGRADE_STATUSES, { type: 'string', description: 'status of the upgrade that runs for the device now' }),
  ),
};

type Query = { [Name in keyof typeof DEVICE_QUERY]?: Static<(typeof DEVICE_QUERY)[Name]> };

/** The parameters as the database takes them. */
export function deviceFilterOf({ seenSince, seenBefore, ...filter }: Query): DeviceFilter {
  return {
    ...filter,
    ...(seenSince === undefined ? {} : { seenSince: momentIn(seenSince) }),
    ...(seenBefore === undefined ? {} : { seenBefore: momentIn(seenBefore) }),
  };
}
