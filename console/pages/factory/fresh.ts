/**
 * Keeps what is shown fresh: at once when the stream of events tells of it, and every few seconds for what it does not
 * tell of (heartbeats, status), as long as somebody looks.
 */
import { useEffect, useRef } from 'preact/hooks';
import { useLiveRefresh } from '../../api/live.ts';

const EVERY_MS = 6_000;

interface Scope {
  /** Kinds of events begin with it. */
  prefix?: string;
  /** Only events about this equipment. */
  equipmentCode?: string | undefined;
  everyMs?: number;
}

/** Calls `refresh` whenever something may have changed. */
export function useFresh(
  refresh: () => void,
  { prefix = 'equipment.', equipmentCode, everyMs = EVERY_MS }: Scope = {},
): void {
  useLiveRefresh(refresh, (event) => {
    if (event.type !== 'event' || !event.data.kind.startsWith(prefix)) return false;
    const { equipmentCode: code } = event.data.data as { equipmentCode?: string };
    return equipmentCode === undefined || code === equipmentCode;
  });
  const latest = useRef(refresh);
  latest.current = refresh;
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) latest.current();
    }, everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
}
