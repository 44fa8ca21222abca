import { defineConfig } from 'vitest/config';
import { ClosingLines } from './test/reporter.ts';

/** One PostgreSQL and one Temporal server per run (`test/setup.ts`); native Temporal cores want a process each. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/setup.ts'],
    reporters: ['default', new ClosingLines()],
    pool: 'forks',
    maxWorkers: 2,
    // one line per file: what failed must not be lost among what was slow
    slowTestThreshold: 120_000,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
