/** What the navigation shows, in groups, and what one must be allowed to do to see it. */
import { may, type Permission } from '../api/session.ts';
import type { t } from './texts.ts';

type NavName = Exclude<keyof ReturnType<typeof t>['nav'], `group${string}`>;

interface NavItem {
  to: string;
  name: NavName;
  needs?: Permission;
}

interface NavGroup {
  name: 'groupUpgrades' | 'groupShipping' | 'groupFactory' | 'groupAdmin' | null;
  items: readonly NavItem[];
}

const GROUPS: readonly NavGroup[] = [
  {
    name: null,
    items: [
      { to: '/', name: 'overview' },
      { to: '/attention', name: 'attention', needs: 'device:read' },
    ],
  },
  {
    name: 'groupUpgrades',
    items: [
      { to: '/devices', name: 'devices', needs: 'device:read' },
      { to: '/firmware', name: 'firmware', needs: 'device:read' },
      { to: '/tasks', name: 'tasks', needs: 'device:read' },
      { to: '/upgrades', name: 'upgrades', needs: 'device:read' },
    ],
  },
  {
    name: 'groupShipping',
    items: [
      { to: '/shipping', name: 'shipping', needs: 'device:read' },
      { to: '/shipment-records', name: 'shipmentRecords', needs: 'device:read' },
      { to: '/platform-shipments', name: 'platformShipments', needs: 'device:read' },
      { to: '/triggers', name: 'triggers', needs: 'device:read' },
      { to: '/classification', name: 'classification', needs: 'device:read' },
    ],
  },
  {
    name: 'groupFactory',
    items: [
      { to: '/equipment', name: 'equipment', needs: 'device:read' },
      { to: '/equipment-alarms', name: 'alarms', needs: 'device:read' },
      { to: '/trays', name: 'trays', needs: 'device:read' },
      { to: '/agents', name: 'agents', needs: 'device:read' },
    ],
  },
  {
    name: 'groupAdmin',
    items: [
      { to: '/admin/keys', name: 'keys', needs: 'admin' },
      { to: '/admin/audit', name: 'audit', needs: 'admin' },
      { to: '/admin/webhooks', name: 'webhooks', needs: 'admin' },
      { to: '/admin/settings', name: 'settings', needs: 'admin' },
    ],
  },
];

/** The groups that the one who is signed in may see. */
export function visibleGroups(): NavGroup[] {
  return GROUPS.map(({ name, items }) => ({
    name,
    items: items.filter(({ needs }) => needs === undefined || may(needs)),
  })).filter(({ items }) => items.length > 0);
}

/** What a page of the navigation needs that the one who is signed in lacks; null: nothing. */
export function missingFor(path: string): Permission | null {
  const item = GROUPS.flatMap(({ items }) => items).find(({ to }) => to !== '/' && isBelow(path, to));
  return item?.needs !== undefined && !may(item.needs) ? item.needs : null;
}

/** Is this page, or one below it, shown? */
export function isBelow(path: string, to: string): boolean {
  return to === '/' ? path === '/' : path === to || path.startsWith(`${to}/`);
}
