/**
 * Commands to single devices: given, listed, looked at, taken back. A command is stored before it is answered, so
 * whatever dies afterwards, it is carried out or ends by its deadline.
 */
import { audit } from '../audit.ts';
import {
  CommandBody,
  CommandDetail,
  CommandKindName,
  CommandStatusName,
  DeviceCommand,
  lifeOf,
  orderOf,
  showCommand,
  showLine,
} from '../upgrades/command-views.ts';
import { within } from '../http/deadlines.ts';
import { DeviceId } from '../devices/device-views.ts';
import { startCommand } from '../inbound/inbound-commands.ts';
import { loggable, notFound, problem } from '../problems.ts';
import { Answer, route, type Services } from '../route.ts';
import { AfterLargeId, closed, ControlBody, Limit, page, readPage } from '../schemas.ts';
import { Type } from 'typebox';
import type { StartableCommand } from '../../db/commands/command-messages.ts';
import * as commands from '../../db/commands/commands.ts';
import { findDevice } from '../../db/devices/devices.ts';
import { COMMANDS_PER_DEVICE, commandWords } from '../../workflows/rules/commands.ts';

/** How long whoever gives a command waits for Temporal; afterwards its workflow is started in the background. */
const START_MS = 5_000;
const SIGNAL_MS = 2_000;

const DeviceParams = closed({ deviceId: DeviceId });
const Params = closed({ commandId: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) });
const FILTER = {
  status: Type.Optional(CommandStatusName),
  kind: Type.Optional(CommandKindName),
  limit: Limit,
  after: AfterLargeId,
};
const CommandPage = page(DeviceCommand, 'DeviceCommandPage');

