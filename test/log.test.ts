import { describe, expect, test } from 'vitest';
import { createLogger, createMetrics, temporalLogger, temporalRuntimeOptions } from '../log.ts';
import type { LogLevel } from '../config.ts';

function recorder(logLevel: LogLevel) {
  const lines: Record<string, unknown>[] = [];
  const log = createLogger(
    { logLevel },
    { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  );
  return { log, lines };
}

describe('the log', () => {
  test('is one JSON object per line with level and time as text', () => {
    const { log, lines } = recorder('info');
    log.info({ deviceId: 'd1' }, 'registered');
    log.debug('not this');
    expect(lines).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-.*Z$/) as string,
        pid: process.pid,
        deviceId: 'd1',
        msg: 'registered',
      },
    ]);
  });

  test('holds no keys, passwords or authorization, at any depth, and leaves the record itself alone', () => {
    const { log, lines } = recorder('info');
    const record = {
      password: 'hunter2',
      request: { headers: { Authorization: 'Bearer hunter2', 'x-api-key': 'hunter2', host: 'h' } },
      user: { name: 'Li', apiKey: 'hunter2' },
    };
    log.info(record, 'sign-in');
    expect(JSON.stringify(lines)).not.toContain('hunter2');
    expect(lines[0]).toMatchObject({ request: { headers: { host: 'h' } }, user: { name: 'Li' } });
    expect(record.password).toBe('hunter2');
  });

  test("holds no credentials of requests that pino's serializers print", () => {
    const { log, lines } = recorder('info');
    const serializers = {
      req: () => ({ headers: { authorization: 'hunter2', cookie: 'hunter2', 'x-api-key': 'hunter2' } }),
    };
    log.child({}, { serializers }).info({ req: new URL('http://localhost') }, 'request');
    expect(lines[0]).toHaveProperty('req.headers.authorization', '[removed]');
    expect(JSON.stringify(lines)).not.toContain('hunter2');
  });

  test("takes Temporal's messages, with foreseen activity failures at debug", () => {
    const { log, lines } = recorder('debug');
    const temporal = temporalLogger(log);
    const foreseen = Object.assign(new Error('offline'), { name: 'ApplicationFailure' });
    temporal.warn('Activity failed', { error: foreseen, workflowId: 'upgrade/d1' });
    temporal.warn('Activity failed', { error: new TypeError('bug') });
    temporal.error('poll failed');
    expect(lines.map(({ level, msg }) => `${String(level)} ${String(msg)}`)).toEqual([
      'debug Activity failed',
      'warn Activity failed',
      'error poll failed',
    ]);
    expect(lines[0]).toMatchObject({ component: 'temporal', workflowId: 'upgrade/d1', err: { message: 'offline' } });
  });

  test('names the device or the task of every line that comes from a workflow or an activity', () => {
    const { log, lines } = recorder('info');
    const temporal = temporalLogger(log);
    temporal.warn('Activity failed', { workflowId: 'upgrade/terminal-6134441313', activityType: 'openOffer' });
    temporal.info('a device upgrade has ended', { workflowId: 'upgrade/ams-1', taskId: 7, upgradeId: 8 });
    temporal.info('paused', { workflowId: 'task/12' });
    temporal.info('elsewhere', { workflowId: 'nightly-backup' });
    expect(lines.map(({ workflowId, deviceId, taskId }) => ({ workflowId, deviceId, taskId }))).toEqual([
      { workflowId: 'upgrade/terminal-6134441313', deviceId: 'terminal-6134441313', taskId: undefined },
      { workflowId: 'upgrade/ams-1', deviceId: 'ams-1', taskId: 7 },
      { workflowId: 'task/12', deviceId: undefined, taskId: 12 },
      { workflowId: 'nightly-backup', deviceId: undefined, taskId: undefined },
    ]);
  });

  test("leaves signals to the program and asks Temporal's core for warnings only, more when debugging", () => {
    const options = temporalRuntimeOptions(recorder('info').log, '127.0.0.1:9464');
    expect(options.shutdownSignals).toEqual([]);
    expect(options.telemetryOptions).toEqual({
      logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} },
      metrics: { prometheus: { bindAddress: '127.0.0.1:9464' } },
    });
    expect(temporalRuntimeOptions(recorder('debug').log).telemetryOptions).toEqual({
      logging: { filter: { core: 'INFO', other: 'ERROR' }, forward: {} },
    });
  });

  test('has metrics of the process, with the lag of the event loop', async () => {
    expect(await createMetrics().metrics()).toContain('nodejs_eventloop_lag_p99_seconds');
  });
});
