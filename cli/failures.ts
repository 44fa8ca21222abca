/**
 * How the command line ends: its exit codes, and errors that say what to do.
 */

/** What scripts decide by. */
export const EXIT = {
  ok: 0,
  /** Refused by Slipway, or called wrongly. */
  failed: 1,
  /** A watched task ended, and not every device succeeded. */
  endedBadly: 2,
  /** No answer, or one that says: not now. */
  unreachable: 3,
  /** The key is missing, unknown, or may not do this. */
  notAllowed: 4,
  /** Ctrl-C, as shells count it. */
  interrupted: 130,
} as const;

/** One of several things that are wrong. */
export interface Detail {
  path: string;
  code?: string;
  message: string;
}

/** An error for people: what happened and what to do. Shown without a stack. */
export class Failure extends Error {
  readonly exitCode: number;
  /** Stable code of the API's problem, if it is one. */
  readonly code: string;
  readonly details: readonly Detail[];
  /** Names the request in the logs of Slipway. */
  readonly requestId: string | null;

  constructor(
    message: string,
    options: {
      exitCode?: number;
      code?: string;
      details?: readonly Detail[];
      requestId?: string | null;
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause: options.cause });
    this.exitCode = options.exitCode ?? EXIT.failed;
    this.code = options.code ?? 'failed';
    this.details = options.details ?? [];
    this.requestId = options.requestId ?? null;
  }
}
