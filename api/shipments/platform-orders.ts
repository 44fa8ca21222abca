/**
 * Orders a secondary shipment: checks, rows and log in one transaction, then its workflow. What is committed survives
 * whatever happens next: a shipment whose workflow could not be started is started later.
 */
import { Type, type Static } from 'typebox';
import { audit } from '../audit.ts';
import { within } from '../http/deadlines.ts';
import { PlatformInfoBody, PlatformReasonName, showShipment, PlatformShipment } from './platform-views.ts';
import { loggable, notFound, problem, type FieldError } from '../problems.ts';
import type { Actor, Services, TaskExecutions } from '../route.ts';
import { closed, Id, text } from '../schemas.ts';
import type { Db } from '../../db/index.ts';
import { findRunningShipments, insertPlatformShipment } from '../../db/shipments/platform-orders.ts';
import {
  findPlatformShipment,
  listPlatformDevices,
  type PlatformDeviceRow,
} from '../../db/shipments/platform-shipments.ts';
import { findPlatform } from '../../db/shipments/platforms.ts';
import {
  checkPlatformInfo,
  PLATFORM_FIELDS,
  PLATFORM_REASONS,
  type PlatformInfo,
} from '../../workflows/rules/platforms.ts';

const MOST_DEVICES = 100_000;
/** Refused devices in the answer; all are in the list of the devices. */
const LISTED_REFUSALS = 1_000;
/** How long whoever orders waits for Temporal; afterwards the shipment is started in the background. */
const START_MS = 5_000;
const SHIPMENTS_A_SWEEP = 500;

export const PlatformOrderBody = closed(
  {
    platformId: Id,
    imeis: Type.Optional(
      Type.Array(text(32), { minItems: 1, maxItems: MOST_DEVICES, description: 'devices of the matched list' }),
    ),
    matched: Type.Optional(
      closed(
        {
          customer: Type.Optional(text(100, { minLength: 1 })),
          shipmentId: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
        },
        {
          description: `instead of \`imeis\`: everything in the matched list that has no open secondary shipment and fits, at most ${MOST_DEVICES}`,
        },
      ),
    ),
    info: PlatformInfoBody,
  },
  {
    title: 'PlatformOrder',
    examples: [
      {
        platformId: 2,
        imeis: ['868120145233604'],
        info: { account: 'hemi', customerName: '禾米', model: 'GV2' },
      },
    ],
  },
);

export const CreatedPlatformShipment = closed(
  {
    ...PlatformShipment.properties,
    taken: Type.Integer({ description: 'devices that go, or are written down' }),
    refused: Type.Array(closed({ imei: Type.String(), reason: PlatformReasonName, explanation: Type.String() }), {
      description: `devices that do not go; the first ${LISTED_REFUSALS}`,
    }),
  },
  { title: 'CreatedPlatformShipment' },
);

/** Orders a shipment. To be called in a transaction; the workflow is started when it is committed. */
export async function orderPlatformShipment(
  services: Services,
  actor: Actor,
  { platformId, imeis, matched, info: given }: Static<typeof PlatformOrderBody>,
): Promise<Static<typeof CreatedPlatformShipment>> {
  const { db, executions } = services;
  const { caller } = actor;
  if ((imeis === undefined) === (matched === undefined)) {
    refuse('Say which devices: either `imeis` or `matched`.', [{ path: 'body.imeis', message: 'or body.matched' }]);
  }
  const platform = await findPlatform(db, platformId);
  if (platform === null) throw notFound('platform', platformId);
  if (!platform.isActive) refuse(`The platform ${platform.name} cannot be chosen any more.`, []);
  const info = trimmed(given);
  const wrong = checkPlatformInfo(platform.fields, info, new Date().toISOString().slice(0, 10));
  if (wrong.length > 0) {
    const errors = wrong.map(({ field, message }) => ({ path: `body.info.${field}`, message }));
    refuse(`The shipping information does not fit ${platform.name}.`, errors);
  }
  const { customer, shipmentId: primaryShipmentId } = matched ?? {};
  const made = await insertPlatformShipment(db, {
    departmentId: caller.departmentId,
    platform,
    info,
    wantedExpiration: info.expiresOn === undefined ? null : `${info.expiresOn} 23:59:59`,
    createdBy: caller.name,
    devices:
      imeis === undefined
        ? {
            most: MOST_DEVICES,
            ...(customer === undefined ? {} : { customer }),
            ...(primaryShipmentId === undefined ? {} : { primaryShipmentId }),
          }
        : { imeis },
  });
  const refused = await listPlatformDevices(db, made.id, { status: 'refused' }, { after: 0, limit: LISTED_REFUSALS });
  if (made.taken === 0) {
    const errors = refused.map(({ imei, reason, ...row }) => ({
      path: `body.imeis: ${imei}`,
      code: reason ?? 'refused',
      message: explain({ reason, ...row }),
    }));
    refuse(
      made.asked === 0
        ? 'No device in the matched list fits and is still to be shipped.'
        : 'None of these devices can be shipped.',
      errors,
    );
  }
  const { departmentId, name, department } = caller;
  const row = (await findPlatformShipment(db, departmentId, made.id))!;
  const { id, asked, taken } = made;
  const after = { platform: platform.name, info, asked, taken, by: name, ...(matched ?? { imeis }) };
  await audit(db, actor, { kind: 'platformShipment', id, after });
  if (platform.connector !== null) {
    const start = { id, department, platform: platform.name, devices: taken };
    services.afterCommit(() => tryToStart(services, start));
  }
  return {
    ...showShipment(row, executions),
    taken,
    refused: refused.map((each) => ({ imei: each.imei, reason: each.reason!, explanation: explain(each) })),
  };
}

type Startable = Awaited<ReturnType<typeof findRunningShipments>>[number];

/** Starts the workflow of a shipment; when Temporal does not answer, a sweep does it later. */
export async function tryToStart({ executions, log }: Pick<Services, 'executions' | 'log'>, shipment: Startable) {
  const { id, ...labels } = shipment;
  try {
    await within(START_MS, executions.startPlatformShipment(id, labels));
  } catch (error) {
    log.warn({ err: loggable(error), shipmentId: id }, 'shipment stored, its workflow will be started later');
  }
}

/**
 * Starts the workflows of shipments that have none. To be called every half minute; harmless for those whose workflow
 * runs.
 */
export async function startUnstartedShipments(
  db: Db,
  executions: Pick<TaskExecutions, 'startPlatformShipment'>,
): Promise<void> {
  for (const { id, ...labels } of await findRunningShipments(db, SHIPMENTS_A_SWEEP)) {
    await executions.startPlatformShipment(id, labels);
  }
}

function refuse(detail: string, errors: readonly FieldError[]): never {
  throw problem('order_refused', detail, errors.length === 0 ? {} : { errors });
}

function trimmed(given: Static<typeof PlatformInfoBody>): PlatformInfo {
  return Object.fromEntries(
    PLATFORM_FIELDS.flatMap((field) => {
      const value = given[field]?.trim() ?? '';
      return value === '' ? [] : [[field, value]];
    }),
  );
}

function explain({ reason, words }: Pick<PlatformDeviceRow, 'reason' | 'words'>): string {
  return words === '' ? PLATFORM_REASONS[reason!] : words;
}
