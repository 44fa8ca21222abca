/** Commands of people in memory, for tests of gateways: one fence per attempt, and a list of all that was answered. */
import type { CommandAnswer, CommandHost, CommandOrder, OpenCommand } from '../../gateways/commands.ts';

export class FakeCommands implements CommandHost {
  /** What is to be sent, by device. */
  readonly waiting = new Map<string, OpenCommand>();
  readonly claims: string[] = [];
  readonly answers: { deviceId: string; answer: CommandAnswer }[] = [];
  readonly unsendables: string[] = [];
  readonly logins: string[] = [];
  /** How often somebody looked. */
  looks = 0;
  /** What the next claims are answered, if not by the fence. */
  outcome: 'busy' | 'gone' | null = null;
  /** The database is away. */
  isBroken = false;
  readonly #claimed = new Set<string>();
  readonly #asked = new Set<string>();
  readonly #listeners: { commandsChanged?(deviceId: string | null): void }[];
  #made = 0;

  constructor(listeners: { commandsChanged?(deviceId: string | null): void }[] = []) {
    this.#listeners = listeners;
  }

  /** Opens an attempt and announces it. */
  order(deviceId: string, order: CommandOrder, attempt = 1, id = ++this.#made): OpenCommand {
    const command = { id, deviceId, attempt, order, expiresAtMs: Date.now() + 600_000 };
    this.waiting.set(deviceId, command);
    for (const listener of this.#listeners) listener.commandsChanged?.(deviceId);
    return command;
  }

  async open(deviceId: string): Promise<OpenCommand | null> {
    this.looks += 1;
    this.#check();
    const command = this.waiting.get(deviceId);
    return command === undefined || this.#claimed.has(nameOf(command)) ? null : command;
  }

  async claim(command: OpenCommand): Promise<'claimed' | 'busy' | 'gone'> {
    this.#check();
    if (this.outcome !== null) return this.outcome;
    if (this.#claimed.has(nameOf(command))) return 'gone';
    this.#claimed.add(nameOf(command));
    this.claims.push(nameOf(command));
    this.#asked.add(command.deviceId);
    return 'claimed';
  }

  async answered(deviceId: string, answer: CommandAnswer): Promise<boolean> {
    this.#check();
    this.answers.push({ deviceId, answer });
    return this.#asked.has(deviceId);
  }

  async unsendable(command: OpenCommand, why: string): Promise<void> {
    this.unsendables.push(why);
    this.waiting.delete(command.deviceId);
  }

  async loggedIn(deviceId: string): Promise<void> {
    this.logins.push(deviceId);
  }

  #check(): void {
    if (this.isBroken) throw new Error('the database is away (commands)');
  }
}

function nameOf({ id, attempt }: OpenCommand): string {
  return `${id}/${attempt}`;
}
