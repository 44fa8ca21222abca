/** Links between the pages that belong together under one entry of the navigation. */
import { Link, place } from '../shell/router.tsx';

export function SubNav({
  label,
  links,
}: {
  label: string;
  links: readonly { to: string; label: string; isShown?: boolean }[];
}) {
  const { path } = place.value;
  return (
    <nav class="sub-nav" aria-label={label}>
      {links
        .filter(({ isShown = true }) => isShown)
        .map(({ to, label: text }) => (
          <Link key={to} to={to} aria-current={path === to ? 'page' : undefined}>
            {text}
          </Link>
        ))}
    </nav>
  );
}
