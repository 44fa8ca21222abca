/**
 * How device commands are given and how they look in answers.
 */
import { Type, type Static } from 'typebox';
import { DeviceId } from '../devices/device-views.ts';
import { problem, type FieldError } from '../problems.ts';
import type { Services } from '../route.ts';
import { Cause, closed, Moment, moment, nullable } from '../schemas.ts';
import type { CommandRow, listCommandLog } from '../../db/commands/commands.ts';
import { commandWorkflowId } from '../../workflows/contract.ts';
import {
  COMMAND_FAILURES,
  COMMAND_KINDS,
  COMMAND_LIFE_MS,
  COMMAND_PROTOCOLS,
  COMMAND_STATUSES,
  RESTART_CONTROLS,
  SLEEP_MINUTES,
  type CommandOrder,
} from '../../workflows/rules/commands.ts';

const HOUR = 3_600_000;

export const CommandKindName = Type.Enum(COMMAND_KINDS, {
  type: 'string',
  description:
    'set_sleep, read_sleep: 2G terminals; restart: charging piles; query_version: PCP devices. Nobody knows another one.',
});
export const CommandStatusName = Type.Enum(COMMAND_STATUSES, {
  type: 'string',
  description:
    'waiting: for the device or its turn; sent: the answer is awaited; accepted: the proof is awaited; the others are ends',
});

export const CommandBody = closed(
  {
    kind: CommandKindName,
    minutes: Type.Optional(
      Type.Integer({
        minimum: SLEEP_MINUTES.min,
        maximum: SLEEP_MINUTES.max,
        description: 'set_sleep: how long the terminal sleeps after each check-in',
      }),
    ),
    control: Type.Optional(
      Type.Enum(RESTART_CONTROLS, {
        type: 'string',
        description: 'restart: when_idle waits for charging to end; at_once interrupts it and needs `confirm`',
      }),
    ),
    confirm: Type.Optional(Type.Boolean({ description: 'restart at_once: yes, interrupt charging' })),
    deadlineHours: Type.Optional(
      Type.Number({
        minimum: 0.01,
        maximum: COMMAND_LIFE_MS.max / HOUR,
        default: COMMAND_LIFE_MS.usual / HOUR,
        description: 'from now; afterwards the command has expired',
      }),
    ),
    cause: Cause,
  },
  {
    title: 'CommandOrder',
    examples: [
      { kind: 'set_sleep', minutes: 600 },
      { kind: 'restart', control: 'at_once', confirm: true, cause: 'hangs since Monday' },
    ],
  },
);
type CommandBody = Static<typeof CommandBody>;

const Result = closed({
  minutes: Type.Optional(Type.Integer()),
  version: Type.Optional(Type.String()),
});

const COMMAND_FIELDS = {
  id: Type.Integer(),
  deviceId: DeviceId,
  kind: CommandKindName,
  params: closed({
    minutes: Type.Optional(Type.Integer()),
    control: Type.Optional(Type.Enum(RESTART_CONTROLS, { type: 'string' })),
  }),
  status: CommandStatusName,
  reason: nullable(Type.String({ description: 'code of the failure' })),
  reasonText: nullable(Type.String({ description: 'the same in words, with what to do' })),
  waitsFor: nullable(
    Type.Enum(['turn', 'contact', 'answer', 'proof'], {
      type: 'string',
      description: 'turn: an older command of the device must end first; proof: the pile must log in again',
    }),
  ),
  attempt: Type.Integer({ description: 'number of what is being sent; no number is sent twice' }),
  sends: Type.Integer({ description: 'frames that have left' }),
  result: nullable(Result),
  createdAt: Moment,
  createdBy: Type.String(),
  deadlineAt: Moment,
  sentAt: nullable(Type.String({ format: 'date-time', description: 'of the current attempt' })),
  acceptedAt: nullable(Moment),
  finishedAt: nullable(Moment),
  updatedAt: Moment,
  links: closed({ self: Type.String(), device: Type.String(), execution: nullable(Type.String()) }),
};
export const DeviceCommand = closed(COMMAND_FIELDS, { title: 'DeviceCommand' });

