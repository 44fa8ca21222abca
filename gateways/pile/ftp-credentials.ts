/**
 * User, password and path of an offer's file. All three follow from the offer alone, so that any gateway process can
 * serve it, also after a restart, without a table of its own; and they end with the offer. Pure.
 *
 * The fields of the update command are filled to one character less than they hold: a pile that copies them into a C
 * string of that size needs the place of the 00.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { requireField } from '../errors.ts';
import type { OpenOffer } from '../devices.ts';

/** The file of an offer, in the one folder there is. */
export interface FtpPath {
  folder: string;
  name: string;
}

/** Numbers of offers are `integer` in the database. */
const OFFER_ID_MAX = 2_147_483_647;
/** Letters and digits that nobody mistakes for each other; 32 of them. */
const ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789';
/** 75 bits. */
const PASSWORD_CHARS = 15;
/** Piles have program versions of 8 characters; what is longer or odd only names the file and proves nothing. */
const VERSION_CHARS = 12;

/** The user of an offer's file. */
export function userOf({ id }: OpenOffer): string {
  requireField(Number.isInteger(id) && id > 0 && id <= OFFER_ID_MAX, 'offer number', id, `1..${OFFER_ID_MAX}`);
  return `u${id}`;
}

/** The number of the offer that a user name means; null when it means none. */
export function offerIn(user: string): number | null {
  const id = /^u([1-9]\d{0,9})$/.exec(user)?.[1];
  return id === undefined || Number(id) > OFFER_ID_MAX ? null : Number(id);
}

/** The password of an offer's file; who has it learns nothing of the token. */
export function passwordOf({ id, token }: OpenOffer): string {
  const hash = createHmac('sha256', token).update(`ftp password of offer ${id}`).digest();
  return Array.from({ length: PASSWORD_CHARS }, (_, at) => ALPHABET[(hash[at] ?? 0) % ALPHABET.length]).join('');
}

/** Whether a password is that of an offer; takes the same time for every password. */
export function isPasswordOf(offer: OpenOffer, password: string): boolean {
  const hash = (text: string) => createHmac('sha256', offer.token).update(text).digest();
  return timingSafeEqual(hash(passwordOf(offer)), hash(password));
}

/** Where the file of an offer is, for example `DC-15KW` and `V4.1.51.bin`. */
export function pathOf({ pile, targetVersion }: OpenOffer): FtpPath {
  const version = targetVersion.replaceAll(/[^A-Za-z0-9._-]/g, '_').slice(0, VERSION_CHARS);
  return { folder: pile === undefined ? 'PILE' : `${pile.model}-${pile.powerKw}KW`, name: `${version}.bin` };
}
