/**
 * A secondary shipment: devices of the matched list go to a platform.
 *
 * Takes page after page of a hundred devices and has each brought as far as it comes: imported, moved, given its
 * expiry, and seen to be so. Devices of which nobody knows what became of a call are looked at first, in a later pass.
 * When the platform asks to be left alone, everything waits for the end of the pause, or for the person who ends it.
 * When no device is open, the sums are made: what was asked, sent, confirmed, refused, and what nobody knows.
 *
 * All state is in the rows of the devices; the history holds one step per page and is continued as new when long.
 */
import {
  CancellationScope,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
  setHandler,
  setCurrentDetails,
  workflowInfo,
} from '@temporalio/workflow';
import type { PageReport, PlatformActivities, PlatformShipmentEnd } from '../activities/platforms.ts';
import {
  PLATFORM_VIEW_QUERY,
  PLATFORM_WAKE_SIGNAL,
  type PlatformShipmentView,
  type ShipToPlatformInput,
} from './contract.ts';
import { platformWaitMs } from './rules/platforms.ts';

const retry = { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' } as const;
// A page is hundreds of calls at the pace that the platform allows. A worker that died is noticed by its silence.
const pages = proxyActivities<PlatformActivities>({ startToCloseTimeout: '2h', heartbeatTimeout: '20s', retry });
const db = proxyLocalActivities<PlatformActivities>({ startToCloseTimeout: '30s', retry });

/** Short histories load fast and read well. */
const EVENTS_PER_RUN = 2_000;
/** Whoever waits looks again after so long at the latest: a pause may have been ended without a word to us. */
const LONGEST_SLEEP_MS = 5 * 60_000;
/** Not every second for one device. */
const SHORTEST_SLEEP_MS = 250;

export async function shipToPlatform(input: ShipToPlatformInput): Promise<PlatformShipmentEnd> {
  const { shipmentId } = input;
  const run = { after: input.after ?? 0, troubles: input.troubles ?? 0, isWoken: false, isStopped: false };
  const view: PlatformShipmentView = { phase: 'sending', open: null, why: null, wakesAtMs: null };
  setHandler(defineSignal(PLATFORM_WAKE_SIGNAL), () => {
    run.isWoken = true;
  });
  setHandler(defineQuery<PlatformShipmentView>(PLATFORM_VIEW_QUERY), () => view);
  // A cancellation from the Web UI or the command line stops what was not sent yet.
  void CancellationScope.current().cancelRequested.catch((error: unknown) => {
    if (!isCancellation(error)) throw error;
    run.isStopped = true;
    run.isWoken = true;
  });

  const sleep = async (phase: PlatformShipmentView['phase'], forMs: number, why: string) => {
    const sleepMs = Math.round(Math.min(Math.max(forMs, SHORTEST_SLEEP_MS), LONGEST_SLEEP_MS));
    show(view, { phase, why, wakesAtMs: Date.now() + sleepMs });
    await condition(() => run.isWoken, sleepMs, { summary: why.slice(0, 200) });
    run.isWoken = false;
    show(view, { phase: 'sending', why: null, wakesAtMs: null });
  };

  return CancellationScope.nonCancellable(async () => {
    for (;;) {
      if (run.isStopped) {
        run.isStopped = false;
        await db.stopUnsent(shipmentId, { author: 'temporal', cause: 'cancelled in Temporal' });
      }
      const summary = run.after === 0 ? 'from the beginning' : `after device ${run.after}`;
      const report = await pages.shipPage.executeWithOptions({ summary }, [shipmentId, run.after]);
      const rest = restAfter(report, run);
      view.open = report.kind === 'page' ? report.open : view.open;
      if (rest.isDone) {
        show(view, { phase: 'ending', why: null, wakesAtMs: null });
        const end = await db.finishShipment(shipmentId);
        if (end !== null) return end;
      }
      if (rest.sleep !== null) await sleep(...rest.sleep);
      const { continueAsNewSuggested, historyLength } = workflowInfo();
      if ((continueAsNewSuggested || historyLength > EVENTS_PER_RUN) && !run.isStopped) {
        await continueAsNew<typeof shipToPlatform>({ shipmentId, after: run.after, troubles: run.troubles });
      }
    }
  });
}

/** What follows from a page: the next one, a rest, or the end. Moves `run` on. */
function restAfter(
  report: PageReport,
  run: { after: number; troubles: number },
): { isDone: boolean; sleep: [PlatformShipmentView['phase'], number, string] | null } {
  if (report.kind === 'ended') return { isDone: true, sleep: null };
  if (report.kind === 'paused') {
    return { isDone: false, sleep: ['paused', report.forMs, `the platform is left alone: ${report.why}`] };
  }
  run.after = report.after ?? 0;
  if (report.trouble !== null) {
    run.troubles += 1;
    return { isDone: false, sleep: ['waiting', platformWaitMs(run.troubles, Math.random()), report.trouble] };
  }
  run.troubles = 0;
  if (report.after !== null) return { isDone: false, sleep: null };
  if (report.open === 0) return { isDone: true, sleep: null };
  const why = `${report.open} devices are looked at again`;
  return { isDone: false, sleep: ['waiting', report.dueInMs ?? 0, why] };
}

function show(view: PlatformShipmentView, change: Partial<PlatformShipmentView>): void {
  Object.assign(view, change);
  const { phase, open, why } = view;
  setCurrentDetails([phase, open === null ? null : `${open} devices open`, why].filter(Boolean).join('; '));
}
