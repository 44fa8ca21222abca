/** The list of process parameters of an equipment, being changed. The whole list becomes a new version. */
import { useMemo, useState } from 'preact/hooks';
import type { Parameter, Parameters } from '../../api-types.ts';
import { call, newIdempotencyKey } from '../../api/call.ts';
import { useAction } from '../../api/queries.ts';
import { confirm } from '../../parts/confirm.tsx';
import { errorAt, TextField } from '../../parts/fields.tsx';
import { Panel } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { say } from '../../parts/toasts.tsx';
import { changesOf, faultsOf, newDraft, parameterOf, withoutNeeded, type Draft } from './parameter-faults.ts';
import { EditorHead, EditorRow } from './parameter-row.tsx';
import { t } from './texts.ts';

export function ParameterEditor({
  code,
  from,
  basedOn,
  onDone,
  onClose,
}: {
  code: string;
  /** The list to begin with; null: none. */
  from: Parameters | null;
  /** The newest version there was when the editing began. */
  basedOn: number;
  onDone: () => void;
  onClose: () => void;
}) {
  const words = t().parameters;
  const begun = useMemo(() => {
    const origin = new Map<number, Parameter>();
    const drafts = (from?.parameters ?? []).map((parameter) => {
      const draft = newDraft(parameter);
      origin.set(draft.id, parameter);
      return draft;
    });
    return { origin, drafts: drafts.length === 0 ? [newDraft()] : drafts };
  }, []);
  const [drafts, setDrafts] = useState<readonly Draft[]>(begun.drafts);
  const [head, setHead] = useState({
    label: '',
    productDesc: from?.productDesc ?? '',
    firstArticleNum: from?.firstArticleNum ?? '',
    debugNum: from?.debugNum ?? '',
    cause: '',
  });
  const [isChecked, setChecked] = useState(false);
  const [key, setKey] = useState(newIdempotencyKey);
  const faults = drafts.map(faultsOf);
  const faultCount = faults.reduce((sum, each) => sum + Object.keys(each).length, 0);
  const change = (id: number, part: Partial<Draft>) => {
    setDrafts((old) => old.map((each) => (each.id === id ? { ...each, ...part } : each)));
    setKey(newIdempotencyKey());
  };
  const move = (index: number, by: number) =>
    setDrafts((old) => {
      const next = [...old];
      const [moved] = next.splice(index, 1);
      next.splice(index + by, 0, moved!);
      return next;
    });
  const save = useAction(async () => {
    setChecked(true);
    if (faultCount > 0) return;
    const { added, changed, removed } = changesOf(from?.parameters ?? [], drafts, begun.origin);
    const isSame = added + changed + removed === 0;
    const consequences = [isSame ? words.nothingChanged : words.summary(added, changed, removed), words.consequence];
    if (!(await confirm({ title: words.saveTitle(code), consequences, action: words.save }))) return;
    const { label, cause, ...rest } = head;
    const none = (text: string) => (text.trim() === '' ? null : text.trim());
    const body = {
      basedOn,
      parameters: drafts.map(parameterOf),
      productDesc: none(rest.productDesc),
      firstArticleNum: none(rest.firstArticleNum),
      debugNum: none(rest.debugNum),
      ...(label.trim() !== '' && { label: label.trim() }),
      ...(cause.trim() !== '' && { cause: cause.trim() }),
    };
    const { version } = await call('setEquipmentParameters', { params: { code }, body }, { idempotencyKey: key });
    say(words.saved(version));
    onDone();
  });
  const { error } = save;
  const discard = async () => {
    const isSame = drafts === begun.drafts;
    if (isSame || (await confirm({ title: words.discardTitle, action: words.discard, danger: true }))) onClose();
  };
  const headField = (name: keyof typeof head, label: string, hint?: string) => (
    <TextField
      label={label}
      {...(hint !== undefined && { hint })}
      value={head[name]}
      onInput={(value) => {
        setHead((old) => ({ ...old, [name]: value }));
        setKey(newIdempotencyKey());
      }}
      error={errorAt(error, `body.${name}`)}
    />
  );
  return (
    <Panel title={words.edit}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void save.run();
        }}
      >
        <div class="filters">
          {headField('label', words.label, words.labelHint)}
          {headField('productDesc', words.product)}
          {headField('firstArticleNum', words.firstArticle)}
          {headField('debugNum', words.debug)}
        </div>
        <div class="table-scroll editor" role="region" aria-label={words.edit} tabIndex={0}>
          <table class="table">
            <EditorHead />
            <tbody>
              {drafts.map((draft, index) => (
                <EditorRow
                  key={draft.id}
                  draft={draft}
                  index={index}
                  count={drafts.length}
                  faults={isChecked ? faults[index]! : withoutNeeded(faults[index]!)}
                  problem={error}
                  onChange={(part) => change(draft.id, part)}
                  onMove={(by) => move(index, by)}
                  onRemove={() => setDrafts((old) => old.filter(({ id }) => id !== draft.id))}
                />
              ))}
            </tbody>
          </table>
        </div>
        <p class="row">
          <button type="button" class="button small" onClick={() => setDrafts((old) => [...old, newDraft()])}>
            {words.add}
          </button>
        </p>
        {headField('cause', words.cause)}
        {isChecked && faultCount > 0 && (
          <p class="field-error" role="alert">
            {words.faults(faultCount)}
          </p>
        )}
        {error !== null && <ProblemNote problem={error} />}
        <div class="row end">
          {error?.code === 'changed_meanwhile' && (
            <button type="button" class="button" onClick={onDone}>
              {words.reload}
            </button>
          )}
          <button type="button" class="button" onClick={() => void discard()}>
            {words.discard}
          </button>
          <button type="submit" class="button primary" disabled={save.busy}>
            {words.save}
          </button>
        </div>
      </form>
    </Panel>
  );
}
