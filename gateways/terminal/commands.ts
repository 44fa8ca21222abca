/**
 * Device commands in the language of the 2G terminal (PROTOCOLS 2.2): SLPT tells how long to sleep, CHKSLPT asks. What
 * the answer means is not decided here.
 */
import { encodeCommand, type TerminalResponse } from './codec.ts';
import { DeviceCommands, type CommandHost, type CommandOrder } from '../commands.ts';
import { GatewayError } from '../errors.ts';

/** Answers that can belong to a command. */
const ANSWERS: readonly string[] = ['SLPT', 'CHKSLPT'];

/** What a dialogue knows when a command is to leave. */
export interface CommandMoment {
  /** The version last reported: the line carries it, and the terminal refuses any other. */
  version: string;
  keyword: string;
  /** Not within a transfer, and not just offered one. */
  maySend: () => boolean;
  write: (line: Buffer) => void;
}

/** The commands of one terminal. */
export class TerminalCommands {
  readonly #host: CommandHost;
  readonly #commands: DeviceCommands;

  constructor(host: CommandHost) {
    this.#host = host;
    this.#commands = new DeviceCommands(host);
  }

  /** There may be another command now. */
  changed(): void {
    this.#commands.changed();
  }

  isDue(nowMs: number): boolean {
    return this.#commands.isDue(nowMs);
  }

  /** Sends the next command if there is one. */
  async serve(deviceId: string, { version, keyword, maySend, write }: CommandMoment): Promise<void> {
    await this.#commands.serve(deviceId, {
      build: ({ order }) => encodeCommand({ softwareVer: version, keyword, ...fieldsOf(order) }),
      maySend,
      write,
    });
  }

  /** The terminal answered a command. May be called again with the same. */
  async answered(deviceId: string, { cmd, para }: TerminalResponse): Promise<void> {
    const name = cmd.toUpperCase();
    if (ANSWERS.includes(name)) await this.#host.answered(deviceId, { said: 'value', cmd: name, value: para });
  }
}

function fieldsOf(order: CommandOrder): { cmd: string; para?: string } {
  if (order.kind === 'set_sleep') return { cmd: 'SLPT', para: String(order.minutes) };
  if (order.kind === 'read_sleep') return { cmd: 'CHKSLPT' };
  throw new GatewayError('invalid_field', `terminals do not know the command ${order.kind}`, { field: 'kind' });
}
