/** Changes and deletions of many devices at once. */
import { useState } from 'preact/hooks';
import type { BulkOrder, BulkUpdate } from '../../../api-types.ts';
import { call, newIdempotencyKey } from '../../../api/call.ts';
import { useAction } from '../../../api/queries.ts';
import { confirm } from '../../../parts/confirm.tsx';
import { FormDialog } from '../../../parts/form-dialog.tsx';
import { errorAt, NumberField, TextField } from '../../../parts/fields.tsx';
import { ProblemNote } from '../../../parts/problem.tsx';
import { countText } from '../../../parts/time.tsx';
import { t } from './texts.ts';

export interface BulkOutcome {
  done: number;
  unchanged: number;
  refused: { deviceId: string; message: string | null }[];
}

/** Devices that one request takes. */
const AT_ONCE = 5_000;

/** Carries out an order for any number of devices, in parts. */
async function carryOut(ids: readonly string[], orderFor: (deviceIds: string[]) => BulkOrder): Promise<BulkOutcome> {
  const sum: BulkOutcome = { done: 0, unchanged: 0, refused: [] };
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    const body = orderFor(ids.slice(at, at + AT_ONCE));
    const result = await call(
      'changeDevices',
      { body },
      {
        idempotencyKey: newIdempotencyKey(),
      },
    );
    sum.done += result.updated + result.deleted;
    sum.unchanged += result.unchanged;
    for (const row of result.results) if (row.status === 'refused') sum.refused.push(row);
  }
  return sum;
}

export function BulkDialog({
  ids,
  onClose,
  whenDone,
}: {
  ids: readonly string[];
  onClose: () => void;
  whenDone: (outcome: BulkOutcome) => void;
}) {
  const [fields, setFields] = useState({ model: '', orderNo: '', remark: '' });
  const [powerKw, setPowerKw] = useState<number | null>(null);
  const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value.trim() !== ''));
  const change: BulkUpdate['set'] = { ...given, ...(powerKw !== null && { powerKw }) };
  const isEmpty = Object.keys(change).length === 0;
  const act = useAction(async () => {
    whenDone(await carryOut(ids, (deviceIds) => ({ action: 'update', deviceIds, set: change })));
    onClose();
  });
  const words = t();
  return (
    <FormDialog
      title={words.bulk.title(countText(ids.length))}
      onClose={onClose}
      act={act}
      submit={words.bulk.save}
      blocked={isEmpty}
      note={isEmpty && <span class="muted">{words.bulk.nothing}</span>}
    >
      <p class="hint">{words.bulk.hint}</p>
      {(['model', 'orderNo', 'remark'] as const).map((name) => (
        <TextField
          key={name}
          label={words.form[name]}
          value={fields[name]}
          error={errorAt(act.error, `body.set.${name}`)}
          onInput={(value) => setFields((old) => ({ ...old, [name]: value }))}
        />
      ))}
      <NumberField
        label={words.form.powerKw}
        unit="kW"
        min={1}
        value={powerKw}
        error={errorAt(act.error, 'body.set.powerKw')}
        onInput={setPowerKw}
      />
    </FormDialog>
  );
}

/** Deletes devices after a question; many need a word to be typed. */
export function useBulkDelete(whenDone: (outcome: BulkOutcome) => void) {
  const act = useAction(async (ids: readonly string[]) => {
    const words = t().bulk;
    const isSure = await confirm({
      title: words.deleteTitle(countText(ids.length)),
      consequences: [words.deleteUnknown, words.deleteBusy],
      action: words.delete,
      danger: true,
      ...(ids.length > 10 && { typed: String(ids.length) }),
    });
    if (isSure) whenDone(await carryOut(ids, (deviceIds) => ({ action: 'delete', deviceIds })));
  });
  return { run: act.run, note: act.error === null ? null : <ProblemNote problem={act.error} /> };
}
