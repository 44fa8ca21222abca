/**
 * What goes over a data connection: a file from some place on, or a short text. Progress is what was handed to the
 * socket; the last chunk counts only when the pile is known, or believed, to have it.
 */
import type net from 'node:net';
import type { FtpContext } from './ftp-context.ts';
import type { OpenOffer } from '../devices.ts';
import { sendBytes, type SendOutcome } from '../http-bytes.ts';

const CHUNK_BYTES = 65_536;

/** A file on its way. */
export interface FileSending {
  socket: net.Socket;
  offer: OpenOffer;
  bytes: Buffer;
  /** Where in the file it begins. */
  offset: number;
  /** The pile has asked to stop. */
  stop: AbortSignal;
}

/** Sends a file; how that ended. What follows with its last chunk is not waited for. */
export async function sendFile(context: FtpContext, sending: FileSending): Promise<SendOutcome> {
  const { times, counters, transfers, unconfirmed } = context;
  const { socket, offer, bytes, offset, stop } = sending;
  counters.downloads += 1;
  if (offset > 0) counters.downloadsResumed += 1;
  // It asks for bytes: whatever it was given last before, it does not have all of it.
  if (offset < bytes.length) unconfirmed.get(offer.deviceId)?.abort();
  socket.resume(); // what a pile says here is of no interest, but its end is
  const flow = transfers.begin(offer, offset, false);
  const signal = AbortSignal.any([flow.signal, stop]);
  let left = bytes.length - offset;
  let lastChunk = 0;
  const outcome = await sendBytes(socket, bytes.subarray(offset), {
    chunkBytes: CHUNK_BYTES,
    stallMs: times.stallMs,
    signal,
    sent: (count) => {
      left -= count;
      if (left === 0) lastChunk = count;
      else flow.sent(count);
    },
  });
  if (outcome === 'stalled') counters.downloadsStalled += 1;
  if (outcome === 'gone') counters.downloadsLost += 1;
  if (outcome !== 'sent') {
    flow.done();
    return outcome;
  }
  const revoked = new AbortController();
  unconfirmed.set(offer.deviceId, revoked);
  void hasArrived(socket, AbortSignal.any([signal, revoked.signal]), times.believeMs).then((arrived) => {
    if (arrived) flow.sent(lastChunk);
    else if (!signal.aborted) counters.downloadsLost += 1;
    if (unconfirmed.get(offer.deviceId) === revoked) unconfirmed.delete(offer.deviceId);
    flow.done();
  });
  return outcome;
}

/** Sends a text; false when it could not be sent. */
export async function sendText(context: FtpContext, socket: net.Socket, text: string): Promise<boolean> {
  socket.resume();
  const outcome = await sendBytes(socket, Buffer.from(text, 'latin1'), {
    chunkBytes: CHUNK_BYTES,
    stallMs: context.times.stallMs,
    signal: new AbortController().signal,
    sent: () => {},
  });
  // Nobody waits for the other side to close: what it does not read in time is lost.
  setTimeout(() => socket.destroy(), context.times.believeMs).unref();
  return outcome === 'sent';
}

/**
 * Whether everything that was given to a socket has reached the other side, as far as can be known: it does when it
 * closes its end after we have closed ours, and does not when the connection breaks before. When neither happens for
 * `believeMs`, it is believed: a pile may restart without a word.
 */
async function hasArrived(socket: net.Socket, revoked: AbortSignal, believeMs: number): Promise<boolean> {
  const answer = await new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(true), believeMs);
    timer.unref();
    const settle = (arrived: boolean) => () => {
      clearTimeout(timer);
      resolve(arrived);
    };
    // Who has closed before we did has not seen our end.
    if (revoked.aborted || socket.readableEnded || (socket.destroyed && socket.errored !== null))
      return settle(false)();
    if (socket.destroyed) return settle(socket.writableFinished)();
    revoked.addEventListener('abort', settle(false));
    socket.once('error', settle(false));
    socket.once('close', (hadError) => settle(!hadError && socket.writableFinished)());
  });
  socket.destroy();
  return answer;
}
