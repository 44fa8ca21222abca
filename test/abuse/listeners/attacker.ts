/**
 * The attacker, a process of its own so that what it costs to attack does not slow the honest clients down: opens
 * connections or sends datagrams as its orders say, until its input ends; then says what it got done.
 */
import { createSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';

/** What one attacker is to do; bytes as hex. */
export type Orders =
  | {
      kind: 'tcp';
      port: number;
      connections: number;
      /** Said at once. */
      first: string;
      /** Said again and again: after each pause, or without one as fast as it is taken. */
      again: string;
      everyMs: number | null;
      /** Whether answers are taken. */
      reads: boolean;
      /** Whether a connection that was cut is opened again. */
      returns: boolean;
    }
  | { kind: 'udp'; port: number; datagrams: string[]; perTurn: number };

/** What an attacker got done. */
export interface Damage {
  /** Connections that were opened, that were held at the same time, and that the server ended. */
  opened: number;
  /** A refused connection is open for a moment, too: only those that last are held. */
  held: number;
  cut: number;
  sentBytes: number;
  datagrams: number;
}

const ADDRESS = '127.0.0.1';
/** New connections in a turn, of which there are a hundred in a second. */
const OPENED_PER_TURN = 60;
const TURN_MS = 10;
const HELD_MS = 3_000;

/** Told once, when the attack has begun. */
let begins = () => {
  begins = () => {};
  process.stdout.write('\n');
};
const damage: Damage = { opened: 0, held: 0, cut: 0, sentBytes: 0, datagrams: 0 };
const orders = JSON.parse(process.argv[2] ?? '{}') as Orders;

function attackTcp({ port, connections, first, again, everyMs, reads, returns }: Orders & { kind: 'tcp' }): void {
  const [head, piece] = [Buffer.from(first, 'hex'), Buffer.from(again, 'hex')];
  /** Open connections, and since when. */
  const open = new Map<Socket, number>();
  let begun = 0;
  const write = (socket: Socket): void => {
    while (!socket.destroyed && piece.length > 0) {
      damage.sentBytes += piece.length;
      if (!socket.write(piece)) return; // goes on when it has drained
    }
  };
  const begin = () => {
    begun += 1;
    const socket = connect({ host: ADDRESS, port, localAddress: ADDRESS });
    socket.on('connect', () => {
      damage.opened += 1;
      begins();
      open.set(socket, performance.now());
      socket.write(head);
      damage.sentBytes += head.length;
      if (everyMs === null) {
        socket.on('drain', () => write(socket));
        write(socket);
      }
    });
    if (reads) socket.resume();
    else socket.pause();
    socket.on('error', () => {});
    socket.on('close', () => {
      if (open.delete(socket)) damage.cut += 1;
      if (returns) begun -= 1;
    });
  };
  setInterval(() => {
    const heldSinceMs = performance.now() - HELD_MS;
    damage.held = Math.max(damage.held, [...open.values()].filter((sinceMs) => sinceMs <= heldSinceMs).length);
  }, HELD_MS / 4);
  setInterval(() => {
    for (let turn = 0; turn < OPENED_PER_TURN && begun < connections; turn += 1) begin();
  }, TURN_MS);
  if (everyMs !== null && piece.length > 0) {
    setInterval(() => {
      for (const socket of open.keys()) {
        damage.sentBytes += piece.length;
        socket.write(piece);
      }
    }, everyMs);
  }
}

function attackUdp({ port, datagrams, perTurn }: Orders & { kind: 'udp' }): void {
  const sockets = Array.from({ length: 8 }, () => createSocket('udp4'));
  const made = datagrams.map((hex) => Buffer.from(hex, 'hex'));
  let number = 0;
  for (const socket of sockets) {
    socket.bind(0, ADDRESS);
    socket.on('error', () => {});
  }
  const turn = () => {
    for (let count = 0; count < perTurn; count += 1) {
      number += 1;
      const bytes = Buffer.from(made[number % made.length]!);
      // Another message id, and where digits stand for one, another device: nothing is a repetition.
      if (bytes.length >= 4) bytes.writeUInt16BE(number & 0xffff, 2);
      const at = bytes.indexOf('#########');
      if (at >= 0) bytes.write(String(number % 1_000_000_000).padStart(9, '0'), at, 'latin1');
      damage.datagrams += 1;
      damage.sentBytes += bytes.length;
      sockets[number % sockets.length]!.send(bytes, port, ADDRESS, () => {});
    }
    begins();
    setTimeout(turn, 1);
  };
  setTimeout(turn, 50);
}

if (orders.kind === 'tcp') attackTcp(orders);
else attackUdp(orders);
process.stdin.resume();
process.stdin.on('end', () => {
  process.stdout.write(`${JSON.stringify(damage)}\n`, () => process.exit(0));
});
