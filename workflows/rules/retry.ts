/**
 * What happens after something went wrong with a device: the one table of failure codes.
 *
 * The class decides, not the count alone: what cannot get better is never retried, what needs the radio waits for the
 * radio, and what is bad luck is tried again at once but not for ever.
 */

/**
 * - `now`: try again at once; counts against the attempts of the file
 * - `reconnect`: nobody's fault, the device went away or the time did; a new offer waits and costs no attempt
 * - `later`: the device said "not now"; wait, then try again, inside the life of the task
 * - `never`: trying again cannot help; a person must act
 */
export type RetryClass = 'now' | 'reconnect' | 'later' | 'never';

/** What a failure code means and what follows from it. */
export interface FailureMeaning {
  retry: RetryClass;
  /** In plain words, for the progress log. */
  words: string;
  /** What the person in front of the screen can do. */
  advice: string;
}

const FAILURES = {
  // 2G terminal: the command was refused (PROTOCOLS 3.4)
  terminal_731: never(
    'the terminal says the upgrade command is too short',
    'ask the gateway developer: the command was built wrong or cut on the way',
  ),
  terminal_735: never(
    'the terminal says the fields of the command are not separated by commas',
    'ask the gateway developer',
  ),
  terminal_738: now('the command arrived with a wrong check code', 'nothing: it is sent again'),
  terminal_739: never(
    'the terminal says the package name (pinfo) has the wrong length',
    'upload the file again under the name its maker gave it',
  ),
  terminal_740: never(
    'the terminal says the software version in the package name is wrong, most likely it runs that version already',
    'compare the version the terminal reports with the target of the file',
  ),
  terminal_745: never('the terminal says the file size is outside 10 KByte to 100 KByte', 'ask the maker of the file'),
  terminal_749: never('the terminal says file size and packet count do not fit', 'ask the gateway developer'),
  terminal_756: never(
    'the terminal says the list of packet check codes does not fit the packet count',
    'ask the gateway developer',
  ),
  terminal_801: now('programming the flash failed', 'if it happens again the terminal needs service'),
  terminal_803: now('a packet arrived corrupt six times in a row', 'the radio is bad; it is tried again'),
  terminal_805: now('a packet did not arrive within a minute', 'the radio is bad; it is tried again'),
  terminal_unknown: never(
    'the terminal answered with a code that is in no table',
    'ask the maker of the terminal what the code means',
  ),
  // AMS tracker: what it says with its progress (docs/protocols/ams.md)
  ams_checksum: now(
    'the tracker says that what it fetched does not have the MD5 of the directive',
    'if it happens again, something on the way changes bytes',
  ),
  ams_download: now('the tracker could not fetch the file', 'if it happens again, look whether it reaches the address'),
  ams_flash: now('programming the flash failed', 'if it happens again the tracker needs service'),
  ams_busy: later('the tracker is in use', 'nothing: it is asked again later'),
  ams_low_battery: later('the battery of the tracker is low', 'nothing: it is asked again later'),
  ams_bad_signal: later('the signal is too bad for the tracker', 'nothing: it is asked again later'),
  ams_no_space: never('the tracker has no space for the file', 'ask the maker of the tracker'),
  ams_unsupported: never(
    'the tracker says that it cannot install this file',
    'compare the model of the tracker and the component with the file',
  ),
  ams_unknown: never(
    'the tracker gave up with a word that is in no table',
    'ask the maker of the tracker what the word in the log means',
  ),
  // PCP device: the results in its messages (PROTOCOLS 1.4)
  pcp_in_use: later('the device is in use', 'nothing: it is asked again later'),
  pcp_bad_signal: later('the signal is too bad for the device', 'nothing: it is asked again later'),
  pcp_low_battery: later('the battery of the device is low', 'nothing: it is asked again later'),
  pcp_up_to_date: never(
    'the device says that it is up to date, and reports another version than the target',
    'compare the version the device reports with the target of the file',
  ),
  pcp_no_space: never('the device has no space left for the file', 'ask the maker of the device'),
  pcp_no_memory: never('the device has not enough memory', 'ask the maker of the device'),
  pcp_unsupported: never(
    'the device does not support this kind of file',
    'compare the model of the device with the file',
  ),
  pcp_download_timeout: now('the download timed out', 'the radio is bad; it is tried again'),
  pcp_check_failed: now(
    'what the device downloaded failed its check',
    'if it happens again, ask the maker of the file',
  ),
  pcp_install_failed: now('installing the file failed', 'if it happens again the device needs service'),
  pcp_internal_error: now('internal error of the device', 'if it happens again the device needs service'),
  pcp_no_answer: now(
    'the device has the file and did not answer when it was told to install it',
    'nothing: it is tried again at its next contact',
  ),
  pcp_unknown: never(
    'the device answered with a result that is in no table',
    'ask the maker of the device what the number in the log means',
  ),
  // charging pile: state of the update answer (PROTOCOLS 4.2)
  pile_wrong_number: never(
    'the pile says that the command names another pile',
    'compare the registered pile number with the plate of the pile',
  ),
  pile_wrong_model: never(
    'the pile says that the program does not fit its model',
    'compare model and power of the pile with the file',
  ),
  pile_download_timeout: now(
    'the pile could not download the file in time',
    'look whether the pile reaches the FTP address; raise the download timeout of the task if the network there is slow',
  ),
  pile_not_sendable: never(
    'the update command for the pile could not be built',
    'look whether model and power of the pile are registered, and at the log of the gateway',
  ),
  pile_unknown: never(
    'the pile answered with a state that is in no table',
    'ask the maker of the pile what the number in the log means',
  ),
  // seen by us
  file_damaged: never(
    'the stored bytes of the file are damaged, nothing of it was sent',
    'upload the file again and order a new task with it; look at the storage of the database',
  ),
  no_reaction: now(
    'the device is connected but did not react to the offer',
    'if it happens again, look whether the device is of the right kind',
  ),
  not_begun: now(
    'the device accepted the offer and did not begin in time',
    'look whether it is in use all the time, or could not reach the file',
  ),
  packet_repeated: now(
    'the device asked for one packet more than six times in a row',
    'the radio is bad; it is tried again',
  ),
  transfer_silent: reconnect('the device stopped asking for packets', 'nothing: it goes on at its next contact'),
  offer_expired: reconnect(
    'the permitted hours or the time of the task ended before the transfer did',
    'nothing: it is offered again in the next window, if there is one',
  ),
  version_changed: reconnect(
    'the device reported another version before it took the offer',
    'nothing: the gate is asked again',
  ),
  transfer_timeout: now(
    'the transfer took longer than its limit',
    'raise the transfer limit of the task if the network there is slow',
  ),
  version_unchanged: now(
    'the device took the whole file and still reports another version',
    'if it happens again, ask the maker of the file',
  ),
} as const satisfies Record<string, FailureMeaning>;

