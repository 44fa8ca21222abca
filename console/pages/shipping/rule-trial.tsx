/** Tries a name: which rule decides, and why each other does not. */
import { useState } from 'preact/hooks';
import type { ClassificationVerdict, CustomerRule } from '../../api-types.ts';
import { call } from '../../api/call.ts';
import { useAction } from '../../api/queries.ts';
import { Badge, type Tone } from '../../parts/badge.tsx';
import { errorAt, TextField } from '../../parts/fields.tsx';
import { Panel } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { t } from './texts.ts';

type Verdict = ClassificationVerdict['verdicts'][number]['verdict'];
const TONES: Record<Verdict, Tone> = {
  decided: 'good',
  fits_but_later: 'info',
  words_missing: 'idle',
  switched_off: 'idle',
};

/** `draft`: rules that are not saved yet; null: those that hold. */
export function RuleTrial({ draft }: { draft: readonly CustomerRule[] | null }) {
  const [name, setName] = useState('');
  const [result, setResult] = useState<ClassificationVerdict | null>(null);
  const { rules: words } = t().triggers;
  const run = useAction(async () => {
    const body = { name, ...(draft !== null && { rules: [...draft] }) };
    setResult(await call('tryClassification', { body }));
  });
  const submit = (event: Event) => {
    event.preventDefault();
    void run.run();
  };
  return (
    <Panel title={words.try}>
      <p class="muted">{draft === null ? words.tryLead : words.tryDraft}</p>
      <form onSubmit={submit} role="search" aria-label={words.try}>
        <TextField
          label={words.tryName}
          placeholder="深圳市几米物联有限公司（国际部）"
          value={name}
          error={errorAt(run.error, 'body.name')}
          onInput={setName}
        />
        <button type="submit" class="button primary" disabled={run.busy || name.trim() === ''}>
          {words.tryRun}
        </button>
      </form>
      {run.error !== null && <ProblemNote problem={run.error} />}
      <div aria-live="polite">{result !== null && <Verdicts result={result} />}</div>
    </Panel>
  );
}

function Verdicts({ result }: { result: ClassificationVerdict }) {
  const { rules: words } = t().triggers;
  const { customer, verdicts, name } = result;
  return (
    <div data-verdict>
      <p class="note">
        “{name}” — <b>{customer === null ? words.undecided : words.decided(customer)}</b>
      </p>
      <ol class="rules">
        {verdicts.map(({ number, words: parts, customer: whose, verdict, missing }) => (
          <li key={number} class="rule">
            <b>{number}</b>
            <span>
              {parts.map((part) => (
                <span class="word" key={part}>
                  {part}
                </span>
              ))}{' '}
              → {whose}
            </span>
            <Badge tone={TONES[verdict]}>
              {words.verdict[verdict]} {verdict === 'words_missing' && missing.join(', ')}
            </Badge>
          </li>
        ))}
      </ol>
    </div>
  );
}
