/**
 * The last line of a test run: how many passed. Under `CI=true` a skipped test is a failure, because there everything
 * that a test may need is installed.
 */
import type { Reporter, TestModule } from 'vitest/node';

export class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) counts[test.result().state] += 1;
      // A file that cannot even be loaded has no tests that could fail.
      counts.failed += module.errors().length;
    }
    const failed = counts.failed + errors.length;
    const skipped = counts.skipped + counts.pending;
    if (process.env['CI'] === 'true' && skipped > 0) {
      process.stdout.write('\nTests were skipped, and with CI=true that is a failure.\n');
      process.exitCode = 1;
    }
    process.stdout.write(`\n${counts.passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
  }
}
