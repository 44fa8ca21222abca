/** One trigger: what it does, a dry run, on and off, what it did, what MES changed later. */
import { useState } from 'preact/hooks';
import type { Trigger, TriggerDryRun } from '../../api-types.ts';
import { call } from '../../api/call.ts';
import { useAction, useQuery } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { confirm } from '../../parts/confirm.tsx';
import { Empty, Facts, Page, Panel } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { Tabs } from '../../parts/tabs.tsx';
import { countText, Time } from '../../parts/time.tsx';
import { say } from '../../parts/toasts.tsx';
import { Link, navigate, useFilters, type PageProps } from '../../shell/router.tsx';
import { PlanView } from './plan-view.tsx';
import './shipping.css';
import { t } from './texts.ts';
import { DifferencesList, FiringsList } from './trigger-lists.tsx';
import { matchText, OnBadge } from './triggers.tsx';
import { fieldName } from './words.ts';

export function TriggerPage({ params }: PageProps) {
  const triggerId = Number(params['triggerId']);
  const trigger = useQuery('getTrigger', { params: { triggerId } });
  const [dryRun, setDryRun] = useState<TriggerDryRun | null>(null);
  const { data, error } = trigger;
  const { triggers: words } = t();
  const tryIt = useAction(async () => setDryRun(await call('tryTrigger', { params: { triggerId } })));
  const act = useAction(async (wish: 'switch' | 'delete', now: Trigger) => {
    if (!(await isSure(wish, now))) return;
    if (wish === 'delete') {
      await call('deleteTrigger', { params: { triggerId } }, { ifMatch: now.revision });
      say(words.removed);
      navigate('/triggers');
      return;
    }
    await call(now.isOn ? 'switchTriggerOff' : 'switchTriggerOn', { params: { triggerId }, body: {} });
    say(now.isOn ? words.switchedOff : words.switchedOn);
    trigger.refresh();
  });
  const problem = act.error ?? tryIt.error;
  return (
    <Page
      title={data?.name ?? words.title}
      lead={data && matchText(data.match)}
      actions={
        <>
          <Link to="/triggers" class="button quiet">
            {words.all}
          </Link>
          {data !== null && may('shipment:write') && (
            <>
              <button
                type="button"
                class="button danger"
                disabled={act.busy}
                onClick={() => void act.run('delete', data)}
              >
                {words.remove}
              </button>
              <Link to={`/triggers/${triggerId}/edit`} class="button">
                {words.edit}
              </Link>
              <button type="button" class="button" disabled={tryIt.busy} onClick={() => void tryIt.run()}>
                {tryIt.busy ? words.dryRunning : words.dryRun}
              </button>
              <button
                type="button"
                class="button primary"
                disabled={act.busy}
                onClick={() => void act.run('switch', data)}
              >
                {data.isOn ? words.switchOff : words.switchOn}
              </button>
            </>
          )}
        </>
      }
    >
      {problem !== null && <ProblemNote problem={problem} />}
      {error !== null && <ProblemNote problem={error} retry={trigger.refresh} />}
      {data !== null && (
        <div class="stack">
          <TriggerFacts trigger={data} />
          <div aria-live="polite">{dryRun !== null && <DryRun result={dryRun} />}</div>
          <Lists trigger={data} />
        </div>
      )}
    </Page>
  );
}

function TriggerFacts({ trigger }: { trigger: Trigger }) {
  const { triggers: words, columns, orders, platforms } = t();
  const { platform, company, remark } = trigger;
  const name = useQuery('getPlatform', platform === null ? null : { params: { platformId: platform.platformId } });
  return (
    <Panel>
      <Facts
        items={[
          [words.state, <OnBadge key="on" isOn={trigger.isOn} />],
          [words.match, matchText(trigger.match)],
          [words.company, company === '' ? orders.ownCompany : company],
          [words.shipInDays, `${trigger.shipInDays} ${words.days}`],
          [words.remark, remark === '' ? null : remark],
          [words.onward, platform === null ? words.onwardNone : (name.data?.name ?? String(platform.platformId))],
          ...Object.entries(platform?.info ?? {}).map(
            ([field, value]) => [`${platforms.list.platform}: ${fieldName(field)}`, value] as const,
          ),
          [columns.createdBy, trigger.createdBy],
          [words.madeAt, <Time key="at" at={trigger.createdAt} />],
        ]}
      />
    </Panel>
  );
}

function DryRun({ result }: { result: TriggerDryRun }) {
  const { triggers: words } = t();
  const { rowsLookedAt } = result;
  return (
    <div data-dry-run>
      <p class="note">
        {words.dryRunWhat} {words.dryRunDate(result.shipDate)}{' '}
        {rowsLookedAt !== null && words.dryRunLooked(countText(rowsLookedAt))} {!result.isWhole && words.dryRunPart}
      </p>
      {result.asked === 0 ? <Empty title={words.dryRunNothing} /> : <PlanView plan={result} />}
    </div>
  );
}

function Lists({ trigger }: { trigger: Trigger }) {
  const [{ tab }, setFilters] = useFilters({ tab: 'firings' });
  const { triggers: words } = t();
  const isDifferences = tab === 'differences';
  return (
    <Tabs
      label={trigger.name}
      tabs={[
        { id: 'firings', label: words.firings },
        { id: 'differences', label: words.differences },
      ]}
      open={isDifferences ? 'differences' : 'firings'}
      onOpen={(next) => setFilters({ tab: next })}
    >
      {isDifferences ? <DifferencesList triggerId={trigger.id} /> : <FiringsList trigger={trigger} />}
    </Tabs>
  );
}

function isSure(wish: 'switch' | 'delete', { name, isOn }: Trigger): Promise<boolean> {
  const { triggers: words } = t();
  if (wish === 'delete') {
    return confirm({ title: words.removeTitle(name), detail: words.removeWhat, action: words.remove, danger: true });
  }
  if (isOn) return Promise.resolve(true);
  const consequences = [words.switchOnNew, words.switchOnOld];
  return confirm({ title: words.switchOnTitle(name), consequences, action: words.switchOn });
}
