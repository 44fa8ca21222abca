/**
 * The open offer of one pile as its connection holds it: the update command, and whether it may leave now. Says what is
 * right; sending, recording and asking the database are for the dialogue (`dialogue.ts`).
 */
import { encodeFrame } from './codec.ts';
import type { FtpAddress } from './ftp-access.ts';
import type { OpenOffer } from '../devices.ts';
import { requireField } from '../errors.ts';

/** On the wire of the update command; the login says it otherwise. */
const MODELS = { DC: 1, AC: 2 } as const;
/** On the wire of commands that may interrupt charging. */
export const CONTROLS = { at_once: 1, when_idle: 2 } as const;

/** An offer, and what became of it on this connection. */
export class HeldUpdate {
  readonly offer: OpenOffer;
  /** The pile has answered on this connection that it will. */
  isAccepted = false;
  /** The command as it was sent on this connection: repeated to the byte, under the same sequence number. */
  #frame: Buffer | null = null;

  /** `before`: what was held until now; what it knows of the same offer is not forgotten. */
  constructor(offer: OpenOffer, before: HeldUpdate | null) {
    this.offer = offer;
    if (before?.offer.id !== offer.id) return;
    this.isAccepted = before.isAccepted;
    this.#frame = before.#frame;
    // Written in groups: the row may be a second behind.
    offer.firstRequestAtMs ??= before.offer.firstRequestAtMs;
    offer.finishedAtMs ??= before.offer.finishedAtMs;
  }

  /**
   * May the update command leave now? Not again before the answer is due, not while the update runs: the pile has said
   * on this connection that it will, or has begun to fetch; not to a pile that runs the target already.
   *
   * @param answerMs how long an answer may take, where the offer does not say
   */
  maySend(nowMs: number, version: string | null, answerMs: number): boolean {
    const { finishedAtMs, firstRequestAtMs, expiresAtMs, lastSentAtMs, targetVersion, reactionMs } = this.offer;
    return (
      !this.isAccepted &&
      finishedAtMs === null &&
      firstRequestAtMs === null &&
      expiresAtMs > nowMs &&
      targetVersion !== version &&
      (lastSentAtMs === null || nowMs - lastSentAtMs >= (reactionMs ?? answerMs))
    );
  }

  /**
   * The update command; `address` says where the file is, `nextSeq` is asked for a sequence number the first time only. Throws `invalid_field` when
   * something is missing or does not fit its field.
   */
  command(pileCode: string, address: (offer: OpenOffer) => FtpAddress, nextSeq: () => number): Buffer {
    if (this.#frame !== null) return this.#frame;
    const { pile } = this.offer;
    if (pile === undefined) requireField(false, 'pile', pile, 'model and power of the pile, control and minutes');
    const { model, powerKw, control, downloadTimeoutMinutes } = pile!;
    const { host, port, user, password, path } = address(this.offer);
    const body = {
      pileCode,
      pileModel: MODELS[model],
      power: powerKw,
      serverAddress: host,
      serverPort: port,
      username: user,
      password,
      filePath: path,
      executeControl: CONTROLS[control],
      downloadTimeoutMin: downloadTimeoutMinutes,
    };
    // Built once before a number is used up: what cannot be built is no request.
    encodeFrame({ name: 'update', seq: 0, body });
    this.#frame = encodeFrame({ name: 'update', seq: nextSeq(), body });
    return this.#frame;
  }

  /** The command is about to leave. */
  sent(nowMs: number): void {
    this.offer.sends += 1;
    this.offer.lastSentAtMs = nowMs;
  }
}
