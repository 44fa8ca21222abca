/**
 * Lines that change in place, and bars.
 */
import type { Output } from './output.ts';
import { cut } from './width.ts';

/** Between two changes of what is shown; more would only flicker. */
const REDRAW_MS = 100;
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar of so many columns, filled to a share of 0 to 1. */
export function bar(share: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * Math.max(1, width) * 8);
  const filled = '█'.repeat(eighths >> 3) + EIGHTHS[eighths & 7]!;
  return filled + '░'.repeat(Math.max(0, Math.max(1, width) - filled.length));
}

/** A line on stderr that says how far it is; nothing where nobody looks. */
export class LiveLine {
  readonly #out: Output;
  #shownMs = 0;
  #isShown = false;

  constructor(out: Output) {
    this.#out = out;
  }

  show(text: () => string): void {
    const nowMs = Date.now();
    if (!this.#out.isLive || !process.stderr.isTTY || nowMs - this.#shownMs < REDRAW_MS) return;
    this.#shownMs = nowMs;
    this.#isShown = true;
    process.stderr.write(`\r\u001b[2K${cut(text(), (this.#out.width ?? 80) - 1)}`);
  }

  clear(): void {
    if (this.#isShown) process.stderr.write('\r\u001b[2K');
    this.#isShown = false;
  }
}

/** Several lines on stdout that are drawn over each other. */
export class LiveBlock {
  #height = 0;

  draw(lines: readonly string[]): void {
    const up = this.#height > 0 ? `\u001b[${this.#height}A` : '';
    process.stdout.write(`${up}${lines.map((line) => `\u001b[2K${line}\n`).join('')}\u001b[0J`);
    this.#height = lines.length;
  }
}
