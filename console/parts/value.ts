/** A value of any kind as one line: text as it is, everything else as JSON. */
export function lineOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
