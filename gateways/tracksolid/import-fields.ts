/**
 * The private parameters of the import, which each installation has its own: a text such as
 * `account={account}&imeis={imeis}&kind=ams`, in which words in braces stand for what is known of the shipment.
 */

/** What an import may say of the devices. */
export const IMPORT_WORDS = [
  'account',
  'imeis',
  'model',
  'lifetime',
  'expiration',
  'source',
  'customer',
  'brand',
  'remark',
] as const;
export type ImportWord = (typeof IMPORT_WORDS)[number];

/** Name of a parameter → text with words in braces. */
export type ImportFields = Readonly<Record<string, string>>;

export const DEFAULT_IMPORT_FIELDS_TEXT =
  'account={account}&imeis={imeis}&model={model}&lifetime={lifetime}&expiration={expiration}&source={source}';

/** Parameters that every call has. */
const COMMON = new Set(['method', 'timestamp', 'app_key', 'sign', 'sign_method', 'v', 'format', 'access_token']);

/** Real ones have a hundred characters; braces that are never closed take time with the square of the length. */
const TEXT_LIMIT = 2_000;

/**
 * Reads such a text.
 *
 * @throws TypeError that completes the sentence `"<text>" …`
 */
export function readImportFields(text: string): ImportFields {
  if (text.length > TEXT_LIMIT) throw new TypeError(`has more than ${TEXT_LIMIT} characters`);
  const fields: Record<string, string> = {};
  for (const pair of text.split('&')) {
    const at = pair.indexOf('=');
    const name = pair.slice(0, Math.max(at, 0)).trim();
    if (!/^[A-Za-z_][\w.-]{0,63}$/.test(name)) throw new TypeError(`has a part without a name: ${pair}`);
    if (COMMON.has(name)) throw new TypeError(`sets ${name}, which every call has`);
    if (name in fields) throw new TypeError(`sets ${name} twice`);
    const template = pair.slice(at + 1).trim();
    for (const [, word = ''] of template.matchAll(/\{([^}]*)\}/g)) {
      if (!(IMPORT_WORDS as readonly string[]).includes(word)) {
        throw new TypeError(`has {${word}}, and there are only ${IMPORT_WORDS.map((each) => `{${each}}`).join(' ')}`);
      }
    }
    fields[name] = template;
  }
  for (const word of ['imeis', 'account'] as const) {
    if (!Object.values(fields).some((template) => template.includes(`{${word}}`))) {
      throw new TypeError(`does not say {${word}} anywhere`);
    }
  }
  return fields;
}

/** The parameters for one call. */
export function fillImportFields(fields: ImportFields, values: Readonly<Record<ImportWord, string>>) {
  return Object.fromEntries(
    Object.entries(fields).map(([name, template]) => [
      name,
      template.replaceAll(/\{(\w+)\}/g, (_, word: string) => values[word as ImportWord] ?? ''),
    ]),
  );
}
