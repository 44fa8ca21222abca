/** Devices of secondary shipments that need a person, and what that person decides. */
import { useState } from 'preact/hooks';
import type { PlatformAttention, PlatformDecision } from '../../api-types.ts';
import { usePages, useQuery } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { Badge } from '../../parts/badge.tsx';
import { Empty, Page } from '../../parts/page.tsx';
import { DataTable, useSelection, type Column } from '../../parts/table.tsx';
import { countText, Time } from '../../parts/time.tsx';
import { Link, useFilters } from '../../shell/router.tsx';
import { AttentionDrawer } from './attention-drawer.tsx';
import { DecisionDialog } from './decision-dialog.tsx';
import { ReasonText } from './platform-devices.tsx';
import { usePolling, useShipmentNews } from './polling.ts';
import { given, givenNumber, isFiltered, SearchForm } from './search-form.tsx';
import { PlatformSections } from './sections.tsx';
import './shipping.css';
import { Sum } from './sums.tsx';
import { t } from './texts.ts';
import { platformStatus, toneOf } from './words.ts';

const NO_FILTERS = { shipmentId: '', status: '', reason: '', imei: '' };
const POLL_MS = 15_000;
export const DECISIONS = ['retry', 'reclassify', 'write_off'] as const;
export type DecisionName = (typeof DECISIONS)[number];

/** What is decided about: some devices, or all that wait in a shipment. */
export interface DecisionAbout {
  decision: DecisionName;
  about: Pick<PlatformDecision, 'ids' | 'shipmentId'>;
  count: number;
}

export function AttentionPage() {
  const [filters, setFilters] = useFilters(NO_FILTERS);
  const shipmentId = givenNumber(filters.shipmentId);
  const query = {
    shipmentId,
    status: given<PlatformAttention['status']>(filters.status),
    reason: given<NonNullable<PlatformAttention['reason']>>(filters.reason),
    imei: given(filters.imei),
  };
  const list = usePages('listPlatformAttention', { query });
  const counted = useQuery('listPlatformAttention', { query: { ...query, limit: 1 } });
  usePolling(counted.error ?? counted.data, counted.refresh, POLL_MS);
  useShipmentNews('platform_shipment.finished', () => {
    list.refresh();
    counted.refresh();
  });
  const selection = useSelection<number>(JSON.stringify(filters));
  const [asked, setAsked] = useState<DecisionAbout | null>(null);
  const [openId, setOpenId] = useState<number | null>(null);
  const refresh = () => {
    selection.clear();
    list.refresh();
    counted.refresh();
  };
  const { attention: words } = t().platforms;
  const counts = counted.data?.counts ?? null;
  const total = counts === null ? 0 : counts.refused + counts.unknown + counts.notSent;
  const onlyShipment = shipmentId !== undefined && filters.status + filters.reason + filters.imei === '';
  const open = list.items.find(({ id }) => id === openId);
  const ask = (decision: DecisionName, ids: number[]) => setAsked({ decision, about: { ids }, count: ids.length });
  const picked = [...selection.keys];
  return (
    <Page title={words.title} lead={words.lead}>
      <PlatformSections />
      <SearchForm filters={filters} onSearch={setFilters} fields={searchFields()} />
      {counts !== null && total > 0 && <Counts counts={counts} total={total} />}
      {onlyShipment && total > 0 && may('shipment:write') && (
        <p class="row">
          <b>{words.all(total, shipmentId)}</b>
          <DecisionButtons onAsk={(decision) => setAsked({ decision, about: { shipmentId }, count: total })} />
        </p>
      )}
      <DataTable
        label={words.title}
        list={list}
        columns={columnsOf(setOpenId)}
        rowKey={({ id }) => id}
        rowName={({ imei }) => imei}
        onOpen={({ id }) => setOpenId(id)}
        openKey={openId}
        {...(may('shipment:write') && {
          selection,
          selectionActions: <DecisionButtons onAsk={(decision) => ask(decision, picked)} />,
        })}
        csv={{ operation: 'listPlatformAttention', query }}
        empty={
          isFiltered(filters) ? (
            <Empty title={words.noneFits}>
              <button type="button" class="button" onClick={() => setFilters(NO_FILTERS)}>
                {t().search.clear}
              </button>
            </Empty>
          ) : (
            <Empty title={words.none} detail={words.noneDetail} />
          )
        }
      />
      {open !== undefined && (
        <AttentionDrawer
          device={open}
          onClose={() => setOpenId(null)}
          onAsk={(decision) => {
            setOpenId(null);
            ask(decision, [open.id]);
          }}
        />
      )}
      {asked !== null && <DecisionDialog {...asked} onClose={() => setAsked(null)} onDone={refresh} />}
    </Page>
  );
}

function DecisionButtons({ onAsk }: { onAsk: (decision: DecisionName) => void }) {
  const { attention: words } = t().platforms;
  return (
    <>
      {DECISIONS.map((decision) => (
        <button
          key={decision}
          type="button"
          class={`button small ${decision === 'write_off' ? 'danger' : ''}`}
          onClick={() => onAsk(decision)}
        >
          {words[decision]}
        </button>
      ))}
    </>
  );
}

function Counts({ counts, total }: { counts: { refused: number; unknown: number; notSent: number }; total: number }) {
  const { attention, status } = t().platforms;
  return (
    <Sum
      total={total}
      totalLabel={attention.title}
      parts={[
        { id: 'refused', label: status.refused, count: counts.refused, tone: 'bad' },
        { id: 'unknown', label: status.unknown, count: counts.unknown, tone: 'warn' },
        { id: 'notSent', label: status.not_sent, count: counts.notSent, tone: 'idle' },
      ]}
    />
  );
}

function columnsOf(onOpen: (id: number) => void): Column<PlatformAttention>[] {
  const { columns, platforms } = t();
  const { one, attention } = platforms;
  return [
    {
      id: 'imei',
      head: columns.imei,
      cell: ({ id, imei }) => (
        <button type="button" class="link mono" aria-label={attention.open(imei)} onClick={() => onOpen(id)}>
          {imei}
        </button>
      ),
    },
    {
      id: 'status',
      head: columns.status,
      cell: ({ status }) => <Badge tone={toneOf(status)}>{platformStatus(status)}</Badge>,
    },
    { id: 'reason', head: columns.reason, cell: (device) => <ReasonText device={device} /> },
    { id: 'platform', head: platforms.list.platform, cell: ({ platform }) => platform, wide: true },
    {
      id: 'shipment',
      head: attention.shipment,
      cell: ({ shipmentId }) => <Link to={`/platform-shipments/${shipmentId}`}>{one.title(shipmentId)}</Link>,
      wide: true,
    },
    {
      id: 'attempts',
      head: one.attempts,
      align: 'end',
      cell: ({ attempts }) => countText(attempts),
      wide: true,
    },
    { id: 'since', head: attention.since, cell: ({ since }) => <Time at={since} relative /> },
  ];
}

function searchFields() {
  const { columns, platforms } = t();
  const statuses = ['refused', 'unknown', 'not_sent'] as const;
  return [
    { name: 'shipmentId', label: platforms.attention.shipment },
    {
      name: 'status',
      label: columns.status,
      options: statuses.map((value) => ({ value, label: platforms.status[value] })),
    },
    {
      name: 'reason',
      label: columns.reason,
      options: Object.entries(platforms.reasons).map(([value, label]) => ({ value, label })),
    },
    { name: 'imei', label: columns.imei },
  ] as const;
}
