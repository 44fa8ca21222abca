/**
 * The commands of one control connection that need a data connection: PASV, EPSV, RETR, LIST, NLST, ABOR.
 */
import type { FtpContext } from './ftp-context.ts';
import { findNode, list, NOT_FOUND, type FtpDesk, type FtpReply } from './ftp-commands.ts';
import { sendFile, sendText } from './ftp-data.ts';
import type { DataPort } from './ftp-passive.ts';

const NO_DATA: FtpReply = [425, 'The data connection did not come.'];
const NO_PORT: FtpReply = [425, 'Use PASV or EPSV first.'];
const BUSY: FtpReply = [425, 'No port is free; try again.'];
const DONE: FtpReply = [226, 'Everything was sent.'];
const CUT: FtpReply = [426, 'The transfer was cut.'];
/** What is wrong is here, not with the file. */
const TRY_AGAIN: FtpReply = [451, 'The server cannot read its files at the moment; try again.'];

export interface FtpPeer {
  /** Where the control connection comes from, and where it reached us. */
  address: string;
  localAddress: string;
}

/** The data connections of one control connection, one at a time. */
export class FtpTransfers {
  readonly #context: FtpContext;
  readonly #peer: FtpPeer;
  #port: DataPort | null = null;
  #stop: AbortController | null = null;
  #isOver = false;

  constructor(context: FtpContext, peer: FtpPeer) {
    this.#context = context;
    this.#peer = peer;
  }

  /** PASV. */
  async passive(): Promise<FtpReply> {
    const address = await this.#context.passiveAddress(this.#peer.localAddress);
    if (address === null) return [425, 'PASV is for IPv4; use EPSV.'];
    const port = await this.#open();
    if (port === null) return BUSY;
    const numbers = [...address.split('.'), port >> 8, port & 0xff].join(',');
    return [227, `Entering Passive Mode (${numbers}).`];
  }

  /** EPSV. */
  async extendedPassive(argument: string): Promise<FtpReply> {
    if (/^all$/i.test(argument)) return [200, 'EPSV it is.'];
    const family = this.#peer.address.includes(':') ? '2' : '1';
    if (argument !== '' && argument !== family) return [522, `Network protocol not supported, use (${family})`];
    const port = await this.#open();
    return port === null ? BUSY : [229, `Entering Extended Passive Mode (|||${port}|)`];
  }

  /** RETR; `begun` says the first word, long before the last one is returned. Null: the offer has ended. */
  async retrieve(argument: string, desk: FtpDesk, begun: (reply: FtpReply) => void): Promise<FtpReply | null> {
    const offset = desk.restAt;
    desk.restAt = 0;
    if (findNode(argument, desk) !== 'file') return NOT_FOUND;
    const port = this.#takePort();
    if (port === null) return NO_PORT;
    const stop = this.#begin(port);
    try {
      const file = await this.#context.openFile(desk.offer);
      if (file === null) return null;
      desk.offer = file.offer;
      const { bytes, offer } = file;
      begun([150, `${bytes.length - offset} bytes of ${desk.path.name} follow.`]);
      const socket = await port.connection();
      if (socket === null) return stop.aborted ? CUT : NO_DATA;
      const outcome = await sendFile(this.#context, { socket, offer, bytes, offset, stop });
      if (outcome === 'sent') return DONE;
      // A stop that nobody here has asked for was the end of the offer, or a newer download of the same pile.
      return CUT;
    } catch (error) {
      this.#context.log.warn({ err: error, deviceId: desk.offer.deviceId }, 'a file could not be given to a pile');
      return TRY_AGAIN;
    } finally {
      port.close();
      this.#stop = null;
    }
  }

  /** LIST and NLST. */
  async list(argument: string, desk: FtpDesk, isLong: boolean, begun: (reply: FtpReply) => void): Promise<FtpReply> {
    const text = list(argument, desk, isLong);
    if (text === null) return NOT_FOUND;
    const port = this.#takePort();
    if (port === null) return NO_PORT;
    const stop = this.#begin(port);
    begun([150, 'The list follows.']);
    const socket = await port.connection();
    this.#stop = null;
    if (socket === null) return stop.aborted ? CUT : NO_DATA;
    return (await sendText(this.#context, socket, text)) ? DONE : CUT;
  }

  /** ABOR, as soon as it is read: what is under way answers that it was cut. */
  abort(): void {
    this.#stop?.abort();
  }

  /** The control connection is closed. */
  end(): void {
    this.#isOver = true;
    this.#port?.close();
    this.abort();
  }

  async #open(): Promise<number | null> {
    this.#port?.close();
    this.#port = null;
    const { passive, times } = this.#context;
    const port = await passive.open(this.#peer.address, times.dataMs);
    if (this.#isOver) port?.close();
    else this.#port = port;
    return port?.port ?? null;
  }

  #takePort(): DataPort | null {
    const port = this.#port;
    this.#port = null;
    return port;
  }

  #begin(port: DataPort): AbortSignal {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    signal.addEventListener('abort', () => port.close());
    if (this.#isOver) this.#stop.abort();
    return signal;
  }
}
