/** Devices, upgrade files, tasks and upgrades. */
import { placeholder } from '../../parts/placeholder.tsx';
import type { PageRoute } from '../../shell/router.tsx';
import { t } from '../../shell/texts.ts';

export const routes: readonly PageRoute[] = [
  { path: '/devices', title: () => t().nav.devices, page: placeholder(() => t().nav.devices) },
  { path: '/firmware', title: () => t().nav.firmware, page: placeholder(() => t().nav.firmware) },
  { path: '/tasks', title: () => t().nav.tasks, page: placeholder(() => t().nav.tasks) },
  { path: '/upgrades', title: () => t().nav.upgrades, page: placeholder(() => t().nav.upgrades) },
];
