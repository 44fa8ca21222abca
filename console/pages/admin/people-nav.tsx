/** The pages about keys and departments. */
import { SubNav } from '../../parts/sub-nav.tsx';
import { t } from './texts.ts';

export function PeopleNav() {
  const { label, keys, departments } = t().sub;
  return (
    <SubNav
      label={label}
      links={[
        { to: '/admin/keys', label: keys },
        { to: '/admin/departments', label: departments },
      ]}
    />
  );
}
