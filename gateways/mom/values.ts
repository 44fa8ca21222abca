/**
 * Single values of the MOM interface: names of calls, states, KeyFlags, texts for storing and for showing.
 */
import { KEY_FLAGS, MOM_ALIASES, MOM_NAMES, MOM_STATUSES } from './contract.ts';
import type { KeyFlagAction, MomName, MomStatus } from './contract.ts';

const NAMES: ReadonlyMap<string, MomName> = new Map([
  ...MOM_NAMES.map((name) => [name.toLowerCase(), name] as const),
  ...Object.entries(MOM_ALIASES).map(([alias, name]) => [alias.toLowerCase(), name] as const),
]);

/** The call a name in a path stands for, in any case; null: there is no such call. */
export function nameOf(called: string): MomName | null {
  return NAMES.get(called.trim().toLowerCase()) ?? null;
}

/** Spellings of the document's own samples and of other equipment (9.3). */
const STATUS_WORDS: ReadonlyMap<string, MomStatus> = new Map([
  ...MOM_STATUSES.map((status) => [status.toLowerCase(), status] as const),
  ['alert', 'Alerting'],
  ['alarm', 'Alerting'],
  ['alarming', 'Alerting'],
  ['working', 'Running'],
  ['run', 'Running'],
  ['idle', 'Waiting'],
  ['standby', 'Waiting'],
]);

/** The state a StatusCode names; null: none of them. */
export function statusOf(statusCode: string): MomStatus | null {
  return STATUS_WORDS.get(statusCode.trim().toLowerCase()) ?? null;
}

/** What a KeyFlag asks for; null: unknown, log it and do nothing. */
export function keyFlagActionOf(
  keyFlag: string | null,
  table: Readonly<Record<string, KeyFlagAction>> = KEY_FLAGS,
): KeyFlagAction | null {
  const flag = keyFlag?.trim() ?? '';
  return (Object.hasOwn(table, flag) ? table[flag] : null) ?? null;
}

/** The MOMMessage for a person: no blanks between Chinese characters, single ones elsewhere. */
export function displayMessage(message: string): string {
  const words = message.trim().split(/\s+/);
  const needsNoBlank = (index: number) =>
    index === 0 || (isChinese(words[index - 1]?.at(-1)) && isChinese(words[index]?.[0]));
  return words.map((word, index) => (needsNoBlank(index) ? word : ` ${word}`)).join('');
}

/** Chinese characters and their punctuation. */
function isChinese(character: string | undefined): boolean {
  return character !== undefined && /[\u3000-\u303f\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]/.test(character);
}

// oxlint-disable-next-line no-control-regex -- they are what is looked for
const UNSTORABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;

/** Without what a database refuses: control characters (not tab and line break) and halves of characters. */
export function storable(text: string): string {
  return text.replace(UNSTORABLE, '').replace(/\p{Surrogate}/gu, '\ufffd');
}

/** On one line: line breaks go, with the blanks around them; inner blanks are real and stay. */
export function oneLine(text: string): string {
  const lines = text.split(/[\r\n]+/);
  return (lines.length === 1 ? text : lines.map((line) => line.trim()).join('')).trim();
}
