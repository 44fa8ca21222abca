/** Equipment and its sessions with the MOM. */
import '../../styles/groups.css';
import './factory.css';
import { lazy, type PageRoute } from '../../shell/router.tsx';
import { t as shared } from '../../shell/texts.ts';
import { EquipmentPage } from './board.tsx';
import { t as agents } from './agent-texts.ts';
import { t } from './texts.ts';
import { t as trays } from './tray-texts.ts';

export const routes: readonly PageRoute[] = [
  { path: '/equipment', title: () => shared().nav.equipment, page: EquipmentPage },
  {
    path: '/equipment/:code',
    title: () => shared().nav.equipment,
    page: lazy(() => import('./one-equipment.tsx').then((m) => m.OneEquipmentPage)),
  },
  {
    path: '/equipment-alarms',
    title: () => shared().nav.alarms,
    page: lazy(() => import('./alarms.tsx').then((m) => m.AlarmsPage)),
  },
  {
    path: '/equipment-employees',
    title: () => t().sub.employees,
    page: lazy(() => import('./employees.tsx').then((m) => m.EmployeesPage)),
  },
  {
    path: '/equipment-strangers',
    title: () => t().sub.strangers,
    page: lazy(() => import('./strangers.tsx').then((m) => m.StrangersPage)),
  },
  {
    path: '/trays',
    title: () => trays().trays.title,
    page: lazy(() => import('./trays.tsx').then((m) => m.TraysPage)),
  },
  {
    path: '/trays/:barcode',
    title: () => trays().trays.title,
    page: lazy(() => import('./one-tray.tsx').then((m) => m.OneTrayPage)),
  },
  {
    path: '/cells',
    title: () => trays().cells.title,
    page: lazy(() => import('./cells.tsx').then((m) => m.CellsPage)),
  },
  {
    path: '/cells/:serialNo',
    title: () => trays().cells.title,
    page: lazy(() => import('./one-cell.tsx').then((m) => m.OneCellPage)),
  },
  {
    path: '/aging-limits',
    title: () => trays().aging.title,
    page: lazy(() => import('./aging.tsx').then((m) => m.AgingPage)),
  },
  { path: '/agents', title: () => agents().title, page: lazy(() => import('./agents.tsx').then((m) => m.AgentsPage)) },
  {
    path: '/agents/:code',
    title: () => agents().title,
    page: lazy(() => import('./one-agent.tsx').then((m) => m.OneAgentPage)),
  },
];
