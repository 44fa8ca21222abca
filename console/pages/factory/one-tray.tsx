/** One tray: its cells, what happened to it, and emptying it. */
import { useState } from 'preact/hooks';
import type { TrayDetail } from '../../api-types.ts';
import { call, newIdempotencyKey } from '../../api/call.ts';
import { useAction, usePages, useQuery, type Pages } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { errorAt, TextField } from '../../parts/fields.tsx';
import { Empty, Facts, Page, Panel } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { DataTable, useSelection } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { say } from '../../parts/toasts.tsx';
import { Link, type PageProps } from '../../shell/router.tsx';
import { t as shared } from '../../shell/texts.ts';
import { CellState } from './cell-states.tsx';
import { useFresh } from './fresh.ts';
import { TrayLog } from './tray-log.tsx';
import { CellLink } from './trays.tsx';
import { t } from './tray-texts.ts';

type Content = TrayDetail['contents'][number];

export function OneTrayPage({ params }: PageProps) {
  const { barcode = '' } = params;
  const words = t().tray;
  const tray = useQuery('getTray', { params: { barcode } });
  const log = usePages('listTrayLog', { params: { barcode } }, 50);
  const refresh = () => {
    tray.refresh();
    log.refresh();
  };
  useFresh(refresh);
  const [dialog, setDialog] = useState<{ serialNos: readonly string[] | null } | 'property' | null>(null);
  const selection = useSelection<string>(barcode);
  const { data, error } = tray;
  if (data === null) {
    return (
      <Page title={words.title(barcode)}>
        {error === null ? (
          <p class="muted">{shared().common.loading}</p>
        ) : (
          <ProblemNote problem={error} retry={refresh} />
        )}
        <Link to="/trays">{words.back}</Link>
      </Page>
    );
  }
  const actions = may('mom:write') && (
    <>
      <button type="button" class="button" onClick={() => setDialog('property')}>
        {words.change}
      </button>
      {data.cells > 0 && (
        <button type="button" class="button danger" onClick={() => setDialog({ serialNos: null })}>
          {words.unbind}
        </button>
      )}
    </>
  );
  const close = () => setDialog(null);
  const list: Pages<Content> = {
    items: data.contents,
    error,
    loading: false,
    loadingMore: false,
    hasMore: false,
    loadMore: () => {},
    refresh,
    patch: () => {},
  };
  return (
    <Page title={words.title(barcode)} lead={<Link to="/trays">{words.back}</Link>} actions={actions}>
      <Panel>
        <Facts
          items={[
            [t().trays.cells, data.cells],
            [t().trays.notOk, data.notOk],
            [t().trays.bindCode, data.bindCode],
            [t().trays.property, data.property],
            [t().trays.used, <Time at={data.usedAt} relative />],
            [words.created, <Time at={data.createdAt} />],
          ]}
        />
      </Panel>
      <Panel title={words.contents} class="flush">
        <DataTable
          label={words.contents}
          list={list}
          rowKey={({ serialNo }) => serialNo}
          empty={<Empty title={words.isEmpty} detail={words.isEmptyAdvice} />}
          {...(may('mom:write') && { selection })}
          selectionActions={
            <button
              type="button"
              class="button small danger"
              onClick={() => setDialog({ serialNos: [...selection.keys] })}
            >
              {words.unbindSome}
            </button>
          }
          columns={[
            { id: 'position', head: words.position, cell: (row) => row.positionNo, align: 'end', width: '10ch' },
            { id: 'serialNo', head: words.serialNo, cell: (row) => <CellLink serialNo={row.serialNo} /> },
            { id: 'status', head: words.status, cell: (row) => <CellState status={row.status} /> },
            { id: 'bindCode', head: t().trays.bindCode, cell: (row) => row.bindCode, wide: true },
            { id: 'filled', head: words.filled, cell: (row) => <Time at={row.filledAt} />, wide: true },
          ]}
        />
      </Panel>
      <TrayLog
        list={log}
        title={words.log}
        none={t().trays.none}
        csv={{ operation: 'listTrayLog', params: { barcode } }}
      />
      {dialog === 'property' && <PropertyDialog tray={data} onClose={close} onDone={refresh} />}
      {dialog !== null && dialog !== 'property' && (
        <UnbindDialog
          tray={data}
          serialNos={dialog.serialNos}
          onClose={close}
          onDone={() => {
            selection.clear();
            refresh();
          }}
        />
      )}
    </Page>
  );
}

function UnbindDialog({
  tray: { barcode, cells },
  serialNos,
  onClose,
  onDone,
}: {
  tray: TrayDetail;
  /** Null: all. */
  serialNos: readonly string[] | null;
  onClose: () => void;
  onDone: () => void;
}) {
  const words = t().tray;
  const [cause, setCause] = useState('');
  const [idempotencyKey] = useState(newIdempotencyKey);
  const count = serialNos?.length ?? cells;
  const unbind = useAction(async () => {
    const body = {
      ...(serialNos !== null && { serialNos: [...serialNos] }),
      ...(cause.trim() !== '' && { cause: cause.trim() }),
    };
    await call('unbindTray', { params: { barcode }, body }, { idempotencyKey });
    say(words.unbound(count));
    onDone();
    onClose();
  });
  return (
    <FormDialog
      title={words.unbindTitle(barcode, count)}
      onClose={onClose}
      act={unbind}
      submit={serialNos === null ? words.unbind : words.unbindSome}
      danger
    >
      <p>{words.unbindDetail}</p>
      <TextField label={words.cause} value={cause} onInput={setCause} error={errorAt(unbind.error, 'body.cause')} />
    </FormDialog>
  );
}

function PropertyDialog({ tray, onClose, onDone }: { tray: TrayDetail; onClose: () => void; onDone: () => void }) {
  const words = t().tray;
  const [property, setProperty] = useState(tray.property ?? '');
  const save = useAction(async () => {
    const body = { property: property.trim() === '' ? null : property.trim() };
    await call('updateTray', { params: { barcode: tray.barcode }, body });
    say(words.saved);
    onDone();
    onClose();
  });
  return (
    <FormDialog title={words.change} onClose={onClose} act={save} submit={shared().common.save}>
      <TextField
        label={words.property}
        hint={words.propertyHint}
        value={property}
        onInput={setProperty}
        error={errorAt(save.error, 'body.property')}
      />
    </FormDialog>
  );
}
