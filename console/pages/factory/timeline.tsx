/** What an equipment did with its time: one bar for each day, the same as a table, and the availability of each day. */
import type { AvailabilityDay, Stretch } from '../../api-types.ts';
import { useQuery } from '../../api/queries.ts';
import { Field, SelectField } from '../../parts/fields.tsx';
import { Empty, Panel } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { durationText, timeText } from '../../parts/time.tsx';
import { statusText } from '../../parts/words.ts';
import { useFilters } from '../../shell/router.tsx';
import { useFresh } from './fresh.ts';
import { TIME_STATES, type TimeState } from './states.tsx';
import { beijingDay, dayRows, shiftDay, type DayRow } from './stretches.ts';
import { t } from './texts.ts';

const MOST_IN_TABLE = 200;
const DAYS = ['1', '3', '7'] as const;
const AVAILABILITY_DAYS = 14;
const HOURS = [0, 6, 12, 18, 24];

export function TimelineTab({ code }: { code: string }) {
  const words = t().timeline;
  const [filters, setFilters] = useFilters({ days: '1', until: '' });
  const today = beijingDay(Date.now());
  const until = /^\d{4}-\d\d-\d\d$/.test(filters.until) ? filters.until : today;
  const count = Number(DAYS.find((each) => each === filters.days) ?? '1');
  const days = Array.from({ length: count }, (_, index) => shiftDay(until, -index));
  const params = { code };
  const timeline = useQuery('getEquipmentTimeline', { params, query: { from: days.at(-1)!, to: until } });
  const availability = useQuery('listEquipmentAvailability', {
    params,
    query: { from: shiftDay(until, 1 - AVAILABILITY_DAYS), to: until, limit: AVAILABILITY_DAYS },
  });
  useFresh(
    () => {
      timeline.refresh();
      availability.refresh();
    },
    { equipmentCode: code, everyMs: 15_000 },
  );
  const stretches = timeline.data?.stretches ?? [];
  const isKnown = stretches.some(({ state }) => state !== 'Unknown');
  return (
    <>
      <Panel title={words.title}>
        <div class="filters">
          <SelectField
            label={words.days}
            value={filters.days}
            options={DAYS.map((value) => ({ value: value as string, label: words.dayCount(Number(value)) }))}
            onInput={(value) => setFilters({ days: value })}
          />
          <Field label={words.until} hint={words.untilHint}>
            {(ids) => (
              <input
                {...ids}
                type="date"
                value={until}
                max={today}
                onChange={(event) =>
                  setFilters({ until: event.currentTarget.value === today ? '' : event.currentTarget.value })
                }
              />
            )}
          </Field>
        </div>
        {timeline.error !== null && <ProblemNote problem={timeline.error} retry={timeline.refresh} />}
        {timeline.data !== null && !isKnown && <Empty title={words.none} />}
        {isKnown && (
          <>
            <Legend />
            <div class="day-rows">
              {dayRows(stretches, days).map((row) => (
                <DayBar key={row.day} row={row} />
              ))}
              <div class="day-hours" aria-hidden="true">
                <span />
                <span class="hours">
                  {HOURS.map((hour) => (
                    <span key={hour}>{hour}</span>
                  ))}
                </span>
              </div>
            </div>
            <StretchTable stretches={stretches} />
          </>
        )}
      </Panel>
      <Panel title={words.availability}>
        <p class="muted">{words.availabilityLead}</p>
        {availability.error !== null && <ProblemNote problem={availability.error} retry={availability.refresh} />}
        {availability.data !== null && <AvailabilityTable days={availability.data.items} />}
      </Panel>
    </>
  );
}

function Legend() {
  return (
    <ul class="legend" aria-hidden="true">
      {TIME_STATES.map((state) => (
        <li key={state}>
          <span class={`swatch state-${state}`} /> {statusText(state)}
        </li>
      ))}
    </ul>
  );
}

function DayBar({ row: { day, segments } }: { row: DayRow }) {
  const shares = TIME_STATES.map((state) => ({
    state,
    share: segments.filter((each) => each.state === state).reduce((sum, { share }) => sum + share, 0),
  })).filter(({ share }) => share > 0);
  const text = shares.map(({ state, share }) => `${statusText(state)} ${durationText(share * 86_400_000)}`).join(', ');
  return (
    <div class="day-row">
      <span class="day">{day}</span>
      <span class="day-bar" role="img" aria-label={t().timeline.bar(day, text)}>
        {segments.map(({ state, from, share }) => (
          <span
            key={from}
            class={`segment state-${state}`}
            title={statusText(state)}
            style={{ left: `${from * 100}%`, width: `${share * 100}%` }}
          />
        ))}
      </span>
    </div>
  );
}

function StretchTable({ stretches }: { stretches: readonly Stretch[] }) {
  const words = t().timeline;
  const newest = stretches.toReversed().slice(0, MOST_IN_TABLE);
  return (
    <details class="as-table">
      <summary>{words.asTable}</summary>
      {stretches.length > MOST_IN_TABLE && <p class="muted">{words.newest(MOST_IN_TABLE)}</p>}
      <div class="table-scroll" role="region" aria-label={words.asTable} tabIndex={0}>
        <table class="table">
          <thead>
            <tr>
              {[words.state, words.from, words.to, words.lasted].map((head) => (
                <th scope="col" key={head}>
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {newest.map(({ state, from, to }) => (
              <tr key={from}>
                <td>{statusText(state)}</td>
                <td>{timeText(from)}</td>
                <td>{timeText(to)}</td>
                <td>{durationText(Date.parse(to) - Date.parse(from))}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function AvailabilityTable({ days }: { days: readonly AvailabilityDay[] }) {
  const words = t().timeline;
  return (
    <div class="table-scroll" role="region" aria-label={words.availability} tabIndex={0}>
      <table class="table">
        <thead>
          <tr>
            <th scope="col">{words.day}</th>
            <th scope="col" class="end">
              {words.share}
            </th>
            <th scope="col">{words.split}</th>
          </tr>
        </thead>
        <tbody>
          {days.toReversed().map(({ day, availability, seconds }) => (
            <tr key={day}>
              <td>{day}</td>
              <td class="end">{availability === null ? words.ahead : `${(availability * 100).toFixed(1)} %`}</td>
              <td>
                <Split seconds={seconds} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Split({ seconds }: { seconds: Record<TimeState, number> }) {
  const parts = TIME_STATES.filter((state) => seconds[state] >= 1);
  const words = parts.map((state) => `${statusText(state)} ${durationText(seconds[state] * 1_000)}`).join(', ');
  return (
    <span class="split" role="img" aria-label={words} title={words}>
      {parts.map((state) => (
        <span key={state} class={`state-${state}`} style={{ flexGrow: seconds[state] }} />
      ))}
    </span>
  );
}
