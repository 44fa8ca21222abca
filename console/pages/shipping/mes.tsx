/** MES sync: how reading stands, when it happens, what came of it; and files where MES cannot be reached. */
import { useState } from 'preact/hooks';
import type { MesSync } from '../../api-types.ts';
import { call } from '../../api/call.ts';
import { useAction, useQuery } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { Badge, type Tone } from '../../parts/badge.tsx';
import { confirm } from '../../parts/confirm.tsx';
import { errorAt, NumberField } from '../../parts/fields.tsx';
import { Facts, Page, Panel } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { Time } from '../../parts/time.tsx';
import { say } from '../../parts/toasts.tsx';
import { CycleSums, CyclesPanel } from './mes-cycles.tsx';
import { MesImport } from './mes-import.tsx';
import { usePolling } from './polling.ts';
import { ShippingSections } from './sections.tsx';
import './shipping.css';
import { t } from './texts.ts';

/** While a cycle runs somebody wants to see it move; else the next one is some minutes away. */
const POLL_MS = { running: 2_000, quiet: 15_000 };

export function MesPage() {
  const sync = useQuery('getMesSync', {});
  const { data, error } = sync;
  const isRunning = data?.isRunning === true || data?.lastCycle?.status === 'running';
  usePolling(error ?? data, sync.refresh, isRunning ? POLL_MS.running : POLL_MS.quiet);
  const [imports, setImports] = useState(0);
  const { mes } = t();
  const now = useAction(async () => {
    const { started } = await call('syncMesNow');
    say(started ? mes.nowStarted : mes.nowRunning);
    sync.refresh();
  });
  const pause = useAction(async (isPaused: boolean) => {
    if (isPaused && !(await confirm({ title: mes.pauseTitle, detail: mes.pauseDetail, action: mes.pause }))) return;
    await call('updateMesSync', { body: { isPaused } }, { ifMatch: data?.revision ?? 0 });
    say(isPaused ? mes.paused : mes.resumed);
    sync.refresh();
  });
  const problem = now.error ?? pause.error;
  return (
    <Page
      title={mes.title}
      lead={mes.lead}
      actions={
        data?.isConfigured === true && (
          <>
            {may('admin') && (
              <button type="button" class="button" disabled={pause.busy} onClick={() => void pause.run(!data.isPaused)}>
                {data.isPaused ? mes.resume : mes.pause}
              </button>
            )}
            {may('shipment:write') && (
              <button
                type="button"
                class="button primary"
                disabled={now.busy || isRunning}
                onClick={() => void now.run()}
              >
                {mes.now}
              </button>
            )}
          </>
        )
      }
    >
      <ShippingSections />
      {problem !== null && <ProblemNote problem={problem} />}
      {error !== null && <ProblemNote problem={error} retry={sync.refresh} />}
      <div class="stack">
        {data !== null && <State sync={data} onChange={sync.refresh} />}
        <MesImport
          isBlocked={data?.isConfigured === true && !data.isPaused}
          onImported={() => {
            setImports(imports + 1);
            sync.refresh();
          }}
        />
        <CyclesPanel changed={`${data?.lastCycle?.id}/${data?.lastCycle?.status}/${imports}`} />
      </div>
    </Page>
  );
}

function State({ sync, onChange }: { sync: MesSync; onChange: () => void }) {
  const { mes } = t();
  const { lastCycle } = sync;
  const [state, tone] = stateOf(sync);
  return (
    <Panel title={mes.state}>
      {!sync.isConfigured && <p class="note">{mes.missingDetail}</p>}
      <Facts
        items={[
          [
            mes.state,
            <Badge key="state" tone={tone}>
              {mes.states[state]}
            </Badge>,
          ],
          ...(sync.isConfigured
            ? [
                [mes.next, sync.nextRunAt && <Time key="next" at={sync.nextRunAt} relative />] as const,
                [mes.interval, `${sync.intervalSeconds} ${mes.seconds}`] as const,
              ]
            : []),
          [
            mes.changed,
            <span key="changed">
              <Time at={sync.changedAt} /> · {mes.changedBy(sync.changedBy)}
            </span>,
          ],
        ]}
      />
      {lastCycle !== null && <CycleSums cycle={lastCycle} />}
      {sync.isConfigured && may('admin') && <Interval key={sync.revision} sync={sync} onChange={onChange} />}
      {sync.lanes.length > 0 && <Lanes lanes={sync.lanes} />}
    </Panel>
  );
}

function Interval({ sync, onChange }: { sync: MesSync; onChange: () => void }) {
  const [seconds, setSeconds] = useState<number | null>(sync.intervalSeconds);
  const { mes } = t();
  const save = useAction(async () => {
    await call('updateMesSync', { body: { intervalSeconds: seconds ?? 0 } }, { ifMatch: sync.revision });
    say(mes.saved);
    onChange();
  });
  const submit = (event: Event) => {
    event.preventDefault();
    void save.run();
  };
  return (
    <form class="row" onSubmit={submit}>
      <NumberField
        label={mes.interval}
        hint={mes.intervalHint}
        unit={mes.seconds}
        min={10}
        max={86_400}
        value={seconds}
        error={errorAt(save.error, 'body.intervalSeconds')}
        onInput={setSeconds}
      />
      <button type="submit" class="button" disabled={save.busy || seconds === null || seconds === sync.intervalSeconds}>
        {t().triggers.save}
      </button>
      {save.error !== null && <ProblemNote problem={save.error} retry={onChange} />}
    </form>
  );
}

function Lanes({ lanes }: { lanes: MesSync['lanes'] }) {
  const { mes } = t();
  return (
    <details class="fold">
      <summary>{mes.lanesTitle}</summary>
      <table class="table small">
        <thead>
          <tr>
            <th scope="col">{mes.table}</th>
            <th scope="col">{mes.lane}</th>
            <th scope="col">{mes.position}</th>
            <th scope="col">{mes.passes}</th>
            <th scope="col">{mes.updated}</th>
          </tr>
        </thead>
        <tbody>
          {lanes.map(({ table, lane, position, passes, updatedAt }) => (
            <tr key={table + lane}>
              <td title={mes.tableNames[table]}>{mes.tables[table]}</td>
              <td>{mes.lanes[lane]}</td>
              <td>
                <code>{position ?? '–'}</code>
              </td>
              <td class="end">{passes}</td>
              <td>
                <Time at={updatedAt} relative />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

function stateOf({ isConfigured, isRunning, isPaused }: MesSync): [keyof ReturnType<typeof t>['mes']['states'], Tone] {
  if (!isConfigured) return ['missing', 'warn'];
  if (isRunning) return ['running', 'info'];
  return isPaused ? ['paused', 'warn'] : ['waiting', 'good'];
}
