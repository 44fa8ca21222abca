/** Links out of the console, and text to copy. */
import { t } from '../shell/texts.ts';
import { ExternalIcon } from './icons.tsx';
import { say } from './toasts.tsx';

/** The execution of a thing in the Temporal Web UI; nothing where nobody knows its address. */
export function ExecutionLink({ url, children }: { url: string | null | undefined; children?: string }) {
  if (url == null) return null;
  return (
    <a href={url} target="_blank" rel="noreferrer">
      {children ?? t().common.execution} <ExternalIcon />
    </a>
  );
}

/** Text with a button that copies it. */
export function Copy({ text }: { text: string }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      say(t().common.copied);
    } catch {
      // pages without TLS may not: the text is there to be selected
    }
  };
  return (
    <span class="copy">
      <code>{text}</code>
      <button type="button" class="button small quiet" onClick={() => void copy()}>
        {t().common.copy}
      </button>
    </span>
  );
}
