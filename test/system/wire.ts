/**
 * The wire between simulated terminals and a gateway: a TCP proxy that keeps its port while gateways come and go, slows
 * packets down, holds them back, cuts connections, and writes down who asked for what and what was answered.
 */
import { once } from 'node:events';
import net, { type AddressInfo, type Server, type Socket } from 'node:net';
import { TerminalStream } from '../../gateways/terminal/codec.ts';

/** One thing that passed the wire, with the number of the connection. */
export type WireEvent = { connection: number; atMs: number } & (
  | { kind: 'request'; pcnt: number; ver: number }
  /** Bytes of packets that came back, up to the next event. */
  | { kind: 'bytes'; bytes: number }
  | { kind: 'offer'; version: number; fileSize: number; packetSize: number }
  | { kind: 'report'; version: number }
  | { kind: 'over' }
  | { kind: 'error'; errcode: number }
);

interface Connection {
  number: number;
  terminal: Socket;
  gateway: Socket;
  sn: string | null;
  /** Before the terminal has said who it is. */
  early: WireEvent[];
  lastPcnt: number;
  /** On its way to the terminal. */
  queue: Buffer[];
  timer: NodeJS.Timeout | undefined;
  /** The terminal is gone and the gateway has not been told. */
  isStranded: boolean;
}

export class Wire {
  /** Port of the gateway, or who chooses one for each connection; null: there is none, and whoever connects is sent away. */
  target: number | null | (() => number | null);
  /** Each packet arrives so much later. */
  packetDelayMs: number;
  readonly #server: Server;
  readonly #events = new Map<string, WireEvent[]>();
  readonly #connections = new Set<Connection>();
  readonly #holds = new Map<string, { version: number; pcnt: number }>();
  /** What each terminal was offered last. */
  readonly #offered = new Map<string, number>();
  #count = 0;

  private constructor(target: Wire['target'], packetDelayMs: number) {
    this.target = target;
    this.packetDelayMs = packetDelayMs;
    this.#server = net.createServer({ noDelay: true }, (terminal) => this.#accept(terminal));
  }

