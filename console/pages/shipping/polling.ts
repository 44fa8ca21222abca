/**
 * Reads again while something is under way: so long after the last answer, and only while somebody looks at the page.
 */
import { useEffect, useRef } from 'preact/hooks';
import { useLiveRefresh } from '../../api/live.ts';

/** `answer`: what came last, or its error; a new one starts the clock anew. Null instead of a time: nothing is read. */
export function usePolling(answer: unknown, refresh: () => void, everyMs: number | null): void {
  useEffect(() => {
    if (everyMs === null) return undefined;
    const ask = () => {
      if (!document.hidden) refresh();
    };
    const timer = setTimeout(ask, everyMs);
    document.addEventListener('visibilitychange', ask);
    return () => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', ask);
    };
  }, [answer, refresh, everyMs]);
}

/** Reads again when something else has changed; not when the page begins, because then it is read anyway. */
export function useRefreshWhen(changed: unknown, refresh: () => void): void {
  const last = useRef(changed);
  useEffect(() => {
    if (last.current === changed) return;
    last.current = changed;
    refresh();
  }, [changed, refresh]);
}

/** Reads again when a shipment of the department has ended, whoever made it. */
export function useShipmentNews(kind: 'shipment.finished' | 'platform_shipment.finished', refresh: () => void): void {
  useLiveRefresh(refresh, (event) => event.type === 'event' && event.data.kind === kind);
}
