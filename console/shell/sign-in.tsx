/** The sign-in page: an API key becomes a session. */
import { useState } from 'preact/hooks';
import { useAction } from '../api/queries.ts';
import { sessionNote, signIn } from '../api/session.ts';
import { TextField } from '../parts/fields.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { LanguageSwitch, ThemeSwitch } from './switches.tsx';
import { t } from './texts.ts';

const KEY_FORM = /^swk_[A-Za-z0-9_-]{43}$/;

export function SignIn() {
  const [key, setKey] = useState('');
  const [malformed, setMalformed] = useState(false);
  const attempt = useAction(() => signIn(key.trim()));
  const words = t().signIn;
  const submit = (event: Event) => {
    event.preventDefault();
    const isWhole = KEY_FORM.test(key.trim());
    setMalformed(!isWhole);
    if (isWhole) void attempt.run();
  };
  const note = sessionNote.value;
  return (
    <div class="sign-in">
      <div class="sign-in-switches">
        <LanguageSwitch />
        <ThemeSwitch />
      </div>
      <main class="sign-in-card" id="content">
        <p class="brand">{t().product}</p>
        <h1>{words.title}</h1>
        <p class="lead">{words.lead}</p>
        {note === 'ended' && (
          <p class="note" role="status">
            {words.ended}
          </p>
        )}
        {note !== null && note !== 'ended' && <ProblemNote problem={note} />}
        <form onSubmit={submit} noValidate>
          <TextField
            label={words.key}
            hint={words.keyHint}
            error={malformed ? words.keyForm : undefined}
            type="password"
            name="key"
            autocomplete="current-password"
            value={key}
            onInput={setKey}
            required
          />
          {attempt.error !== null && <ProblemNote problem={attempt.error} />}
          <button type="submit" class="button primary wide" disabled={attempt.busy}>
            {attempt.busy ? words.busy : words.submit}
          </button>
        </form>
        <details class="where">
          <summary>{words.whereTitle}</summary>
          <p>{words.whereFirst}</p>
          <p>{words.whereLost}</p>
          <p>{words.whereAdmin}</p>
        </details>
      </main>
    </div>
  );
}
