/** One command to one terminal: connected, or connecting after it was given. */
import { Story } from './story.ts';
import type { World } from '../world.ts';
import { TerminalSimulator } from '../../../gateways/terminal/simulator.ts';
import type { Broken } from '../../promises/broken.ts';
import { brokenByCommand } from '../../promises/commands.ts';
import { readCommands } from '../../promises/records.ts';
import { waitFor } from '../../support/wait.ts';
import { QUICK } from '../../system/fleet.ts';

export const COMMAND_VARIANTS = ['here', 'away'] as const;
export type CommandVariant = (typeof COMMAND_VARIANTS)[number];

const MINUTES = 720;
let made = 0;

export class CommandStory extends Story {
  readonly #variant: CommandVariant;
  readonly #sn: string;
  readonly #deviceId: string;
  readonly #terminal: TerminalSimulator;
  #heard = 0;
  #commandId: number | null = null;

  constructor(world: World, name: string, variant: CommandVariant) {
    super(world, name);
    this.#variant = variant;
    made += 1;
    this.#sn = `62${String(made).padStart(8, '0')}`;
    this.#deviceId = `terminal-${this.#sn}`;
    this.#terminal = new TerminalSimulator({ ...QUICK, port: world.wire.port, sn: this.#sn, softwareVersion: 10 });
    this.#terminal.on('command', () => (this.#heard += 1));
    // Its workflow is asked for by what it is to do, before anybody can read which number it has got.
    this.addKeys(this.#deviceId, `command/${this.#deviceId}`);
  }

  async prepare(): Promise<void> {
    await this.world.call(this.key('register'), 'POST', '/devices', [
      { protocol: 'terminal', identity: this.#sn, model: 'GV2' },
    ]);
    if (this.#variant === 'here') await this.#connect();
  }

  async #connect(): Promise<void> {
    this.#terminal.start();
    await waitFor(() => this.world.wire.events(this.#sn).some(({ kind }) => kind === 'report'), { deadlineMs: 60_000 });
  }

  protected async act(): Promise<void> {
    const order = { kind: 'set_sleep', minutes: MINUTES };
    const { id } = await this.world.call<{ id: number }>(
      this.key('command'),
      'POST',
      `/devices/${this.#deviceId}/commands`,
      order,
    );
    this.#commandId = id;
    if (this.#variant === 'away') {
      await waitFor(
        async () => (await this.world.sql`select from device_commands where id = ${id} and attempt > 0`).length > 0,
        {
          deadlineMs: 60_000,
        },
      );
      await this.#connect();
    }
  }

  protected async hasEnded(): Promise<boolean> {
    const commands = await readCommands(this.world.sql, this.#deviceId);
    if (commands.length > 0 && commands.every(({ finishedAtMs }) => finishedAtMs !== null)) return true;
    throw new Error(JSON.stringify(commands));
  }

  protected async findKeys(): Promise<string[]> {
    const commands = await readCommands(this.world.sql, this.#deviceId);
    return commands.flatMap(({ id }) => [`command/${id}`]);
  }

  async judge(): Promise<Broken[]> {
    const findings = this.findings();
    const commands = await readCommands(this.world.sql, this.#deviceId);
    findings.check(commands.length === 1, 'at most one effect', `one order made ${commands.length} commands`);
    const isThere = this.#commandId === null || commands.some(({ id }) => id === this.#commandId);
    findings.check(
      isThere,
      'nothing acknowledged is lost',
      `command ${this.#commandId} was acknowledged and is not there`,
    );
    for (const { status, reason } of commands) {
      findings.check(status === 'succeeded', 'every task ends', `it has ended ${status} (${reason})`);
    }
    const stored = this.#terminal.sleepMinutes;
    findings.check(stored === MINUTES, 'no silent success', `the terminal has stored ${stored} minutes`);
    return [...findings.broken, ...commands.flatMap((command) => brokenByCommand(command, this.#heard))];
  }

  override async close(): Promise<void> {
    await this.#terminal.stop();
  }
}
