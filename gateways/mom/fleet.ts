/**
 * Many simulated equipments, what they are doing in one line, and their command line:
 * `npm run simulate -- equipment --devices 5`.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { MomClient } from './client.ts';
import { QUIRK_NAMES, type QuirkName } from './quirks.ts';
import { EquipmentSimulator, type EquipmentFaults, type EquipmentOptions } from './simulator.ts';
import { GatewayError } from '../errors.ts';
import { integer, share } from '../simulated-options.ts';

/** Options of one fleet of equipments; times in milliseconds. */
export interface EquipmentFleetOptions extends Omit<EquipmentOptions, 'equipmentCode' | 'serialNos' | 'trayBarcode'> {
  devices: number;
  startCode: string;
  /** First cell of the first equipment; absent: no trays. */
  startCell?: string | undefined;
  cellsPerTray: number;
  /** Share of the equipments that have the faults, 0..1. */
  faultShare: number;
  faults: EquipmentFaults;
}

/** The code `index` places after the first one: its last digits count up. Throws `invalid_field`. */
export function codeAt(startCode: string, index: number): string {
  if (index === 0) return startCode;
  const digits = /\d+$/.exec(startCode)?.[0] ?? '';
  const next = (BigInt(digits === '' ? 0 : digits) + BigInt(index)).toString().padStart(digits.length, '0');
  if (next.length > digits.length) throw new GatewayError('invalid_field', `too few digits at the end of ${startCode}`);
  return startCode.slice(0, startCode.length - digits.length) + next;
}

/** Makes equipments without starting them; faulty ones are spread evenly. Throws `invalid_field`. */
export function createEquipments(options: EquipmentFleetOptions): EquipmentSimulator[] {
  const { devices, startCode, startCell, cellsPerTray, faultShare, faults, ...common } = options;
  return Array.from({ length: devices }, (_, index) => {
    const isFaulty = Math.floor((index + 1) * faultShare) > Math.floor(index * faultShare);
    const serialNos =
      startCell === undefined
        ? []
        : Array.from({ length: cellsPerTray }, (_, cell) => codeAt(startCell, index * cellsPerTray + cell));
    const equipmentCode = codeAt(startCode, index);
    return new EquipmentSimulator({ ...common, equipmentCode, serialNos, faults: isFaulty ? faults : {} });
  });
}

/** Counts over a fleet of equipments. */
export class EquipmentStatus {
  readonly #fleet: readonly EquipmentSimulator[];
  readonly #messages = new Map<string, number>();
  #keyFlags = 0;
  #before = 0;
  #since = performance.now();

