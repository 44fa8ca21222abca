/**
 * What a MySQL or MariaDB user may do, from the lines of `SHOW GRANTS`.
 *
 * Only privileges that are known to read count as reading. Whatever is not on the list counts as writing: a privilege
 * that a later server invents is refused until somebody has looked at it.
 */

/** Privileges with which nothing can be changed. */
const READING = new Set([
  'USAGE',
  'SELECT',
  'SHOW VIEW',
  'SHOW DATABASES',
  'SHOW_ROUTINE',
  'PROCESS',
  'REPLICATION CLIENT',
  'BINLOG MONITOR',
  'SLAVE MONITOR',
  'REPLICA MONITOR',
]);

export interface Grants {
  /** What the user may do beyond reading: `INSERT on \`mes\`.*`. Empty: it can only read. */
  beyondReading: string[];
  /** Roles it has; what those may do must be asked for. As they stand in the line, with their quotes. */
  roles: string[];
}

/** Reads the lines of `SHOW GRANTS`. A line that cannot be understood counts as more than reading. */
export function readGrants(lines: readonly string[]): Grants {
  const beyondReading: string[] = [];
  const roles: string[] = [];
  for (const line of lines) {
    const words = line.trim().replace(/;$/, '');
    // which role is on by itself, and what was taken away of something wider: neither gives anything
    if (/^SET DEFAULT ROLE /i.test(words) || /^REVOKE /i.test(words)) continue;
    const grant = /^GRANT (.+)$/is.exec(words)?.[1];
    if (grant === undefined) {
      beyondReading.push(`what this line means is not known: ${hidden(words)}`);
      continue;
    }
    const on = splitAt(grant, / ON /iy);
    if (on === null) {
      const [names, rest] = splitAt(grant, / TO /iy) ?? [grant, ''];
      roles.push(...splitCommas(names));
      if (/ WITH ADMIN OPTION/i.test(rest)) beyondReading.push(`ADMIN OPTION for the role ${names}`);
      continue;
    }
    const [privileges, target] = on;
    const [object, rest] = splitAt(target, / TO /iy) ?? [target, ''];
    for (const each of splitCommas(privileges)) {
      // a list of columns narrows a privilege and does not change what it is
      const name = each.replace(/\s*\(.*\)$/s, '').toUpperCase();
      if (!READING.has(name)) beyondReading.push(`${name} on ${object}`);
    }
    if (/ WITH (?:.* )?GRANT OPTION/i.test(rest)) beyondReading.push(`GRANT OPTION on ${object}`);
  }
  return { beyondReading, roles };
}

/** Without what follows the user: hashes of passwords stand there. */
function hidden(line: string): string {
  return line.replace(/ IDENTIFIED .*$/is, '').slice(0, 100);
}

/** Splits at the first match outside of quotes and brackets; null when there is none. */
function splitAt(text: string, separator: RegExp): [string, string] | null {
  for (const at of plainPlaces(text)) {
    separator.lastIndex = at;
    const found = separator.exec(text);
    if (found !== null) return [text.slice(0, at), text.slice(at + found[0].length)];
  }
  return null;
}

function splitCommas(text: string): string[] {
  const parts: string[] = [];
  let from = 0;
  for (const at of plainPlaces(text)) {
    if (text[at] !== ',') continue;
    parts.push(text.slice(from, at));
    from = at + 1;
  }
  return [...parts, text.slice(from)].map((part) => part.trim()).filter((part) => part !== '');
}

/** The places of a text that are outside of quotes and brackets. */
function* plainPlaces(text: string): Generator<number> {
  let quote = '';
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (quote !== '') {
      if (character === quote) quote = '';
      continue;
    }
    if (character === '`' || character === "'" || character === '"') quote = character;
    else if (character === '(') depth++;
    else if (character === ')') depth--;
    else if (depth === 0) yield at;
  }
}
