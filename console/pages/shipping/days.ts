/** Days as the business counts them: of the calendar in Beijing. */
const DAY_MS = 86_400_000;
const ZONE_MS = 8 * 3_600_000;

/** YYYY-MM-DD, so many days from today. */
export function dayInBeijing(fromToday: number): string {
  return new Date(Date.now() + ZONE_MS + fromToday * DAY_MS).toISOString().slice(0, 10);
}