/** Every failure code there is. */
export type FailureCode = keyof typeof FAILURES;
export const FAILURE_CODES = Object.keys(FAILURES) as FailureCode[];

/** Looks a failure code up; a code of another version of the program is a failure for good. */
export function failureMeaning(code: string): FailureMeaning {
  if (isFailureCode(code)) return FAILURES[code];
  return never(`unknown failure ${code}`, 'look at the log of the device');
}

/** The failure code for an error code a 2G terminal sent. */
export function terminalFailureCode(errcode: number): FailureCode {
  const code = `terminal_${errcode}`;
  return isFailureCode(code) ? code : 'terminal_unknown';
}

/** The failure code for the word with which a device of a protocol without numbers gave up. */
export function wordFailureCode(protocol: 'ams' | 'pcp' | 'pile', word: string): FailureCode {
  const code = `${protocol}_${word}`;
  return isFailureCode(code) ? code : `${protocol}_unknown`;
}

/** Own names only: every object also has a `constructor`. */
function isFailureCode(code: string): code is FailureCode {
  return Object.hasOwn(FAILURES, code);
}

function now(words: string, advice: string): FailureMeaning {
  return { retry: 'now', words, advice };
}

function reconnect(words: string, advice: string): FailureMeaning {
  return { retry: 'reconnect', words, advice };
}

function later(words: string, advice: string): FailureMeaning {
  return { retry: 'later', words, advice };
}

function never(words: string, advice: string): FailureMeaning {
  return { retry: 'never', words, advice };
}
