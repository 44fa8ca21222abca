/**
 * From where equipment may call: lists of addresses and networks, IPv4 and IPv6.
 */
import { BlockList, isIP } from 'node:net';

/** Null: any address. What is no address or network was refused when it was written. */
export function networksOf(texts: readonly string[]): BlockList | null {
  if (texts.length === 0) return null;
  const list = new BlockList();
  for (const text of texts) {
    const [address = '', bits] = plain(text).split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (isIP(address) === 0) continue;
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

/** An address, or a network in the form `10.1.0.0/16`. */
export function isNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const family = isIP(address);
  if (family === 0 || more.length > 0 || address.includes('%')) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

/** Whether an address is in the list, or there is none. */
export function allows(list: BlockList | null, address: string): boolean {
  if (list === null) return true;
  const from = plain(address);
  const family = isIP(from);
  return family !== 0 && list.check(from, family === 6 ? 'ipv6' : 'ipv4');
}

/** IPv4 as it reaches a socket that listens for both. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}
