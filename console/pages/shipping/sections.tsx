/** The parts of an area's pages, as links below the heading: each is an address of its own. */
import type { ComponentChildren } from 'preact';
import { may, type Permission } from '../../api/session.ts';
import { Link, place } from '../../shell/router.tsx';
import { t } from './texts.ts';

interface Section {
  to: string;
  label: ComponentChildren;
  needs?: Permission;
}

function Sections({ label, sections }: { label: string; sections: readonly Section[] }) {
  const { path } = place.value;
  const shown = sections.filter(({ needs }) => needs === undefined || may(needs));
  if (shown.length < 2) return null;
  return (
    <nav class="sections" aria-label={label}>
      {shown.map(({ to, label: name }) => (
        <Link key={to} to={to} aria-current={path === to ? 'page' : undefined}>
          {name}
        </Link>
      ))}
    </nav>
  );
}

/** 出货管理 */
export function ShippingSections() {
  const words = t().sections;
  return (
    <Sections
      label={words.label}
      sections={[
        { to: '/shipping', label: words.find, needs: 'shipment:write' },
        { to: '/shipping/shipments', label: words.orders },
        { to: '/shipping/mes', label: words.mes, needs: 'shipment:write' },
        { to: '/shipping/rejected', label: words.rejected, needs: 'shipment:write' },
        { to: '/shipping/changes', label: words.changes, needs: 'shipment:write' },
      ]}
    />
  );
}

/** 二次出货 */
export function PlatformSections() {
  const words = t().platforms.sections;
  return (
    <Sections
      label={words.label}
      sections={[
        { to: '/platform-shipments', label: words.shipments },
        { to: '/platform-shipments/attention', label: words.attention },
        { to: '/platform-shipments/platforms', label: words.platforms },
      ]}
    />
  );
}

/** 客户归类 */
export function ClassificationSections() {
  const words = t().triggers.sections;
  return (
    <Sections
      label={words.label}
      sections={[
        { to: '/classification', label: words.rules },
        { to: '/classification/revisions', label: words.revisions },
        { to: '/classification/models', label: words.models },
      ]}
    />
  );
}
