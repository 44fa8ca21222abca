/** How long cells must and may rest. */
import { useState } from 'preact/hooks';
import type { AgingLimit, Problem } from '../../api-types.ts';
import { addressOf, ApiProblem, call, CONSOLE_HEADER } from '../../api/call.ts';
import { useAction, useQuery } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { confirm } from '../../parts/confirm.tsx';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { errorAt, NumberField, TextField } from '../../parts/fields.tsx';
import { Empty, Page } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { DataTable } from '../../parts/table.tsx';
import { durationText, Time } from '../../parts/time.tsx';
import { say } from '../../parts/toasts.tsx';
import { t as shared } from '../../shell/texts.ts';
import { TrayNav } from './cell-states.tsx';
import { t } from './tray-texts.ts';

export function AgingPage() {
  const words = t().aging;
  const limits = useQuery('listAgingLimits', {});
  const [edited, setEdited] = useState<AgingLimit | 'new' | null>(null);
  const nameOf = ({ bindCode }: AgingLimit) => (bindCode === '' ? words.everything : bindCode);
  const remove = useAction(async (limit: AgingLimit) => {
    const question = {
      title: words.removeTitle(nameOf(limit)),
      consequences: [words.removeConsequence],
      action: words.remove,
      danger: true,
    };
    if (!(await confirm(question))) return;
    await removeLimits(limit.bindCode);
    say(words.removed);
    limits.refresh();
  });
  const set = may('mom:write') && (
    <button type="button" class="button primary" onClick={() => setEdited('new')}>
      {words.set}
    </button>
  );
  const list = {
    items: limits.data?.items ?? [],
    error: limits.error,
    loading: limits.loading,
    loadingMore: false,
    hasMore: false,
    loadMore: () => {},
    refresh: limits.refresh,
    patch: () => {},
  };
  return (
    <Page title={words.title} lead={words.lead} actions={set}>
      <TrayNav />
      {remove.error !== null && <ProblemNote problem={remove.error} />}
      <DataTable
        label={words.title}
        list={list}
        rowKey={({ bindCode }) => bindCode}
        csv={{ operation: 'listAgingLimits' }}
        empty={
          <Empty title={words.none} detail={words.noneAdvice}>
            {set}
          </Empty>
        }
        columns={[
          { id: 'bindCode', head: words.bindCode, cell: nameOf },
          { id: 'lower', head: words.lower, cell: (row) => <Minutes count={row.lowerMinutes} />, align: 'end' },
          { id: 'upper', head: words.upper, cell: (row) => <Minutes count={row.upperMinutes} />, align: 'end' },
          {
            id: 'set',
            head: words.setBy,
            cell: (row) => (
              <>
                <Time at={row.setAt} relative /> · {row.setBy}
              </>
            ),
            wide: true,
          },
        ]}
        rowActions={(row) =>
          may('mom:write') && (
            <span class="row end-actions">
              <button type="button" class="button small" onClick={() => setEdited(row)}>
                {words.edit}
              </button>
              <button
                type="button"
                class="button small danger"
                disabled={remove.busy}
                onClick={() => void remove.run(row)}
              >
                {words.remove}
              </button>
            </span>
          )
        }
      />
      {edited !== null && (
        <LimitForm limit={edited === 'new' ? null : edited} onClose={() => setEdited(null)} onDone={limits.refresh} />
      )}
    </Page>
  );
}

/** The empty bind code stands for everything else: here it must be said, where other empty filters are left out. */
async function removeLimits(bindCode: string): Promise<void> {
  if (bindCode !== '') return call('removeAgingLimits', { query: { bindCode } });
  const address = `${addressOf('removeAgingLimits', {})}?bindCode=`;
  const response = await fetch(address, { method: 'DELETE', headers: CONSOLE_HEADER });
  if (!response.ok) throw new ApiProblem((await response.json()) as Problem);
}

function Minutes({ count }: { count: number }) {
  return <span title={`${count} ${t().aging.minutes}`}>{durationText(count * 60_000)}</span>;
}

function LimitForm({ limit, onClose, onDone }: { limit: AgingLimit | null; onClose: () => void; onDone: () => void }) {
  const words = t().aging;
  const [bindCode, setBindCode] = useState(limit?.bindCode ?? '');
  const [lower, setLower] = useState<number | null>(limit?.lowerMinutes ?? 720);
  const [upper, setUpper] = useState<number | null>(limit?.upperMinutes ?? 2_880);
  const isWrong = lower !== null && upper !== null && upper < lower;
  const save = useAction(async () => {
    if (lower === null || upper === null || isWrong) return;
    await call('setAgingLimits', { body: { bindCode: bindCode.trim(), lowerMinutes: lower, upperMinutes: upper } });
    say(words.saved);
    onDone();
    onClose();
  });
  return (
    <FormDialog title={words.set} onClose={onClose} act={save} submit={shared().common.save} blocked={isWrong}>
      <TextField
        label={words.bindCode}
        hint={words.bindCodeHint}
        value={bindCode}
        disabled={limit !== null}
        onInput={setBindCode}
        error={errorAt(save.error, 'body.bindCode')}
      />
      <NumberField
        label={words.lower}
        unit={words.minutes}
        min={0}
        max={525_600}
        required
        value={lower}
        onInput={setLower}
        error={errorAt(save.error, 'body.lowerMinutes')}
      />
      <NumberField
        label={words.upper}
        unit={words.minutes}
        min={0}
        max={525_600}
        required
        value={upper}
        onInput={setUpper}
        error={isWrong ? words.upperTooSmall : errorAt(save.error, 'body.upperMinutes')}
      />
    </FormDialog>
  );
}
