/**
 * Which area of pages an address belongs to. Areas are fetched when they are first needed; each has its own `routes.ts`.
 */
import type { PageRoute } from './router.tsx';

interface Area {
  /** First parts of the paths it answers for. */
  owns: readonly string[];
  load: () => Promise<{ routes: readonly PageRoute[] }>;
}

const AREAS: readonly Area[] = [
  { owns: ['', 'attention'], load: () => import('../pages/overview/routes.ts') },
  {
    owns: ['devices', 'unknown-devices', 'firmware', 'tasks', 'upgrades', 'commands'],
    load: () => import('../pages/upgrades/routes.ts'),
  },
  {
    owns: [
      'shipping',
      'shipments',
      'shipment-records',
      'platform-shipments',
      'platforms',
      'triggers',
      'classification',
      'mes',
    ],
    load: () => import('../pages/shipping/routes.ts'),
  },
  {
    owns: [
      'equipment',
      'equipment-alarms',
      'equipment-employees',
      'equipment-strangers',
      'trays',
      'cells',
      'aging-limits',
      'agents',
    ],
    load: () => import('../pages/factory/routes.ts'),
  },
  { owns: ['admin'], load: () => import('../pages/admin/routes.ts') },
];

/** The pages of the area that a path belongs to. */
export async function routesFor(path: string): Promise<readonly PageRoute[]> {
  const [, first = ''] = path.split('/');
  const area = AREAS.find(({ owns }) => owns.includes(first));
  return area === undefined ? [] : (await area.load()).routes;
}
