/** One secondary shipment while it happens: the reconciliation, each device, every call, stop. */
import type { PlatformShipmentDetail } from '../../api-types.ts';
import { call } from '../../api/call.ts';
import { useAction, useQuery } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { Badge } from '../../parts/badge.tsx';
import { confirm } from '../../parts/confirm.tsx';
import { ExecutionLink } from '../../parts/links.tsx';
import { Facts, Page, Panel } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { Tabs } from '../../parts/tabs.tsx';
import { countText, Time } from '../../parts/time.tsx';
import { say } from '../../parts/toasts.tsx';
import { Link, useFilters, type PageProps } from '../../shell/router.tsx';
import { NO_DEVICE_FILTERS } from './device-filters.tsx';
import { PlatformDevices } from './platform-devices.tsx';
import { PlatformLog } from './platform-log.tsx';
import { usePolling, useShipmentNews } from './polling.ts';
import './shipping.css';
import { Sum } from './sums.tsx';
import { t } from './texts.ts';
import { fieldName, platformReason, platformStatus, toneOf } from './words.ts';

const POLL_MS = 1_500;

export function PlatformShipmentPage({ params }: PageProps) {
  const shipmentId = Number(params['shipmentId']);
  const shipment = useQuery('getPlatformShipment', { params: { shipmentId } });
  const { data, error } = shipment;
  const isRunning = data?.status === 'running';
  usePolling(error ?? data, shipment.refresh, isRunning ? POLL_MS : null);
  useShipmentNews('platform_shipment.finished', shipment.refresh);
  const { one } = t().platforms;
  const stop = useAction(async () => {
    const consequences = [one.stopUnsent, one.stopSent];
    if (!(await confirm({ title: one.stopTitle(shipmentId), consequences, action: one.stop, danger: true }))) return;
    await call('stopPlatformShipment', { params: { shipmentId }, body: {} });
    say(one.stopped);
    shipment.refresh();
  });
  const waiting =
    data === null ? 0 : data.reconciliation.refused + data.reconciliation.unknown + data.reconciliation.notSent;
  return (
    <Page
      title={one.title(shipmentId)}
      lead={data && one.to(data.platform)}
      actions={
        <>
          <Link to="/platform-shipments" class="button quiet">
            {one.back}
          </Link>
          {isRunning && may('shipment:write') && (
            <button type="button" class="button danger" disabled={stop.busy} onClick={() => void stop.run()}>
              {one.stop}
            </button>
          )}
          {waiting > 0 && (
            <Link to={`/platform-shipments/attention?shipmentId=${shipmentId}`} class="button primary">
              {one.needsPerson(countText(waiting))}
            </Link>
          )}
        </>
      }
    >
      {stop.error !== null && <ProblemNote problem={stop.error} />}
      {error !== null && <ProblemNote problem={error} retry={shipment.refresh} />}
      {data !== null && (
        <div class="stack">
          <Reconciliation shipment={data} />
          <Details shipment={data} />
        </div>
      )}
    </Page>
  );
}

