/**
 * Requests of one connection that are begun before the answer to the one before has left. Nobody needs it: browsers,
 * proxies and devices wait. Without a limit the requests that fit into one read, about a thousand, are all answered at
 * once, and all those answers are kept for a client that does not read them.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Answers of one connection that may be under way at once: the second for a client that is quicker than our own notice. */
const AT_ONCE = 2;

/**
 * Passes requests on; ends connections on which more are begun than somebody who reads the answers ever needs, and says
 * which.
 */
export function withoutPipelining(
  handle: RequestListener,
  ended: (socket: Socket) => void = () => {},
): RequestListener {
  const underWay = new WeakMap<Socket, number>();
  return (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    const count = (underWay.get(socket) ?? 0) + 1;
    // What was read together with the request that ended the connection still comes here.
    if (socket.destroyed) return;
    if (count > AT_ONCE) {
      ended(socket);
      socket.destroy();
      return;
    }
    underWay.set(socket, count);
    response.once('close', () => underWay.set(socket, (underWay.get(socket) ?? 1) - 1));
    handle(request, response);
  };
}
