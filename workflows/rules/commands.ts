/**
 * Device commands: which there are and who knows them, what one can be and what may follow, and what an answer means.
 * The protocol's own rules (PROTOCOLS 1.4, 2.2, 4.3) are judged here; how an order becomes bytes is the gateways' matter.
 */

/** Commands a person may give to one device. A name is never reused for another meaning. */
export const COMMAND_KINDS = [
  'set_sleep', // sleep so many minutes after each check-in (SLPT)
  'read_sleep', // how many minutes does it sleep? (CHKSLPT)
  'restart', // remote restart of a charging pile
  'query_version', // which version does it run? (PCP 0x13)
] as const;
export type CommandKind = (typeof COMMAND_KINDS)[number];

/** The one protocol that knows a command. */
export const COMMAND_PROTOCOLS: Readonly<Record<CommandKind, 'terminal' | 'pile' | 'pcp'>> = {
  set_sleep: 'terminal',
  read_sleep: 'terminal',
  restart: 'pile',
  query_version: 'pcp',
};

/** Begin at once, which interrupts charging, or when nothing is charging. */
export const RESTART_CONTROLS = ['at_once', 'when_idle'] as const;
export type RestartControl = (typeof RESTART_CONTROLS)[number];

/** Minutes a terminal may be told to sleep. */
export const SLEEP_MINUTES = { min: 60, max: 44_640 } as const;

/** What is to be done; what a gateway makes a frame of. */
export type CommandOrder =
  | { kind: 'set_sleep'; minutes: number }
  | { kind: 'read_sleep' }
  | { kind: 'restart'; control: RestartControl }
  | { kind: 'query_version' };

/** What one command can be. The first three are alive, the others are ends. */
export const COMMAND_STATUSES = [
  'waiting', // for the device's next contact, or for its turn
  'sent', // the frame of the open attempt has left, the answer is awaited
  'accepted', // the device said yes; what proves that it was done is awaited
  'succeeded',
  'failed', // `reason` is the code
  'expired', // the deadline came first
  'cancelled', // a person took it back
] as const;
export type CommandStatus = (typeof COMMAND_STATUSES)[number];

/** Statuses a command leaves by itself. */
export const LIVE_COMMAND_STATUSES = ['waiting', 'sent', 'accepted'] as const;

/** For each status, the statuses that may follow it. */
export const COMMAND_TRANSITIONS: Readonly<Record<CommandStatus, readonly CommandStatus[]>> = {
  // An answer may come late, when the next attempt waits already.
  waiting: ['sent', 'accepted', 'succeeded', 'failed', 'expired', 'cancelled'],
  sent: ['waiting', 'accepted', 'succeeded', 'failed', 'expired', 'cancelled'],
  accepted: ['succeeded', 'failed', 'expired'],
  succeeded: [],
  failed: [],
  expired: [],
  cancelled: [],
};

/** True when `to` may follow `from`. */
export function mayFollowCommand(from: CommandStatus, to: CommandStatus): boolean {
  return COMMAND_TRANSITIONS[from].includes(to);
}

/** True when nothing more happens to a command. */
export function isCommandEnd(status: CommandStatus): boolean {
  return !(LIVE_COMMAND_STATUSES as readonly string[]).includes(status);
}

/** Why a command failed, in words, and what to do. */
export const COMMAND_FAILURES = {
  no_answer: {
    words: 'the device was in contact and did not answer three sendings',
    advice: 'it may have done it all the same; look at the device, then give the command again',
  },
  terminal_02: { words: 'the terminal says: command length wrong', advice: 'report it with the log of the command' },
  terminal_03: {
    words: 'the terminal says: software version of the command wrong',
    advice: 'it has changed its version; give the command again after its next report',
  },
  terminal_04: {
    words: 'the terminal says: check code of the command wrong',
    advice: 'give the command again; if it stays, the connection spoils what is sent',
  },
  terminal_05: {
    words: 'the terminal says: its flash could not be written',
    advice: 'give the command again; if it stays, the terminal is broken',
  },
  terminal_06: { words: 'the terminal says: parameter wrong', advice: 'its software may not know this command' },
  value_not_taken: {
    words: 'asked again, the terminal still names another value than it was told',
    advice: 'give the command again; if it stays, its software allows other values only',
  },
  answer_unreadable: {
    words: 'the answer of the device is neither a value nor a known error code',
    advice: 'report it with the log of the command',
  },
  pile_refused: { words: 'the pile says that it does not restart', advice: 'look at the pile, then try again' },
  no_login: {
    words: 'the pile agreed to restart at once and did not log in again within 30 minutes',
    advice: 'look at the pile; it may hang',
  },
  pcp_refused: { words: 'the device answered with an error', advice: 'report it with the log of the command' },
  not_sendable: { words: 'no frame can be made of this command', advice: 'report it with the log of the command' },
  internal_error: {
    words: 'the program failed; the cause is in the log of the command and in its execution',
    advice: 'report it as a bug with the history of the execution',
  },
} as const satisfies Record<string, { words: string; advice: string }>;
export type CommandFailure = keyof typeof COMMAND_FAILURES;

