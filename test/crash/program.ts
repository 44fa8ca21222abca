/**
 * The program as it is, with points at which the crash matrix can hold it: around every activity, around what gateways
 * ask of the rest of the program, around what is asked of Temporal, platforms and MOMs, and around the writes of the API.
 * Nothing is switched on in the product for that: what is called is wrapped from outside, in this entry only.
 *
 * `CRASH_POINTS` is the port of the harness.
 */
import http from 'node:http';
import { Worker, type WorkerOptions } from '@temporalio/worker';
import { STEPPED_CLASSES, stepsOf } from './inventory.ts';
import { Points } from './points.ts';
import { routeIdOf } from '../../api/http/requests.ts';
import { routes } from '../../api/routes/index.ts';
import { loadConfig } from '../../config.ts';
import { createLogger } from '../../log.ts';
import { startProgram } from '../../main.ts';

type Fields = Record<string, unknown>;

/** What the ids in calls to Temporal stand for. */
const KINDS: Readonly<Record<string, string>> = {
  startTask: 'task',
  updateTask: 'task',
  retryFailed: 'task',
  startUpgrade: 'upgrade',
  signalEdge: 'upgrade',
  controlUpgrade: 'upgrade',
  startCommand: 'command',
  signalCommand: 'command',
  startShipment: 'shipment',
  startPlatformShipment: 'platform-shipment',
  wakePlatformShipment: 'platform-shipment',
  wakeEquipment: 'equipment',
  startAgent: 'agent',
  changeAgent: 'agent',
};

/** Whose call it is: as a workflow id where Temporal is asked, else what the first argument names. */
function keyOf(label: string, name: string, args: readonly unknown[]): string {
  if (label === 'host' && name === 'identify') return `${String(args[0])}-${String(args[1])}`;
  if (label === 'agent') return String((args[1] as Fields)['equipmentCode']);
  const named = subjectOf(args[0]);
  return label === 'temporal' ? `${KINDS[name] ?? name}/${named}` : named;
}

function subjectOf(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number') return `${value}`;
  if (typeof value !== 'object' || value === null) return '*';
  const { deviceId, equipmentCode, code, commandId, imeis, request } = value as Record<string, string | undefined> & {
    imeis?: string[];
  };
  return deviceId ?? equipmentCode ?? code ?? commandId ?? imeis?.[0] ?? subjectOf(request);
}

/** What tells passes of one step apart: the name of a call, the versions that are reported. */
function detailOf(label: string, args: readonly unknown[]): string {
  if (label === 'agent') return String(args[0]);
  const { name, versions } = (args[0] ?? {}) as { name?: string; versions?: { version: string }[] };
  return label === 'mom' ? (name ?? '') : (versions?.map(({ version }) => version).join(' ') ?? '');
}

function install(points: Points): void {
  for (const stepped of STEPPED_CLASSES) {
    const { label } = stepped;
    const target = stepped.prototype as Record<string, (...args: unknown[]) => unknown>;
    for (const name of stepsOf(stepped)) {
      const original = target[name]!;
      target[name] = function (this: unknown, ...args: unknown[]) {
        const work = () => original.apply(this, args);
        return points.around(`${label} ${name}`, keyOf(label, name, args), detailOf(label, args), work);
      };
    }
  }
  for (const each of routes) {
    if (each.method === 'get') continue;
    const { handle } = each;
    // In the transaction of the request, when everything is done but the commit.
    each.handle = async (input, services) => {
      const result = await handle(input, services);
      await points.pass(`route ${each.id}`, 'before', String(input.request.headers['idempotency-key'] ?? ''));
      return result;
    };
  }
  wrapAnswers(points);
  wrapWorker(points);
}

/** Committed, and the caller does not know. */
function wrapAnswers(points: Points): void {
  const response = http.ServerResponse.prototype as unknown as { end: (...args: unknown[]) => unknown };
  const { end } = response;
  response.end = function (this: http.ServerResponse, ...args: unknown[]) {
    const key = this.req?.headers['idempotency-key'];
    if (key === undefined) return end.apply(this, args);
    const routeId = 'locals' in this ? routeIdOf(this as Parameters<typeof routeIdOf>[0]) : null;
    void points.pass(`route ${routeId}`, 'unrecorded', String(key)).then(() => end.apply(this, args));
    return this;
  };
}

/** Around every activity of the worker, local ones included. */
function wrapWorker(points: Points): void {
  const create = Worker.create.bind(Worker);
  Worker.create = (options: WorkerOptions) =>
    create({
      ...options,
      interceptors: {
        ...options.interceptors,
        activity: [
          ({ info }) => ({
            inbound: {
              execute: (input, next) =>
                points.around(`activity ${info.activityType}`, info.workflowExecution?.workflowId ?? '', '', () =>
                  next(input),
                ),
            },
          }),
        ],
      },
    });
}

const port = Number(process.env['CRASH_POINTS'] ?? 0);
if (port > 0) install(await Points.connect(port));
const config = loadConfig();
const log = createLogger(config);
const { newKey, stop, ...listening } = await startProgram(config, log);
process.once('SIGTERM', () => void stop().then(() => process.exit(0)));
log.info({ roles: config.roles, ...listening }, 'ready');
if (newKey !== null) process.stderr.write(`\n  ${newKey}\n`);
