/** Codes of the API in the language of the moment. One that nobody translated is shown as the API says it. */
import { dictionary } from '../shell/locale.ts';
import { words as en } from '../texts/en/words.ts';
import { words as zh } from '../texts/zh/words.ts';

const words = dictionary(en, zh);

/** Of tasks, upgrades, commands, shipments, equipment, cells. */
export function statusText(status: string): string {
  return find(words().status, status);
}

/** Why something waits, was refused or failed; failure codes, too. */
export function reasonText(reason: string): string {
  return find(words().reason, reason);
}

/** Kinds of commands, events, decisions, protocols, flags. */
export function kindText(kind: string): string {
  return find(words().kind, kind);
}

/** What a permission allows. */
export function permissionText(permission: string): string {
  return find(words().permission, permission);
}

function find(texts: Readonly<Record<string, string>>, code: string): string {
  return Object.hasOwn(texts, code) ? texts[code]! : code.replaceAll('_', ' ');
}
