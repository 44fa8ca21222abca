import { expect, test } from 'vitest';
import { strandedBuilds, type Build } from '../../api/deployments.ts';

test('a build stands still when something of it runs or may begin and it has no worker', () => {
  const builds = (['unknown', 'inactive', 'current', 'ramping', 'draining', 'drained', 'created'] as const).flatMap(
    (status): Build[] => [
      { buildId: `${status} alone`, status, workers: 0 },
      { buildId: `${status} worked for`, status, workers: 1 },
    ],
  );
  expect(strandedBuilds({ current: 'x', builds })).toEqual(['current alone', 'ramping alone', 'draining alone']);
});
