/**
 * The attacks: what is opened or sent where, and what of it the program may hold at most.
 */
import { COAP, encodeCoap, requestOptions } from '../../../gateways/pcp/coap-codec.ts';
import type { Damage, Orders } from './attacker.ts';
import { login } from './honest.ts';
import type { World } from './world.ts';

/** One attack. */
export interface Attack {
  name: string;
  /** Longer than the others: until a time limit of the program has passed. */
  seconds?: number;
  orders(world: World): Orders;
  /** What is wrong with what the attacker got done; null: nothing. */
  judge?(damage: Damage): string | null;
}

/** How much of everything. */
export interface Scale {
  connections: number;
  /** Connections that say something from time to time. */
  slow: number;
  /** Connections that say as much as they can. */
  flooding: number;
}

/** Limits that the program is started with, so that they are reached. */
export const LIMITS = { terminal: 2_000, pile: 2_000, ftp: 200 };

const hex = (text: string | Buffer) => Buffer.from(text).toString('hex');
const atMost = (most: number) => (damage: Damage) =>
  damage.held > most ? `${damage.held} connections of one address are held, and ${most} are allowed` : null;
const arrived = (damage: Damage) => (damage.opened + damage.datagrams === 0 ? 'the attack did not take place' : null);
const wereCut = (damage: Damage) => (damage.cut === 0 ? 'none of the slow connections was ended' : null);

