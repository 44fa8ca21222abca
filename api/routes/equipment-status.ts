/**
 * What equipment did with its time: the changes it reported, and how long it was in which state.
 */
import { Type } from 'typebox';
import { OneEquipment, ownEquipment, StatusName } from '../factory/mom-views.ts';
import { problem } from '../problems.ts';
import { route } from '../route.ts';
import { AfterLargeId, closed, Day, Limit, Moment, moment, nullable, page, readPage } from '../schemas.ts';
import { listStatusChanges, readTimeline } from '../../db/factory/equipment-status.ts';
import {
  availabilityOf,
  beijingDay,
  beijingDayOf,
  beijingDays,
  stretchesOf,
  TIME_STATES,
  timeInState,
} from '../../workflows/rules/availability.ts';

const MOST_DAYS = 366;
const MOST_STRETCHES_DAYS = 7;
const SECONDS = Type.Number({ minimum: 0 });

const AvailabilityDay = closed(
  {
    day: Type.String({ format: 'date', description: 'a Beijing day' }),
    seconds: closed(Object.fromEntries(TIME_STATES.map((state) => [state, SECONDS])), {
      description: 'their sum is the length of the day, of today what has passed of it',
    }),
    availability: nullable(
      Type.Number({ minimum: 0, maximum: 1, description: '(Running + Waiting) / whole; null: the day lies ahead' }),
    ),
  },
  { title: 'AvailabilityDay' },
);

export const equipmentStatusRoutes = [
  route({
    method: 'get',
    path: '/api/v1/equipment/{code}/status-changes',
    id: 'listEquipmentStatusChanges',
    tag: 'equipment',
    summary: 'Changes of status an equipment reported, last received first',
    permission: 'device:read',
    params: OneEquipment,
    query: closed({ limit: Limit, after: AfterLargeId }),
    status: 200,
    response: page(
      closed(
        {
          id: Type.Integer(),
          status: StatusName,
          statusCode: Type.String({ description: 'as it was sent' }),
          reasonCode: Type.String(),
          description: nullable(Type.String()),
          locationId: nullable(Type.String()),
          changedAt: Type.String({ format: 'date-time', description: 'ChangeTime, by the clock of the equipment' }),
          effectiveAt: Type.String({ format: 'date-time', description: 'the same, but not later than received' }),
          receivedAt: Moment,
          isLate: Type.Boolean({ description: 'a newer one was known already: the current status stayed' }),
        },
        { title: 'EquipmentStatusChange' },
      ),
      'EquipmentStatusChangePage',
    ),
    handle: async ({ params, query: { limit, after }, caller }, { db }) => {
      const { id } = await ownEquipment(db, caller.departmentId, params.code);
      return readPage(
        limit,
        (limit) => listStatusChanges(db, id, { before: after, limit }),
        ({ equipmentId: _equipmentId, changedAt, effectiveAt, receivedAt, ...row }) => ({
          ...row,
          changedAt: moment(changedAt),
          effectiveAt: moment(effectiveAt),
          receivedAt: moment(receivedAt),
        }),
        ({ id }) => id,
      );
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/equipment/{code}/availability',
    id: 'listEquipmentAvailability',
    tag: 'equipment',
    summary: 'How long an equipment was in which state, by Beijing day',
    description:
      'By the time each change names, so a late report corrects the days it is about. Offline is time in which nobody could know; where the equipment told afterwards what it changed to meanwhile, its word counts from there on. Unknown is time before its first report.',
    permission: 'device:read',
    params: OneEquipment,
    query: closed({
      from: Type.Optional(Day),
      to: Type.Optional(Type.String({ format: 'date', description: 'last day; today unless given' })),
      limit: Limit,
      after: Type.Optional(Type.String({ format: 'date', description: '`next` of the page before' })),
    }),
    status: 200,
    response: page(AvailabilityDay, 'AvailabilityPage'),
    problems: ['fields_refused'],
    handle: async ({ params, query, caller }, { db }) => {
      const nowMs = Date.now();
      const { id } = await ownEquipment(db, caller.departmentId, params.code);
      const to = query.to ?? beijingDayOf(nowMs);
      const from = query.from ?? to;
      assertDays(from, to, MOST_DAYS);
      const days = beijingDays(from, to).filter((day) => query.after === undefined || day > query.after);
      const most = query.limit ?? 100;
      const shown = days.slice(0, most);
      const last = shown.at(-1);
      if (last === undefined) return { items: [], next: null };
      const range = { fromMs: beijingDay(shown[0]!).fromMs, toMs: beijingDay(last).toMs };
      const { changes, sessions } = await readTimeline(db, id, range);
      const items = shown.map((day) => {
        const { fromMs, toMs } = beijingDay(day);
        const stretches = stretchesOf(changes, sessions, { fromMs, toMs: Math.max(fromMs, Math.min(toMs, nowMs)) });
        const sums = timeInState(stretches);
        const seconds = Object.fromEntries(TIME_STATES.map((state) => [state, sums[state] / 1_000]));
        return { day, seconds, availability: availabilityOf(sums) };
      });
      return { items, next: days.length > most ? last : null };
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/equipment/{code}/timeline',
    id: 'getEquipmentTimeline',
    tag: 'equipment',
    summary: 'The states of an equipment one after the other, for a chart',
    permission: 'device:read',
    params: OneEquipment,
    query: closed({
      from: Type.Optional(Day),
      to: Type.Optional(Type.String({ format: 'date', description: 'last day; today unless given; a week at most' })),
    }),
    status: 200,
    response: closed(
      {
        stretches: Type.Array(
          closed({ state: Type.Enum(TIME_STATES, { type: 'string' }), from: Moment, to: Moment }, { title: 'Stretch' }),
        ),
      },
      { title: 'EquipmentTimeline' },
    ),
    problems: ['fields_refused'],
    handle: async ({ params, query, caller }, { db }) => {
      const nowMs = Date.now();
      const { id } = await ownEquipment(db, caller.departmentId, params.code);
      const to = query.to ?? beijingDayOf(nowMs);
      const from = query.from ?? to;
      assertDays(from, to, MOST_STRETCHES_DAYS);
      const { fromMs } = beijingDay(from);
      const toMs = Math.max(fromMs, Math.min(beijingDay(to).toMs, nowMs));
      const { changes, sessions } = await readTimeline(db, id, { fromMs, toMs });
      const stretches = stretchesOf(changes, sessions, { fromMs, toMs }).map(({ state, fromMs, toMs }) => ({
        state,
        from: moment(new Date(fromMs)),
        to: moment(new Date(toMs)),
      }));
      return { stretches };
    },
  }),
];

function assertDays(from: string, to: string, most: number): void {
  const days = (Date.parse(to) - Date.parse(from)) / 86_400_000 + 1;
  const message = days < 1 ? '`to` lies before `from`' : days > most ? `at most ${most} days at a time` : null;
  if (message === null) return;
  throw problem('fields_refused', `${from} to ${to}: ${message}.`, { errors: [{ path: 'query.to', message }] });
}