function Reconciliation({ shipment }: { shipment: PlatformShipmentDetail }) {
  const { reconciliation: sums, status, live } = shipment;
  const [filters, setFilters] = useFilters({ tab: 'devices', ...NO_DEVICE_FILTERS });
  const { columns, platforms } = t();
  const { one, status: names } = platforms;
  const part = (id: keyof typeof names, count: number) => ({
    id,
    label: names[id],
    count,
    tone: toneOf(id),
    onPick: () => setFilters({ tab: 'devices', status: filters.status === id ? '' : id, reason: '' }),
    isPicked: filters.status === id,
  });
  const parts = [
    part('confirmed', sums.confirmed),
    part('refused', sums.refused),
    part('unknown', sums.unknown),
    part('not_sent', sums.notSent),
    ...(sums.recorded > 0 ? [part('recorded', sums.recorded)] : []),
    part('open', sums.open),
  ];
  return (
    <Panel
      title={one.reconciliation}
      actions={
        <span class="row" role="status">
          <Badge tone={toneOf(status)}>{platformStatus(status)}</Badge>
          {status === 'running' ? (
            <span class="muted">{live === null ? one.notYet : one.phase[live.phase]}</span>
          ) : (
            <Badge tone={sums.closes ? 'good' : 'bad'}>{sums.closes ? one.closes : names.red}</Badge>
          )}
        </span>
      }
    >
      {status === 'red' && (
        <p class="problem" role="alert">
          {one.redDetail}
        </p>
      )}
      {live?.why != null && (
        <p class="note">
          {live.why}{' '}
          {live.wakesAt !== null && (
            <>
              {one.wakes} <Time at={live.wakesAt} relative />
            </>
          )}
        </p>
      )}
      <Sum total={sums.asked} totalLabel={columns.asked} parts={parts} />
      <p class="muted">{status === 'recorded' ? one.recordedOnly : one.sent(countText(sums.sent))}</p>
      {sums.why.length > 0 && <Why why={sums.why} />}
      <Facts
        items={[
          [platforms.list.platform, <PlatformName key="platform" shipment={shipment} />],
          ...Object.entries(shipment.info).map(([field, value]) => [fieldName(field), value] as const),
          [columns.createdBy, shipment.createdBy],
          [columns.createdAt, <Time key="created" at={shipment.createdAt} />],
          shipment.finishedAt === null
            ? [one.deadline, <Time key="deadline" at={shipment.deadlineAt} />]
            : [columns.finishedAt, <Time key="finished" at={shipment.finishedAt} />],
          ['Temporal', shipment.links.temporal && <ExecutionLink key="temporal" url={shipment.links.temporal} />],
        ]}
      />
    </Panel>
  );
}

function PlatformName({ shipment: { platform, connected, lifetime } }: { shipment: PlatformShipmentDetail }) {
  const { list } = t().platforms;
  return (
    <>
      {platform} {!connected && <Badge tone="warn">{list.notConnected}</Badge>}{' '}
      {lifetime && <Badge tone="info">{list.lifetime}</Badge>}
    </>
  );
}

function Why({ why }: { why: PlatformShipmentDetail['reconciliation']['why'] }) {
  const { platforms, columns } = t();
  return (
    <section>
      <h3>{platforms.one.why}</h3>
      <table class="table small">
        <thead>
          <tr>
            <th scope="col">{columns.asked}</th>
            <th scope="col">{columns.status}</th>
            <th scope="col">{columns.reason}</th>
            <th scope="col">{platforms.one.code}</th>
            <th scope="col">{platforms.one.words}</th>
          </tr>
        </thead>
        <tbody>
          {why.map(({ status, reason, code, words, devices }, index) => (
            <tr key={index}>
              <td>
                <b>{countText(devices)}</b>
              </td>
              <td>
                <Badge tone={toneOf(status)}>{platformStatus(status)}</Badge>
              </td>
              <td class="wrap">{reason === null ? '' : platformReason(reason)}</td>
              <td>{code ?? ''}</td>
              <td class="wrap">{words}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Details({ shipment }: { shipment: PlatformShipmentDetail }) {
  const [{ tab }, setFilters] = useFilters({ tab: 'devices' });
  const { one } = t().platforms;
  const isLog = tab === 'log';
  const { confirmed, refused, unknown, notSent } = shipment.reconciliation;
  const changed = [confirmed, refused, unknown, notSent, shipment.status].join('/');
  return (
    <Tabs
      label={one.title(shipment.id)}
      tabs={[
        { id: 'devices', label: one.devices },
        { id: 'log', label: one.log },
      ]}
      open={isLog ? 'log' : 'devices'}
      onOpen={(next) => setFilters({ tab: next })}
    >
      {isLog ? (
        <PlatformLog shipmentId={shipment.id} changed={changed} />
      ) : (
        <PlatformDevices shipmentId={shipment.id} changed={changed} />
      )}
    </Tabs>
  );
}