/** A frame that is not answered for so long counts as lost. */
export const ANSWER_MS = 30_000;
/** How often one question is sent in all. */
export const COMMAND_SENDS = 3;
/** A pile that restarts at once is back within this time. */
export const RESTART_MS = 30 * 60_000;
/** Life of a command unless its giver says otherwise, and the longest. */
export const COMMAND_LIFE_MS = { usual: 24 * 3_600_000, max: 30 * 24 * 3_600_000 } as const;
/** Unfinished commands that one device may have. */
export const COMMANDS_PER_DEVICE = 20;

/** What is being sent: the order itself, or the question what became of it. */
export const COMMAND_STAGES = ['order', 'check'] as const;
export type CommandStage = (typeof COMMAND_STAGES)[number];

/** What a device answered, as its gateway read it. */
export type CommandAnswer =
  /** A terminal: the name of the answer and its parameter. */
  | { said: 'value'; cmd: string; value: string | null }
  /** A pile, to a restart. */
  | { said: 'restart'; accepted: boolean }
  /** A PCP device: 0 and its version. */
  | { said: 'version'; result: number; version: string }
  /** Not the device but the gateway: nothing could be sent. */
  | { said: 'nothing'; why: string };

/** What a command learnt, for example `{ minutes: 600 }`. */
export type CommandResult = Readonly<Record<string, string | number>>;

/** Everything that is known of a command when somebody looks. Times are of the database's clock. */
export interface CommandFacts {
  status: CommandStatus;
  reason: string | null;
  order: CommandOrder;
  stage: CommandStage;
  /** Number of the open attempt: the fence. */
  attempt: number;
  /** The same, counted within its stage. */
  stageAttempt: number;
  /** Frames that have left, of all attempts. */
  sends: number;
  /** When the frame of the open attempt left; null: it has not. */
  sentAtMs: number | null;
  /** The first sending will wake whoever waits; nobody needs to look before. */
  awaitsContact: boolean;
  answer: CommandAnswer | null;
  /** When the device accepted. */
  acceptedAtMs: number | null;
  /** What proves it, for a restart the next login, came after the device had accepted. */
  proven: boolean;
  /** Heard of so lately that it is most likely connected. */
  online: boolean;
  expiresAtMs: number;
  nowMs: number;
}

/** What follows from the facts. */
export type CommandVerdict =
  /** Nothing yet; look again after `ms`, or when woken. */
  | { kind: 'wait'; ms: number; why: string }
  /** Send the same once more, under a new number. */
  | { kind: 'again'; cause: string }
  /** Ask the device what it has stored. */
  | { kind: 'check'; cause: string }
  | { kind: 'accepted' }
  | CommandEnd;

/** How a command ends. */
export interface CommandEnd {
  kind: 'end';
  status: 'succeeded' | 'failed' | 'expired';
  reason: CommandFailure | null;
  author: 'device' | 'system';
  cause: string;
  result?: CommandResult;
}

/** Judges a command that has not ended. What the device said counts, however late; then the deadline, then the clock. */
export function judgeCommand(facts: CommandFacts): CommandVerdict {
  const { status, answer, nowMs, expiresAtMs, sentAtMs, stageAttempt, order } = facts;
  if (status === 'accepted') return judgeAccepted(facts);
  const isOver = nowMs >= expiresAtMs;
  if (answer !== null) {
    const verdict = judgeAnswer(order, facts.stage, answer);
    return verdict.kind === 'check' && isOver ? expired(facts) : verdict;
  }
  if (isOver) return expired(facts);
  const leftMs = expiresAtMs - nowMs;
  if (sentAtMs === null) {
    if (facts.awaitsContact) return { kind: 'wait', ms: leftMs, why: 'the next contact' };
    return { kind: 'wait', ms: Math.min(ANSWER_MS, leftMs), why: 'the sending' };
  }
  const answerMs = sentAtMs + ANSWER_MS - nowMs;
  if (answerMs > 0) return { kind: 'wait', ms: Math.min(answerMs, leftMs), why: 'the answer' };
  if (stageAttempt >= COMMAND_SENDS) return failed('no_answer');
  return { kind: 'again', cause: `no answer within ${ANSWER_MS / 1_000} s` };
}

