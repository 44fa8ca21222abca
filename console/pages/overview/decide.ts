/** Decisions about upgrades that need a person: what each does, and how it is told. */
import type { AttentionItem, DecisionResults } from '../../api-types.ts';
import { call } from '../../api/call.ts';
import { countText } from '../../parts/time.tsx';
import { kindText } from '../../parts/words.ts';
import type { Deed } from '../upgrades/cause-dialog.tsx';
import { t as taskTexts } from '../upgrades/tasks/texts.ts';
import { t } from './texts.ts';

export const DECISIONS = ['retry', 'confirm', 'give_up'] as const;
type Decision = (typeof DECISIONS)[number];

export interface Outcome {
  decided: number;
  refused: Pick<DecisionResults['results'][number], 'upgradeId' | 'deviceId' | 'detail'>[];
}

/** Most that one request takes. */
const AT_ONCE = 1_000;

/** One deed for each decision that fits at least one of them; `title` is the short word. */
export function decisionDeeds(items: readonly AttentionItem[], whenDone: (outcome: Outcome) => void): Deed[] {
  const { ask } = taskTexts();
  const consequence: Record<Decision, (count: string) => string> = {
    retry: ask.retry,
    confirm: ask.confirm,
    give_up: ask.giveUp,
  };
  return DECISIONS.flatMap((decision) => {
    const fitting = items.filter(({ decisions }) => decisions.includes(decision));
    if (fitting.length === 0) return [];
    const count = countText(fitting.length);
    const ids = fitting.map(({ upgradeId }) => upgradeId);
    return {
      title: kindText(decision),
      action: items.length === 1 ? kindText(decision) : t().page.many(kindText(decision), count),
      consequences: [consequence[decision](count)],
      run: async (cause: string) => whenDone(await decide(ids, decision, cause)),
    };
  });
}

async function decide(upgradeIds: readonly number[], decision: Decision, cause: string): Promise<Outcome> {
  const sum: Outcome = { decided: 0, refused: [] };
  for (let at = 0; at < upgradeIds.length; at += AT_ONCE) {
    const body = { upgradeIds: upgradeIds.slice(at, at + AT_ONCE), decision, ...(cause !== '' && { cause }) };
    const { decided, results } = await call('decideManyDeviceUpgrades', { body });
    sum.decided += decided;
    for (const each of results) if (each.result === 'refused' || each.result === 'failed') sum.refused.push(each);
  }
  return sum;
}