/** Every attack. */
export function attacks({ connections, slow, flooding }: Scale): Attack[] {
  const hold = (port: number, first: string, again: string, everyMs = 500, count = slow): Orders => ({
    kind: 'tcp', port, connections: count, first: hex(first), again: hex(again), everyMs, reads: true, returns: true,
  }); // prettier-ignore
  const flood = (port: number, first: string | Buffer, again: string | Buffer, reads = true): Orders => ({
    kind: 'tcp', port, connections: flooding, first: hex(first), again: hex(again), everyMs: null, reads, returns: true,
  }); // prettier-ignore
  const crowd = (port: number): Orders => hold(port, '', '', 1_000, connections);
  const apiPort = ({ ready }: World) => Number(new URL(ready.apiUrl!).port);
  const devicePort = ({ ready }: World) => ready.deviceHttpPort!;
  const get = 'GET /api/v1/devices HTTP/1.1\r\nHost: x\r\n';
  const post = (world: World, path = '/api/v1/devices') =>
    `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${world.key}\r\nContent-Type: application/json\r\n`;
  const ams = ({ trackerImei }: World) => `/ams/${trackerImei}/versions`;
  const slowHttp = { seconds: 40, judge: wereCut };
  const all: Attack[] = [
    { name: 'api: headers that drip', ...slowHttp, orders: (world) => hold(apiPort(world), get, 'X-a: b\r\n') },
    { name: 'api: bodies that drip', orders: (world) => hold(apiPort(world), `${post(world)}Content-Length: 900000\r\n\r\n[`, ' ') },
    { name: 'api: connections that say nothing', orders: (world) => crowd(apiPort(world)) },
    { name: 'api: endless headers', orders: (world) => flood(apiPort(world), get, `X-${'a'.repeat(1_000)}: b\r\n`) },
    { name: 'api: endless bodies', orders: (world) => flood(apiPort(world), `${post(world)}Transfer-Encoding: chunked\r\n\r\n`, `1000\r\n${' '.repeat(4_096)}\r\n`) },
    { name: 'api: answers nobody reads', orders: (world) => flood(apiPort(world), '', `GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n`, false) },
    { name: 'api: wrong keys', orders: (world) => flood(apiPort(world), '', `${get}Authorization: Bearer swk_${'0'.repeat(43)}\r\n\r\n`) },
    { name: 'device HTTP: headers that drip', ...slowHttp, orders: (world) => hold(devicePort(world), `POST ${ams(world)} HTTP/1.1\r\nHost: x\r\n`, 'X-a: b\r\n') },
    { name: 'device HTTP: bodies that drip', ...slowHttp, orders: (world) => hold(devicePort(world), `POST ${ams(world)} HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n`, '{') },
    { name: 'device HTTP: connections that say nothing', orders: (world) => crowd(devicePort(world)) },
    { name: 'device HTTP: endless headers', orders: (world) => flood(devicePort(world), 'GET / HTTP/1.1\r\n', `X-${'a'.repeat(1_000)}: b\r\n`) },
    { name: 'device HTTP: endless bodies', orders: (world) => flood(devicePort(world), `POST ${ams(world)} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`, `1000\r\n${'{'.repeat(4_096)}\r\n`) },
    { name: 'terminal: reports that drip', orders: ({ ready }) => hold(ready.terminalPort!, '\u0013', '\u0002') },
    { name: 'terminal: connections that say nothing', orders: ({ ready }) => crowd(ready.terminalPort!), judge: atMost(LIMITS.terminal) },
    { name: 'terminal: lines that never end', orders: ({ ready }) => flood(ready.terminalPort!, '+B1301RSP,', 'A'.repeat(4_096)) },
    { name: 'terminal: nothing but starts', orders: ({ ready }) => flood(ready.terminalPort!, '', Buffer.alloc(4_096, Buffer.from('132b137e7e', 'hex'))) },
    { name: 'terminal: packets nobody reads', orders: ({ ready, otherSn }) => flood(ready.terminalPort!, '', packetRequests(otherSn), false) },
    { name: 'pile: frames that drip', orders: ({ ready }) => hold(ready.pilePort!, 'h\u0022', '\u0000') },
    { name: 'pile: connections that say nothing', orders: ({ ready }) => crowd(ready.pilePort!), judge: atMost(LIMITS.pile) },
    { name: 'pile: frames that promise more', orders: ({ ready }) => flood(ready.pilePort!, '', Buffer.alloc(4_096, Buffer.from('68c80000', 'hex'))) },
    { name: 'pile: logins of strangers, answers nobody reads', orders: ({ ready }) => flood(ready.pilePort!, '', login('99999999999999'), false) },
    { name: 'ftp: commands that drip', orders: ({ ready }) => hold(ready.ftpPort!, 'USER u', 'x'), judge: atMost(LIMITS.ftp) },
    { name: 'ftp: connections that say nothing', orders: ({ ready }) => crowd(ready.ftpPort!), judge: atMost(LIMITS.ftp) },
    { name: 'ftp: lines that never end', orders: ({ ready }) => flood(ready.ftpPort!, '', 'A'.repeat(4_096)) },
    { name: 'ftp: answers nobody reads', orders: ({ ready }) => flood(ready.ftpPort!, '', 'FEAT\r\nHELP\r\n', false) },
    { name: 'ftp: wrong passwords', orders: ({ ready }) => hold(ready.ftpPort!, 'USER u1\r\nPASS x\r\n', 'USER u1\r\nPASS x\r\n', 100) },
    { name: 'ftp: data connections nobody opens', orders: ({ ready, ftp }) => hold(ready.ftpPort!, `USER ${ftp.user}\r\nPASS ${ftp.password}\r\n`, 'PASV\r\n', 100, 100) },
    { name: 'pcp: no CoAP', orders: ({ ready }) => ({ kind: 'udp', port: ready.pcpPort!, datagrams: [hex(Buffer.alloc(1_400, 0xff)), '40', hex('GET / HTTP/1.1\r\n'), '4f020001ffffff'], perTurn: 20 }) },
    { name: 'pcp: devices nobody knows', orders: ({ ready }) => ({ kind: 'udp', port: ready.pcpPort!, datagrams: [hex(registration('urn:imei:863412#########'))], perTurn: 20 }) },
    { name: 'pcp: registrations in the name of another', orders: ({ ready, pcpImei }) => ({ kind: 'udp', port: ready.pcpPort!, datagrams: [hex(registration(pcpImei))], perTurn: 5 }) },
  ]; // prettier-ignore
  return all.map((attack) => ({ ...attack, judge: (damage) => arrived(damage) ?? attack.judge?.(damage) ?? null }));
}

/** A registration over CoAP. */
export function registration(name: string): Buffer {
  const options: [number, Buffer][] = [...requestOptions(['rd']), [15, Buffer.from(`ep=${name}`)]];
  return encodeCoap({ type: 'con', code: COAP.post, messageId: 1, token: Buffer.from('beef', 'hex'), options });
}

function packetRequests(sn: string): Buffer {
  const body = `ReqNOTAB:${sn},10,1,1024,0`;
  const xor = [...Buffer.from(body)].reduce((sum, byte) => sum ^ byte, 0);
  const line = `+${body},${xor.toString(16).toUpperCase().padStart(2, '0')}\r\n`;
  return Buffer.from(line.repeat(60));
}
