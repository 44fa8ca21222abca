/**
 * Commands between the gateways of this process, the database and the workflows: what is to be sent, what was answered.
 * As with offers, everything is written first and signalled second, and a sweep repeats what was not read.
 */
import { claimForNow } from './claims.ts';
import type { Executions } from '../executions/executions.ts';
import * as messages from '../../db/commands/command-messages.ts';
import type { Database, Db } from '../../db/index.ts';
import { DEVICE_COMMAND_CHANNEL } from '../../db/schema.ts';
import type { CommandAnswer, CommandHost, OpenCommand } from '../../gateways/commands.ts';
import type { GatewayLog } from '../../gateways/devices.ts';
import type { CommandEdge } from '../../workflows/contract.ts';

const TIMES = {
  sweepMs: 10_000,
  /** What was written and not read for this long is signalled again. */
  unreadMs: 15_000,
  /** A command this old that no workflow has taken up was left behind by whoever stored it. */
  untakenMs: 5_000,
  /** Past its deadline for so long and not ended: its workflow is gone. */
  overdueMs: 60_000,
};
const SWEEP_LIMIT = 500;

export type CommandExecutions = Pick<Executions, 'signalCommand' | 'startCommand'>;

export interface InboundCommandsOptions {
  database: Database;
  executions: CommandExecutions;
  log: GatewayLog;
  /** The gateways of this process that hear of commands. */
  listeners: readonly { commandsChanged?(deviceId: string | null): void }[];
  times?: Partial<typeof TIMES>;
}

/** Commands, as the gateways of this process see them. */
export class InboundCommands implements CommandHost {
  readonly #db: Db;
  readonly #options: InboundCommandsOptions;
  readonly #times: typeof TIMES;
  #timer: NodeJS.Timeout | null = null;
  #sweeping: Promise<void> | null = null;
  #unlisten: () => Promise<void> = async () => {};

  constructor(options: InboundCommandsOptions) {
    this.#options = options;
    this.#db = options.database.db;
    this.#times = { ...TIMES, ...options.times };
  }

  /** Starts listening to announcements and sweeping. */
  async start(): Promise<void> {
    const { database, listeners } = this.#options;
    const announce = (deviceId: string | null) => listeners.forEach((each) => each.commandsChanged?.(deviceId));
    // The last one is called at every connection: before it, announcements were lost.
    const subscription = await database.sql.listen(DEVICE_COMMAND_CHANNEL, announce, () => announce(null));
    this.#unlisten = () => subscription.unlisten();
    this.#timer = setInterval(() => void this.#sweepUnlessSweeping(), this.#times.sweepMs);
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await this.#unlisten().catch(() => {});
    await this.#sweeping;
  }

  open(deviceId: string): Promise<OpenCommand | null> {
    return messages.findOpenCommand(this.#db, deviceId);
  }

  async claim({ id, attempt }: OpenCommand): Promise<'claimed' | 'busy' | 'gone'> {
    let outcome = 'gone' as messages.ClaimOutcome;
    const claim = async () => {
      const claimed = await messages.claimCommand(this.#db, id, attempt);
      outcome = claimed.outcome;
      if (claimed.edge) void this.#signal(id, 'sent');
      return outcome === 'claimed';
    };
    const may = await claimForNow(claim, () => messages.holdsCommand(this.#db, id, attempt));
    return outcome === 'claimed' && !may ? 'gone' : outcome;
  }

  async answered(deviceId: string, answer: CommandAnswer): Promise<boolean> {
    const commandId = await messages.writeAnswer(this.#db, deviceId, answer);
    if (commandId !== null) void this.#signal(commandId, 'answered');
    return commandId !== null;
  }

  async unsendable({ id, attempt }: OpenCommand, why: string): Promise<void> {
    const commandId = await messages.writeUnsendable(this.#db, id, attempt, why);
    if (commandId !== null) void this.#signal(commandId, 'answered');
  }

  async loggedIn(deviceId: string): Promise<void> {
    for (const commandId of await messages.writeLogin(this.#db, deviceId)) void this.#signal(commandId, 'proven');
  }

  /** Wakes who was not woken, and starts what was not started. */
  async sweep(): Promise<void> {
    const { executions } = this.#options;
    const { unreadMs, untakenMs, overdueMs } = this.#times;
    for (const commandId of await messages.findUnreadCommands(this.#db, unreadMs, SWEEP_LIMIT)) {
      await this.#signal(commandId, 'unread');
    }
    await startUnstartedCommands(this.#db, executions, { untakenMs, overdueMs });
  }

  async #sweepUnlessSweeping(): Promise<void> {
    if (this.#sweeping !== null) return;
    this.#sweeping = this.sweep().catch((error: unknown) => {
      this.#options.log.warn({ err: error }, 'commands could not be looked after, it is tried again');
    });
    await this.#sweeping;
    this.#sweeping = null;
  }

  /** A signal only wakes. When it is lost, the sweep repeats it; when nobody hears it, somebody is started who does. */
  async #signal(commandId: number, edge: CommandEdge): Promise<void> {
    const { executions, log } = this.#options;
    try {
      if (await executions.signalCommand(commandId, edge)) return;
      const lost = await messages.findStartableCommand(this.#db, commandId);
      if (lost === null) await messages.forgetEdge(this.#db, commandId);
      else await startCommand(executions, lost);
    } catch (error) {
      log.warn({ err: error, commandId, edge }, 'the workflow of a command could not be woken, it is tried again');
    }
  }
}

/**
 * Starts the workflows of commands that have none, because Temporal did not answer, a process died in between or somebody
 * terminated it. To be called every few seconds; harmless for commands whose workflow runs.
 */
export async function startUnstartedCommands(
  db: Db,
  executions: Pick<CommandExecutions, 'startCommand'>,
  { untakenMs, overdueMs }: { untakenMs: number; overdueMs: number } = TIMES,
): Promise<number> {
  const commands = await messages.findUnstartedCommands(db, { untakenMs, overdueMs, limit: SWEEP_LIMIT });
  // One after the other: when Temporal is away, the first attempt says so.
  for (const command of commands) await startCommand(executions, command);
  return commands.length;
}

/** Starts the workflow of a command; harmless when it runs. */
export async function startCommand(
  executions: Pick<CommandExecutions, 'startCommand'>,
  { id, deviceId, order, department, protocol }: messages.StartableCommand,
): Promise<void> {
  await executions.startCommand({ commandId: id, deviceId, order }, { department, protocol });
}
