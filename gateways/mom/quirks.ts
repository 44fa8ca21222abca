/**
 * Clean request bodies bent as in the samples of PROTOCOLS 5.3, and broken ones: for simulators and tests.
 */

/** What can be done to a body. `isReadable`: a server must take it all the same. */
export interface Quirk {
  isReadable: boolean;
  /** The names it applies to; absent: all. */
  only?: RegExp;
  bend(text: string): string;
}

const bent = (bend: (text: string) => string, only?: RegExp): Quirk => {
  return { isReadable: true, bend, ...(only !== undefined && { only }) };
};
const broken = (bend: (text: string) => string): Quirk => ({ isReadable: false, bend });

/** Every quirk by name. */
export const QUIRKS = {
  shortTime: bent((text) =>
    text.replace(/"RequestTime":"([^"]*)"/, (_, time: string) => `"RequestTime":" ${short(time)}Z "`),
  ),
  responseTime: bent((text) => text.replace('"RequestTime"', '"ResponseTime"')),
  blankInKey: bent((text) => text.replace('"Software"', '" Software "').replace('"SerialNos"', '"SerialNos\\n"')),
  rawBreakInKey: bent((text) => text.replace('"Software"', '"Software\n"')),
  caseOfKey: bent((text) => text.replace('"SessionId"', '"SessionID"').replace('"EquipmentCode"', '"equipmentcode"')),
  fullWidthComma: bent((text) => text.replaceAll('","', '"，"')),
  comment: bent((text) => text.replace(',"', ', // GUID\n"')),
  heading: bent((text) => `#样例 1\n${text}`),
  headingOnOneLine: bent((text) => `#样例 1 ${text}`),
  strayQuote: bent((text) => text.replace(/\]\}$/, ']"}'), /^(?:EqptAlert|TrayBind|CellState)$/),
  breakInValue: bent((text) => text.replace(/"Software":"(.)/, '"Software":"$1 \n ')),
  numberAsText: bent((text) => text.replace(/"(OpFlag|PositionNo|EquipmentModel)":(\d+)/g, '"$1":"$2"')),
  textAsNumber: bent((text) => text.replace(/"(AlertReset)":"(\d+)"/g, '"$1":$2')),
  byteOrderMark: bent((text) => `\ufeff${text}`),
  trailingComma: bent((text) => text.replace(/\}$/, ',}')),
  blankBeforeBody: bent((text) => ` \r\n\t${text}\r\n`),
  truncated: broken((text) => text.slice(0, Math.floor(text.length / 2))),
  missingComma: broken((text) => text.replace(',"', '"')),
  extraBrace: broken((text) => text.replace(',"', '},"')),
  noSession: broken((text) => text.replace('"SessionId"', '"Session"')),
  emptyBody: broken(() => ''),
  noObject: broken((text) => `[${text}]`),
  html: broken(() => '<html><body>503</body></html>'),
} as const satisfies Record<string, Quirk>;
export type QuirkName = keyof typeof QUIRKS;
export const QUIRK_NAMES = Object.keys(QUIRKS) as QuirkName[];

/** `2024-04-10 09:05:07` as `2024-4-10T9:05:07`. */
function short(time: string): string {
  return time.replace(/-0(?=\d)/g, '-').replace(/ 0?(?=\d)/, 'T');
}
