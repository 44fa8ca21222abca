/**
 * Free ports for servers that are ended and come back on the same port. They lie below those the system gives to
 * outgoing connections: while such a server is away, whoever calls it could be given its port, and would keep it.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';

const FIRST = 10_000;
/** Each test process has a range of its own, so that two of them do not choose the same port. */
const RANGE = 1_000;
const RANGES = 20;
const range = Number(process.env['VITEST_POOL_ID'] ?? process.pid) % RANGES;
let next = Math.floor(Math.random() * RANGE);

/** A port of this machine nobody listens on. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < RANGE; tries += 1) {
    const port = FIRST + range * RANGE + next;
    next = (next + 1) % RANGE;
    if (await isFree(port)) return port;
  }
  throw new Error(`no port is free from ${FIRST + range * RANGE} on`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
