/**
 * What this worker asks of platforms, as Prometheus reads it.
 */
import { Counter, Histogram, type Registry } from 'prom-client';
import type { MeasuredCall } from '../gateways/tracksolid/client.ts';

const TOKEN_METHOD = 'jimi.oauth.token.get';
/** From a quick answer to the longest that is waited for, with the default of `TRACKSOLID_TIMEOUT_S`. */
const CALL_BUCKETS = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20];

/** Registers the measurements; whoever calls Tracksolid tells what is returned of each call. */
export function registerPlatformMetrics(registry: Registry): (call: MeasuredCall) => void {
  const registers = [registry];
  const calls = new Counter({
    name: 'slipway_tracksolid_calls_total',
    help: 'Calls to Tracksolid by method, and by what follows from the answer',
    labelNames: ['method', 'outcome'] as const,
    registers,
  });
  const durations = new Histogram({
    name: 'slipway_tracksolid_call_duration_seconds',
    help: 'Time a call to Tracksolid takes until its answer, waiting for its turn not included',
    labelNames: ['method'] as const,
    buckets: CALL_BUCKETS,
    registers,
  });
  const tokens = new Counter({
    name: 'slipway_tracksolid_tokens_total',
    help: 'Access tokens fetched from Tracksolid',
    registers,
  });
  return ({ method, outcome, seconds }) => {
    calls.inc({ method, outcome });
    durations.observe({ method }, seconds);
    if (method === TOKEN_METHOD && outcome === 'done') tokens.inc();
  };
}
