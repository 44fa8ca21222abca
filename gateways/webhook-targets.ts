/**
 * Where webhooks may be sent. The receiver's address is chosen by a caller of the API, so that without this check a
 * webhook could be used to reach what only this machine can reach.
 *
 * Some addresses are never allowed: those of the link itself, where cloud machines find their credentials, and those
 * that are no single machine. Private ones are allowed where the operator says so.
 */
import { BlockList, isIP } from 'node:net';

const NEVER = addresses(
  ['0.0.0.0', 8],
  ['169.254.0.0', 16], // link-local; metadata of most clouds
  ['100.100.100.200', 32], // metadata of another cloud
  ['192.0.0.0', 24], // and of one more
  ['168.63.129.16', 32],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['::', 128],
  ['fe80::', 10],
  ['fec0::', 10],
  ['fd00:ec2::254', 128],
  ['ff00::', 8],
);

const PRIVATE = addresses(
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['::1', 128],
  ['fc00::', 7],
  ['2001:db8::', 32],
);

function addresses(...subnets: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of subnets) list.addSubnet(network, prefix, network.includes(':') ? 'ipv6' : 'ipv4');
  return list;
}

/** Why an IP address may not be posted to; null: it may. */
export function refuseAddress(address: string, allowPrivate: boolean): string | null {
  // A zone names an interface: only addresses of the link have one.
  if (isIP(address) === 0 || address.includes('%')) return `${address} is no address that can be posted to`;
  const version = isIP(address) === 4 ? 'ipv4' : 'ipv6';
  const inside = version === 'ipv6' ? embedded(address) : null;
  if (inside !== null) return refuseAddress(inside, allowPrivate);
  if (NEVER.check(address, version)) return `${address} is a link-local, metadata or group address`;
  if (!allowPrivate && PRIVATE.check(address, version)) {
    return `${address} is a private address, and WEBHOOK_ALLOW_PRIVATE is off`;
  }
  return null;
}

/** The IPv4 address inside an IPv6 one that leads to it: mapped, translated (64:ff9b::/96) or tunnelled (2002::/16). */
function embedded(address: string): string | null {
  const groups = expand(address);
  const ipv4 = (high: number, low: number) => [high >> 8, high & 255, low >> 8, low & 255].join('.');
  const starts = (...values: readonly number[]) => values.every((value, index) => groups[index] === value);
  if (starts(0, 0, 0, 0, 0, 0xffff)) return ipv4(groups[6]!, groups[7]!);
  if (starts(0, 0, 0, 0, 0, 0) && groups[6] !== 0) return ipv4(groups[6]!, groups[7]!);
  if (starts(0x64, 0xff9b)) return ipv4(groups[6]!, groups[7]!);
  if (starts(0x2002)) return ipv4(groups[1]!, groups[2]!);
  return null;
}

/** The eight groups of an IPv6 address. */
function expand(address: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const hex = (a: string, b: string) => ((Number(a) << 8) | Number(b)).toString(16);
  const text = dotted ? `${dotted[1]}${hex(dotted[2]!, dotted[3]!)}:${hex(dotted[4]!, dotted[5]!)}` : address;
  const [head = '', tail] = text.split('::');
  const numbers = (part: string) =>
    part
      .split(':')
      .filter(Boolean)
      .map((group) => Number.parseInt(group, 16));
  const [first, last] = [numbers(head), numbers(tail ?? '')];
  return tail === undefined ? first : [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
}

/** Why a URL cannot be a webhook's, as far as can be said without asking for its name; null: it can. */
export function refuseUrl(text: string, allowPrivate: boolean): string | null {
  if (!URL.canParse(text)) return 'it is not a URL';
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'it must begin with https:// or http://';
  if (url.username !== '' || url.password !== '') {
    return 'it holds a password, which everybody who may see webhooks could read; check the signature instead';
  }
  if (url.hash !== '') return 'it ends with a fragment (#…), which is never sent';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0) return refuseAddress(host, allowPrivate);
  if (!allowPrivate && /(^|\.)localhost\.?$/i.test(host)) {
    return `${host} is this machine itself, and WEBHOOK_ALLOW_PRIVATE is off`;
  }
  return null;
}
