/**
 * What the command line reads of the API's answers. Only what is shown; everything else is passed on by `--json`.
 */

export interface Page<Item> {
  items: Item[];
  next: string | number | null;
}

export interface Me {
  name: string;
  department: { id: number; name: string };
  permissions: string[];
}

export interface Device {
  id: string;
  protocol: string;
  identity: string;
  imei: string | null;
  model: string;
  /** Of a charging pile. */
  powerKw: number | null;
  orderNo?: string;
  remark: string;
  productionDate: string | null;
  shipDate: string | null;
  versions: Record<string, string>;
  lastSeenAt: string | null;
}

export interface DeviceDetail extends Omit<Device, 'versions' | 'lastSeenAt'> {
  versions: { component: string; version: string; reportedAt: string }[];
  contact: { lastSeenAt: string; address: string; details: Record<string, unknown> } | null;
  runningUpgrade: { id: number; taskId: number; status: string; reasonText: string | null } | null;
  links: { execution: string | null };
}

export interface Firmware {
  id: number;
  protocol: string;
  component: string;
  targetVersion: string;
  compatibleVersion: string;
  currentVersions: string[];
  model: string | null;
  powerKw: number | null;
  fileName: string;
  sizeBytes: number;
  md5: string;
  uploadedBy: string;
  uploadedAt: string;
}

export interface Task {
  id: number;
  name: string;
  status: string;
  deviceCount: number;
  createdBy: string;
  createdAt: string;
  dispatchAt: string;
  deadlineAt: string;
  startedAt: string | null;
  finishedAt: string | null;
  links: { execution: string | null };
}

export interface TaskFile {
  firmwareId: number;
  fileName: string;
  protocol: string;
  model: string | null;
  powerKw: number | null;
  component: string;
  targetVersion: string;
}

export interface TaskDetail extends Task {
  files: TaskFile[];
  counts: Record<string, number>;
  live: { phase: string; wakesAt: string | null; maxConcurrent: number | null } | null;
}

export interface Plan {
  counts: { asked: number; goes: number; waits: number; skipped: number; refused: number };
  reasons: { outcome: string; reason: string; reasonText: string | null; devices: number }[];
  nights: number | null;
  expectedEndAt: string | null;
  latestEndAt: string;
  warnings: { code: string; message: string }[];
  files: TaskFile[];
  dispatchAt: string;
  deadlineAt: string;
  devices: {
    position: number;
    deviceId: string;
    outcome: string;
    reason: string | null;
    explanation: string;
    wave?: number | null;
    earliestStartAt?: string | null;
    latestEndAt?: string | null;
  }[];
  next: number | null;
}

export interface Upgrade {
  id: number;
  taskId: number;
  deviceId: string;
  status: string;
  reason: string | null;
  reasonText: string | null;
  fileIndex: number;
  attempt: number;
  bytesSent: number;
  bytesTotal: number;
  finishedAt: string | null;
  updatedAt: string;
}

export interface LogLine {
  id: number;
  at: string;
  author: string;
  event: string;
  status?: string | null;
  fileIndex?: number | null;
  attempt?: number | null;
  cause: string;
}

/** Statuses of a device upgrade in the order in which people read them, and whether they are an end. */
export const UPGRADE_STATUSES = [
  'succeeded',
  'confirming',
  'transferring',
  'offered',
  'waiting',
  'scheduled',
  'failed',
  'unproven',
  'expired',
  'partial',
  'reverted',
  'cancelled',
  'skipped',
] as const;

const LIVE = new Set(['scheduled', 'waiting', 'offered', 'transferring', 'confirming']);

/** True when nothing more happens to a device upgrade by itself; a status this program does not know counts as live. */
export function isEnd(status: string): boolean {
  return (UPGRADE_STATUSES as readonly string[]).includes(status) && !LIVE.has(status);
}

/** True when a task has ended. */
export function taskEnded(status: string): boolean {
  return status === 'finished' || status === 'cancelled';
}
