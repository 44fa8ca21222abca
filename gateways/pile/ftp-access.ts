/**
 * What the gateway of the piles needs from the FTP server: where a pile fetches the file of its offer, and with what.
 */
import type { OpenOffer } from '../devices.ts';

/** As in the update command; what does not fit its field there is refused by the codec, never cut. */
export interface FtpAddress {
  /** Address or name the pile reaches the server under, at most 16 characters. */
  host: string;
  port: number;
  /** At most 16 characters. */
  user: string;
  /** At most 16 characters. */
  password: string;
  /** At most 32 characters. */
  path: string;
}

/** Gives the file of an offer an address. */
export interface FtpAccess {
  /**
   * Asked again for the same offer, also after a restart and in another process, it gives the same answer. `reachedAt`
   * is the address of ours that the pile is connected to: what it reaches is best told where nothing is configured.
   */
  accessFor(offer: OpenOffer, reachedAt?: string): FtpAddress;
}