export const deviceCommandRoutes = [
  route({
    method: 'post',
    path: '/api/v1/devices/{deviceId}/commands',
    id: 'sendDeviceCommand',
    tag: 'commands',
    summary: 'Give a device a command',
    description: `Sent at once when the device is connected, else at its next contact. One at a time, oldest first; the same command twice at one time is refused. A device may have ${COMMANDS_PER_DEVICE} that have not ended.`,
    permission: 'device:write',
    params: DeviceParams,
    body: CommandBody,
    status: 202,
    response: DeviceCommand,
    problems: ['command_refused', 'command_exists'],
    atomic: true,
    idempotent: true,
    handle: async (input, services) => {
      const { params, body, caller } = input;
      const { db } = services;
      const { deviceId } = params;
      const found = await findDevice(db, caller.departmentId, deviceId);
      if (found === null) throw notFound('device', deviceId);
      const order = orderOf(body, found.device.protocol);
      const { departmentId, name: author } = caller;
      const { cause = '' } = body;
      const given = { deviceId: found.device.id, departmentId, order, lifeMs: lifeOf(body), author, cause };
      const made = await commands.insertCommand(db, given);
      if (made.kind === 'exists') {
        const detail = `Command ${made.id} (${commandWords(order)}) to ${deviceId} is under way already. Wait for it, or cancel it first.`;
        throw problem('command_exists', detail, { members: { commandId: made.id } });
      }
      if (made.kind === 'too_many') {
        const detail = `${deviceId} has ${COMMANDS_PER_DEVICE} commands that have not ended. Wait until it has had contact, or cancel some.`;
        throw problem('command_refused', detail);
      }
      const row = await findOwn(db, departmentId, made.id);
      const { kind, params: fields, expiresAt } = row;
      const after = { deviceId: row.deviceId, kind, ...fields, expiresAt, cause };
      await audit(db, input, { kind: 'command', id: made.id, after });
      const { department } = caller;
      const { protocol } = found.device;
      const startable = { id: made.id, deviceId: row.deviceId, department, protocol, order };
      services.afterCommit(() => tryToStart(services, startable));
      return new Answer(showCommand(row, services.executions), {
        headers: { Location: `/api/v1/commands/${made.id}` },
      });
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/devices/{deviceId}/commands',
    id: 'listDeviceCommands',
    tag: 'commands',
    summary: 'Commands of one device, newest first',
    permission: 'device:read',
    params: DeviceParams,
    query: closed(FILTER),
    status: 200,
    response: CommandPage,
    handle: async ({ params: { deviceId }, query, caller }, services) => {
      const found = await findDevice(services.db, caller.departmentId, deviceId);
      if (found === null) throw notFound('device', deviceId);
      return listPage(services, caller.departmentId, { ...query, deviceId: found.device.id });
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/commands',
    id: 'listCommands',
    tag: 'commands',
    summary: 'Commands of all devices, newest first',
    permission: 'device:read',
    query: closed({ deviceId: Type.Optional(DeviceId), ...FILTER }),
    status: 200,
    response: CommandPage,
    handle: ({ query, caller }, services) => listPage(services, caller.departmentId, query),
  }),
  route({
    method: 'get',
    path: '/api/v1/commands/{commandId}',
    id: 'getCommand',
    tag: 'commands',
    summary: 'One command, with everything that happened to it',
    permission: 'device:read',
    params: Params,
    status: 200,
    response: CommandDetail,
    handle: async ({ params: { commandId }, caller }, { db, executions }) => {
      const row = await findOwn(db, caller.departmentId, commandId);
      const log = await commands.listCommandLog(db, commandId);
      return { ...showCommand(row, executions), log: log.map(showLine) };
    },
  }),
  route({
    method: 'post',
    path: '/api/v1/commands/{commandId}/cancel',
    id: 'cancelCommand',
    tag: 'commands',
    summary: 'Take a command back that waits',
    description:
      'What was sent cannot be taken back: while the answer or the proof is awaited, this is refused. One that waits for its next attempt can be cancelled; the device may have carried it out all the same.',
    permission: 'device:write',
    params: Params,
    body: ControlBody,
    status: 200,
    response: DeviceCommand,
    problems: ['control_refused'],
    atomic: true,
    handle: async (input, services) => {
      const { params, body, caller } = input;
      const { db, executions } = services;
      const before = await findOwn(db, caller.departmentId, params.commandId);
      const by = { author: caller.name, cause: body.cause ?? '' };
      const isCancelled = await commands.cancelCommand(db, before.id, by);
      const row = await findOwn(db, caller.departmentId, before.id);
      if (!isCancelled) throw problem('control_refused', refusal(row));
      const [was, is] = [{ status: before.status }, { status: row.status, cause: by.cause }];
      await audit(db, input, { kind: 'command', id: row.id, before: was, after: is });
      // It has ended in any case; its execution only need not wait for the deadline.
      services.afterCommit(() => tryToWake(services, row.id));
      return showCommand(row, executions);
    },
  }),
];

function refusal({ id, status, finishedAt }: commands.CommandRow): string {
  if (finishedAt !== null) return `Command ${id} has ended as ${status}.`;
  const next = status === 'accepted' ? 'The device has agreed to it' : 'Its answer is here or due within 30 seconds';
  return `Command ${id} is ${status} and cannot be taken back. ${next}; look again then.`;
}

function listPage(
  { db, executions }: Services,
  departmentId: number,
  { limit, after, ...filter }: commands.CommandFilter & { limit?: number | undefined; after?: number | undefined },
) {
  return readPage(
    limit,
    (limit) => commands.listCommands(db, departmentId, filter, { before: after, limit }),
    (row) => showCommand(row, executions),
    ({ id }) => id,
  );
}

async function findOwn(db: Services['db'], departmentId: number, commandId: number): Promise<commands.CommandRow> {
  const row = await commands.findCommand(db, departmentId, commandId);
  if (row === null) throw notFound('command', commandId);
  return row;
}

async function tryToStart({ executions, log }: Services, command: StartableCommand): Promise<void> {
  try {
    await within(START_MS, startCommand(executions, command));
  } catch (error) {
    log.warn({ err: loggable(error), commandId: command.id }, 'command stored, its workflow will be started later');
  }
}

async function tryToWake({ executions, log }: Services, commandId: number): Promise<void> {
  try {
    await within(SIGNAL_MS, executions.signalCommand(commandId, 'cancelled'));
  } catch (error) {
    log.warn({ err: loggable(error), commandId }, 'command cancelled, its workflow will be told later');
  }
}
