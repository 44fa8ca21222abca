import { defineConfig } from 'vitest/config';

/** One PostgreSQL and one Temporal server per run (`test/setup.ts`); native Temporal cores want a process each. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
