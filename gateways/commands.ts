/**
 * Commands on their way to one device, as every dialogue needs them: look what is to be sent, build the frame, claim the
 * right to send it, send it. Nothing that matters is kept here; what a device answers goes to the host at once.
 */
import { GatewayError } from './errors.ts';

/** What a gateway makes a frame of. */
export type CommandOrder =
  | { kind: 'set_sleep'; minutes: number }
  | { kind: 'read_sleep' }
  | { kind: 'restart'; control: 'at_once' | 'when_idle' }
  | { kind: 'query_version' };

/** A command whose frame is to leave. */
export interface OpenCommand {
  id: number;
  deviceId: string;
  /** Fencing: no number is sent twice. */
  attempt: number;
  order: CommandOrder;
  expiresAtMs: number;
}

/** What a device answered. */
export type CommandAnswer =
  | { said: 'value'; cmd: string; value: string | null }
  | { said: 'restart'; accepted: boolean }
  | { said: 'version'; result: number; version: string };

/** The rest of the program, as far as commands go. */
export interface CommandHost {
  /** What is to be sent to a device now; null: nothing. */
  open(deviceId: string): Promise<OpenCommand | null>;
  /**
   * Asks for the right to send a command now; written before the frame leaves. `gone`: nothing may be sent. `busy`: the
   * device is being upgraded and must not be disturbed, ask again later.
   */
  claim(command: OpenCommand): Promise<'claimed' | 'busy' | 'gone'>;
  /** The device answered; false: no command waits for that. */
  answered(deviceId: string, answer: CommandAnswer): Promise<boolean>;
  /** No frame can be made of it. */
  unsendable(command: OpenCommand, why: string): Promise<void>;
  /** The device has logged in, which proves a restart that it had accepted. */
  loggedIn(deviceId: string): Promise<void>;
}

/** A device that is being upgraded is looked at again after this time. */
const BUSY_MS = 30_000;
/** After the host could not be asked; doubles each time. */
const RETRY_MS = 1_000;
const RETRIES_SPREAD = 5;

/** How a dialogue sends. */
export interface CommandSender {
  /** Throws `GatewayError` when no frame can be made of it. */
  build(command: OpenCommand): Buffer;
  /** May something be sent at this moment? Asked before the claim and, because that takes a while, again after it. */
  maySend(): boolean;
  write(frame: Buffer, command: OpenCommand): void;
}

/** The commands of one connected device. */
export class DeviceCommands {
  readonly #host: CommandHost;
  /** Nobody has looked, or something has changed since. */
  #isStale = true;
  #next: OpenCommand | null = null;
  #notBeforeMs = 0;
  #failures = 0;

  constructor(host: CommandHost) {
    this.#host = host;
  }

  /** The commands of the device have changed, or may have. */
  changed(): void {
    this.#isStale = true;
    this.#notBeforeMs = 0;
  }

  /** Is it time for `serve`? What the dialogue itself forbids at the moment is not asked here. */
  isDue(nowMs: number): boolean {
    return (this.#isStale || this.#next !== null) && nowMs >= this.#notBeforeMs;
  }

  /** Sends what is to be sent, if it is time and the dialogue allows it. Rejects when the host cannot be asked. */
  async serve(deviceId: string, sender: CommandSender): Promise<void> {
    if (!this.isDue(Date.now()) || !sender.maySend()) return;
    // Until the host has answered nothing is certain, and it is not asked all the time.
    this.#notBeforeMs = Date.now() + RETRY_MS * 2 ** Math.min(this.#failures, RETRIES_SPREAD);
    this.#failures += 1;
    if (this.#isStale) {
      this.#isStale = false;
      try {
        this.#next = await this.#host.open(deviceId);
      } catch (error) {
        this.#isStale = true;
        throw error;
      }
    }
    if (this.#next !== null) await this.#send(this.#next, sender);
    this.#failures = 0;
    if (this.#notBeforeMs > 0 && this.#next === null) this.#notBeforeMs = 0;
  }

  async #send(command: OpenCommand, sender: CommandSender): Promise<void> {
    let frame: Buffer;
    try {
      frame = sender.build(command);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      await this.#host.unsendable(command, error.message);
      this.#next = null;
      return;
    }
    const outcome = await this.#host.claim(command);
    if (outcome === 'busy') {
      this.#notBeforeMs = Date.now() + BUSY_MS;
      return;
    }
    this.#next = null;
    // Claimed and not sent counts as sent: the workflow opens another attempt when there is no answer.
    if (outcome === 'claimed' && sender.maySend()) sender.write(frame, command);
  }
}
