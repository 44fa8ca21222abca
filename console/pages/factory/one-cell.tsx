/** One cell: its state, where it is, in which trays it was. */
import { useState } from 'preact/hooks';
import type { Cell } from '../../api-types.ts';
import { call } from '../../api/call.ts';
import { useAction, usePages, useQuery } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { confirm } from '../../parts/confirm.tsx';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { errorAt, SelectField, TextField } from '../../parts/fields.tsx';
import { Facts, Page, Panel } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { Time } from '../../parts/time.tsx';
import { say } from '../../parts/toasts.tsx';
import { Link, navigate, type PageProps } from '../../shell/router.tsx';
import { t as shared } from '../../shell/texts.ts';
import { CELL_STATES, CellState, cellStateText } from './cell-states.tsx';
import { TrayLog } from './tray-log.tsx';
import { t } from './tray-texts.ts';

export function OneCellPage({ params }: PageProps) {
  const { serialNo = '' } = params;
  const words = t().cell;
  const { data, error, refresh } = useQuery('getCell', { params: { serialNo } });
  const log = usePages('listCellLog', { params: { serialNo } }, 50);
  const [isEditing, setEditing] = useState(false);
  const remove = useAction(async (cell: Cell) => {
    const consequences = [words.deleteConsequence];
    const title = words.deleteTitle(serialNo);
    if (!(await confirm({ title, consequences, action: words.delete, danger: true }))) return;
    await call('deleteCell', { params: { serialNo } }, { ifMatch: cell.revision });
    say(words.deleted(serialNo));
    navigate('/cells');
  });
  if (data === null) {
    return (
      <Page title={words.title(serialNo)}>
        {error === null ? (
          <p class="muted">{shared().common.loading}</p>
        ) : (
          <ProblemNote problem={error} retry={refresh} />
        )}
        <Link to="/cells">{words.back}</Link>
      </Page>
    );
  }
  const actions = may('mom:write') && (
    <>
      {data.tray === null && (
        <button type="button" class="button danger" disabled={remove.busy} onClick={() => void remove.run(data)}>
          {words.delete}
        </button>
      )}
      <button type="button" class="button" onClick={() => setEditing(true)}>
        {words.change}
      </button>
    </>
  );
  return (
    <Page title={words.title(serialNo)} lead={<Link to="/cells">{words.back}</Link>} actions={actions}>
      {remove.error !== null && <ProblemNote problem={remove.error} />}
      <Panel>
        <Facts
          items={[
            [t().cells.status, <CellState status={data.status} />],
            [
              t().cells.statusSet,
              <>
                <Time at={data.statusAt} /> · {data.statusBy}
              </>,
            ],
            [
              t().cells.where,
              data.tray === null ? (
                words.nowhere
              ) : (
                <Link to={`/trays/${encodeURIComponent(data.tray)}`}>
                  {words.position(data.tray, data.positionNo ?? 0)}
                </Link>
              ),
            ],
            [words.bound, <Time at={data.boundAt} />],
            [t().cells.bindCode, data.bindCode],
            [t().cells.filled, <Time at={data.filledAt} />],
            [
              words.created,
              <>
                <Time at={data.createdAt} /> · {data.createdBy}
              </>,
            ],
            [words.remark, data.remark || null],
          ]}
        />
      </Panel>
      <TrayLog
        list={log}
        title={words.log}
        none={words.noLog}
        withTray
        csv={{ operation: 'listCellLog', params: { serialNo } }}
      />
      {isEditing && <CellForm cell={data} onClose={() => setEditing(false)} onDone={refresh} />}
    </Page>
  );
}

function CellForm({ cell, onClose, onDone }: { cell: Cell; onClose: () => void; onDone: () => void }) {
  const words = t().cell;
  const [status, setStatus] = useState(String(cell.status));
  const [bindCode, setBindCode] = useState(cell.bindCode);
  const [remark, setRemark] = useState(cell.remark);
  const [cause, setCause] = useState('');
  const save = useAction(async () => {
    const body = {
      status: Number(status),
      remark,
      ...(cell.tray === null && { bindCode: bindCode.trim() }),
      ...(cause.trim() !== '' && { cause: cause.trim() }),
    };
    await call('updateCell', { params: { serialNo: cell.serialNo }, body }, { ifMatch: cell.revision });
    say(words.saved(cell.serialNo));
    onDone();
    onClose();
  });
  return (
    <FormDialog title={words.title(cell.serialNo)} onClose={onClose} act={save} submit={shared().common.save}>
      <SelectField
        label={t().cells.status}
        value={status}
        options={CELL_STATES.map((value) => ({ value: String(value), label: cellStateText(value) }))}
        onInput={setStatus}
        error={errorAt(save.error, 'body.status')}
      />
      <TextField
        label={t().cells.bindCode}
        hint={words.bindCodeHint}
        value={bindCode}
        disabled={cell.tray !== null}
        onInput={setBindCode}
        error={errorAt(save.error, 'body.bindCode')}
      />
      <TextField label={words.remark} value={remark} onInput={setRemark} error={errorAt(save.error, 'body.remark')} />
      <TextField label={words.cause} value={cause} onInput={setCause} error={errorAt(save.error, 'body.cause')} />
    </FormDialog>
  );
}
