/**
 * A right to send holds for the moment at which it was given. A process that stands still between the claim and the
 * frame wakes into another moment: the offer may have been closed, replaced, or be another process's by now.
 */
import { repeatSend } from '../../db/upgrades/directives.ts';
import { claimFlash } from '../../db/upgrades/flashes.ts';
import type { Db } from '../../db/index.ts';
import { claimSend } from '../../db/upgrades/messages.ts';
import { standstills } from '../../gateways/standstills.ts';

/**
 * Claims, and says whether the frame may leave now. After a short standstill it is asked once more whether the claim
 * still holds; after a long one nothing leaves: the sending counts as lost, and is repeated like any that was not heard.
 *
 * @param holds whether nothing has changed since the claim
 */
export async function claimForNow(claim: () => Promise<boolean>, holds: () => Promise<boolean>): Promise<boolean> {
  const longBefore = standstills.long;
  let before = standstills.all;
  let may = await claim();
  while (may && standstills.all !== before) {
    if (standstills.long !== longBefore) return false;
    before = standstills.all;
    may = await holds();
  }
  return may;
}

/** What names the attempt that is to be sent. */
interface Attempt {
  id: number;
  attempt: number;
}

/** Claims the sending of an offer; `onEdge` when its workflow must be woken for that. */
export function claimOffer(db: Db, { id, attempt }: Attempt, onEdge: () => void): Promise<boolean> {
  const claim = async () => {
    const { claimed, edge } = await claimSend(db, id, attempt);
    if (edge) onEdge();
    return claimed;
  };
  return claimForNow(claim, () => repeatSend(db, id, attempt));
}

/** Claims that a device may be told once more of an offer that it was told of. */
export function claimRepeat(db: Db, { id, attempt }: Attempt): Promise<boolean> {
  const repeat = () => repeatSend(db, id, attempt);
  return claimForNow(repeat, repeat);
}

/** Claims the word to install; said once more it needs the same right. */
export function claimInstallation(db: Db, { id, attempt }: Attempt): Promise<boolean> {
  const claim = () => claimFlash(db, id, attempt);
  return claimForNow(claim, claim);
}
