/** The devices of a shipment, of either kind, by what became of them: the fields that narrow the list, and its end. */
import { SelectField, TextField } from '../../parts/fields.tsx';
import { Empty } from '../../parts/page.tsx';
import { t } from './texts.ts';

export const NO_DEVICE_FILTERS = { status: '', reason: '', imei: '' };

export function DeviceFilters({
  filters,
  setFilters,
  statuses,
  reasons,
}: {
  filters: typeof NO_DEVICE_FILTERS;
  setFilters: (change: Partial<typeof NO_DEVICE_FILTERS>) => void;
  statuses: readonly { value: string; label: string }[];
  /** Words by code. */
  reasons: Readonly<Record<string, string>>;
}) {
  const { columns } = t();
  return (
    <div class="filters">
      <SelectField
        label={columns.status}
        any
        value={filters.status}
        options={statuses}
        onInput={(status) => setFilters({ status, reason: '' })}
      />
      <SelectField
        label={columns.reason}
        any
        value={filters.reason}
        options={Object.entries(reasons).map(([value, label]) => ({ value, label }))}
        onInput={(reason) => setFilters({ reason })}
      />
      <TextField
        label={columns.imei}
        type="search"
        inputMode="numeric"
        value={filters.imei}
        onInput={(imei) => setFilters({ imei: imei.trim() })}
      />
    </div>
  );
}

/** No device is left by the filters. */
export function NoneHere({
  words,
  showAll,
}: {
  words: { noneHere: string; noneHereDetail: string; showAll: string };
  showAll: () => void;
}) {
  return (
    <Empty title={words.noneHere} detail={words.noneHereDetail}>
      <button type="button" class="button" onClick={showAll}>
        {words.showAll}
      </button>
    </Empty>
  );
}
