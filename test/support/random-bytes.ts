/**
 * Input nobody thought of, for tests that no bytes may break: random and mutated bytes, and streams cut anywhere.
 * Random numbers come from a seed, so that a failing run can be repeated.
 */

/** Gives whole numbers from 0 on, below the one it is called with. */
export type Random = (below: number) => number;

/** A small random source. */
export function lcg(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/**
 * Random bytes, or a seed with bytes changed, put in, cut off or joined to another one.
 *
 * @param marks bytes that mean something in the protocol; any other byte is as likely as one of them
 */
export function mutated(seeds: readonly Buffer[], random: Random, marks: readonly number[]): Buffer {
  if (random(10) === 0) return Buffer.from(Uint8Array.from({ length: random(64) }, () => random(256)));
  let bytes = Buffer.from(seeds[random(seeds.length)] as Buffer);
  for (let change = random(4); change > 0; change -= 1) {
    const at = random(bytes.length + 1);
    const mark = Buffer.of([...marks, random(256)][random(marks.length + 1)] as number);
    const other = seeds[random(seeds.length)] as Buffer;
    switch (random(5)) {
      case 0:
        bytes = Buffer.concat([bytes.subarray(0, at), mark, bytes.subarray(at + 1)]);
        break;
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, at), mark, bytes.subarray(at)]);
        break;
      case 2:
        bytes = bytes.subarray(0, at);
        break;
      case 3:
        bytes = bytes.subarray(at);
        break;
      default:
        bytes = Buffer.concat([bytes.subarray(0, at), other.subarray(random(other.length))]);
    }
  }
  return bytes;
}

/** The bytes as the chunks of several reads; places beyond the end mean nothing. */
export function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let from = 0;
  for (const place of [...places.filter((at) => at < bytes.length), bytes.length].toSorted((a, b) => a - b)) {
    chunks.push(bytes.subarray(from, place));
    from = place;
  }
  return chunks;
}
