import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ConfigError, describeVariables, loadConfig } from '../config.ts';

const folder = mkdtempSync(join(tmpdir(), 'slipway-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

function problemsOf(env: Record<string, string>): string[] {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ name, problem }) => `${name} ${problem}`);
    throw error;
  }
  return [];
}

describe('the configuration', () => {
  test('needs nothing: an empty environment runs everything on embedded servers', () => {
    const config = loadConfig({});
    expect(config.roles).toEqual(['api', 'worker', 'gateway']);
    expect(config.dataDir).toBe(resolve('.slipway'));
    expect(config.cacheDir).toBe(resolve('.slipway/bin'));
    expect(config.database).toEqual({ url: undefined, poolSize: 20, embeddedPort: 54_329 });
    expect(config.temporal).toMatchObject({
      address: undefined,
      namespace: 'default',
      taskQueue: 'slipway',
      tls: undefined,
    });
    expect(config.api).toEqual({
      host: '127.0.0.1',
      port: 8080,
      probePort: undefined,
      newAdminKey: false,
      trustedProxies: 0,
    });
    expect(config.defaultDispatchDelayMs).toBe(600_000);
  });

  test('reports everything that is wrong at once, with what to write', () => {
    const env = {
      SLIPWAY_ROLE: 'worker,typist',
      DATABASE_URL: 'mysql://clerk:hunter2@host/db',
      TEMPORAL_ADDRESS: 'http://temporal',
      TEMPORAL_TLS: 'yes',
      API_PORT: '80a',
      TERMINAL_PORT: '70000',
      TERMINAL_SN_KEYWORDS: 'BDG01,,X',
      LOG_LEVEL: 'loud',
    };
    expect(() => loadConfig(env)).toThrowErrorMatchingInlineSnapshot(`
      [ConfigError: Slipway cannot start: 8 settings are wrong.
        SLIPWAY_ROLE "worker,typist" names no role: typist. Write all, or one or more of api, worker, gateway with commas between, for example SLIPWAY_ROLE=worker,gateway
        DATABASE_URL the value does not begin with postgres:// or postgresql://. Write a URL that begins with postgres:// or postgresql://, for example DATABASE_URL=postgres://user:password@host:5432/slipway
        TEMPORAL_ADDRESS "http://temporal" is not host:port. Write host:port, for example TEMPORAL_ADDRESS=127.0.0.1:7233
        TEMPORAL_TLS "yes" is neither true nor false. Write true or false, for example TEMPORAL_TLS=true
        API_PORT "80a" is not a whole number. Write a port, 0..65535 (0: any free port), for example API_PORT=8080
        TERMINAL_PORT "70000" is outside 0..65535. Write a port, 0..65535 (0: any free port), for example TERMINAL_PORT=7700
        TERMINAL_SN_KEYWORDS "BDG01,,X" has a keyword that is empty, longer than 16, or not of letters and digits. Write keywords of letters and digits with commas between, for example TERMINAL_SN_KEYWORDS=BDG01,BDG02
        LOG_LEVEL "loud" is not one of trace, debug, info, warn, error, fatal, silent. Write one of trace, debug, info, warn, error, fatal, silent, for example LOG_LEVEL=info]
    `);
  });

  test('takes only addresses for piles that the update command has room for, and ranges of ports', () => {
    const ftp = { FTP_PUBLIC_HOST: 'ftp.example.com', FTP_PUBLIC_PORT: '21', FTP_PASSIVE_PORTS: '40000-40099' };
    expect(loadConfig(ftp).ftp).toMatchObject({
      port: 2121,
      publicHost: 'ftp.example.com',
      publicPort: 21,
      passivePorts: { first: 40_000, last: 40_099 },
    });
    expect(loadConfig({}).ftp).toMatchObject({ publicHost: undefined, passivePorts: { first: 50_000, last: 50_199 } });
    expect(loadConfig({ FTP_PASSIVE_PORTS: '0' }).ftp.passivePorts).toBeNull();
    for (const host of ['devices.example.com', '0.0.0.0', '192.0.2.300', '1.2.3', 'fd00::1', 'a b', '-x']) {
      expect(problemsOf({ FTP_PUBLIC_HOST: host }), host).toHaveLength(1);
    }
    for (const range of ['50000', '50100-50000', '0-10', '65000-70000', 'any']) {
      expect(problemsOf({ FTP_PASSIVE_PORTS: range }), range).toHaveLength(1);
    }
    expect(problemsOf({ FTP_PASSIVE_PORTS: '7600-7779' })).toEqual([
      'TERMINAL_PORT is 7700, which is one of FTP_PASSIVE_PORTS',
    ]);
  });

  test('never prints a secret', () => {
    expect(() => loadConfig({ DATABASE_URL: 'mysql://clerk:hunter2@host/db' })).not.toThrow(/hunter2/);
  });

  test('takes an empty value for an absent one', () => {
    expect(loadConfig({ API_PORT: '', DATABASE_URL: ' ' })).toEqual(loadConfig({}));
  });

  test('reads roles as a list, in a fixed order and without doubles', () => {
    const shared = { DATABASE_URL: 'postgres://localhost/slipway', TEMPORAL_ADDRESS: 'temporal:7233' };
    expect(loadConfig({ ...shared, SLIPWAY_ROLE: 'gateway, api,api' }).roles).toEqual(['api', 'gateway']);
    expect(loadConfig({ SLIPWAY_ROLE: 'all' }).roles).toEqual(['api', 'worker', 'gateway']);
  });

  test('refuses a part of the roles on servers that only this process would have', () => {
    expect(problemsOf({ SLIPWAY_ROLE: 'worker' })).toEqual([
      'DATABASE_URL is not set, but this process leaves api, gateway to other processes, and all must share one server',
      'TEMPORAL_ADDRESS is not set, but this process leaves api, gateway to other processes, and all must share one server',
    ]);
    expect(problemsOf({ SLIPWAY_ROLE: 'gateway,worker,api' })).toEqual([]);
  });

  test('refuses one port for two servers, except for "any free port"', () => {
    expect(problemsOf({ API_PORT: '7780' })).toEqual(['DEVICE_HTTP_PORT is 7780, and so is API_PORT']);
    expect(problemsOf({ API_PORT: '0', TERMINAL_PORT: '0', DEVICE_HTTP_PORT: '0' })).toEqual([]);
  });

  test('counts the probe port only where there is no API', () => {
    const shared = { DATABASE_URL: 'postgres://localhost/slipway', TEMPORAL_ADDRESS: 'temporal:7233' };
    expect(problemsOf({ ...shared, SLIPWAY_ROLE: 'gateway', PROBE_PORT: '7700' })).toEqual([
      'TERMINAL_PORT is 7700, and so is PROBE_PORT',
    ]);
    expect(problemsOf({ ...shared, PROBE_PORT: '7700' })).toEqual([]);
    expect(loadConfig({ ...shared, SLIPWAY_ROLE: 'worker', PROBE_PORT: '8081' }).api.probePort).toBe(8081);
  });

  test('makes another administrator key only when asked', () => {
    expect(loadConfig({ SLIPWAY_NEW_ADMIN_KEY: 'true' }).api.newAdminKey).toBe(true);
  });

  test('switches TLS on for an API key or a certificate and refuses contradictions', () => {
    const [cert, key] = [join(folder, 'client.pem'), join(folder, 'client.key')];
    for (const path of [cert, key]) writeFileSync(path, '');
    const cloud = { TEMPORAL_ADDRESS: 'example.tmprl.cloud:7233' };
    expect(loadConfig(cloud).temporal.tls).toBeUndefined();
    expect(loadConfig({ ...cloud, TEMPORAL_API_KEY: 'key' }).temporal.tls).toEqual({});
    expect(
      loadConfig({ ...cloud, TEMPORAL_TLS_CLIENT_CERT_PATH: cert, TEMPORAL_TLS_CLIENT_KEY_PATH: key }).temporal.tls,
    ).toEqual({ clientCertPath: cert, clientKeyPath: key });
    expect(problemsOf({ ...cloud, TEMPORAL_TLS_CLIENT_CERT_PATH: cert })).toEqual([
      'TEMPORAL_TLS_CLIENT_KEY_PATH is not set, but the certificate is',
    ]);
    expect(problemsOf({ ...cloud, TEMPORAL_API_KEY: 'key', TEMPORAL_TLS: 'false' })).toEqual([
      'TEMPORAL_TLS is false, but TEMPORAL_API_KEY needs TLS',
    ]);
    expect(problemsOf({ TEMPORAL_API_KEY: 'key' })).toEqual([
      'TEMPORAL_ADDRESS is not set, but TEMPORAL_API_KEY is, and the embedded server has neither keys nor TLS',
    ]);
  });

  test('refuses files that are not there', () => {
    expect(problemsOf({ TEMPORAL_CLI: join(folder, 'nothing') })).toEqual([
      `TEMPORAL_CLI ${JSON.stringify(join(folder, 'nothing'))} is not a program that can be run`,
    ]);
  });

  test('cannot be changed afterwards', () => {
    const config = loadConfig({});
    expect(() => {
      (config.api as { port: number }).port = 1;
    }).toThrow(TypeError);
  });

  test('describes every variable in full', () => {
    for (const { name, meaning, format, default: value } of describeVariables()) {
      expect([name, meaning, format, value].every((text) => text.length > 0)).toBe(true);
    }
  });
});
