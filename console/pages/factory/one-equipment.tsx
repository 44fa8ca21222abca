/** The session of one equipment: how it stands, and everything about it in tabs. */
import { useState } from 'preact/hooks';
import type { Equipment } from '../../api-types.ts';
import { call } from '../../api/call.ts';
import { useAction, useQuery } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { Badge } from '../../parts/badge.tsx';
import { confirm } from '../../parts/confirm.tsx';
import { ExecutionLink } from '../../parts/links.tsx';
import { Facts, Page, Panel } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { Tabs } from '../../parts/tabs.tsx';
import { durationText, Time } from '../../parts/time.tsx';
import { say } from '../../parts/toasts.tsx';
import { Link, navigate, useFilters, type PageProps } from '../../shell/router.tsx';
import { t as shared } from '../../shell/texts.ts';
import { AlarmsOfEquipment } from './alarms.tsx';
import { CallsTab } from './calls.tsx';
import { EquipmentForm } from './equipment-form.tsx';
import { FlagsTab } from './flags.tsx';
import { useFresh } from './fresh.ts';
import { LogTab } from './logs.tsx';
import { ParametersTab } from './parameters.tsx';
import { EquipmentStatusBadge, isHere, StateBadge } from './states.tsx';
import { TimelineTab } from './timeline.tsx';
import { t } from './texts.ts';

const FIRST_TAB: { tab: string } = { tab: 'timeline' };
const TABS = ['timeline', 'alarms', 'parameters', 'flags', 'calls', 'log'] as const;
type Tab = (typeof TABS)[number];

export function OneEquipmentPage({ params }: PageProps) {
  const { code = '' } = params;
  const { data, error, refresh } = useQuery('getEquipment', { params: { code } });
  useFresh(refresh, { equipmentCode: code });
  const [filters, setFilters] = useFilters(FIRST_TAB);
  const words = t().one;
  if (data === null) {
    return (
      <Page title={code}>
        {error === null ? (
          <p class="muted">{shared().common.loading}</p>
        ) : (
          <ProblemNote problem={error} retry={refresh} />
        )}
        <Link to="/equipment">{words.back}</Link>
      </Page>
    );
  }
  const tab = TABS.find((each) => each === filters.tab) ?? 'timeline';
  const label: Record<Tab, string> = {
    timeline: words.tabTimeline,
    alarms: data.openAlarms > 0 ? `${words.tabAlarms} (${data.openAlarms})` : words.tabAlarms,
    parameters: words.tabParameters,
    flags: words.tabFlags,
    calls: words.tabCalls,
    log: words.tabLog,
  };
  return (
    <Page
      title={data.name === '' ? data.code : `${data.code} · ${data.name}`}
      lead={<Link to="/equipment">{words.back}</Link>}
      actions={<Actions equipment={data} onChanged={refresh} />}
    >
      {error !== null && <ProblemNote problem={error} retry={refresh} />}
      {!data.isActive && <p class="note">{words.retired}</p>}
      <Standing equipment={data} />
      <Tabs
        label={words.tabs}
        tabs={TABS.map((id) => ({ id, label: label[id] }))}
        open={tab}
        onOpen={(next) => setFilters({ tab: next })}
      >
        {tab === 'timeline' && <TimelineTab code={code} />}
        {tab === 'alarms' && <AlarmsOfEquipment code={code} onChanged={refresh} />}
        {tab === 'parameters' && <ParametersTab equipment={data} onChanged={refresh} />}
        {tab === 'flags' && <FlagsTab code={code} onChanged={refresh} />}
        {tab === 'calls' && <CallsTab code={code} />}
        {tab === 'log' && <LogTab code={code} />}
      </Tabs>
    </Page>
  );
}

function Actions({ equipment, onChanged }: { equipment: Equipment; onChanged: () => void }) {
  const words = t().one;
  const [isEditing, setEditing] = useState(false);
  const { code, revision, state } = equipment;
  const remove = useAction(async () => {
    const question = {
      title: words.deleteTitle(code),
      consequences: [words.deleteConsequence],
      action: words.delete,
      danger: true,
    };
    if (!(await confirm(question))) return;
    await call('deleteEquipment', { params: { code } }, { ifMatch: revision });
    say(words.deleted(code));
    navigate('/equipment');
  });
  return (
    <>
      <ExecutionLink url={equipment.links.execution} />
      {may('mom:write') && (
        <>
          {state === 'never' && (
            <button type="button" class="button danger" disabled={remove.busy} onClick={() => void remove.run()}>
              {words.delete}
            </button>
          )}
          <button type="button" class="button" onClick={() => setEditing(true)}>
            {words.edit}
          </button>
        </>
      )}
      {remove.error !== null && <ProblemNote problem={remove.error} />}
      {isEditing && <EquipmentForm equipment={equipment} onClose={() => setEditing(false)} onDone={onChanged} />}
    </>
  );
}

function Standing({ equipment }: { equipment: Equipment }) {
  const words = t().one;
  const since = (at: string | null) =>
    at === null ? null : <span class="muted"> {words.since(durationText(Date.now() - Date.parse(at)))}</span>;
  const modes = [words.modes.online, words.modes.offline, words.modes.adjustment];
  const { operatingMode, skewSeconds, parametersVersion, fetchedVersion, allowedAddresses } = equipment;
  const parameters =
    parametersVersion === 0
      ? words.parametersNone
      : fetchedVersion === parametersVersion
        ? words.parametersFetched(parametersVersion)
        : words.parametersWaiting(parametersVersion, fetchedVersion);
  return (
    <Panel>
      <Facts
        items={[
          [
            words.session,
            <>
              <StateBadge state={equipment.state} />
              {equipment.state !== 'never' && since(equipment.stateSince)}
            </>,
          ],
          [
            words.status,
            isHere(equipment) ? (
              <>
                <EquipmentStatusBadge status={equipment.status} />
                {since(equipment.statusSince)}
              </>
            ) : null,
          ],
          [words.lastSeen, <Time at={equipment.lastSeenAt} relative />],
          [words.onlineAt, <Time at={equipment.onlineAt} />],
          [words.clock, <Clock seconds={skewSeconds} isWrong={equipment.isSkewed} />],
          [words.parameters, parameters],
          [words.address, equipment.lastAddress || null],
          [words.software, equipment.software || null],
          [words.employee, equipment.employeeNo || null],
          [words.mode, operatingMode === null ? null : (modes[operatingMode] ?? words.modes.other)],
          [words.model, equipment.model || null],
          [words.location, equipment.location || null],
          [words.period, words.seconds(equipment.periodSeconds)],
          [words.addresses, allowedAddresses.length === 0 ? words.anywhere : allowedAddresses.join(', ')],
          [words.hold, equipment.isHoldListed ? words.holdYes : words.holdNo],
          [words.remark, equipment.remark || null],
        ]}
      />
    </Panel>
  );
}

function Clock({ seconds, isWrong }: { seconds: number | null; isWrong: boolean }) {
  const words = t().one;
  if (seconds === null) return <>–</>;
  const text =
    Math.abs(seconds) < 1
      ? words.clockRight
      : seconds > 0
        ? words.clockAhead(seconds)
        : words.clockBehind(Math.abs(seconds));
  return isWrong ? (
    <Badge tone="warn" title={words.clockWrong}>
      {text}: {words.clockWrong}
    </Badge>
  ) : (
    <>{text}</>
  );
}
