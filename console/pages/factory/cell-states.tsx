/** States of cells as equipment is told them, and the links between the pages about trays. */
import { Badge, type Tone } from '../../parts/badge.tsx';
import { SubNav } from '../../parts/sub-nav.tsx';
import { t } from './tray-texts.ts';

export const CELL_STATES = [1, 2, 4, 5] as const;
const TONES: Record<number, Tone> = { 1: 'good', 2: 'bad', 3: 'bad', 4: 'warn', 5: 'warn' };

export function cellStateText(status: number): string {
  const { ok, ng, undefined: none, rework, hold } = t().statuses;
  return [ok, ng, none, rework, hold][status - 1] ?? String(status);
}

export function CellState({ status }: { status: number }) {
  return <Badge tone={TONES[status] ?? 'idle'}>{cellStateText(status)}</Badge>;
}

export function TrayNav() {
  const { label, trays, cells, aging } = t().sub;
  return (
    <SubNav
      label={label}
      links={[
        { to: '/trays', label: trays },
        { to: '/cells', label: cells },
        { to: '/aging-limits', label: aging },
      ]}
    />
  );
}
