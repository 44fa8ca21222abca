/**
 * What this process asks of the database, as Prometheus reads it.
 */
import type { Registry } from 'prom-client';
import { DURATION_BUCKETS, type DatabaseLoad } from '../db/load.ts';
import { registerMeasures } from './process.ts';

const DURATION = {
  name: 'slipway_database_query_duration_seconds',
  help: 'Time from handing a statement to the driver until its result, waiting for a connection included',
  type: 'histogram',
  aggregator: 'sum',
} as const;

export function registerDatabaseMetrics(registry: Registry, load: DatabaseLoad): void {
  registerMeasures(registry, [
    ['database_pool_connections', 'Connections this process may open', () => load.poolSize],
    [
      'database_pool_in_use',
      'Connections that statements and transactions of this process are using',
      () => Math.min(load.underWay, load.poolSize),
    ],
    [
      'database_pool_waiting',
      'Statements and transactions that want a connection while all are in use',
      () => Math.max(0, load.underWay - load.poolSize),
    ],
    ['database_query_failures_total', 'Statements that failed, lost connections included', () => load.failed],
  ]);
  // The buckets are counted already, and prom-client's histograms only take single observations.
  const histogram = {
    ...DURATION,
    get: async () => ({ ...DURATION, values: [...bucketValues(load), sum(load), count(load)] }),
    reset: () => {},
  };
  registry.registerMetric(histogram as unknown as Parameters<Registry['registerMetric']>[0]);
}

function* bucketValues({ buckets, statements }: DatabaseLoad) {
  const metricName = `${DURATION.name}_bucket`;
  let below = 0;
  for (const [at, le] of DURATION_BUCKETS.entries()) {
    below += buckets[at]!;
    yield { metricName, labels: { le }, value: below };
  }
  yield { metricName, labels: { le: '+Inf' }, value: statements };
}

function sum({ seconds }: DatabaseLoad) {
  return { metricName: `${DURATION.name}_sum`, labels: {}, value: seconds };
}

function count({ statements }: DatabaseLoad) {
  return { metricName: `${DURATION.name}_count`, labels: {}, value: statements };
}
