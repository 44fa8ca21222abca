/**
 * MD5 and SHA-256 of a file, in the browser: a file that was damaged on its way is noticed before it is sent. MD5 is in
 * no browser, and SHA-256 only on pages with TLS, so both are here (RFC 1321, FIPS 180-4). Long files are worked off in
 * pieces, so that the page stays alive.
 */
export interface Hashes {
  md5: string;
  sha256: string;
}

/** Blocks between two breaths. */
const BLOCKS_AT_ONCE = 16_384;

/** Both hashes, in lower case. */
export async function hashesOf(file: Blob): Promise<Hashes> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  return { md5: await md5Of(bytes), sha256: await sha256Of(bytes) };
}

export async function md5Of(bytes: Uint8Array): Promise<string> {
  const state = new Int32Array([0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476]);
  await eachBlock(bytes, true, (view, at) => md5Block(state, view, at));
  return hexOf(state, true);
}

export async function sha256Of(bytes: Uint8Array): Promise<string> {
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  if (subtle !== undefined) {
    const digest = await subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
    return Array.from(new Uint8Array(digest), hexByte).join('');
  }
  return sha256Here(bytes);
}

/** SHA-256 where the browser keeps its own to itself. */
export async function sha256Here(bytes: Uint8Array): Promise<string> {
  const state = new Int32Array(firstPrimes(8).map((prime) => fractionOf(Math.sqrt(prime))));
  await eachBlock(bytes, false, (view, at) => sha256Block(state, view, at));
  return hexOf(state, false);
}

/** Hands out blocks of 64 bytes, the padding with the length included. */
async function eachBlock(bytes: Uint8Array, isLittle: boolean, take: (view: DataView, at: number) => void) {
  const whole = bytes.length - (bytes.length % 64);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < whole; at += 64) {
    take(view, at);
    if ((at / 64) % BLOCKS_AT_ONCE === BLOCKS_AT_ONCE - 1) await new Promise((resolve) => setTimeout(resolve));
  }
  const rest = bytes.subarray(whole);
  const end = new Uint8Array(rest.length < 56 ? 64 : 128);
  end.set(rest);
  end[rest.length] = 0x80;
  const tail = new DataView(end.buffer);
  const low = (bytes.length * 8) >>> 0;
  const high = Math.floor(bytes.length / 0x20000000);
  tail.setUint32(end.length - 8, isLittle ? low : high, isLittle);
  tail.setUint32(end.length - 4, isLittle ? high : low, isLittle);
  for (let at = 0; at < end.length; at += 64) take(tail, at);
}

const MD5_SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
const MD5_SINES = Int32Array.from({ length: 64 }, (_, index) => (Math.abs(Math.sin(index + 1)) * 2 ** 32) | 0);
const words = new Int32Array(64);

function md5Block(state: Int32Array, view: DataView, at: number): void {
  for (let word = 0; word < 16; word += 1) words[word] = view.getInt32(at + word * 4, true);
  let [a, b, c, d] = state as unknown as [number, number, number, number];
  for (let step = 0; step < 64; step += 1) {
    const round = step >> 4;
    let mixed: number;
    let word: number;
    if (round === 0) [mixed, word] = [(b & c) | (~b & d), step];
    else if (round === 1) [mixed, word] = [(d & b) | (~d & c), (5 * step + 1) & 15];
    else if (round === 2) [mixed, word] = [b ^ c ^ d, (3 * step + 5) & 15];
    else [mixed, word] = [c ^ (b | ~d), (7 * step) & 15];
    const sum = (a + mixed + MD5_SINES[step]! + words[word]!) | 0;
    const shift = MD5_SHIFTS[round * 4 + (step & 3)]!;
    [a, d, c, b] = [d, c, b, (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0];
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
}

const SHA_ROOTS = Int32Array.from(firstPrimes(64), (prime) => fractionOf(Math.cbrt(prime)));
const turned = (word: number, by: number) => (word >>> by) | (word << (32 - by));

function sha256Block(state: Int32Array, view: DataView, at: number): void {
  for (let word = 0; word < 16; word += 1) words[word] = view.getInt32(at + word * 4, false);
  for (let word = 16; word < 64; word += 1) {
    const near = words[word - 2]!;
    const far = words[word - 15]!;
    const s1 = turned(near, 17) ^ turned(near, 19) ^ (near >>> 10);
    const s0 = turned(far, 7) ^ turned(far, 18) ^ (far >>> 3);
    words[word] = words[word - 16]! + s0 + words[word - 7]! + s1;
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number];
  for (let step = 0; step < 64; step += 1) {
    const s1 = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25);
    const one = (h + s1 + ((e & f) ^ (~e & g)) + SHA_ROOTS[step]! + words[step]!) | 0;
    const s0 = turned(a, 2) ^ turned(a, 13) ^ turned(a, 22);
    const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
  }
  for (const [index, word] of [a, b, c, d, e, f, g, h].entries()) state[index]! += word;
}

function firstPrimes(count: number): number[] {
  const primes: number[] = [];
  for (let each = 2; primes.length < count; each += 1)
    if (primes.every((prime) => each % prime !== 0)) primes.push(each);
  return primes;
}

/** The first 32 bits behind the point. */
function fractionOf(value: number): number {
  return ((value - Math.floor(value)) * 2 ** 32) | 0;
}

function hexOf(state: Int32Array, isLittle: boolean): string {
  const view = new DataView(new ArrayBuffer(state.length * 4));
  state.forEach((word, index) => view.setInt32(index * 4, word, isLittle));
  return Array.from(new Uint8Array(view.buffer), hexByte).join('');
}

function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
