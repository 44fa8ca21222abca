/**
 * Asks before something that cannot be taken back: `if (await confirm({ title, consequences, danger: true })) …`. What
 * cannot be undone for many devices is confirmed by typing a word.
 */
import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { t } from '../shell/texts.ts';
import { Dialog } from './dialog.tsx';
import { TextField } from './fields.tsx';

export interface Question {
  title: string;
  detail?: ComponentChildren;
  /** What will happen, one line each. */
  consequences?: readonly string[];
  /** What the button says. */
  action?: string;
  /** A word to be typed first. */
  typed?: string;
  danger?: boolean;
}

const open = signal<{ question: Question; answer: (isYes: boolean) => void } | null>(null);

/** Resolves to true when the person agrees. */
export function confirm(question: Question): Promise<boolean> {
  open.value?.answer(false);
  return new Promise((resolve) => {
    open.value = {
      question,
      answer: (isYes) => {
        open.value = null;
        resolve(isYes);
      },
    };
  });
}

/** Where questions are shown; once, in the frame. */
export function ConfirmHost() {
  const now = open.value;
  return now === null ? null : <ConfirmDialog key={now.question.title} {...now} />;
}

function ConfirmDialog({ question, answer }: { question: Question; answer: (isYes: boolean) => void }) {
  const { title, detail, consequences = [], action = t().common.confirm, typed, danger = false } = question;
  const [text, setText] = useState('');
  const isReady = typed === undefined || text.trim() === typed;
  const submit = (event: Event) => {
    event.preventDefault();
    if (isReady) answer(true);
  };
  return (
    <Dialog title={title} onClose={() => answer(false)}>
      <form onSubmit={submit}>
        {detail !== undefined && <p>{detail}</p>}
        {consequences.length > 0 && (
          <ul>
            {consequences.map((each) => (
              <li key={each}>{each}</li>
            ))}
          </ul>
        )}
        {typed !== undefined && (
          <TextField label={t().common.typeToConfirm(typed)} value={text} onInput={setText} required />
        )}
        <div class="row end">
          <button type="button" class="button" onClick={() => answer(false)}>
            {t().common.cancel}
          </button>
          <button type="submit" class={danger ? 'button danger' : 'button primary'} disabled={!isReady}>
            {action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
