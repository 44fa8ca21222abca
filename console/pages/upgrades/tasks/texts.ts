/** Texts of tasks, and which statuses stand together. */
import { dictionary } from '../../../shell/locale.ts';
import { tasks as en } from '../../../texts/en/tasks.ts';
import { tasks as zh } from '../../../texts/zh/tasks.ts';

export const t = dictionary(en, zh);

export const TASK_STATUSES = [
  'awaiting_approval',
  'scheduled',
  'running',
  'paused',
  'cancelling',
  'finished',
  'cancelled',
] as const;
export const LIVE_TASKS = 'awaiting_approval,scheduled,running,paused,cancelling';
export const UPGRADE_STATUSES = [
  'scheduled',
  'waiting',
  'offered',
  'transferring',
  'confirming',
  'succeeded',
  'failed',
  'unproven',
  'expired',
  'cancelled',
  'partial',
  'skipped',
  'reverted',
] as const;
export type UpgradeStatus = (typeof UPGRADE_STATUSES)[number];
export const LIVE_UPGRADES: readonly string[] = ['scheduled', 'waiting', 'offered', 'transferring', 'confirming'];
/** What a retry puts back. */
export const RETRYABLE: readonly string[] = ['failed', 'unproven', 'expired', 'partial', 'reverted'];

/** What a task is called. */
export function taskName({ id, name }: { id: number; name: string }): string {
  return name === '' ? t().one.unnamed(id) : name;
}

export type Counts = Readonly<Record<string, number>>;

/** Devices in all, those that have ended, and those under way. */
export function sumsOf(counts: Counts) {
  const sum = (statuses: readonly string[]) => statuses.reduce((all, status) => all + (counts[status] ?? 0), 0);
  const all = sum(UPGRADE_STATUSES);
  const open = sum(LIVE_UPGRADES);
  const succeeded = counts['succeeded'] ?? 0;
  return { all, open, ended: all - open, succeeded, active: sum(['offered', 'transferring', 'confirming']) };
}
