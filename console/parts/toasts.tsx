/** Short news of what was done: seen for some seconds, and read aloud to those who do not see it. */
import { signal } from '@preact/signals';

interface Toast {
  id: number;
  text: string;
}

const SHOWN_MS = 6_000;
const toasts = signal<readonly Toast[]>([]);
let made = 0;

/** Says that something was done. Errors stay where they belong: use `ProblemNote`. */
export function say(text: string): void {
  const id = (made += 1);
  toasts.value = [...toasts.value.slice(-2), { id, text }];
  setTimeout(() => {
    toasts.value = toasts.value.filter((each) => each.id !== id);
  }, SHOWN_MS);
}

/** Where they are shown; once, in the frame. */
export function ToastHost() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, text }) => (
        <p class="toast" key={id}>
          {text}
        </p>
      ))}
    </div>
  );
}
