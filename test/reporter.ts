/**
 * The last lines of a test run: what failed, in short, and how many passed. They stand at the very end, so that the
 * tail of a log is enough to know what happened. Under `CI=true` a skipped test is a failure, because there everything
 * that a test may need is installed.
 */
import type { Reporter, TestModule } from 'vitest/node';

/** A message of an error that is worth a line. */
const LINES_OF_ERROR = 8;

export class ClosingLines implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    const said: string[] = [];
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const result = test.result();
        counts[result.state] += 1;
        if (result.state === 'failed') said.push(inShort(`${module.moduleId} > ${test.fullName}`, result.errors));
      }
      // A file that cannot even be loaded has no tests that could fail.
      counts.failed += module.errors().length;
      if (module.errors().length > 0) said.push(inShort(module.moduleId, module.errors()));
    }
    if (errors.length > 0) said.push(inShort('outside of any test', errors));
    const failed = counts.failed + errors.length;
    const skipped = counts.skipped + counts.pending;
    if (process.env['CI'] === 'true' && skipped > 0) {
      said.push('Tests were skipped, and with CI=true that is a failure.');
      process.exitCode = 1;
    }
    for (const text of said) process.stdout.write(`\n${text}\n`);
    process.stdout.write(`\n${counts.passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
  }
}

function inShort(what: string, errors: readonly unknown[] | undefined): string {
  const lines = (errors ?? []).flatMap((error) => {
    const { message, stack } = error as { message?: string; stack?: string };
    const place = stack?.split('\n').find((line) => line.includes('/test/')) ?? '';
    return [...(message ?? String(error)).split('\n').slice(0, LINES_OF_ERROR), place.trim()].filter(Boolean);
  });
  return [`FAILED ${what}`, ...lines.map((line) => `  ${line}`)].join('\n');
}
