/** Commands of one device: send one, see what became of the others, take one back. */
import { useEffect, useState } from 'preact/hooks';
import type { CommandOrder, Device, DeviceCommand } from '../../../api-types.ts';
import { call, newIdempotencyKey } from '../../../api/call.ts';
import { useAction, usePages, useQuery } from '../../../api/queries.ts';
import { may } from '../../../api/session.ts';
import { StatusBadge } from '../../../parts/badge.tsx';
import { confirm } from '../../../parts/confirm.tsx';
import { Drawer } from '../../../parts/dialog.tsx';
import { errorAt, NumberField, SelectField, TextField } from '../../../parts/fields.tsx';
import { ExecutionLink } from '../../../parts/links.tsx';
import { Empty, Panel } from '../../../parts/page.tsx';
import { ProblemNote } from '../../../parts/problem.tsx';
import { DataTable, type Column } from '../../../parts/table.tsx';
import { Time } from '../../../parts/time.tsx';
import { say } from '../../../parts/toasts.tsx';
import { kindText, reasonText } from '../../../parts/words.ts';
import { causeBody, CauseDialog } from '../cause-dialog.tsx';
import { LogLine } from '../tasks/log.tsx';
import { t as taskTexts } from '../tasks/texts.ts';
import { t } from './texts.ts';

type Kind = CommandOrder['kind'];
const KINDS: Readonly<Record<Device['protocol'], readonly Kind[]>> = {
  terminal: ['set_sleep', 'read_sleep'],
  pcp: ['query_version'],
  pile: ['restart'],
  ams: [],
};
const OPEN: readonly string[] = ['waiting', 'sent', 'accepted'];
const LOOK_AGAIN_MS = 3_000;

export function CommandsTab({ deviceId, protocol }: { deviceId: string; protocol: Device['protocol'] }) {
  const params = { deviceId };
  const list = usePages('listDeviceCommands', { params });
  const [open, setOpen] = useState<number | null>(null);
  const [cancelled, setCancelled] = useState<DeviceCommand | null>(null);
  const isMoving = list.items.some(({ status }) => OPEN.includes(status));
  useLookAgain(list.refresh, isMoving);
  const words = t().commands;
  const kinds = KINDS[protocol];
  const columns: Column<DeviceCommand>[] = [
    {
      id: 'kind',
      head: words.column.kind,
      cell: ({ id, kind, params: { minutes } }) => (
        <button type="button" class="link" onClick={() => setOpen(id)}>
          {kindText(kind)}
          {minutes !== undefined && ` ${words.result.minutes(minutes)}`}
        </button>
      ),
    },
    { id: 'status', head: words.column.status, cell: ({ status }) => <StatusBadge status={status} /> },
    { id: 'waits', head: words.column.waits, cell: waitsText, wide: true },
    { id: 'result', head: words.column.result, cell: resultText },
    { id: 'made', head: words.column.made, cell: ({ createdAt }) => <Time at={createdAt} relative />, wide: true },
    { id: 'by', head: words.column.by, cell: ({ createdBy }) => createdBy, wide: true },
  ];
  return (
    <>
      <p class="lead">{kinds.length === 0 ? words.noneKind : words.lead}</p>
      {kinds.length > 0 && may('device:write') && (
        <SendPanel deviceId={deviceId} kinds={kinds} whenSent={list.refresh} />
      )}
      <DataTable
        label={t().one.tabs.commands}
        list={list}
        columns={columns}
        rowKey={({ id }) => id}
        {...(may('device:write') && {
          rowActions: (row: DeviceCommand) =>
            OPEN.includes(row.status) && (
              <button type="button" class="button small" onClick={() => setCancelled(row)}>
                {words.cancel}
              </button>
            ),
        })}
        onOpen={({ id }) => setOpen(id)}
        csv={{ operation: 'listDeviceCommands', params }}
        empty={
          <Empty title={words.none} detail={kinds.length > 0 && may('device:write') ? words.noneAdvice : undefined} />
        }
      />
      {open !== null && <CommandDrawer commandId={open} onClose={() => setOpen(null)} />}
      {cancelled !== null && (
        <CauseDialog
          deed={{
            title: `${words.cancel}: ${kindText(cancelled.kind)}`,
            consequences: [words.cancelConsequence],
            action: words.cancel,
            danger: true,
            run: async (cause) => {
              await call('cancelCommand', { params: { commandId: cancelled.id }, body: causeBody(cause) });
              list.refresh();
            },
          }}
          onClose={() => setCancelled(null)}
        />
      )}
    </>
  );
}

