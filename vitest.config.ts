import { defineConfig } from 'vitest/config';
import { ClosingLine } from './test/reporter.ts';

/** One PostgreSQL and one Temporal server per run (`test/setup.ts`); native Temporal cores want a process each. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/setup.ts'],
    reporters: ['default', new ClosingLine()],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
