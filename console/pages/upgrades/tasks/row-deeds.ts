/** What may be done with some devices of a task: what each of them asks, and how it is carried out. */
import type { DeviceUpgrade } from '../../../api-types.ts';
import { asProblem, call, type ApiProblem } from '../../../api/call.ts';
import { may } from '../../../api/session.ts';
import { countText } from '../../../parts/time.tsx';
import { say } from '../../../parts/toasts.tsx';
import { causeBody, type Deed } from '../cause-dialog.tsx';
import { LIVE_UPGRADES, RETRYABLE, t } from './texts.ts';

type Row = Pick<DeviceUpgrade, 'id' | 'deviceId' | 'status' | 'reason'>;

/** Requests of one action at one time. */
const AT_ONCE = 4;

/** Buttons for the chosen devices; only what fits at least one of them. */
export function deedsFor(taskId: number, rows: readonly Row[], whenDone: () => void): Deed[] {
  if (!may('upgrade:write')) return [];
  const words = t();
  const live = rows.filter(({ status }) => LIVE_UPGRADES.includes(status));
  const failed = rows.filter(({ status }) => RETRYABLE.includes(status));
  const reported = rows.filter(({ reason }) => reason === 'awaiting_operator' || reason === 'baseband_not_confirmed');
  const deeds: Deed[] = [];
  const finish = (results: readonly Result[]) => {
    const refused = results.filter(({ problem }) => problem !== null);
    if (refused.length === results.length && refused.length > 0) throw refused[0]!.problem!;
    const done = countText(results.length - refused.length);
    say(refused.length === 0 ? words.ask.done : words.ask.partly(done, countText(refused.length)));
    whenDone();
  };
  if (failed.length > 0) {
    deeds.push({
      title: words.action.retry,
      action: words.action.retry,
      consequences: [words.ask.retry(countText(failed.length))],
      run: async (cause) => {
        const body = { upgradeIds: failed.map(({ id }) => id), ...causeBody(cause) };
        await call('retryFailedDevices', { params: { taskId }, body });
        say(words.ask.done);
        whenDone();
      },
    });
  }
  if (reported.length > 0) {
    deeds.push({
      title: words.action.confirm,
      action: words.action.confirm,
      consequences: [words.ask.confirm(countText(reported.length))],
      run: async (cause) =>
        finish(
          await eachOf(reported, (upgradeId) =>
            call('confirmDeviceUpgrade', { params: { upgradeId }, body: causeBody(cause) }),
          ),
        ),
    });
  }
  if (live.length > 0) {
    deeds.push({
      title: words.action.skip,
      action: words.action.skip,
      consequences: [words.ask.skip(countText(live.length))],
      run: async (cause) =>
        finish(
          await eachOf(live, (upgradeId) =>
            call('skipDeviceUpgrade', { params: { upgradeId }, body: causeBody(cause) }),
          ),
        ),
    });
    deeds.push({
      title: words.action.cancelOne,
      action: words.action.cancelOne,
      consequences: [words.ask.cancelOne(countText(live.length))],
      danger: true,
      run: async (cause) =>
        finish(
          await eachOf(live, (upgradeId) =>
            call('cancelDeviceUpgrade', { params: { upgradeId }, body: causeBody(cause) }),
          ),
        ),
    });
  }
  return deeds;
}

interface Result {
  problem: ApiProblem | null;
}

async function eachOf(rows: readonly Row[], act: (upgradeId: number) => Promise<unknown>): Promise<Result[]> {
  const left = [...rows];
  const results: Result[] = [];
  const work = async () => {
    for (let row = left.shift(); row !== undefined; row = left.shift()) {
      try {
        await act(row.id);
        results.push({ problem: null });
      } catch (error) {
        results.push({ problem: asProblem(error) });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results;
}
