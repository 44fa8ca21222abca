/**
 * Addresses and pages. Everything a person would want to send to a colleague is in the address: the page, what it is
 * about, and the filters (`useFilters`).
 */
import { signal } from '@preact/signals';
import type { ComponentChildren, ComponentType } from 'preact';
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import { t } from './texts.ts';

/** A page of an area. */
export interface PageRoute {
  /** `/tasks/:taskId` */
  path: string;
  page: ComponentType<PageProps>;
  /** Title of the window; asked in the language of the moment. */
  title: () => string;
}

export interface PageProps {
  /** What the address names: `params.taskId`. */
  params: Readonly<Record<string, string>>;
}

/** Where we are. */
export const place = signal({ path: location.pathname, search: location.search });

function look(): void {
  place.value = { path: location.pathname, search: location.search };
}
addEventListener('popstate', look);

/** Goes to a page. `replace`: without a step back. */
export function navigate(to: string, { replace = false } = {}): void {
  if (to === location.pathname + location.search) return;
  const isOtherPage = new URL(to, location.href).pathname !== location.pathname;
  history[replace ? 'replaceState' : 'pushState'](null, '', to);
  look();
  if (isOtherPage) scrollTo(0, 0);
}

/** A link within the console; other clicks than a plain one are the browser's. */
export function Link({ to, children, ...rest }: { to: string; children: ComponentChildren } & LinkExtras) {
  const follow = (event: MouseEvent) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    navigate(to);
  };
  return (
    <a href={to} onClick={follow} {...rest}>
      {children}
    </a>
  );
}
interface LinkExtras {
  class?: string;
  title?: string;
  'aria-current'?: 'page' | undefined;
  'aria-label'?: string;
}

/** The route for a path, and what the path names. */
export function matchRoute(routes: readonly PageRoute[], path: string) {
  for (const route of routes) {
    const params = matchPath(route.path, path);
    if (params !== null) return { route, params };
  }
  return null;
}

/** What a path names by a pattern; null when it does not fit. */
export function matchPath(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split('/');
  const given = path.replace(/(.)\/$/, '$1').split('/');
  if (wanted.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const value = given[index]!;
    if (!part.startsWith(':')) {
      if (part !== value) return null;
    } else {
      try {
        params[part.slice(1)] = decodeURIComponent(value);
      } catch {
        return null;
      }
    }
  }
  return params;
}

/**
 * Filters of a page, kept in the address: `const [filters, setFilters] = useFilters({ status: '', q: '' })`. All are
 * text; those with their first value are left out of the address.
 */
export function useFilters<Filters extends Record<string, string>>(
  initial: Filters,
): [Filters, (change: Partial<Filters>) => void] {
  const { search } = place.value;
  const filters = useMemo(() => {
    const given = new URLSearchParams(search);
    return Object.fromEntries(Object.entries(initial).map(([name, value]) => [name, given.get(name) ?? value]));
  }, [search]) as Filters;
  const set = useCallback((change: Partial<Filters>) => {
    const next = new URLSearchParams(location.search);
    for (const [name, value] of Object.entries(change)) {
      if (value === undefined || value === initial[name]) next.delete(name);
      else next.set(name, value);
    }
    const text = next.toString();
    navigate(location.pathname + (text === '' ? '' : `?${text}`), { replace: true });
  }, []);
  return [filters, set];
}

/** A page that is fetched when it is first needed: `lazy(() => import('./wizard.tsx').then((m) => m.Wizard))`. */
export function lazy(load: () => Promise<ComponentType<PageProps>>): ComponentType<PageProps> {
  let loaded: ComponentType<PageProps> | null = null;
  return function Lazy(props: PageProps) {
    const [state, setState] = useState<'loading' | 'ready' | 'gone'>('loading');
    useEffect(() => {
      if (loaded !== null) return;
      void load().then(
        (page) => {
          loaded = page;
          setState('ready');
        },
        () => setState('gone'),
      );
    }, []);
    const Page = loaded;
    if (Page !== null) return <Page {...props} />;
    return state === 'gone' ? <NewVersion /> : null;
  };
}

/** The page's file is not there any more: the console was built anew since it was opened. */
function NewVersion() {
  return (
    <p class="note" role="alert">
      {t().problem.newVersion}{' '}
      <button type="button" class="button small" onClick={() => location.reload()}>
        {t().problem.reload}
      </button>
    </p>
  );
}