  static async open(target: Wire['target'], { packetDelayMs = 0 } = {}): Promise<Wire> {
    const wire = new Wire(target, packetDelayMs);
    wire.#server.listen(0, '127.0.0.1');
    await once(wire.#server, 'listening');
    return wire;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Everything that reached a gateway or came from one, in order. */
  events(sn: string): readonly WireEvent[] {
    return this.#events.get(sn) ?? [];
  }

  /** Forgets what has passed. */
  clear(): void {
    this.#events.clear();
  }

  /** While it takes this version, lets nothing pass to this terminal from the answer to request `pcnt` on. */
  hold(sn: string, version: number, pcnt: number): void {
    this.#holds.set(sn, { version, pcnt });
  }

  /** Whether this terminal waits for an answer that is held back here. */
  isHeld(sn: string): boolean {
    return [...this.#connections].some(
      (connection) => connection.sn === sn && connection.queue.length > 0 && this.#holdsBack(connection),
    );
  }

  /** Lets everything pass again. */
  release(): void {
    this.#holds.clear();
    for (const connection of this.#connections) this.#deliver(connection);
  }

  /** Cuts the connections of one terminal, or all. */
  cut(sn?: string): void {
    for (const connection of this.#connections) {
      if (sn === undefined || connection.sn === sn) connection.terminal.destroy();
    }
  }

  /** As a mobile network does it: the terminal loses its connection, and the gateway hears nothing of that. */
  strand(sn: string): void {
    for (const connection of this.#connections) if (connection.sn === sn) connection.isStranded = true;
    this.cut(sn);
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const { terminal, gateway } of this.#connections) {
      terminal.destroy();
      gateway.destroy();
    }
    await once(this.#server, 'close');
  }

  #accept(terminal: Socket): void {
    const port = typeof this.target === 'function' ? this.target() : this.target;
    if (port === null) {
      terminal.destroy();
      return;
    }
    const gateway = net.connect({ host: '127.0.0.1', port, noDelay: true });
    this.#count += 1;
    const connection: Connection = {
      number: this.#count,
      terminal,
      gateway,
      sn: null,
      early: [],
      lastPcnt: 0,
      queue: [],
      timer: undefined,
      isStranded: false,
    };
    const stream = new TerminalStream();
    let isOpen = false;
    gateway.on('connect', () => (isOpen = true));
    this.#connections.add(connection);
    terminal.on('data', (bytes) => {
      // What never reached a gateway did not happen.
      const note = () => stream.push(bytes).forEach((frame) => this.#noteUp(connection, frame));
      if (isOpen) note();
      else gateway.once('connect', note);
      gateway.write(bytes);
    });
    gateway.on('data', (bytes) => {
      this.#noteDown(connection, bytes);
      connection.queue.push(bytes);
      this.#deliver(connection);
    });
    // What a terminal says before it hangs up, the gateway still gets; a gateway that is gone has nothing to say any more.
    terminal.on('end', () => gateway.end());
    gateway.on('end', () => terminal.end());
    terminal.on('error', ignore).on('close', () => {
      clearTimeout(connection.timer);
      if (connection.isStranded) return;
      this.#connections.delete(connection);
      gateway.destroy();
    });
    gateway.on('error', ignore).on('close', () => {
      this.#connections.delete(connection);
      terminal.destroy();
    });
  }

  #holdsBack({ sn, lastPcnt }: Connection): boolean {
    const hold = sn === null ? undefined : this.#holds.get(sn);
    return hold !== undefined && lastPcnt >= hold.pcnt && this.#offered.get(sn ?? '') === hold.version;
  }

  #deliver(connection: Connection): void {
    if (connection.timer !== undefined || connection.queue.length === 0 || this.#holdsBack(connection)) return;
    connection.timer = setTimeout(() => {
      connection.timer = undefined;
      // It may have been told to hold in the meantime.
      if (this.#holdsBack(connection)) return;
      const bytes = connection.queue.shift();
      if (bytes !== undefined && connection.terminal.writable) connection.terminal.write(bytes);
      this.#deliver(connection);
    }, this.packetDelayMs);
  }

  #noteUp(connection: Connection, frame: ReturnType<TerminalStream['push']>[number]): void {
    const sn = frame.sn.toUpperCase();
    if (connection.sn === null) {
      connection.sn = sn;
      const known = this.#events.get(sn) ?? [];
      known.push(...connection.early);
      this.#events.set(sn, known);
    }
    if (frame.type === 'report') this.#note(connection, { kind: 'report', version: frame.sfwVal });
    else if (frame.type === 'otaOver') this.#note(connection, { kind: 'over' });
    else if (frame.type === 'otaError') this.#note(connection, { kind: 'error', errcode: frame.errcode });
    else if (frame.type === 'packetRequest') {
      connection.lastPcnt = frame.pcnt;
      this.#note(connection, { kind: 'request', pcnt: frame.pcnt, ver: Number(frame.ver) });
    }
  }

  #noteDown(connection: Connection, bytes: Buffer): void {
    const at = bytes.indexOf('+NBOTA,');
    if (at < 0) {
      this.#note(connection, { kind: 'bytes', bytes: bytes.length });
      return;
    }
    if (at > 0) this.#note(connection, { kind: 'bytes', bytes: at });
    const [, pinfo = '', fileSize, , packetSize] = bytes.toString('latin1', at).split(',');
    this.#note(connection, {
      kind: 'offer',
      version: Number(pinfo.slice(0, 2)),
      fileSize: Number(fileSize),
      packetSize: Number(packetSize),
    });
    connection.lastPcnt = 0;
    this.#offered.set(connection.sn ?? '', Number(pinfo.slice(0, 2)));
  }

  #note(connection: Connection, event: WireEventBody): void {
    if (connection.isStranded) return; // it reaches nobody
    const entry: WireEvent = { connection: connection.number, atMs: Date.now(), ...event };
    if (connection.sn === null) {
      connection.early.push(entry);
      return;
    }
    const known = this.#events.get(connection.sn) ?? [];
    known.push(entry);
    this.#events.set(connection.sn, known);
  }
}