const CommandLogEntry = closed(
  {
    id: Type.Integer(),
    at: Moment,
    author: Type.String({ description: '`system`, `device`, or the name of the key of whoever did it' }),
    event: Type.String(),
    status: CommandStatusName,
    attempt: Type.Integer(),
    cause: Type.String(),
    details: Type.Record(Type.String(), Type.Unknown()),
  },
  { title: 'CommandLogEntry' },
);
export const CommandDetail = closed(
  { ...COMMAND_FIELDS, log: Type.Array(CommandLogEntry, { description: 'everything that happened, oldest first' }) },
  { title: 'DeviceCommandDetail' },
);

/**
 * What is ordered of a device of this protocol.
 *
 * @throws Problem `command_refused` with everything that is wrong with it
 */
export function orderOf(body: CommandBody, protocol: string): CommandOrder {
  const { kind, minutes, control, confirm } = body;
  const errors: FieldError[] = [];
  const refuse = (field: string, code: string, message: string) =>
    void errors.push({ path: `body.${field}`, code, message });
  if (COMMAND_PROTOCOLS[kind] !== protocol) {
    const known = COMMAND_KINDS.filter((each) => COMMAND_PROTOCOLS[each] === protocol);
    const instead = known.length === 0 ? 'it knows none' : `it knows ${known.join(', ')}`;
    refuse('kind', 'not_known', `A device of protocol ${protocol} does not know ${kind}; ${instead}.`);
  }
  if (kind === 'set_sleep' && minutes === undefined) {
    refuse('minutes', 'missing', `Say how long: ${SLEEP_MINUTES.min} to ${SLEEP_MINUTES.max} minutes.`);
  }
  if (kind !== 'set_sleep' && minutes !== undefined) refuse('minutes', 'unknown_field', `${kind} has no minutes.`);
  if (kind === 'restart' && control === undefined) refuse('control', 'missing', 'Say at_once or when_idle.');
  if (kind !== 'restart' && control !== undefined) refuse('control', 'unknown_field', `${kind} has no control.`);
  if (kind === 'restart' && control === 'at_once' && confirm !== true) {
    const message = 'A restart at once interrupts charging. Send confirm: true if that is meant, or take when_idle.';
    refuse('confirm', 'confirm_required', message);
  }
  if (errors.length > 0) {
    throw problem('command_refused', errors.map(({ message }) => message).join(' '), { errors });
  }
  if (kind === 'set_sleep' && minutes !== undefined) return { kind, minutes };
  if (kind === 'restart' && control !== undefined) return { kind, control };
  return { kind } as CommandOrder;
}

/** How long a command lives. */
export function lifeOf({ deadlineHours }: CommandBody): number {
  return deadlineHours === undefined ? COMMAND_LIFE_MS.usual : Math.round(deadlineHours * HOUR);
}

export function showCommand(row: CommandRow, executions: Services['executions']) {
  const { id, deviceId, reason, behind: _behind, stage: _stage, expiresAt, ...rest } = row;
  return {
    ...rest,
    id,
    deviceId,
    reason,
    reasonText: wordsFor(reason),
    waitsFor: waitsFor(row),
    result: row.result === null ? null : { ...row.result },
    createdAt: moment(row.createdAt),
    deadlineAt: moment(expiresAt),
    sentAt: moment(row.sentAt),
    acceptedAt: moment(row.acceptedAt),
    finishedAt: moment(row.finishedAt),
    updatedAt: moment(row.updatedAt),
    links: {
      self: `/api/v1/commands/${id}`,
      device: `/api/v1/devices/${deviceId}`,
      execution: executions.executionUrl(commandWorkflowId(id)),
    },
  };
}

export function showLine({ commandId: _command, at, ...line }: Awaited<ReturnType<typeof listCommandLog>>[number]) {
  return { ...line, at: moment(at) };
}

function waitsFor({ status, behind }: CommandRow): 'turn' | 'contact' | 'answer' | 'proof' | null {
  if (status === 'waiting') return behind === null ? 'contact' : 'turn';
  if (status === 'sent') return 'answer';
  return status === 'accepted' ? 'proof' : null;
}

function wordsFor(reason: string | null): string | null {
  const failure = COMMAND_FAILURES[reason as keyof typeof COMMAND_FAILURES] as
    { words: string; advice: string } | undefined;
  return failure === undefined ? null : `${failure.words}; ${failure.advice}`;
}
