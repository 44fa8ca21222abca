/**
 * Which customer a device belongs to, by the name of its company: ordered rules, each a list of words that the name must
 * contain, all of them. The first rule that fits decides.
 *
 * Case and width of Latin letters do not matter, nor the width of brackets, digits and blanks. Everything else must be
 * there exactly as the rule says: nothing is trimmed, also not inside.
 */

/** One rule. */
export interface CustomerRule {
  /** Its place, from 1; also its name in records. */
  number: number;
  /** All of them must be in the name. */
  words: string[];
  /** `hemi`, `guomao`, … */
  customer: string;
  /** False: it is passed over. */
  active: boolean;
}

/** The rules of the business, with which the database begins (migration `shipments`). */
export const DEFAULT_CUSTOMER_RULES: readonly CustomerRule[] = [
  { number: 1, words: ['深圳途骏信息科技有限公司'], customer: 'hemi', active: true },
  { number: 2, words: ['国贸部', '营销事业三部'], customer: 'guomao', active: true },
  { number: 3, words: ['深圳市几米软件有限公司', '国际部'], customer: 'guomao', active: true },
  { number: 4, words: ['深圳市几米物联有限公司', '国际部'], customer: 'guomao', active: true },
];

/** What a rule was when it fired: kept with each device, whatever becomes of the rules. */
export interface FiredRule {
  number: number;
  words: string[];
  customer: string;
  /** Of the whole list of rules. */
  revision: number;
}

const [foldFrom, foldTo] = foldingTable();
/** The characters that are folded, and what each becomes: for the database, `translate(name, FOLD_FROM, FOLD_TO)`. */
export const FOLD_FROM = foldFrom.join('');
export const FOLD_TO = foldTo.join('');
const FOLDED: ReadonlyMap<string, string> = new Map(foldFrom.map((from, index) => [from, foldTo[index]!]));

/** Latin capitals become small, full-width forms become usual ones; one character for one character. */
export function foldName(name: string): string {
  let folded = '';
  for (const character of name) folded += FOLDED.get(character) ?? character;
  return folded;
}

/** The first active rule, by number, all words of which are in the name; null: none fits. */
export function classify(name: string | null, rules: readonly CustomerRule[]): CustomerRule | null {
  if (name === null) return null;
  const folded = foldName(name);
  return inOrder(rules).find((rule) => rule.active && missingWords(folded, rule).length === 0) ?? null;
}

/** What a rule says of a name: it decided, or why it did not. */
export type RuleVerdict = {
  rule: CustomerRule;
  verdict: 'decided' | 'fits_but_later' | 'words_missing' | 'switched_off';
  missing: string[];
};

/** Every rule in order, with what it says of the name. */
export function explainRules(name: string, rules: readonly CustomerRule[]): RuleVerdict[] {
  const folded = foldName(name);
  let isDecided = false;
  return inOrder(rules).map((rule) => {
    const missing = missingWords(folded, rule);
    if (!rule.active) return { rule, verdict: 'switched_off', missing };
    if (missing.length > 0) return { rule, verdict: 'words_missing', missing };
    const verdict = isDecided ? 'fits_but_later' : 'decided';
    isDecided = true;
    return { rule, verdict, missing };
  });
}

/** A fired rule in one line: `2: 国贸部 + 营销事业三部`. */
export function ruleWords({ number, words }: Pick<CustomerRule, 'number' | 'words'>): string {
  return `${number}: ${words.join(' + ')}`;
}

/** What is wrong with a list of rules; empty: nothing. */
export function checkRules(rules: readonly CustomerRule[]): { index: number; field: string; message: string }[] {
  const wrong: { index: number; field: string; message: string }[] = [];
  const seen = new Set<number>();
  for (const [index, { number, words, customer }] of rules.entries()) {
    if (seen.has(number)) wrong.push({ index, field: 'number', message: `number ${number} is there twice` });
    seen.add(number);
    if (customer.trim() === '') wrong.push({ index, field: 'customer', message: 'must name a customer' });
    if (words.length === 0) wrong.push({ index, field: 'words', message: 'a rule without words would fit every name' });
    for (const word of words) {
      if (word.trim() === '') wrong.push({ index, field: 'words', message: 'an empty word would fit every name' });
      else if (word !== word.trim()) {
        wrong.push({
          index,
          field: 'words',
          message: `"${word}" begins or ends with a blank, and would be looked for so`,
        });
      }
    }
  }
  return wrong;
}

function missingWords(folded: string, { words }: CustomerRule): string[] {
  return words.filter((word) => word === '' || !folded.includes(foldName(word)));
}

function inOrder(rules: readonly CustomerRule[]): CustomerRule[] {
  return rules.toSorted((one, other) => one.number - other.number);
}

function foldingTable(): [string[], string[]] {
  const from: string[] = ['\u3000'];
  const to: string[] = [' '];
  const add = (character: string, folded: string) => {
    // the database folds one character into one
    if (folded === character || folded.length !== 1) return;
    from.push(character);
    to.push(folded);
  };
  for (let code = 0x41; code <= 0x24f; code++) add(String.fromCharCode(code), String.fromCharCode(code).toLowerCase());
  for (let code = 0xff01; code <= 0xff5e; code++) {
    add(String.fromCharCode(code), String.fromCharCode(code - 0xfee0).toLowerCase());
  }
  return [from, to];
}
