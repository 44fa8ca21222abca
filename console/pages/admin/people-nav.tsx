/** The pages about keys and departments. */
import { Link, place } from '../../shell/router.tsx';
import { t } from './texts.ts';

export function PeopleNav() {
  const { label, keys, departments } = t().sub;
  const { path } = place.value;
  return (
    <nav class="sub-nav" aria-label={label}>
      {[
        { to: '/admin/keys', text: keys },
        { to: '/admin/departments', text: departments },
      ].map(({ to, text }) => (
        <Link key={to} to={to} aria-current={path === to ? 'page' : undefined}>
          {text}
        </Link>
      ))}
    </nav>
  );
}
