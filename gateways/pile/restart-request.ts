/**
 * A remote restart on its way: 92 is sent, and sent again with the same bytes when no 91 comes (PROTOCOLS 4.3).
 *
 * Its end says what the pile answered. That it is back is said by its next login.
 */
import { encodeFrame } from './codec.ts';
import { CONTROLS, type PileControl } from './held-update.ts';

const SENDINGS = 3;

/** What became of it: `busy` when another one is on its way, `offline` when the pile is not connected here, or left. */
export type RestartAnswer = 'done' | 'failed' | 'no_answer' | 'offline' | 'busy';

export class RestartRequest {
  readonly answered: Promise<RestartAnswer>;
  readonly seq: number;
  readonly #frame: Buffer;
  #sendings = 0;
  #sentAtMs = 0;
  #end: (answer: RestartAnswer) => void = () => {};

  constructor(pileCode: string, control: PileControl, seq: number) {
    this.seq = seq;
    this.#frame = encodeFrame({ name: 'reboot', seq, body: { pileCode, executeControl: CONTROLS[control] } });
    this.answered = new Promise((resolve) => (this.#end = resolve));
  }

  /** The bytes to send now, if it is time to; ends the request when it was sent often enough. */
  due(nowMs: number, answerMs: number): Buffer | null {
    if (this.#sendings > 0 && nowMs - this.#sentAtMs < answerMs) return null;
    if (this.#sendings === SENDINGS) {
      this.end('no_answer');
      return null;
    }
    this.#sendings += 1;
    this.#sentAtMs = nowMs;
    return this.#frame;
  }

  end(answer: RestartAnswer): void {
    this.#end(answer);
  }
}
