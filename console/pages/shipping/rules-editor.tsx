/** Changes the whole list of rules; somebody else's change in between is not overwritten. */
import { useEffect, useState } from 'preact/hooks';
import type { Classification, CustomerRule } from '../../api-types.ts';
import { call } from '../../api/call.ts';
import { useAction } from '../../api/queries.ts';
import { confirm } from '../../parts/confirm.tsx';
import { CheckField, errorAt, TextAreaField, TextField } from '../../parts/fields.tsx';
import { Panel } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { say } from '../../parts/toasts.tsx';
import { t as shellTexts } from '../../shell/texts.ts';
import { t } from './texts.ts';

/** A rule as it is being written; `key` tells rows apart while they move. */
interface Draft {
  key: number;
  words: string;
  customer: string;
  active: boolean;
}

let made = 0;

export function RulesEditor({
  current,
  onDraft,
  onCancel,
  onConflict,
  onSaved,
}: {
  current: Classification;
  onDraft: (rules: CustomerRule[]) => void;
  onCancel: () => void;
  onConflict: () => void;
  onSaved: () => void;
}) {
  const [drafts, setDrafts] = useState<Draft[]>(() => current.rules.map(draftOf));
  const rules = rulesOf(drafts);
  const { rules: words } = t().triggers;
  const isComplete = rules.every((rule) => rule.words.length > 0 && rule.customer !== '');
  const isSame = JSON.stringify(rules) === JSON.stringify(current.rules);
  useEffect(() => onDraft(rules), [JSON.stringify(rules)]);
  const save = useAction(async () => {
    const consequences = [words.saveWhat, words.saveKept];
    if (!(await confirm({ title: words.saveTitle, consequences, action: t().triggers.save }))) return;
    const { revision } = await call('updateClassification', { body: { rules } }, { ifMatch: current.revision });
    say(words.saved(revision));
    onSaved();
  });
  const isConflict = save.error?.code === 'edit_conflict';
  useEffect(() => {
    if (isConflict) onConflict();
  }, [isConflict]);
  const change = (key: number, part: Partial<Draft>) =>
    setDrafts(drafts.map((each) => (each.key === key ? { ...each, ...part } : each)));
  const move = (index: number, by: -1 | 1) => {
    const next = [...drafts];
    const [moved] = next.splice(index, 1);
    next.splice(index + by, 0, moved!);
    setDrafts(next);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    void save.run();
  };
  return (
    <Panel title={words.edit}>
      <form onSubmit={submit}>
        {isConflict && <p class="note">{words.conflict}</p>}
        <ol class="rules">
          {drafts.map((draft, index) => (
            <RuleFields
              key={draft.key}
              draft={draft}
              index={index}
              isLast={index === drafts.length - 1}
              error={errorAt(save.error, `body.rules[${index}]`)}
              onChange={(part) => change(draft.key, part)}
              onMove={(by) => move(index, by)}
              onRemove={() => setDrafts(drafts.filter(({ key }) => key !== draft.key))}
            />
          ))}
        </ol>
        <div class="row">
          <button
            type="button"
            class="button"
            onClick={() => setDrafts([...drafts, { key: (made += 1), words: '', customer: '', active: true }])}
          >
            {words.add}
          </button>
          <span class="grow" />
          <span class="muted">{isSame ? words.noChange : isComplete ? '' : words.needWords}</span>
          <button type="button" class="button" onClick={onCancel}>
            {shellTexts().common.cancel}
          </button>
          <button type="submit" class="button primary" disabled={save.busy || isSame || !isComplete}>
            {t().triggers.save}
          </button>
        </div>
        {save.error !== null && <ProblemNote problem={save.error} />}
      </form>
    </Panel>
  );
}

function RuleFields({
  draft,
  index,
  isLast,
  error,
  onChange,
  onMove,
  onRemove,
}: {
  draft: Draft;
  index: number;
  isLast: boolean;
  error: string | undefined;
  onChange: (part: Partial<Draft>) => void;
  onMove: (by: -1 | 1) => void;
  onRemove: () => void;
}) {
  const { rules: words } = t().triggers;
  const number = index + 1;
  return (
    <li>
      <div class="rule" role="group" aria-label={words.rule(number)}>
        <b>{number}</b>
        <div class="filters">
          <TextAreaField
            label={words.words}
            hint={words.wordsHint}
            rows={2}
            value={draft.words}
            error={error}
            onInput={(value) => onChange({ words: value })}
          />
          <TextField label={words.customer} value={draft.customer} onInput={(customer) => onChange({ customer })} />
          <CheckField label={words.active} checked={draft.active} onInput={(active) => onChange({ active })} />
        </div>
        <span class="row">
          <button
            type="button"
            class="button small"
            disabled={index === 0}
            aria-label={words.up(number)}
            onClick={() => onMove(-1)}
          >
            ↑
          </button>
          <button
            type="button"
            class="button small"
            disabled={isLast}
            aria-label={words.down(number)}
            onClick={() => onMove(1)}
          >
            ↓
          </button>
          <button type="button" class="button small danger" aria-label={words.remove(number)} onClick={onRemove}>
            ✕
          </button>
        </span>
      </div>
    </li>
  );
}

function draftOf({ words, customer, active }: CustomerRule): Draft {
  return { key: (made += 1), words: words.join('\n'), customer, active };
}

/** Numbered by their places. */
function rulesOf(drafts: readonly Draft[]): CustomerRule[] {
  return drafts.map(({ words, customer, active }, index) => ({
    number: index + 1,
    words: words
      .split('\n')
      .map((each) => each.trim())
      .filter((each) => each !== ''),
    customer: customer.trim(),
    active,
  }));
}
