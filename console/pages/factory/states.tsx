/** States and statuses of equipment: their order, their colours, their words. */
import type { Equipment, Stretch } from '../../api-types.ts';
import { Badge, type Tone } from '../../parts/badge.tsx';
import { statusText } from '../../parts/words.ts';
import { t } from './texts.ts';

export type SessionState = Equipment['state'];
export type EquipmentStatus = NonNullable<Equipment['status']>;
export type TimeState = Stretch['state'];

export const SESSION_STATES: readonly SessionState[] = ['alive', 'online', 'suspect', 'offline', 'never'];
export const EQUIPMENT_STATUSES: readonly EquipmentStatus[] = ['Running', 'Waiting', 'Down', 'Maintenance', 'Alerting'];
export const TIME_STATES: readonly TimeState[] = [...EQUIPMENT_STATUSES, 'Offline', 'Unknown'];

const STATE_TONES: Record<SessionState, Tone> = {
  alive: 'good',
  online: 'info',
  suspect: 'warn',
  offline: 'bad',
  never: 'idle',
};
const STATUS_TONES: Record<EquipmentStatus, Tone> = {
  Running: 'good',
  Waiting: 'info',
  Down: 'idle',
  Maintenance: 'warn',
  Alerting: 'bad',
};

export function stateTone(state: SessionState): Tone {
  return STATE_TONES[state];
}

export function StateBadge({ state }: { state: SessionState }) {
  return <Badge tone={STATE_TONES[state]}>{statusText(state)}</Badge>;
}

export function EquipmentStatusBadge({ status }: { status: Equipment['status'] }) {
  if (status === null) return <span class="muted">{t().board.statusUnknown}</span>;
  return <Badge tone={STATUS_TONES[status]}>{statusText(status)}</Badge>;
}

/** Is anything known of what it does now? Of one that is silent, nobody knows. */
export function isHere({ state }: Pick<Equipment, 'state'>): boolean {
  return state !== 'never' && state !== 'offline';
}
