/**
 * The steps of a cycle that reads MES: begin it, read a lane for about a minute, end it with its report.
 *
 * A step remembers nothing: where it goes on is in the database, written together with the rows. What MES answers, or
 * that it does not, is a result, because there is nothing to repair in the program; only a database of our own that is
 * away fails a step, and that is repeated until it is back.
 */
import { cancellationSignal, heartbeat } from '@temporalio/activity';
import { step } from './failures.ts';
import type { Db } from '../db/index.ts';
import * as cycles from '../db/mes/mes-cycles.ts';
import { CursorMovedError, storeMesBatch } from '../db/mes/mes-store.ts';
import type { MesLane, MesPosition, MesTable } from '../db/schema.ts';
import { batchOf } from '../gateways/mes/batches.ts';
import { MesError } from '../gateways/mes/errors.ts';
import { MesReader } from '../gateways/mes/reader.ts';
import type { MesSyncReport } from '../workflows/contract.ts';

/** Where MES is. */
export interface MesSource {
  address: string;
  allowWriter: boolean;
}

export interface MesDependencies {
  db: Db;
  /** Null: this worker was not told. */
  mes: MesSource | null;
  stopping: AbortSignal;
}

/** What a reading came to. `words`: what a person should know. */
export interface MesReading {
  state: 'more' | 'end' | 'unreachable' | 'refused';
  rows: number;
  words: string;
}

const ROWS_PER_BATCH = 5_000;
/** After so many rows or so much time a step ends, so that stopping a worker loses little and the history tells how far it is. */
const ROWS_PER_STEP = 1_000_000;
const STEP_MS = 60_000;
/** Rows of each table that are read again in a cycle to find those that changed: 18 million take about three days. */
const REVIEW_ROWS = 20_000;
const HEARTBEAT_MS = 5_000;
/** A step that has done nothing for so long hangs, and must not say that it lives: another attempt begins. */
const QUIET_MS = 240_000;

export function createMesActivities({ db, mes, stopping }: MesDependencies) {
  return {
    /** Begins the cycle of an execution; the same one when asked again. */
    openMesCycle: (workflowId: string, author: string): Promise<number> =>
      step(() => cycles.openMesCycle(db, workflowId, author)),

    /** Reads on in one lane of one table. */
    readMes: (cycleId: number, table: MesTable, lane: MesLane): Promise<MesReading> =>
      step(async () => {
        if (mes === null)
          return {
            state: 'unreachable',
            rows: 0,
            words: 'the worker does not know where MES is: MES_DATABASE_URL is not set',
          };
        const pulse = new Pulse();
        const signal = AbortSignal.any([cancellationSignal(), stopping]);
        let reader: MesReader | null = null;
        try {
          reader = await MesReader.open(mes);
          return await readLane(db, reader, { cycleId, table, lane, signal, pulse });
        } catch (error) {
          if (error instanceof CursorMovedError) throw new Error(error.message, { cause: error });
          if (!(error instanceof MesError)) throw error;
          // asked to stop: another worker goes on
          if (signal.aborted) throw error;
          return { state: error.kind, rows: 0, words: error.message };
        } finally {
          pulse.stop();
          reader?.close();
        }
      }),

    /** Ends a cycle and holds its sums against each other. */
    closeMesCycle: (
      cycleId: number,
      outcome: { status: 'done' | 'unreachable' | 'refused' | 'cancelled'; words: string },
    ): Promise<MesSyncReport> =>
      step(async () => {
        const pulse = new Pulse();
        try {
          return { cycleId, ...(await cycles.closeMesCycle(db, cycleId, outcome)) };
        } finally {
          pulse.stop();
        }
      }),
  };
}

export type MesActivities = ReturnType<typeof createMesActivities>;

/** Says that a step lives, so that its death is noticed within half a minute; only as long as it gets on. */
class Pulse {
  #movedAtMs = Date.now();
  readonly #timer = setInterval(() => {
    if (Date.now() - this.#movedAtMs < QUIET_MS) heartbeat();
  }, HEARTBEAT_MS);

  moved(): void {
    this.#movedAtMs = Date.now();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

interface LaneOrder {
  cycleId: number;
  table: MesTable;
  lane: MesLane;
  signal: AbortSignal;
  pulse: Pulse;
}

async function readLane(
  db: Db,
  reader: MesReader,
  { cycleId, table, lane, signal, pulse }: LaneOrder,
): Promise<MesReading> {
  const untilMs = Date.now() + STEP_MS;
  const words = lane === 'new' && table === 'carton' ? (await reader.complaints()).join('; ') : '';
  let cursor = await cycles.readMesCursor(db, table, lane);
  if (table === 'sheet' && lane === 'new' && cursor.position === null) {
    const latest = await reader.latestSheetTime();
    if (latest === null) return { state: 'end', rows: 0, words };
    await cycles.beginMesLane(db, table, [latest, '']);
    cursor = await cycles.readMesCursor(db, table, lane);
  }
  const isReview = lane === 'review' && !(table === 'sheet' && cursor.passes === 0);
  const upTo = table === 'carton' && lane === 'review' ? (cursor.high?.[0] ?? '0') : undefined;
  if (upTo === '0') return { state: 'end', rows: 0, words };
  const limit = isReview ? REVIEW_ROWS : ROWS_PER_STEP;
  const now = table === 'sheet' && lane === 'new' ? await reader.now() : null;

  let { position, high } = cursor;
  let rows = 0;
  const pieces = reader.read({ table, lane, behind: position, upTo, limit, rowsPerPiece: ROWS_PER_BATCH, signal });
  for (;;) {
    const next = await pieces.next();
    if (next.done === true) {
      if (!next.value.isEnd) return { state: isReview ? 'end' : 'more', rows, words };
      await cycles.endMesLane(db, table, lane, position);
      return { state: 'end', rows, words };
    }
    const { rows: raws, place } = next.value;
    if (lane === 'new') high = furthest(table, high, place, now);
    await storeMesBatch(db, cycleId, batchOf(table, raws), { lane, from: position, to: place, high });
    position = place;
    rows += raws.length;
    pulse.moved();
    if (signal.aborted) throw new MesError('unreachable', 'reading was stopped');
    if (Date.now() > untilMs && !isReview) {
      await pieces.return({ isEnd: false });
      return { state: 'more', rows, words };
    }
  }
}

/** A time in the future is a wrong clock, and nothing that comes after it would be called new. */
function furthest(table: MesTable, high: MesPosition | null, place: MesPosition, now: string | null): MesPosition {
  const believed: MesPosition = now !== null && place[0]! > now ? [now, ''] : place;
  return high !== null && cycles.isAfter(table, high, believed) ? high : believed;
}
