/** The pages about equipment. */
import { may } from '../../api/session.ts';
import { SubNav } from '../../parts/sub-nav.tsx';
import { t } from './texts.ts';

export function EquipmentNav() {
  const { label, equipment, employees, strangers } = t().sub;
  return (
    <SubNav
      label={label}
      links={[
        { to: '/equipment', label: equipment },
        { to: '/equipment-employees', label: employees },
        { to: '/equipment-strangers', label: strangers, isShown: may('mom:write') },
      ]}
    />
  );
}
