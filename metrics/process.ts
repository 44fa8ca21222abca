/**
 * Small pieces every list of metrics is made of, and what is the same in every process: its version and roles.
 */
import { Counter, Gauge, type Registry } from 'prom-client';

/** Name (without `slipway_`), meaning and where to read it; names that end in `_total` only ever rise. */
export type Measure = [name: string, help: string, read: () => number];

/** Registers plain numbers that somebody else counts: read when Prometheus asks, free otherwise. */
export function registerMeasures(registry: Registry, measures: readonly Measure[]): void {
  for (const [suffix, help, read] of measures) {
    const name = `slipway_${suffix}`;
    if (name.endsWith('_total')) {
      const counter: Counter = new Counter({
        name,
        help,
        registers: [registry],
        collect: () => {
          counter.reset();
          counter.inc(read());
        },
      });
    } else {
      const gauge: Gauge = new Gauge({ name, help, registers: [registry], collect: () => gauge.set(read()) });
    }
  }
}

/** Says which version runs in which roles: always 1. */
export function registerBuild(registry: Registry, { version, roles }: { version: string; roles: readonly string[] }) {
  new Gauge({
    name: 'slipway_build_info',
    help: 'Always 1; says which version runs here, in which roles',
    labelNames: ['version', 'roles', 'node_version'] as const,
    registers: [registry],
  }).set({ version, roles: roles.join(','), node_version: process.version }, 1);
}

/** Counts the builds of workers whose workflows stand still; the answer sets it. */
export function registerBuilds(registry: Registry): (count: number) => void {
  const gauge = new Gauge({
    name: 'slipway_stranded_builds',
    help: 'Builds of workers that have workflows and no worker; always 0 without WORKER_DEPLOYMENT',
    registers: [registry],
  });
  return (count) => gauge.set(count);
}