function judgeAccepted({ order, proven, acceptedAtMs, nowMs, expiresAtMs }: CommandFacts): CommandVerdict {
  if (proven) return succeeded('the pile has logged in again');
  if (nowMs >= expiresAtMs) {
    return end('expired', 'accepted, but the pile has not logged in again before the deadline');
  }
  // One that waits for the end of charging may take its time.
  const isDueMs =
    order.kind === 'restart' && order.control === 'at_once' ? (acceptedAtMs ?? nowMs) + RESTART_MS : expiresAtMs;
  if (nowMs >= isDueMs) return failed('no_login');
  return { kind: 'wait', ms: Math.min(isDueMs, expiresAtMs) - nowMs, why: 'the next login' };
}

/** What an answer means for the order it answers. */
export function judgeAnswer(order: CommandOrder, stage: CommandStage, answer: CommandAnswer): CommandVerdict {
  if (answer.said === 'nothing') return failed('not_sendable', answer.why);
  if (order.kind === 'restart') {
    if (answer.said !== 'restart') return failed('answer_unreadable');
    return answer.accepted ? { kind: 'accepted' } : failed('pile_refused');
  }
  if (order.kind === 'query_version') {
    if (answer.said !== 'version') return failed('answer_unreadable');
    if (answer.result !== 0) return failed('pcp_refused', `result ${answer.result}`);
    return succeeded(`the device runs ${answer.version}`, { version: answer.version });
  }
  return answer.said === 'value' ? judgeSleep(order, stage, answer.value) : failed('answer_unreadable');
}

function judgeSleep(
  order: CommandOrder & { kind: 'set_sleep' | 'read_sleep' },
  stage: CommandStage,
  value: string | null,
): CommandVerdict {
  const said = value ?? '';
  // Two digits: a value of that many minutes would be written without the zero.
  if (/^0[2-6]$/.test(said)) return failed(`terminal_${said}` as CommandFailure);
  const minutes = /^(?:0|[1-9]\d{0,5})$/.test(said) ? Number(said) : null;
  if (order.kind === 'set_sleep') {
    if (minutes === order.minutes) return succeeded(`the terminal sleeps ${minutes} minutes`, { minutes });
    if (stage === 'order') {
      return { kind: 'check', cause: `the terminal answered "${said}" instead of "${order.minutes}"` };
    }
    return failed(minutes === null ? 'answer_unreadable' : 'value_not_taken', `it says "${said}"`);
  }
  if (minutes === null) return failed('answer_unreadable', `it says "${said}"`);
  return succeeded(`the terminal sleeps ${minutes} minutes`, { minutes });
}

function expired({ sends }: CommandFacts): CommandEnd {
  const what = sends === 0 ? 'never sent' : `sent ${sends} times, what came of it is not known`;
  return end('expired', `the deadline has passed; it was ${what}`);
}

function failed(reason: CommandFailure, more = ''): CommandEnd {
  const { words, advice } = COMMAND_FAILURES[reason];
  const isOurs = reason === 'no_answer' || reason === 'no_login' || reason === 'not_sendable';
  const cause = `${words}${more === '' ? '' : ` (${more})`}; ${advice}`;
  return { kind: 'end', status: 'failed', reason, author: isOurs ? 'system' : 'device', cause };
}

function succeeded(cause: string, result?: CommandResult): CommandEnd {
  const ended: CommandEnd = { kind: 'end', status: 'succeeded', reason: null, author: 'device', cause };
  return result === undefined ? ended : { ...ended, result };
}

function end(status: 'expired', cause: string): CommandEnd {
  return { kind: 'end', status, reason: null, author: 'system', cause };
}

/** A command as people read it: `set_sleep 600 minutes`, `restart at_once`. */
export function commandWords(order: CommandOrder): string {
  if (order.kind === 'set_sleep') return `set_sleep ${order.minutes} minutes`;
  return order.kind === 'restart' ? `restart ${order.control}` : order.kind;
}
