/**
 * Waiting for others, but not for ever: queries and updates hang as long as no worker answers them.
 */
import { problem } from '../problems.ts';

/** Waits for `answer` at most `ms`; afterwards its outcome is nobody's business. */
export async function within<Value>(ms: number, answer: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () =>
        reject(
          problem(
            'temporal_unavailable',
            'The workflow engine did not answer in time; what was asked may still happen. Look at the task before you ask again.',
          ),
        ),
      ms,
    );
  });
  // Without this a failure after the deadline would be an unhandled rejection.
  answer.catch(() => {});
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
