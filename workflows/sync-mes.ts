/**
 * One cycle of reading MES.
 *
 * New carton rows, new sheets, then some rows of both tables again, to find those that were changed. Each part is read
 * in steps of about a minute that end where they are: how far reading has come is in the database, in the transaction
 * of the rows. MES that does not answer is asked twice more, then the cycle ends and says so; the Schedule starts the
 * next one. However it ends, the report is written and its sums are held against each other. A first sync of many
 * millions of rows goes on in another execution before its history grows long.
 */
import {
  CancellationScope,
  allHandlersFinished,
  condition,
  continueAsNew,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
  setCurrentDetails,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { MesActivities } from '../activities/mes.ts';
import type { MesSyncReport, SyncMesInput } from './contract.ts';

const retry = { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' } as const;
const reader = proxyActivities<MesActivities>({ startToCloseTimeout: '15m', heartbeatTimeout: '30s', retry });
const books = proxyLocalActivities<MesActivities>({ startToCloseTimeout: '30s', retry });
const ending = proxyActivities<MesActivities>({ startToCloseTimeout: '5m', heartbeatTimeout: '30s', retry });

const PARTS = [
  ['carton', 'new'],
  ['sheet', 'new'],
  ['sheet', 'review'],
  ['carton', 'review'],
] as const;
/** Before MES is asked again. */
const PAUSES_MS = [5_000, 20_000];
/** Steps of one execution: some events each. */
const MOST_STEPS = 500;

export async function syncMes({ author = 'schedule', resume }: SyncMesInput = {}): Promise<MesSyncReport> {
  const { workflowId } = workflowInfo();
  const cycleId = resume?.cycleId ?? (await books.openMesCycle(workflowId, author));
  const words = [...(resume?.words ?? [])];
  let outcome: Parameters<MesActivities['closeMesCycle']>[1];
  try {
    outcome = await readAll(cycleId, resume?.part ?? 0, words, author);
  } catch (error) {
    if (!isCancellation(error)) throw error;
    outcome = { status: 'cancelled', words: 'cancelled in Temporal' };
  }
  return CancellationScope.nonCancellable(() => ending.closeMesCycle(cycleId, outcome));
}

async function readAll(cycleId: number, firstPart: number, words: string[], author: string) {
  let steps = 0;
  let rows = 0;
  for (let part = firstPart; part < PARTS.length; part++) {
    const [table, lane] = PARTS[part]!;
    let failures = 0;
    for (;;) {
      if (++steps > MOST_STEPS || workflowInfo().continueAsNewSuggested) {
        await condition(allHandlersFinished);
        await continueAsNew<(input: SyncMesInput) => Promise<MesSyncReport>>({
          author,
          resume: { cycleId, part, words },
        });
      }
      const reading = await reader.readMes.executeWithOptions({ summary: `${table} rows, ${lane}` }, [
        cycleId,
        table,
        lane,
      ]);
      rows += reading.rows;
      setCurrentDetails(`cycle ${cycleId}: ${rows} rows read, now ${table} rows, ${lane}`);
      if (reading.state === 'refused') return { status: 'refused' as const, words: reading.words };
      if (reading.state === 'unreachable') {
        const pauseMs = PAUSES_MS[failures++];
        if (pauseMs === undefined) return { status: 'unreachable' as const, words: reading.words };
        await sleep(pauseMs, { summary: `MES is asked again; ${reading.words}`.slice(0, 200) });
        continue;
      }
      failures = 0;
      if (reading.words !== '' && !words.includes(reading.words)) words.push(reading.words);
      if (reading.state === 'end') break;
    }
  }
  return { status: 'done' as const, words: words.join('; ') };
}
