/** The register of devices: search, filters, new ones, changes of many. */
import { useMemo, useState } from 'preact/hooks';
import type { Device } from '../../../api-types.ts';
import { usePages, useQuery } from '../../../api/queries.ts';
import { may } from '../../../api/session.ts';
import { SelectField, TextField } from '../../../parts/fields.tsx';
import { Empty, Page } from '../../../parts/page.tsx';
import { DataTable, useSelection, type Column } from '../../../parts/table.tsx';
import { countText, Time } from '../../../parts/time.tsx';
import { statusText } from '../../../parts/words.ts';
import { Link, navigate, useFilters } from '../../../shell/router.tsx';
import { protocolChoices, protocolText, type Protocol } from '../firmware/texts.ts';
import { LIVE_UPGRADES, type UpgradeStatus } from '../tasks/texts.ts';
import { set as setWizard } from '../wizard/state.ts';
import { BulkDialog, useBulkDelete, type BulkOutcome } from './bulk.tsx';
import { DeviceForm } from './form.tsx';
import { ImportDialog } from './importer.tsx';
import { deviceAddress, t } from './texts.ts';

const FILTERS = { search: '', protocol: '', model: '', orderNo: '', version: '', seen: '', upgrade: '' };
const MINUTE = 60_000;

export function DeviceListPage() {
  const [filters, setFilters] = useFilters(FILTERS);
  const query = useQueryOf(filters);
  const list = usePages('listDevices', { query });
  const count = useQuery('countDevices', { query });
  const selection = useSelection<string>(JSON.stringify(filters));
  const [open, setOpen] = useState<'new' | 'import' | 'bulk' | null>(null);
  const [outcome, setOutcome] = useState<BulkOutcome | null>(null);
  const words = t();
  const readAgain = () => {
    list.refresh();
    count.refresh();
  };
  const whenChanged = (result: BulkOutcome) => {
    setOutcome(result);
    selection.clear();
    readAgain();
  };
  const remove = useBulkDelete(whenChanged);
  const isFiltered = Object.values(filters).some((each) => each !== '');
  const ids = [...selection.keys];
  const upgrade = () => {
    setWizard({ how: 'list', pasted: ids.join('\n') });
    navigate('/tasks/new');
  };
  return (
    <Page
      title={words.title}
      lead={
        <>
          {count.data === null ? words.lead : words.total(countText(count.data.devices), count.data.estimated)} ·{' '}
          <Link to="/unknown-devices">{words.unknownLink}</Link>
        </>
      }
      actions={
        may('device:write') && (
          <>
            <button type="button" class="button" onClick={() => setOpen('import')}>
              {words.import}
            </button>
            <button type="button" class="button primary" onClick={() => setOpen('new')}>
              {words.add}
            </button>
          </>
        )
      }
    >
      <Filters filters={filters} setFilters={setFilters} />
      {outcome !== null && <OutcomeNote outcome={outcome} onClose={() => setOutcome(null)} />}
      {remove.note}
      <DataTable
        label={words.title}
        list={list}
        columns={columnsOf()}
        rowKey={(device) => device.id}
        {...((may('device:write') || may('upgrade:write')) && { selection })}
        selectionActions={
          <>
            {may('upgrade:write') && (
              <button type="button" class="button small" onClick={upgrade}>
                {words.bulk.task}
              </button>
            )}
            {may('device:write') && (
              <>
                <button type="button" class="button small" onClick={() => setOpen('bulk')}>
                  {words.bulk.edit}
                </button>
                <button type="button" class="button small danger" onClick={() => void remove.run(ids)}>
                  {words.bulk.delete}
                </button>
              </>
            )}
          </>
        }
        csv={{ operation: 'listDevices', query }}
        empty={
          isFiltered ? (
            <Empty title={words.noneFitting} detail={words.noneFittingAdvice} />
          ) : (
            <Empty title={words.none} detail={words.noneAdvice} />
          )
        }
      />
      {open === 'new' && <DeviceForm onClose={() => setOpen(null)} whenDone={readAgain} />}
      {open === 'import' && <ImportDialog onClose={() => setOpen(null)} whenDone={readAgain} />}
      {open === 'bulk' && <BulkDialog ids={ids} onClose={() => setOpen(null)} whenDone={whenChanged} />}
    </Page>
  );
}

