/** The platforms a secondary shipment may choose, and the connections to them. */
import { useState } from 'preact/hooks';
import type { Platform, PlatformConnector } from '../../api-types.ts';
import { call } from '../../api/call.ts';
import { useAction, usePages, useQuery } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { Badge } from '../../parts/badge.tsx';
import { confirm } from '../../parts/confirm.tsx';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { TextField } from '../../parts/fields.tsx';
import { Facts, Page, Panel } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { DataTable, type Column } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { say } from '../../parts/toasts.tsx';
import { t as shellTexts } from '../../shell/texts.ts';
import { AddPlatform } from './add-platform.tsx';
import { usePolling } from './polling.ts';
import { PlatformSections } from './sections.tsx';
import './shipping.css';
import { t } from './texts.ts';
import { fieldName } from './words.ts';

const POLL_MS = 15_000;

export function ManagePlatformsPage() {
  const list = usePages('listPlatforms', { query: {} });
  const [isAdding, setAdding] = useState(false);
  const { manage: words } = t().platforms;
  const change = useAction(async ({ id, name, isActive, revision }: Platform) => {
    const question = { title: words.deactivateTitle(name), detail: words.deactivateWhat, action: words.deactivate };
    if (isActive && !(await confirm(question))) return;
    const body = { isActive: !isActive };
    await call('updatePlatform', { params: { platformId: id }, body }, { ifMatch: revision });
    list.refresh();
  });
  return (
    <Page title={words.title} lead={words.lead}>
      <PlatformSections />
      <div class="stack">
        <Connectors />
        <Panel
          title={words.platforms}
          actions={
            may('admin') && (
              <button type="button" class="button" onClick={() => setAdding(true)}>
                {words.add}
              </button>
            )
          }
        >
          {change.error !== null && <ProblemNote problem={change.error} />}
          <DataTable
            label={words.platforms}
            list={list}
            columns={columnsOf()}
            rowKey={({ id }) => id}
            {...(may('admin') && {
              rowActions: (platform: Platform) => (
                <button
                  type="button"
                  class="button small"
                  disabled={change.busy}
                  aria-label={`${platform.isActive ? words.deactivate : words.activate} ${platform.name}`}
                  onClick={() => void change.run(platform)}
                >
                  {platform.isActive ? words.deactivate : words.activate}
                </button>
              ),
            })}
          />
        </Panel>
      </div>
      {isAdding && <AddPlatform onClose={() => setAdding(false)} onAdded={list.refresh} />}
    </Page>
  );
}

function Connectors() {
  const connectors = useQuery('listPlatformConnectors', {});
  usePolling(connectors.error ?? connectors.data, connectors.refresh, POLL_MS);
  const { manage: words } = t().platforms;
  return (
    <Panel title={words.connections}>
      {connectors.error !== null && <ProblemNote problem={connectors.error} retry={connectors.refresh} />}
      {connectors.data?.items.map((connector) => (
        <Connector key={connector.name} connector={connector} onChange={connectors.refresh} />
      ))}
    </Panel>
  );
}

function Connector({ connector, onChange }: { connector: PlatformConnector; onChange: () => void }) {
  const { name, isPaused, pausedUntil, pausedBy, pausedAt, pauseReason } = connector;
  const [isAsking, setAsking] = useState(false);
  const { manage: words } = t().platforms;
  const resume = useAction(async () => {
    await call('resumePlatformConnector', { params: { connector: name }, body: {} });
    say(words.isResumed);
    onChange();
  });
  return (
    <div>
      <p class="row">
        <b>{name}</b>
        <Badge tone={isPaused ? 'warn' : 'good'}>{isPaused ? words.paused : words.works}</Badge>
        {may('shipment:write') &&
          (isPaused ? (
            <button type="button" class="button small" disabled={resume.busy} onClick={() => void resume.run()}>
              {words.resume}
            </button>
          ) : (
            <button type="button" class="button small" onClick={() => setAsking(true)}>
              {words.pause}
            </button>
          ))}
      </p>
      {resume.error !== null && <ProblemNote problem={resume.error} />}
      {isPaused && (
        <Facts
          items={[
            [
              words.pausedUntil,
              pausedUntil === null ? words.untilResumed : <Time key="until" at={pausedUntil} relative />,
            ],
            [words.pausedBy, pausedBy],
            [words.paused, <Time key="at" at={pausedAt} relative />],
            [words.pauseReason, pauseReason],
          ]}
        />
      )}
      {isAsking && <PauseDialog name={name} onClose={() => setAsking(false)} onDone={onChange} />}
    </div>
  );
}

function PauseDialog({
  name,
  onClose,
  onDone,
}: {
  name: PlatformConnector['name'];
  onClose: () => void;
  onDone: () => void;
}) {
  const [cause, setCause] = useState('');
  const { manage: words } = t().platforms;
  const pause = useAction(async () => {
    const given = cause.trim();
    await call('pausePlatformConnector', { params: { connector: name }, body: given === '' ? {} : { cause: given } });
    say(words.isPaused);
    onClose();
    onDone();
  });
  return (
    <FormDialog title={words.pauseTitle(name)} onClose={onClose} act={pause} submit={words.pause} danger>
      <p>{words.pauseWhat}</p>
      <TextField label={words.cause} value={cause} onInput={setCause} />
    </FormDialog>
  );
}

function columnsOf(): Column<Platform>[] {
  const { manage: words, list } = t().platforms;
  const { columns } = t();
  return [
    { id: 'name', head: words.name, cell: ({ name }) => <b>{name}</b> },
    { id: 'reading', head: words.reading, cell: ({ reading }) => reading, wide: true },
    {
      id: 'connector',
      head: words.connector,
      cell: ({ connected, connector }) =>
        connected ? <Badge tone="good">{connector}</Badge> : <Badge tone="warn">{list.notConnected}</Badge>,
    },
    { id: 'lifetime', head: list.lifetime, cell: ({ lifetime }) => yes(lifetime), wide: true },
    {
      id: 'fields',
      head: words.asks,
      cell: ({ fields }) =>
        fields.map(({ name, required }) => (required ? fieldName(name) : words.optional(fieldName(name)))).join(', '),
      wide: true,
    },
    { id: 'active', head: words.active, cell: ({ isActive }) => yes(isActive) },
    { id: 'remark', head: columns.remark, cell: ({ remark }) => remark, wide: true },
  ];
}

function yes(value: boolean): string {
  const { common } = shellTexts();
  return value ? common.yes : common.no;
}
