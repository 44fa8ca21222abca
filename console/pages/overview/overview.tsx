/** The overview: what runs, what needs a person, who is online, how the equipment stands, what was shipped last. */
import { useEffect } from 'preact/hooks';
import { useLiveRefresh } from '../../api/live.ts';
import { usePages, useQuery } from '../../api/queries.ts';
import { me } from '../../api/session.ts';
import { Badge, StatusBadge, toneOf } from '../../parts/badge.tsx';
import { Page, Panel } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { StackedBar } from '../../parts/progress.tsx';
import { countText, Time } from '../../parts/time.tsx';
import { kindText, reasonText, statusText } from '../../parts/words.ts';
import { Link } from '../../shell/router.tsx';
import { deviceAddress } from '../upgrades/devices/texts.ts';
import { RunningTasks } from '../upgrades/tasks/running.tsx';
import { KIND_TONES, KINDS } from './attention.tsx';
import { DevicesPanel } from './devices-panel.tsx';
import { t } from './texts.ts';

/** What has no events is read again this often, while somebody looks. */
export const LOOK_AGAIN_MS = 30_000;

export function OverviewPage() {
  const words = t();
  return (
    <Page title={words.title} lead={words.lead(me.value?.department.name ?? '')}>
      <div class="overview">
        <div>
          <Panel title={words.tasks} actions={<Link to="/tasks">{words.allTasks}</Link>}>
            <RunningTasks />
          </Panel>
          <AttentionPanel />
        </div>
        <div>
          <DevicesPanel />
          <EquipmentPanel />
          <ShipmentsPanel />
        </div>
      </div>
    </Page>
  );
}

function AttentionPanel() {
  const { data, error, refresh } = useQuery('listAttention', { query: { limit: 6 } });
  useLiveRefresh(refresh, ({ type, data: news }) => type === 'event' && /^(device|task)\./.test(String(news.kind)), {
    everyMs: 5_000,
  });
  useLookAgain(refresh);
  const words = t();
  return (
    <Panel title={words.attention} actions={<Link to="/attention">{words.attentionAll}</Link>}>
      {error !== null && <ProblemNote problem={error} retry={refresh} />}
      {data !== null && data.items.length === 0 && (
        <p class="muted">
          <b>{words.attentionNone}.</b> {words.attentionNoneDetail}
        </p>
      )}
      {data !== null && data.items.length > 0 && (
        <>
          <p class="row">
            {KINDS.filter((kind) => (data.counts?.[kind] ?? 0) > 0).map((kind) => (
              <Link key={kind} class="count-link" to={`/attention?kind=${kind}`}>
                <Badge tone={KIND_TONES[kind]}>
                  {kindText(kind)} {countText(data.counts?.[kind] ?? 0)}
                </Badge>
              </Link>
            ))}
          </p>
          <ul class="plain">
            {data.items.map((item) => (
              <li key={item.upgradeId} class="attention-line">
                <Badge tone={KIND_TONES[item.kind]}>{kindText(item.kind)}</Badge>
                <Link to={deviceAddress(item.deviceId)}>{item.deviceId}</Link>
                <span class="muted ellipsis" title={item.advice}>
                  {item.reason !== null && item.reason !== item.kind ? reasonText(item.reason) : ''}
                </span>
                <Time at={item.since} relative />
              </li>
            ))}
          </ul>
        </>
      )}
    </Panel>
  );
}

const STATES = ['alive', 'online', 'suspect', 'offline', 'never'] as const;

function EquipmentPanel() {
  const { data, error, refresh } = useQuery('getEquipmentBoard', {});
  useLiveRefresh(refresh, ({ type, data: news }) => type === 'event' && String(news.kind).startsWith('equipment.'));
  useLookAgain(refresh);
  const words = t();
  return (
    <Panel title={words.equipment} actions={<Link to="/equipment">{words.equipmentAll}</Link>}>
      {error !== null && <ProblemNote problem={error} retry={refresh} />}
      {data !== null && data.total === 0 && <p class="muted">{words.equipmentNone}</p>}
      {data !== null && data.total > 0 && (
        <>
          <StackedBar
            label={words.equipment}
            parts={STATES.map((id) => ({ id, label: statusText(id), count: data.states[id], tone: toneOf(id) }))}
          />
          <p class="row counts-line">
            {STATES.filter((state) => data.states[state] > 0).map((state) => (
              <span key={state}>
                <b>{countText(data.states[state])}</b> <StatusBadge status={state} />
              </span>
            ))}
            {data.withAlarms > 0 && (
              <Link to="/equipment-alarms">
                <Badge tone="bad">
                  {countText(data.withAlarms)} {words.withAlarms}
                </Badge>
              </Link>
            )}
          </p>
        </>
      )}
    </Panel>
  );
}

function ShipmentsPanel() {
  const list = usePages('listShipments', {}, 5);
  useLiveRefresh(list.refresh, ({ type, data: news }) => type === 'event' && String(news.kind).includes('shipment'));
  useLookAgain(list.refresh);
  const words = t();
  return (
    <Panel title={words.shipments} actions={<Link to="/shipping">{words.shipmentsAll}</Link>}>
      {list.error !== null && <ProblemNote problem={list.error} retry={list.refresh} />}
      {!list.loading && list.items.length === 0 && list.error === null && <p class="muted">{words.shipmentsNone}</p>}
      <ul class="plain">
        {list.items.slice(0, 5).map((shipment) => (
          <li key={shipment.id} class="row">
            <Link to={`/shipments/${shipment.id}`}>{words.shipment(shipment.id)}</Link>
            <StatusBadge status={shipment.status} />
            <span class="muted">
              {words.asked(countText(shipment.asked))} {shipment.company}
            </span>
            <span class="grow" />
            <Time at={shipment.createdAt} relative />
          </li>
        ))}
      </ul>
    </Panel>
  );
}

/** Reads again now and then, while somebody looks at the page. */
export function useLookAgain(refresh: () => void): void {
  useEffect(() => {
    const timer = setInterval(() => !document.hidden && refresh(), LOOK_AGAIN_MS);
    return () => clearInterval(timer);
  }, [refresh]);
}
