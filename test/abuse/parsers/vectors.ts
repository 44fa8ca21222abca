/** The byte-exact cases of `test/vectors/` as inputs. */
import { readFileSync } from 'node:fs';

/** One case of a file there; the rest of its fields depends on the protocol. */
export interface Vector {
  mode?: string;
  direction?: string;
  hex?: string;
  text?: string;
}

export function vectorsOf(...names: readonly string[]): Vector[] {
  return names.flatMap(
    (name) => JSON.parse(readFileSync(new URL(`../../vectors/${name}.json`, import.meta.url), 'utf8')) as Vector[],
  );
}

/** The bytes of a case. */
export function bytesOf({ hex, text }: Vector): Buffer {
  return hex === undefined ? Buffer.from(text ?? '', 'utf8') : Buffer.from(hex, 'hex');
}
