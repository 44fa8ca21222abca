/** One device: where it came from, when it was shipped, where it went, what MES changed later. */
import type { ShipmentRecord } from '../../api-types.ts';
import { usePages, useQuery } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { Badge } from '../../parts/badge.tsx';
import { Copy } from '../../parts/links.tsx';
import { Empty, Facts, Page, Panel } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { Time } from '../../parts/time.tsx';
import { Link, type PageProps } from '../../shell/router.tsx';
import { ChangesTable } from './changes.tsx';
import { MesFacts } from './mes-drawer.tsx';
import { selectionText } from './shipments.tsx';
import './shipping.css';
import { t } from './texts.ts';
import { platformStatus, shipmentStatus, toneOf } from './words.ts';

type Fact = Parameters<typeof Facts>[0]['items'][number];

export function HistoryPage({ params }: PageProps) {
  const imei = params['imei'] ?? '';
  const query = { imei };
  const { history } = t();
  const record = useQuery('listShipmentRecords', { query });
  const entry = record.data?.items[0];
  return (
    <Page
      title={history.title(imei)}
      lead={history.lead}
      actions={
        <>
          <Link to="/shipment-records" class="button quiet">
            {history.all}
          </Link>
          {entry !== undefined && (
            <Link to={`/devices/${encodeURIComponent(entry.deviceId)}`} class="button">
              {history.device}
            </Link>
          )}
        </>
      }
    >
      <div class="stack">
        <Panel title={history.record}>
          {record.error !== null && <ProblemNote problem={record.error} retry={record.refresh} />}
          {record.data !== null &&
            (entry === undefined ? (
              <Empty title={history.noRecord} detail={history.noRecordDetail} />
            ) : (
              <RecordFacts entry={entry} />
            ))}
        </Panel>
        <Reclassified imei={imei} />
        {may('shipment:write') && <Factory imei={imei} />}
        <div class="columns">
          <Orders imei={imei} />
          <Platforms imei={imei} />
        </div>
        {may('shipment:write') && <Changes imei={imei} />}
      </div>
    </Page>
  );
}

function RecordFacts({ entry }: { entry: ShipmentRecord }) {
  const { columns, records, history, one } = t();
  const { companyBy, company, mesCompany } = entry;
  const facts: readonly Fact[] = [
    [columns.imei, <Copy key="imei" text={entry.imei} />],
    [columns.shipDate, entry.shipDate],
    [columns.productionDate, entry.productionDate],
    [columns.shippedAt, <Time key="at" at={entry.shippedAt} />],
    [history.shippedBy, entry.shippedBy],
    [
      columns.shipment,
      <Link key="shipment" to={`/shipping/shipments/${entry.shipmentId}`}>
        {one.title(entry.shipmentId)}
      </Link>,
    ],
    [columns.order, entry.orderNo],
    [columns.carton, entry.carton],
    [columns.model, entry.model],
    [columns.version, entry.version],
    [columns.sn, entry.sn],
    [columns.sim, entry.sim],
    [columns.iccid, entry.iccid],
    [columns.rid, entry.rid],
    [columns.company, `${company} (${records.companyBy[companyBy]})`],
    ...(mesCompany === company ? [] : [[records.mesCompany, mesCompany] as const]),
    [columns.customer, entry.customer ?? records.noRule],
    [columns.rule, entry.ruleText],
    [columns.remark, entry.remark],
  ];
  return <Facts items={facts.map(([name, value]) => [name, value === '' ? null : value] as const)} />;
}

/** Whose it was found to be after it was shipped. */
function Reclassified({ imei }: { imei: string }) {
  const list = useQuery('listReclassifications', { query: { imei } });
  const { history, records } = t();
  if (list.error !== null) return <ProblemNote problem={list.error} retry={list.refresh} />;
  if (list.data === null || list.data.items.length === 0) return null;
  return (
    <Panel title={history.reclassified}>
      <ul class="rules">
        {list.data.items.map(({ id, at, customerBefore, customer, ruleText, author, note }) => (
          <li key={id} class="row">
            <Time at={at} relative />
            <span>
              {customerBefore ?? records.noRule} → <b>{customer ?? records.noRule}</b>
            </span>
            <span class="muted">{ruleText}</span>
            <span>
              {author}: {note}
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Factory({ imei }: { imei: string }) {
  const rows = useQuery('listMesDevices', { query: { imei } });
  const { history } = t();
  return (
    <Panel title={history.factory}>
      {rows.error !== null && <ProblemNote problem={rows.error} retry={rows.refresh} />}
      {rows.data?.items.length === 0 && <p class="muted">{history.notPacked}</p>}
      {rows.data?.items.map((device) => (
        <MesFacts key={device.id} device={device} />
      ))}
    </Panel>
  );
}

function Orders({ imei }: { imei: string }) {
  const orders = useQuery('listShipments', { query: { imei } });
  const { history, one } = t();
  return (
    <Panel title={history.orders}>
      {orders.error !== null && <ProblemNote problem={orders.error} retry={orders.refresh} />}
      {orders.data?.items.length === 0 && <p class="muted">{history.noOrders}</p>}
      <ul class="rules">
        {orders.data?.items.map((shipment) => (
          <li key={shipment.id} class="row">
            <Link to={`/shipping/shipments/${shipment.id}?imei=${imei}`}>{one.title(shipment.id)}</Link>
            <span>{selectionText(shipment)}</span>
            <Badge tone={toneOf(shipment.status)}>{shipmentStatus(shipment.status)}</Badge>
            <Time at={shipment.createdAt} relative />
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Platforms({ imei }: { imei: string }) {
  const shipments = useQuery('listPlatformShipments', { query: { imei } });
  const { history, platforms } = t();
  return (
    <Panel title={history.platforms}>
      {shipments.error !== null && <ProblemNote problem={shipments.error} retry={shipments.refresh} />}
      {shipments.data?.items.length === 0 && <p class="muted">{history.noPlatforms}</p>}
      <ul class="rules">
        {shipments.data?.items.map(({ id, platform, status, createdAt }) => (
          <li key={id} class="row">
            <Link to={`/platform-shipments/${id}?imei=${imei}`}>{platforms.one.title(id)}</Link>
            <span>{platform}</span>
            <Badge tone={toneOf(status)}>{platformStatus(status)}</Badge>
            <Time at={createdAt} relative />
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Changes({ imei }: { imei: string }) {
  const list = usePages('listMesChanges', { query: { imei } });
  const { history } = t();
  return (
    <Panel title={history.changes}>
      <ChangesTable list={list} empty={<p class="muted">{history.noChanges}</p>} />
    </Panel>
  );
}
