/**
 * What a handler returned, on its way to the caller: JSON, a file, or text that is sent while it is made.
 */
import { once } from 'node:events';
import type { Response } from 'express';
import { loggable } from '../problems.ts';
import { logOf, requestIdOf } from './requests.ts';
import { Answer, FileAnswer, LiveAnswer, StreamAnswer, type Route, type Services } from '../route.ts';
import type { Check } from './validation.ts';

/** A result with the status and headers it will have; for answers that can be kept. */
export function toAnswer(each: Route, result: unknown): Answer<unknown> {
  if (result instanceof FileAnswer || result instanceof StreamAnswer || result instanceof LiveAnswer)
    throw new Error(`${each.id} is idempotent, and a stream cannot be kept`);
  const { body, options } = result instanceof Answer ? (result as Answer<unknown>) : new Answer<unknown>(result);
  return new Answer(body, { status: options.status ?? each.status, headers: options.headers ?? {} });
}

/** Sends the answer, after comparing it with its schema. */
export async function sendAnswer(
  each: Route,
  response: Response,
  result: unknown,
  check: Check | undefined,
  services: Pick<Services, 'responseCheck' | 'log'>,
): Promise<void> {
  if (result instanceof LiveAnswer) return result.serve(response);
  if (result instanceof StreamAnswer) return sendStream(each, response, result, services);
  if (result instanceof FileAnswer) {
    response.attachment(result.fileName);
    response.set(result.headers).type('application/octet-stream').send(result.bytes);
    return;
  }
  const { body, options } = result instanceof Answer ? (result as Answer<unknown>) : new Answer(result);
  const errors = check?.(body) ?? [];
  if (errors.length > 0) {
    const message = `${each.id} answers what its schema does not allow`;
    if (services.responseCheck === 'throw') throw new Error(`${message}: ${JSON.stringify(errors)}`);
    services.log.error({ routeId: each.id, requestId: requestIdOf(response), errors }, message);
  }
  response.status(options.status ?? each.status).set(options.headers ?? {});
  // An ETag here is a revision, for If-Match. What a device reports changes without it, so nothing is "not modified".
  delete response.req.headers['if-none-match'];
  if (each.status === 204) response.end();
  else response.json(body);
}

/**
 * Sends parts as fast as they are taken. While the body of the request is still arriving nothing waits for a slow
 * reader: clients that send everything before they read would wait for us, and we for them.
 */
async function sendStream(
  each: Route,
  response: Response,
  { parts, options }: StreamAnswer,
  services: Pick<Services, 'log'>,
): Promise<void> {
  const iterator = parts[Symbol.asyncIterator]();
  try {
    // what fails at once is a problem like any other
    let next = await iterator.next();
    response.status(each.status).set(options.headers ?? {});
    response.set('Content-Type', options.type);
    response.flushHeaders();
    for (; next.done !== true; next = await iterator.next()) {
      if (response.destroyed) return;
      if (!response.write(next.value) && response.req.complete) await drained(response);
    }
    response.end();
  } catch (error) {
    if (!response.headersSent) throw error;
    if (response.destroyed) return;
    (logOf(response) ?? services.log).error({ err: loggable(error), routeId: each.id }, 'answer broken off');
    if (options.lastWords === undefined) response.destroy();
    else response.end(options.lastWords(error));
  } finally {
    // whoever makes the parts stops, also when the client is gone
    await iterator.return?.();
  }
}

async function drained(response: Response): Promise<void> {
  if (response.destroyed) return;
  const gone = new AbortController();
  const { signal } = gone;
  try {
    await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]);
  } finally {
    gone.abort();
  }
}
