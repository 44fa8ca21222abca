/** Last step: what would happen, to whom, and why not to the others. Then the task is made, once. */
import { useState } from 'preact/hooks';
import type { UpgradePlan } from '../../../api-types.ts';
import { call, newIdempotencyKey } from '../../../api/call.ts';
import { useAction } from '../../../api/queries.ts';
import { may } from '../../../api/session.ts';
import { confirm } from '../../../parts/confirm.tsx';
import { Facts, Panel } from '../../../parts/page.tsx';
import { ProblemNote } from '../../../parts/problem.tsx';
import { countText, Time } from '../../../parts/time.tsx';
import { say } from '../../../parts/toasts.tsx';
import { reasonText } from '../../../parts/words.ts';
import { navigate } from '../../../shell/router.tsx';
import { orderOf, type Draft } from './order.ts';
import { PlanDevices } from './plan-devices.tsx';
import { t } from './texts.ts';
import { OUTCOMES, usePlan, type Outcome } from './use-plan.ts';
import { forgetDraft } from './state.ts';

export function PlanStep({ draft }: { draft: Draft }) {
  const [order] = useState(() => orderOf(draft));
  const [outcome, setOutcome] = useState<Outcome | ''>('');
  const { plan, devices, error, again } = usePlan(order, outcome);
  const [key] = useState(newIdempotencyKey);
  const make = useAction(async () => {
    if (plan === null || !(await confirm(questionOf(plan)))) return;
    const task = await call('createUpgradeTask', { body: order }, { idempotencyKey: key });
    say(t().plan.made);
    forgetDraft();
    navigate(`/tasks/${task.id}`);
  });
  const words = t().plan;
  if (error !== null && plan === null) return <ProblemNote problem={error} retry={again} />;
  if (plan === null) return <p aria-live="polite">{words.making}</p>;
  const { goes, waits } = plan.counts;
  return (
    <>
      <p class="lead">{words.lead}</p>
      <div class="plan-outcomes">
        {OUTCOMES.map((each) => (
          <button
            key={each}
            type="button"
            class={`plan-outcome ${each}`}
            aria-pressed={outcome === each}
            onClick={() => setOutcome(outcome === each ? '' : each)}
          >
            <b>{countText(plan.counts[each])}</b> {words[each]}
          </button>
        ))}
      </div>
      {plan.warnings.length > 0 && (
        <div class="note warn" role="status">
          <p class="problem-title">{words.warnings}</p>
          <ul>
            {plan.warnings.map(({ code, message }) => (
              <li key={code}>{message}</li>
            ))}
          </ul>
        </div>
      )}
      <Panel>
        <Facts items={timesOf(plan)} />
      </Panel>
      {plan.reasons.length > 0 && (
        <Panel title={words.why}>
          <ul class="plan-reasons">
            {plan.reasons.map(({ outcome: what, reason, reasonText: why, devices: count }) => (
              <li key={what + reason}>
                <b>{countText(count)}</b> {words[what]}: {reasonText(reason)}
                {why !== null && <span class="muted"> · {why}</span>}
              </li>
            ))}
          </ul>
        </Panel>
      )}
      <Panel title={words.devicesTitle} class="flush">
        <PlanDevices devices={devices} />
      </Panel>
      {make.error !== null && <ProblemNote problem={make.error} />}
      <p class="row">
        {goes + waits === 0 ? (
          <span>{words.nobody}</span>
        ) : (
          may('upgrade:write') && (
            <button type="button" class="button primary" disabled={make.busy} onClick={() => void make.run()}>
              {words.make(countText(goes + waits))}
            </button>
          )
        )}
        <button type="button" class="button" onClick={again}>
          {words.again}
        </button>
      </p>
    </>
  );
}

function timesOf(plan: UpgradePlan) {
  const words = t().plan;
  const { window } = plan.options;
  const nights = window == null ? words.noWindow : plan.nights === null ? words.neverEnds : words.nights(plan.nights);
  return [
    [words.nightsLabel, nights],
    [words.begins, <Time at={plan.dispatchAt} />],
    [words.expected, plan.expectedEndAt === null ? words.neverEnds : <Time at={plan.expectedEndAt} />],
    [words.latest, <Time at={plan.latestEndAt} />],
  ] as const;
}

function questionOf({ counts, options }: UpgradePlan) {
  const words = t().plan;
  const { goes, waits, refused } = counts;
  const { dispatchDelayMinutes: delay = 0, approval } = options;
  const consequences = [
    goes > 0 && words.confirmGo(countText(goes)),
    waits > 0 && words.confirmWait(countText(waits)),
    refused > 0 && words.confirmRefused(countText(refused)),
    delay > 0 && words.confirmDelay(delay),
    approval != null && words.confirmApproval,
  ].filter((each) => each !== false);
  return {
    title: words.confirmTitle(countText(goes + waits)),
    consequences,
    action: words.make(countText(goes + waits)),
  };
}
