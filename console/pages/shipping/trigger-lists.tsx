/** What a trigger did, and what MES changed later of it. */
import type { Trigger, TriggerDifference } from '../../api-types.ts';
import { usePages } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { Badge } from '../../parts/badge.tsx';
import { ExecutionLink } from '../../parts/links.tsx';
import { Empty } from '../../parts/page.tsx';
import { DataTable } from '../../parts/table.tsx';
import { countText, Time } from '../../parts/time.tsx';
import { Link, navigate } from '../../shell/router.tsx';
import { keepChosen } from './chosen.ts';
import { Differences } from './differences.tsx';
import { usePolling } from './polling.ts';
import { t } from './texts.ts';
import { toneOf } from './words.ts';

const POLL_MS = 5_000;

export function FiringsList({ trigger }: { trigger: Trigger }) {
  const params = { triggerId: trigger.id };
  const list = usePages('listTriggerFirings', { params });
  usePolling(list.error ?? list.items, list.refresh, trigger.isOn ? POLL_MS : null);
  const { triggers: words, columns, one, platforms, mes } = t();
  return (
    <DataTable
      label={words.firings}
      list={list}
      rowKey={({ cycle }) => cycle}
      csv={{ operation: 'listTriggerFirings', params }}
      empty={<Empty title={words.noFirings} detail={trigger.isOn ? words.noFiringsOn : words.noFiringsOff} />}
      columns={[
        { id: 'cycle', head: words.reading, align: 'end', cell: ({ cycle }) => cycle },
        {
          id: 'status',
          head: columns.status,
          cell: ({ status }) => <Badge tone={toneOf(status)}>{words.firingStatus[status]}</Badge>,
        },
        { id: 'devices', head: words.devices, align: 'end', cell: ({ devices }) => countText(devices) },
        {
          id: 'differences',
          head: words.differences,
          align: 'end',
          cell: ({ differences }) => countText(differences),
          wide: true,
        },
        {
          id: 'shipment',
          head: columns.shipment,
          cell: ({ shipmentId }) =>
            shipmentId && <Link to={`/shipping/shipments/${shipmentId}`}>{one.title(shipmentId)}</Link>,
        },
        {
          id: 'platform',
          head: platforms.attention.shipment,
          cell: ({ platformShipmentId: id }) =>
            id && <Link to={`/platform-shipments/${id}`}>{platforms.one.title(id)}</Link>,
          wide: true,
        },
        { id: 'started', head: mes.started, cell: ({ startedAt }) => <Time at={startedAt} relative /> },
        { id: 'words', head: mes.words, cell: ({ words: said }) => <span title={said}>{said}</span>, wide: true },
        {
          id: 'temporal',
          head: 'Temporal',
          cell: ({ links }) => <ExecutionLink url={links.temporal}>→</ExecutionLink>,
          wide: true,
        },
      ]}
    />
  );
}

export function DifferencesList({ triggerId }: { triggerId: number }) {
  const params = { triggerId };
  const list = usePages('listTriggerDifferences', { params });
  const { triggers: words, columns, one, mes } = t();
  const shipByHand = (imei: string) => {
    keepChosen([imei]);
    navigate('/shipping/new?by=imeis');
  };
  return (
    <>
      <p class="muted">{words.differencesLead}</p>
      <DataTable
        label={words.differences}
        list={list}
        rowKey={({ id }) => id}
        csv={{ operation: 'listTriggerDifferences', params }}
        empty={<Empty title={words.noDifferences} detail={words.differencesLead} />}
        {...(may('shipment:write') && {
          rowActions: ({ kind, imei }: TriggerDifference) =>
            kind === 'fits_now' && (
              <button type="button" class="button small" onClick={() => shipByHand(imei)}>
                {words.toShip}
              </button>
            ),
        })}
        columns={[
          { id: 'at', head: mes.at, cell: ({ at }) => <Time at={at} relative /> },
          { id: 'imei', head: columns.imei, cell: ({ imei }) => <Link to={`/shipment-records/${imei}`}>{imei}</Link> },
          {
            id: 'kind',
            head: words.kind,
            cell: ({ kind }) => (
              <Badge tone={kind === 'fits_now' ? 'info' : 'warn'}>{words.differenceKind[kind]}</Badge>
            ),
          },
          { id: 'what', head: columns.what, cell: ({ differences }) => <Differences differences={differences} /> },
          {
            id: 'shipment',
            head: columns.shipment,
            cell: ({ shipmentId }) =>
              shipmentId && <Link to={`/shipping/shipments/${shipmentId}`}>{one.title(shipmentId)}</Link>,
            wide: true,
          },
          { id: 'cycle', head: words.reading, align: 'end', cell: ({ cycle }) => cycle, wide: true },
        ]}
      />
    </>
  );
}
