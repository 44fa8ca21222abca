/**
 * What the codes in Tracksolid's answers mean and what follows from each: the one retry table of this platform
 * (PROTOCOLS 7.3). Codes that are not in it mean a failure for good.
 */

/**
 * - `done`: it is done
 * - `again`: not now; wait and try again
 * - `token`: get a new token, once, then try again
 * - `pause`: leave the platform alone for a while: whatever is sent now makes it worse
 * - `check`: it seems to be so already; look, and take it as done if it is as wanted
 * - `never`: trying again cannot help; a person must act
 */
export const ANSWER_CLASSES = ['done', 'again', 'token', 'pause', 'check', 'never'] as const;
export type AnswerClass = (typeof ANSWER_CLASSES)[number];

export interface CodeMeaning {
  class: AnswerClass;
  /** What the code says, in words. */
  words: string;
  /** What the person in front of the screen can do. */
  advice: string;
}

const NOTHING = 'nothing: it is tried again';

/** Every code that is known, by its number. */
export const CODES: Readonly<Record<number, CodeMeaning>> = {
  0: { class: 'done', words: 'success', advice: 'nothing' },
  [-1]: { class: 'again', words: 'the platform is busy', advice: NOTHING },
  // For one device of a change of the expiration.
  1: never('the platform did not do it', 'read the words of the platform; look at the device there'),
  10: never('already bound, or not bound', 'look at the device on the platform'),
  213: never('the account exists already', 'use that account'),
  214: never('the account does not exist', 'correct the account, or have it made on the platform'),
  215: never('the account is of the wrong type', 'choose an account that may own devices'),
  217: never('the account to move to does not exist', 'correct the account, or have it made on the platform'),
  218: never('devices can only be moved to sub-accounts', 'choose an account below that of the program'),
  219: never('the list of IMEIs is not allowed', 'compare the IMEI with the label of the device'),
  220: never('too many IMEIs in one call', 'ask the developer'),
  225: { class: 'again', words: 'the command timed out', advice: NOTHING },
  226: never('a parameter of the command is wrong', 'ask the developer'),
  227: never('the command was not carried out', 'look at the device on the platform'),
  228: never('the device is offline', 'try again when it is back'),
  229: { class: 'again', words: 'network fault of the platform', advice: NOTHING },
  238: never('the command was interrupted', 'look at the device on the platform'),
  240: never('the format of the command is wrong', 'ask the developer'),
  243: never('the device does not support the command', 'look at the model of the device'),
  252: never('the device is busy', 'try again later'),
  1001: never(
    'a parameter is wrong',
    'compare the shipping information with what the platform takes; if it is right, ask the developer',
  ),
  1002: never('the user or device is not yours', 'look on the platform who owns the device'),
  1003: { class: 'check', words: 'the operation is repeated', advice: 'nothing: the state is read back' },
  1004: { class: 'token', words: 'the token is missing or not valid', advice: 'nothing: a new one is fetched' },
  1005: {
    class: 'pause',
    words: 'the platform limits our IP address',
    advice: 'nothing: it goes on after a pause; if it happens often, lower TRACKSOLID_CALLS_PER_SECOND',
  },
  1006: { class: 'again', words: 'calls come too often', advice: NOTHING },
  1007: never('the request method is wrong', 'compare TRACKSOLID_URL with the address of your node'),
  1008: never('the input is abnormal', 'compare the shipping information with what the platform takes'),
  1100: never('a rule of the platform forbids it', 'read the words of the platform; ask its support'),
  1112: { class: 'check', words: 'the device exists already', advice: 'nothing: the state is read back' },
  1114: never('the name of the fence exists already', 'choose another name'),
  12001: never('making the account failed', 'ask the support of the platform'),
  12002: never('moving the device failed', 'look on the platform who owns the device'),
  12003: never('making the fence failed', 'ask the support of the platform'),
  12004: never('deleting the fence failed', 'ask the support of the platform'),
  12005: never('sending the command failed', 'look at the device on the platform'),
  41001: never('there are too many fences', 'delete some'),
  41002: never('the name of the fence exists already', 'choose another name'),
  41003: never('the device is offline', 'try again when it is back'),
  41004: never('the fence failed', 'ask the support of the platform'),
};

/** Looks a code up. */
export function meaningOf(code: number): CodeMeaning {
  return CODES[code] ?? never('a code that is in no table', 'ask the support of the platform what the code means');
}

/** These may have been done in part when the platform said so: what is true is read back before anything is repeated. */
export function leavesDoubt(code: number): boolean {
  return code === -1 || code === 225 || code === 229;
}

function never(words: string, advice: string): CodeMeaning {
  return { class: 'never', words, advice };
}