function SendPanel({ deviceId, kinds, whenSent }: { deviceId: string; kinds: readonly Kind[]; whenSent: () => void }) {
  const [kind, setKind] = useState<Kind>(kinds[0]!);
  const [minutes, setMinutes] = useState<number | null>(600);
  const [control, setControl] = useState<'when_idle' | 'at_once'>('when_idle');
  const [deadlineHours, setDeadlineHours] = useState<number | null>(24);
  const [cause, setCause] = useState('');
  const [key, setKey] = useState(newIdempotencyKey);
  const words = t().commands;
  const send = useAction(async () => {
    const isHard = kind === 'restart' && control === 'at_once';
    const question = { title: words.restartTitle(deviceId), consequences: [words.restartConsequence] };
    if (isHard && !(await confirm({ ...question, action: kindText('restart'), danger: true }))) return;
    const body: CommandOrder = {
      kind,
      ...(kind === 'set_sleep' && minutes !== null && { minutes }),
      ...(kind === 'restart' && { control }),
      ...(isHard && { confirm: true }),
      ...(deadlineHours !== null && { deadlineHours }),
      ...causeBody(cause.trim()),
    };
    await call('sendDeviceCommand', { params: { deviceId }, body }, { idempotencyKey: key });
    setKey(newIdempotencyKey());
    say(words.sent);
    whenSent();
  });
  const submit = (event: Event) => {
    event.preventDefault();
    void send.run();
  };
  return (
    <Panel title={words.send}>
      <form onSubmit={submit}>
        <div class="filters">
          <SelectField
            label={words.kind}
            value={kind}
            options={kinds.map((value) => ({ value, label: kindText(value) }))}
            onInput={(value) => value !== '' && setKind(value)}
          />
          {kind === 'set_sleep' && (
            <NumberField
              label={words.minutes}
              unit={words.minutesUnit}
              min={60}
              max={44_640}
              value={minutes}
              error={errorAt(send.error, 'body.minutes')}
              onInput={setMinutes}
              required
            />
          )}
          {kind === 'restart' && (
            <SelectField
              label={words.control}
              value={control}
              options={[
                { value: 'when_idle', label: words.whenIdle },
                { value: 'at_once', label: words.atOnce },
              ]}
              onInput={(value) => value !== '' && setControl(value)}
            />
          )}
          <NumberField
            label={words.deadline}
            unit={words.deadlineUnit}
            min={0}
            step="any"
            value={deadlineHours}
            error={errorAt(send.error, 'body.deadlineHours')}
            onInput={setDeadlineHours}
          />
          <TextField label={taskTexts().ask.cause} value={cause} onInput={setCause} />
        </div>
        {send.error !== null && <ProblemNote problem={send.error} />}
        <button type="submit" class="button primary" disabled={send.busy}>
          {words.submit}
        </button>
      </form>
    </Panel>
  );
}

function CommandDrawer({ commandId, onClose }: { commandId: number; onClose: () => void }) {
  const { data: command, error, refresh } = useQuery('getCommand', { params: { commandId } });
  useLookAgain(refresh, command !== null && OPEN.includes(command.status));
  return (
    <Drawer title={t().commands.logTitle(command === null ? '…' : kindText(command.kind))} onClose={onClose}>
      {error !== null && <ProblemNote problem={error} retry={refresh} />}
      {command !== null && (
        <>
          <p class="row">
            <StatusBadge status={command.status} /> {command.reasonText} <ExecutionLink url={command.links.execution} />
          </p>
          <ol class="log">
            {command.log.map((line) => (
              <LogLine key={line.id} line={line} />
            ))}
          </ol>
        </>
      )}
    </Drawer>
  );
}

function waitsText({ waitsFor, reason }: DeviceCommand) {
  if (reason !== null) return reasonText(reason);
  return waitsFor === null ? '' : t().commands.waitsFor[waitsFor];
}

function resultText({ result }: DeviceCommand) {
  const words = t().commands.result;
  if (result?.minutes !== undefined) return words.minutes(result.minutes);
  return result?.version === undefined ? '' : words.version(result.version);
}

/** Commands are in no stream: what moves is read again while somebody looks. */
function useLookAgain(refresh: () => void, isMoving: boolean): void {
  useEffect(() => {
    if (!isMoving) return undefined;
    const timer = setInterval(() => !document.hidden && refresh(), LOOK_AGAIN_MS);
    return () => clearInterval(timer);
  }, [refresh, isMoving]);
}
