/**
 * A dialog with a form: what it asks, the problem that came of it, cancel and submit.
 */
import type { ComponentChildren } from 'preact';
import type { ApiProblem } from '../api/call.ts';
import { t } from '../shell/texts.ts';
import { Dialog } from './dialog.tsx';
import { ProblemNote } from './problem.tsx';

interface FormDialogProps {
  title: ComponentChildren;
  onClose: () => void;
  /** What submitting does: an action of `useAction`, which closes the dialog itself when it has done it. */
  act: { busy: boolean; error: ApiProblem | null; run: () => Promise<unknown> };
  /** Words of the button. */
  submit: ComponentChildren;
  /** It takes something away. */
  danger?: boolean;
  /** Something is missing or wrong: there is nothing to submit. */
  blocked?: boolean;
  /** Beside the buttons. */
  note?: ComponentChildren;
  children: ComponentChildren;
}

export function FormDialog({ title, onClose, act, submit, danger, blocked, note, children }: FormDialogProps) {
  const isBlocked = blocked === true;
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!isBlocked) void act.run();
        }}
      >
        {children}
        {act.error !== null && <ProblemNote problem={act.error} />}
        <div class="row end">
          {note}
          <button type="button" class="button" onClick={onClose}>
            {t().common.cancel}
          </button>
          <button
            type="submit"
            class={danger === true ? 'button danger' : 'button primary'}
            disabled={isBlocked || act.busy}
          >
            {submit}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
