/** How many equipments are in which state; each count is a filter. */
import type { EquipmentBoard } from '../../api-types.ts';
import { countText } from '../../parts/time.tsx';
import { statusText } from '../../parts/words.ts';
import { EQUIPMENT_STATUSES, SESSION_STATES, stateTone } from './states.tsx';
import { t } from './texts.ts';

interface Filters {
  state: string;
  status: string;
  alarms: string;
}

export function BoardCounts({
  board,
  filters,
  setFilters,
}: {
  board: EquipmentBoard;
  filters: Filters;
  setFilters: (change: Partial<Filters>) => void;
}) {
  const words = t().board;
  const none = { state: '', status: '', alarms: '' };
  const is = (wanted: Filters) =>
    filters.state === wanted.state && filters.status === wanted.status && filters.alarms === wanted.alarms;
  const toggle = (wanted: Filters) => setFilters(is(wanted) ? none : wanted);
  return (
    <div class="counts">
      <div class="count-group" role="group" aria-label={words.sessions}>
        <Count label={words.all} count={board.total} tone="idle" isOn={is(none)} onPress={() => setFilters(none)} />
        {SESSION_STATES.map((state) => (
          <Count
            key={state}
            label={statusText(state)}
            count={board.states[state]}
            tone={stateTone(state)}
            isOn={is({ ...none, state })}
            onPress={() => toggle({ ...none, state })}
          />
        ))}
        <Count
          label={words.withAlarms}
          count={board.withAlarms}
          tone={board.withAlarms > 0 ? 'bad' : 'idle'}
          isOn={is({ ...none, alarms: 'open' })}
          onPress={() => toggle({ ...none, alarms: 'open' })}
        />
      </div>
      <p class="count-words muted">
        {words.statuses}
        {': '}
        {EQUIPMENT_STATUSES.map((status) => `${statusText(status)} ${countText(board.statuses[status])}`).join(' · ')}
        {` · ${words.statusUnknown} ${countText(board.statuses.unknown)}`}
      </p>
    </div>
  );
}

function Count({
  label,
  count,
  tone,
  isOn,
  onPress,
}: {
  label: string;
  count: number;
  tone: string;
  isOn: boolean;
  onPress: () => void;
}) {
  return (
    <button type="button" class={`count ${tone}`} aria-pressed={isOn} onClick={onPress}>
      <b>{countText(count)}</b> <span>{label}</span>
    </button>
  );
}
