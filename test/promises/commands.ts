/** The promises about commands to devices: ended, done once, accounted for. Pure functions over what is there. */
import { Findings, type Broken } from './broken.ts';

/** A command with its log. */
export interface CommandRecord {
  id: number;
  status: string;
  reason: string | null;
  sends: number;
  finishedAtMs: number | null;
  log: { id: number; author: string; event: string; status: string; attempt: number; cause: string; atMs: number }[];
}

const LIVE = ['waiting', 'sent', 'accepted'];

/** Everything that is broken about a command that should have ended; `heard`: frames that reached the device. */
export function brokenByCommand(record: CommandRecord, heard: number): Broken[] {
  const findings = new Findings(`command ${record.id}`);
  const { status, sends, finishedAtMs, log } = record;
  const hasEnded = finishedAtMs !== null && !LIVE.includes(status);
  findings.check(hasEnded, 'every task ends', `it is still ${status}`);
  const sent = log.filter(({ event }) => event === 'sent').map(({ attempt }) => attempt);
  findings.check(
    new Set(sent).size === sent.length,
    'commands are done once',
    `sent under one number twice: ${sent.join(', ')}`,
  );
  findings.check(sent.length === sends, 'every transition is accounted for', `${sends} sendings, ${sent.length} lines`);
  findings.check(heard <= sends, 'commands are done once', `${heard} frames arrived, ${sends} were claimed`);
  findings.check(
    status !== 'succeeded' || heard > 0,
    'no silent success',
    'it has succeeded and the device heard nothing',
  );
  findings.check(
    status !== 'succeeded' || log.some(({ author }) => author === 'device'),
    'no silent success',
    'it has succeeded without a word of the device',
  );
  for (const { author, event, cause, atMs } of log)
    findings.check(
      author !== '' && event !== '' && atMs > 0,
      'every transition is accounted for',
      `a line without author, event or time (${cause})`,
    );
  const ends = log.filter((line) => !LIVE.includes(line.status));
  findings.check(
    !hasEnded || ends.length === 1,
    'every transition is accounted for',
    `its end is logged ${ends.length} times`,
  );
  findings.check(
    log.at(-1)?.status === status,
    'every transition is accounted for',
    `it is ${status}, the log ends with ${log.at(-1)?.status}`,
  );
  return findings.broken;
}