function Filters({
  filters,
  setFilters,
}: {
  filters: typeof FILTERS;
  setFilters: (change: Partial<typeof FILTERS>) => void;
}) {
  const words = t();
  const seen = (['online', 'day', 'silent', 'never'] as const).map((value) => ({ value, label: words.seen[value] }));
  const upgrades = LIVE_UPGRADES.map((value) => ({ value, label: statusText(value) }));
  return (
    <div class="filters">
      <TextField
        type="search"
        label={words.filter.search}
        placeholder={words.filter.searchHint}
        value={filters.search}
        onInput={(search) => setFilters({ search })}
      />
      <SelectField
        label={words.filter.protocol}
        any
        value={filters.protocol}
        options={protocolChoices()}
        onInput={(protocol) => setFilters({ protocol })}
      />
      {(['model', 'orderNo', 'version'] as const).map((name) => (
        <TextField
          key={name}
          type="search"
          label={words.filter[name]}
          value={filters[name]}
          onInput={(value) => setFilters({ [name]: value })}
        />
      ))}
      <SelectField
        label={words.filter.seen}
        any
        value={filters.seen as 'day' | ''}
        options={seen as { value: 'day'; label: string }[]}
        onInput={(value) => setFilters({ seen: value })}
      />
      <SelectField
        label={words.filter.upgrade}
        any
        value={filters.upgrade}
        options={upgrades}
        onInput={(upgrade) => setFilters({ upgrade })}
      />
    </div>
  );
}

/** What is asked for; moments are made when the filter is chosen, so that the question stays the same. */
function useQueryOf(filters: typeof FILTERS) {
  return useMemo(() => {
    const ago = (milliseconds: number) => new Date(Date.now() - milliseconds).toISOString();
    const search = filters.search.trim();
    return {
      search: search.length >= 2 ? search : undefined,
      protocol: (filters.protocol || undefined) as Protocol | undefined,
      model: filters.model || undefined,
      orderNo: filters.orderNo || undefined,
      version: filters.version || undefined,
      seenSince:
        filters.seen === 'online' ? ago(10 * MINUTE) : filters.seen === 'day' ? ago(24 * 60 * MINUTE) : undefined,
      seenBefore: filters.seen === 'silent' ? ago(24 * 60 * MINUTE) : undefined,
      neverSeen: filters.seen === 'never' ? true : undefined,
      upgradeStatus: (filters.upgrade || undefined) as UpgradeStatus | undefined,
    };
  }, [JSON.stringify(filters)]);
}

function columnsOf(): Column<Device>[] {
  const { column } = t();
  return [
    {
      id: 'device',
      head: column.device,
      cell: (device) => <Link to={deviceAddress(device.id)}>{device.identity}</Link>,
      width: '12rem',
    },
    { id: 'kind', head: column.kind, cell: (device) => protocolText(device.protocol), wide: true },
    {
      id: 'model',
      head: column.model,
      cell: (device) => [device.model, device.powerKw !== null && `${device.powerKw} kW`].filter(Boolean).join(' · '),
    },
    {
      id: 'versions',
      head: column.versions,
      cell: ({ versions }) =>
        Object.entries(versions)
          .map(([component, version]) => (component === 'T1' ? version : `${component} ${version}`))
          .join(' · '),
    },
    { id: 'order', head: column.order, cell: (device) => device.orderNo, wide: true },
    { id: 'shipped', head: column.shipped, cell: (device) => device.shipDate, wide: true },
    { id: 'seen', head: column.seen, cell: (device) => <Time at={device.lastSeenAt} relative />, wide: true },
    { id: 'remark', head: column.remark, cell: (device) => device.remark, wide: true },
  ];
}

function OutcomeNote({ outcome, onClose }: { outcome: BulkOutcome; onClose: () => void }) {
  const words = t().bulk;
  const { done, unchanged, refused } = outcome;
  return (
    <div class={`note ${refused.length > 0 ? 'warn' : ''}`} role="status">
      <p class="row">
        {words.result(countText(done), countText(unchanged), countText(refused.length))}
        <span class="grow" />
        <button type="button" class="button small quiet" onClick={onClose}>
          ×
        </button>
      </p>
      {refused.length > 0 && (
        <ul>
          {refused.slice(0, 20).map(({ deviceId, message }) => (
            <li key={deviceId}>
              <Link to={deviceAddress(deviceId)}>{deviceId}</Link> {message}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