  constructor(fleet: readonly EquipmentSimulator[]) {
    this.#fleet = fleet;
    for (const equipment of fleet) {
      equipment.on('keyFlag', (flag) => (this.#keyFlags += flag.trim() === '99' ? 0 : 1));
      equipment.on('answered', (name, outcome) => {
        if (outcome.kind === 'done') return;
        const why = outcome.kind === 'unreachable' ? outcome.reason : outcome.message;
        const text = `${name} ${why}`.slice(0, 80);
        if (this.#messages.size < 20 || this.#messages.has(text)) {
          this.#messages.set(text, (this.#messages.get(text) ?? 0) + 1);
        }
      });
    }
  }

  line(): string {
    const sum = { done: 0, refused: 0, rejected: 0, unreachable: 0 };
    for (const { outcomes } of this.#fleet) {
      for (const kind of Object.keys(sum) as (keyof typeof sum)[]) sum[kind] += outcomes[kind];
    }
    const calls = sum.done + sum.refused + sum.rejected + sum.unreachable;
    const now = performance.now();
    const perSecond = ((calls - this.#before) / Math.max(now - this.#since, 1)) * 1000;
    this.#before = calls;
    this.#since = now;
    const parts = [
      `${this.#fleet.filter(({ isOnline }) => isOnline).length}/${this.#fleet.length} online`,
      `${calls} calls (${perSecond.toFixed(0)}/s)`,
      ...Object.entries(sum).map(([kind, count]) => `${count} ${kind}`),
      `${this.#keyFlags} key flags`,
    ];
    if (this.#messages.size > 0) parts.push([...this.#messages].map(([text, times]) => `${text}: ${times}`).join(', '));
    return parts.join(' · ');
  }
}

interface CommandLine extends EquipmentFaults {
  url: string;
  token?: string;
  devices: number;
  startCode: string;
  startCell?: string;
  cellsPerTray: number;
  periodMs: number;
  activityMs: number;
  connections: number;
  startsPerSecond: number;
  statusEveryMs: number;
  durationMs?: number;
  faultShare: number;
}

/** Runs a fleet as the command line says, until a signal or its time ends it. */
export async function simulateEquipment(argv: readonly string[]): Promise<void> {
  const command = program().parse(argv, { from: 'user' });
  const line = command.opts<CommandLine>();
  const { url, token, devices, startCode, connections, silentAfterMs, silentForMs } = line;
  let client: MomClient;
  let fleet: EquipmentSimulator[];
  try {
    client = new MomClient({ url, token, maxConnections: connections });
    const { clockSkewMs, quirk, sendsTwice, wrongOrder } = line;
    const faults: EquipmentFaults = {
      ...(silentAfterMs !== undefined && { silentAfterMs, silentForMs: silentForMs ?? 300_000 }),
      ...(clockSkewMs !== undefined && { clockSkewMs }),
      ...(quirk !== undefined && { quirk }),
      ...(sendsTwice === true && { sendsTwice }),
      ...(wrongOrder === true && { wrongOrder }),
    };
    const { startCell, cellsPerTray, periodMs, activityMs, faultShare } = line;
    const times = { periodMs, activityMs };
    fleet = createEquipments({ client, devices, startCode, startCell, cellsPerTray, faultShare, faults, ...times });
  } catch (error) {
    if (error instanceof GatewayError) command.error(`error: ${error.message}`);
    throw error;
  }
  const status = new EquipmentStatus(fleet);
  const say = () => process.stdout.write(`${new Date().toISOString()} ${status.line()}\n`);
  process.stdout.write(`${devices} equipments from ${startCode} on to ${url}, Ctrl-C ends them\n`);
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  process.once('SIGTERM', () => stop.abort());
  const ended = delay(line.durationMs ?? 2_147_483_647, undefined, { signal: stop.signal }).catch(() => undefined);
  const statusTimer = setInterval(say, line.statusEveryMs);
  for (const [index, equipment] of fleet.entries()) {
    if (stop.signal.aborted) break;
    equipment.start();
    if (index % Math.ceil(line.startsPerSecond / 50) === 0) await delay(20);
  }
  await ended;
  clearInterval(statusTimer);
  say();
  await Promise.all(fleet.map((equipment) => equipment.stop()));
  client.close();
}

function program(): Command {
  const timeMs = integer(1, 2_147_483_647);
  return new Command('simulate equipment')
    .description('Runs simulated equipment against a MOM until Ctrl-C.')
    .option('--url <url>', 'where the MOM listens', 'http://127.0.0.1:7780')
    .option('--token <text>', 'shared token, sent as x-mom-token')
    .option('--devices <number>', 'how many', integer(1, 100_000), 5)
    .option('--start-code <code>', 'EquipmentCode of the first; the others count up', 'EQ00001')
    .option('--start-cell <serial>', 'SerialNo of the first cell; without it there are no trays')
    .option('--cells-per-tray <number>', 'cells of each equipment', integer(1, 1_000), 8)
    .option('--period-ms <ms>', 'time between heartbeats', timeMs, 30_000)
    .option(
      '--activity-ms <ms>',
      'time between states, alarms and trays; 0: only heartbeats',
      integer(0, 2_147_483_647),
      20_000,
    )
    .option('--connections <number>', 'connections of the whole fleet', integer(1, 10_000), 64)
    .option('--starts-per-second <number>', 'how fast the fleet comes up', integer(1, 100_000), 500)
    .option('--status-every-ms <ms>', 'time between status lines', timeMs, 5_000)
    .option('--duration-ms <ms>', 'stop after this time', timeMs)
    .option('--fault-share <share>', 'share of the equipments with the faults below, 0..1', share, 1)
    .option('--silent-after-ms <ms>', 'say nothing from then on', integer(0, 2_147_483_647))
    .option('--silent-for-ms <ms>', 'for so long (default: 5 minutes)', timeMs)
    .option(
      '--clock-skew-ms <ms>',
      'the clock is ahead by this much; negative: behind',
      integer(-2_147_483_647, 2_147_483_647),
    )
    .addOption(
      new Option('--quirk <name>', 'bend every body').choices(['all', ...QUIRK_NAMES] satisfies (QuirkName | 'all')[]),
    )
    .option('--sends-twice', 'send every call twice at once, with the same SessionId')
    .option('--wrong-order', 'tell the later of two changes of state first');
}
