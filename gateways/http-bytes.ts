/**
 * Sends many bytes, as the body of an HTTP answer or over a connection of their own: as fast as the other side takes
 * them and no faster, until they are sent, the other side is gone, somebody says stop, or nothing moves any more.
 */
import type { Writable } from 'node:stream';
import { standstills } from './standstills.ts';

/** How a sending ended; only `sent` is complete. */
export type SendOutcome = 'sent' | 'gone' | 'stopped' | 'stalled';

export interface SendOptions {
  /** Given to the socket at a time; the clock of `stallMs` starts again with each. */
  chunkBytes: number;
  /** A receiver that does not take a chunk within this time is given up. */
  stallMs: number;
  /** Nothing leaves any more once it is aborted. */
  signal: AbortSignal;
  /** So many more bytes have been handed to the socket. */
  sent: (bytes: number) => void;
}

/** Sends `bytes` and ends the answer; an incomplete one ends with its connection, so that nobody takes it for whole. */
export function sendBytes(response: Writable, bytes: Buffer, options: SendOptions): Promise<SendOutcome> {
  const { chunkBytes, stallMs, signal, sent } = options;
  const before = standstills.long;
  return new Promise((resolve) => {
    let at = 0;
    let isOver = false;
    const timer = setTimeout(() => end('stalled'), stallMs);
    const onClose = () => end('gone');
    const onAbort = () => end('stopped');
    const end = (outcome: SendOutcome) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      response.off('close', onClose);
      if (outcome === 'sent') response.end();
      else response.destroy();
      resolve(outcome);
    };
    const next = () => {
      if (isOver) return;
      // Whoever asked for it may have it from elsewhere by now.
      if (standstills.long !== before) return end('stopped');
      if (at === bytes.length) return end('sent');
      const chunk = bytes.subarray(at, at + chunkBytes);
      response.write(chunk, (error) => {
        if (isOver) return;
        if (error) return end('gone');
        at += chunk.length;
        timer.refresh();
        sent(chunk.length);
        next();
      });
    };
    response.on('close', onClose);
    response.on('error', onClose);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) end('stopped');
    else next();
  });
}
