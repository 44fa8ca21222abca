/**
 * How a simulated terminal answers commands (PROTOCOLS 2.2): with the same codec the server uses, or wrongly on request.
 */
import { decodeText, encodeResponse, sleepMinutes, type TerminalProfile } from './codec.ts';

const ERROR_LENGTH = '02';
const ERROR_VERSION = '03';
const ERROR_CHECK = '04';
const ERROR_PARAMETER = '06';

/** The terminal that was told something. */
interface Told {
  sn: string;
  softwareVersion: number;
  sleepMinutes: number;
}

/** Ways to misbehave. */
interface CommandFaults {
  commandSilent?: boolean;
  commandError?: string;
  wrongEcho?: boolean;
}

/** What a line leads to; minutes: it sleeps so long from now on. */
export interface CommandReply {
  /** What it was told; null: nothing that could be read. */
  command: { cmd: string; para: string | null } | null;
  minutes: number | null;
  answer: Buffer | null;
}

/** The answer to a line; null: it is no command for this terminal. */
export function answerCommand(
  line: string,
  told: Told,
  { profile, faults }: { profile: TerminalProfile; faults: CommandFaults },
): CommandReply | null {
  const answer = (keyword: string, cmd: string, para: string) =>
    faults.commandSilent === true
      ? null
      : encodeResponse({
          sn: told.sn,
          softwareVer: told.softwareVersion,
          cmd,
          para: faults.commandError ?? para,
          keyword,
        });
  const decoded = decodeText(Buffer.from(line, 'latin1'), { profile });
  if (!decoded.ok) {
    if (decoded.error === 'unknown_keyword') return null;
    const [keyword = '', , cmd] = line.slice(1).split(',');
    const codes: Partial<Record<string, string>> = { bcc_mismatch: ERROR_CHECK, para_out_of_range: ERROR_PARAMETER };
    // A line too short to hold a command still gets an answer, under the name of the query.
    const name = cmd !== undefined && /^[A-Z]+$/.test(cmd) ? cmd : 'CHKSLPT';
    const code = codes[decoded.error] ?? ERROR_LENGTH;
    return { command: null, minutes: null, answer: answer(keyword, name, code) };
  }
  if (decoded.frame.type !== 'command') return null;
  const { keyword, cmd, para, softwareVer } = decoded.frame;
  const command = { cmd, para };
  const plain = (said: string) => ({ command, minutes: null, answer: answer(keyword, cmd, said) });
  if (softwareVer !== told.softwareVersion) return plain(ERROR_VERSION);
  if (cmd === 'CHKSLPT') return plain(String(told.sleepMinutes));
  if (cmd !== 'SLPT') return plain(ERROR_PARAMETER);
  const minutes = sleepMinutes(para) as number; // out of range does not get here
  const said = faults.wrongEcho === true ? minutes + 1 : minutes;
  return {
    command,
    minutes: faults.commandError === undefined ? minutes : null,
    answer: answer(keyword, cmd, String(said)),
  };
}
