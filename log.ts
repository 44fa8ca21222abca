/**
 * Logging and metrics: one JSON line per event on stdout, Temporal's own messages led into the same stream, and the registry that `/metrics`
 * prints. Who logs what, and at which level, is decided where it happens; error level means that a person must act.
 */
import { pino } from 'pino';
import type { DestinationStream, Logger as PinoLogger } from 'pino';
import { Registry, collectDefaultMetrics } from 'prom-client';
import type { Logger as TemporalLogger, LogLevel as TemporalLevel, LogMetadata } from '@temporalio/common';
import type { RuntimeOptions } from '@temporalio/worker';
import type { LogLevel } from './config.ts';
import { namesIn } from './workflows/contract.ts';

export type Logger = PinoLogger;

/** Fields whose values never reach the log, wherever they stand in a record; in lower case. */
const secretFields = new Set([
  'authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  'password',
  'secret',
  'token',
  'apikey',
  'accesstoken',
  'appsecret',
  'databaseurl',
]);
const removed = '[removed]';

/** The same record without secrets. By hand because wildcard paths of pino's `redact` cost 50 µs a line; its exact paths below cost nothing. */
function withoutSecrets(record: Record<string, unknown>, depth = 0): Record<string, unknown> {
  let clean = record;
  for (const [name, value] of Object.entries(record)) {
    let kept = value;
    if (secretFields.has(name.toLowerCase())) kept = removed;
    else if (isPlainObject(value) && depth < 4) kept = withoutSecrets(value, depth + 1);
    if (kept === value) continue;
    if (clean === record) clean = { ...record };
    clean[name] = kept;
  }
  return clean;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** Requests and responses become records only in pino's serializers, after `withoutSecrets`. */
const serializedSecrets = [
  'req.headers.authorization',
  'req.headers.cookie',
  'req.headers["x-api-key"]',
  'res.headers["set-cookie"]',
];

/** Logs JSON lines to stdout; `destination` is for tests. */
export function createLogger(config: { logLevel: LogLevel }, destination?: DestinationStream): Logger {
  const options = {
    level: config.logLevel,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: {
      level: (level: string) => ({ level }),
      bindings: ({ pid }: { pid?: unknown }) => ({ pid }),
      log: (record: Record<string, unknown>) => withoutSecrets(record),
    },
    redact: { paths: serializedSecrets, censor: removed },
  };
  return destination ? pino(options, destination) : pino(options);
}

// ── Temporal ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const levels = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/**
 * Temporal's messages in our stream, and what workflows and activities log: each with the workflow, and with the device or task that its id
 * names, so that everything about a device is found by `deviceId`. An activity that failed with an `ApplicationFailure` is a foreseen outcome
 * that the workflow decides on and records, so the SDK's warning about it is only of interest when debugging; anything else that fails is a surprise and stays a warning.
 */
export function temporalLogger(logger: Logger): TemporalLogger {
  const target = logger.child({ component: 'temporal' });
  const log = (level: TemporalLevel, message: string, meta: LogMetadata = {}): void => {
    const { error, ...fields } = meta;
    const names = typeof fields.workflowId === 'string' ? namesIn(fields.workflowId) : {};
    const foreseen = message === 'Activity failed' && error instanceof Error && error.name === 'ApplicationFailure';
    target[foreseen ? 'debug' : levels[level]](
      { ...names, ...fields, ...(error !== undefined && { err: error }) },
      message,
    );
  };
  return {
    log,
    trace: (message, meta) => log('TRACE', message, meta),
    debug: (message, meta) => log('DEBUG', message, meta),
    info: (message, meta) => log('INFO', message, meta),
    warn: (message, meta) => log('WARN', message, meta),
    error: (message, meta) => log('ERROR', message, meta),
  };
}

/**
 * What `Runtime.install` gets: our log stream, no signal handlers of its own (the program stops its parts in order), and, with
 * `metricsAddress` (host:port), a Prometheus endpoint with the SDK's measurements.
 */
export function temporalRuntimeOptions(logger: Logger, metricsAddress?: string): RuntimeOptions {
  const core = logger.isLevelEnabled('trace') ? 'DEBUG' : logger.isLevelEnabled('debug') ? 'INFO' : 'WARN';
  return {
    logger: temporalLogger(logger),
    shutdownSignals: [],
    telemetryOptions: {
      logging: { filter: { core, other: 'ERROR' }, forward: {} },
      ...(metricsAddress !== undefined && { metrics: { prometheus: { bindAddress: metricsAddress } } }),
    },
  };
}

// ── metrics ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A registry with the measurements of the process itself (CPU, memory, event-loop lag); our own start with `slipway_`. */
export function createMetrics(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 20 });
  return registry;
}
