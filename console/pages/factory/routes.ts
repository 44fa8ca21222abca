/** Equipment and its sessions with the MOM. */
import { placeholder } from '../../parts/placeholder.tsx';
import type { PageRoute } from '../../shell/router.tsx';
import { t } from '../../shell/texts.ts';

export const routes: readonly PageRoute[] = [
  { path: '/equipment', title: () => t().nav.equipment, page: placeholder(() => t().nav.equipment) },
  { path: '/equipment-alarms', title: () => t().nav.alarms, page: placeholder(() => t().nav.alarms) },
  { path: '/trays', title: () => t().nav.trays, page: placeholder(() => t().nav.trays) },
  { path: '/agents', title: () => t().nav.agents, page: placeholder(() => t().nav.agents) },
];