type Distribute<Event> = Event extends unknown ? Omit<Event, 'connection' | 'atMs'> : never;
type WireEventBody = Distribute<WireEvent>;

function ignore(): void {}

/** What the wire saw of one attempt to bring one file to one terminal. */
export interface Transfer {
  version: number;
  offers: number;
  /** Packets asked for, in order, once per connection. */
  packets: number;
  /** Packets asked for again, because the connection ended before they arrived. */
  repeated: number;
  overs: number;
}

/**
 * Reads the story of one terminal and checks that it is exact: packets asked for without a gap and from the first; none
 * asked for again except the last one, on a new connection; each answered by its own bytes and nothing else.
 *
 * @throws Error that says at which event the story goes wrong
 */
export function readTransfers(sn: string, events: readonly WireEvent[]): Transfer[] {
  const story = new Story();
  events.forEach((event, index) => {
    const fault = story.next(event);
    if (fault === null) return;
    const around = events.slice(Math.max(0, index - 6), index + 3).map((each) => JSON.stringify(each));
    throw new Error(`terminal ${sn}: ${fault}, at\n${around.join('\n')}`);
  });
  return story.transfers;
}

class Story {
  readonly transfers: Transfer[] = [];
  #file = { fileSize: 0, packetSize: 1 };
  /** The open request: where it came from and how many bytes came back. */
  #asked: { pcnt: number; connection: number; bytes: number } | null = null;

  /** Takes what happened next; what is wrong with it, or null. */
  next(event: WireEvent): string | null {
    switch (event.kind) {
      case 'report':
        break;
      case 'offer':
        return this.#offer(event);
      case 'request':
        return this.#request(event);
      case 'bytes':
        if (this.#asked?.connection !== event.connection) return 'bytes came that nobody asked for';
        this.#asked.bytes += event.bytes;
        return this.#asked.bytes > this.#lengthOf(this.#asked.pcnt) ? 'more bytes came than the packet has' : null;
      case 'over': {
        const transfer = this.transfers.at(-1);
        if (transfer?.packets !== this.#packets || !this.#isAnswered) return 'OVER before the last packet';
        transfer.overs += 1;
        return null;
      }
      case 'error':
        return `the terminal gave up with ${event.errcode}`;
    }
    return null;
  }

  get #packets(): number {
    return Math.ceil(this.#file.fileSize / this.#file.packetSize);
  }

  get #isAnswered(): boolean {
    return this.#asked === null || this.#asked.bytes === this.#lengthOf(this.#asked.pcnt);
  }

  #lengthOf(pcnt: number): number {
    const { fileSize, packetSize } = this.#file;
    return Math.min(packetSize, fileSize - (pcnt - 1) * packetSize);
  }

  #offer(event: WireEvent & { kind: 'offer' }): string | null {
    const transfer = this.transfers.at(-1);
    if (transfer !== undefined && transfer.packets > 0 && transfer.packets < this.#packets) {
      return 'a file was offered in the middle of a transfer';
    }
    // A command without a reaction is repeated; after packets it begins another attempt.
    if (transfer?.version === event.version && transfer.packets === 0) transfer.offers += 1;
    else this.transfers.push({ version: event.version, offers: 1, packets: 0, repeated: 0, overs: 0 });
    this.#file = event;
    this.#asked = null;
    return null;
  }

  #request({ pcnt, connection }: WireEvent & { kind: 'request' }): string | null {
    const transfer = this.transfers.at(-1);
    if (transfer === undefined) return 'a packet was asked for before anything was offered';
    const isSameConnection = this.#asked?.connection === connection;
    if (isSameConnection && !this.#isAnswered) return 'a request was not answered by its packet';
    if (pcnt === transfer.packets + 1) transfer.packets += 1;
    else if (pcnt === transfer.packets && this.#asked !== null && !isSameConnection) transfer.repeated += 1;
    else return `packet ${pcnt} was asked for after packet ${transfer.packets}`;
    this.#asked = { pcnt, connection, bytes: 0 };
    return null;
  }
}
