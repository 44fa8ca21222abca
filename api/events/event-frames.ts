/**
 * Server-sent events as text: the types there are, their frames, and the position in the logs that each frame carries
 * as its id, so that a client that was cut off goes on where it was.
 */
import { LOGS, type Log, type News } from '../../db/events/events.ts';

/** Up to which id of each log a client has everything. */
export type Position = Readonly<Record<Log, number>>;

/** How the rows of each log are called in a stream. */
const TYPES = { upgrade_log: 'device', task_log: 'task', events: 'event' } as const satisfies Record<Log, string>;

/** Every type a stream may carry. */
export const STREAM_EVENTS = ['device', 'task', 'counts', 'event', 'reset'] as const;

/** Why a client must load everything again. */
export type ResetReason = 'too_old' | 'unknown_position' | 'too_slow';

/** The first thing a stream says: how soon to come back after it was cut, and where it begins. */
export function opening(position: Position | null): string {
  return `retry: 3000\n${position === null ? '' : `id: ${positionText(position)}\n`}\n`;
}

/** Keeps proxies from closing a quiet stream, and the position of its client from growing old. */
export function heartbeat(position: Position): string {
  return `:\nid: ${positionText(position)}\n\n`;
}

/** One row of a log; `position` is where the client stands once it has it. */
export function newsFrame({ log, data }: News, position: Position): string {
  return frame(TYPES[log], data, position);
}

export function countsFrame(counts: { taskId: number; counts: object }, position: Position): string {
  return frame('counts', counts, position);
}

export function resetFrame(reason: ResetReason, position: Position): string {
  return frame(
    'reset',
    { reason, advice: 'Events are missing here. Load what you show again and go on from there.' },
    position,
  );
}

function frame(type: (typeof STREAM_EVENTS)[number], data: object, position: Position): string {
  return `event: ${type}\nid: ${positionText(position)}\ndata: ${JSON.stringify(data)}\n\n`;
}

function positionText(position: Position): string {
  return `u${position.upgrade_log}.t${position.task_log}.e${position.events}`;
}

/** Reads what a client sent as Last-Event-ID; null when it is none of ours. */
export function readPosition(text: string): Position | null {
  const numbers = /^u(\d{1,15})\.t(\d{1,15})\.e(\d{1,15})$/.exec(text)?.slice(1).map(Number);
  if (numbers === undefined) return null;
  return { upgrade_log: numbers[0]!, task_log: numbers[1]!, events: numbers[2]! };
}

/** A position with one log moved forward, never back. */
export function movedTo(position: Position, log: Log, id: number): Position {
  return id <= position[log] ? position : { ...position, [log]: id };
}

/** The same for every log. */
export function positionOf(idOf: (log: Log) => number): Position {
  return Object.fromEntries(LOGS.map((log) => [log, idOf(log)])) as Record<Log, number>;
}
