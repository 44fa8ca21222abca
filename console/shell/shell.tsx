/** The frame around every page: navigation, who is signed in, and the page that the address names. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ComponentChildren } from 'preact';
import { asProblem, type ApiProblem } from '../api/call.ts';
import { liveState } from '../api/live.ts';
import { me, signOut, temporalUi } from '../api/session.ts';
import { CloseIcon, ExternalIcon, MenuIcon, OutIcon } from '../parts/icons.tsx';
import { Page } from '../parts/page.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { routesFor } from './areas.ts';
import { isBelow, missingFor, visibleGroups } from './navigation.ts';
import { Link, matchRoute, place, type PageRoute } from './router.tsx';
import { LanguageSwitch, ThemeSwitch } from './switches.tsx';
import { t } from './texts.ts';

export function Shell() {
  const [isOpen, setOpen] = useState(false);
  const { path } = place.value;
  useEffect(() => setOpen(false), [path]);
  return (
    <div class={`shell ${isOpen ? 'nav-open' : ''}`}>
      <a class="skip" href="#content">
        {t().nav.skip}
      </a>
      <header class="top">
        <button
          type="button"
          class="button quiet icon-only nav-toggle"
          aria-expanded={isOpen}
          aria-controls="navigation"
          aria-label={isOpen ? t().nav.close : t().nav.open}
          onClick={() => setOpen(!isOpen)}
        >
          {isOpen ? <CloseIcon /> : <MenuIcon />}
        </button>
        <Link to="/" class="brand">
          {t().product}
        </Link>
        <span class="grow" />
        <LiveSign />
        <Account />
        <LanguageSwitch />
        <ThemeSwitch />
      </header>
      <Navigation path={path} />
      <main id="content" class="content" tabIndex={-1}>
        <CurrentPage path={path} />
      </main>
    </div>
  );
}

function Navigation({ path }: { path: string }) {
  const words = t().nav;
  return (
    <nav id="navigation" class="nav" aria-label={words.label}>
      {visibleGroups().map(({ name, items }) => (
        <div class="nav-group" key={name ?? 'first'}>
          {name !== null && <h2 class="nav-title">{words[name]}</h2>}
          <ul>
            {items.map(({ to, name: item }) => (
              <li key={to}>
                <Link to={to} aria-current={isBelow(path, to) ? 'page' : undefined}>
                  {words[item]}
                </Link>
              </li>
            ))}
          </ul>
        </div>
      ))}
      <ul class="nav-group nav-outside">
        <li>
          <Outside to="/docs">{words.apiDocs}</Outside>
        </li>
        {temporalUi.value !== null && (
          <li>
            <Outside to={temporalUi.value}>{words.temporal}</Outside>
          </li>
        )}
      </ul>
    </nav>
  );
}

function Outside({ to, children }: { to: string; children: ComponentChildren }) {
  return (
    <a href={to} target="_blank" rel="noreferrer">
      {children} <ExternalIcon />
    </a>
  );
}

/** Is what is shown kept up to date? Only where something on the page follows what happens. */
function LiveSign() {
  const state = liveState.value;
  if (state === null) return null;
  return (
    <span class={`live live-${state}`} role="status">
      {t().live[state]}
    </span>
  );
}

function Account() {
  const who = me.value;
  if (who == null) return null;
  const label = t().account.signOut;
  return (
    <div class="account">
      <span class="who">
        <b>{who.name}</b>
        <span class="department">{who.department.name}</span>
      </span>
      <button
        type="button"
        class="button quiet icon-only"
        title={label}
        aria-label={label}
        onClick={() => void signOut().catch(() => location.reload())}
      >
        <OutIcon />
      </button>
    </div>
  );
}

/** Fetches the area of the address and draws its page. */
function CurrentPage({ path }: { path: string }) {
  const [area, setArea] = useState<{ first: string; routes: readonly PageRoute[]; error: ApiProblem | null } | null>(
    null,
  );
  const first = path.split('/')[1] ?? '';
  useEffect(() => {
    let isCurrent = true;
    routesFor(path).then(
      (routes) => isCurrent && setArea({ first, routes, error: null }),
      (error: unknown) => isCurrent && setArea({ first, routes: [], error: asProblem(error) }),
    );
    return () => {
      isCurrent = false;
    };
  }, [first]);
  const isHere = area !== null && area.first === first;
  const match = isHere ? matchRoute(area.routes, path) : null;
  const title = match?.route.title() ?? t().notFound.title;
  useEffect(() => {
    if (isHere) document.title = `${title} · ${t().product}`;
  }, [title, isHere]);
  useFocusOnNewPage(path, isHere);
  const missing = missingFor(path);
  if (missing !== null) {
    return <Page title={t().forbidden.title}>{t().forbidden.detail(missing)}</Page>;
  }
  if (!isHere) return <p class="visually-hidden">{t().common.loading}</p>;
  if (area.error !== null) {
    return (
      <Page title={t().problem.pageFailed}>
        <ProblemNote problem={area.error} retry={() => location.reload()} />
      </Page>
    );
  }
  if (match === null) {
    return (
      <Page title={t().notFound.title}>
        <p>{t().notFound.detail}</p>
        <Link to="/">{t().notFound.home}</Link>
      </Page>
    );
  }
  const { page: Current } = match.route;
  return <Current key={match.route.path + JSON.stringify(match.params)} params={match.params} />;
}

/** Whoever hears the page or uses its keys begins at its heading after going to another page. */
function useFocusOnNewPage(path: string, isReady: boolean): void {
  const last = useRef(path);
  useEffect(() => {
    if (!isReady || last.current === path) return;
    last.current = path;
    document.querySelector<HTMLElement>('#content h1')?.focus({ preventScroll: true });
  }, [path, isReady]);
}
