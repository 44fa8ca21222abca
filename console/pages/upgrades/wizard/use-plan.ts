/** Asks for a plan and, page by page, for its devices. An order may name 100 000 devices: it is compared by identity. */
import { useCallback, useEffect, useState } from 'preact/hooks';
import type { PlannedDevice, UpgradeOrder, UpgradePlan } from '../../../api-types.ts';
import { asProblem, call, isAbort, type ApiProblem } from '../../../api/call.ts';
import type { Pages } from '../../../api/queries.ts';

export const OUTCOMES = ['goes', 'waits', 'skipped', 'refused'] as const;
export type Outcome = (typeof OUTCOMES)[number];

const PAGE = 200;

interface State {
  plan: UpgradePlan | null;
  items: PlannedDevice[];
  next: number | null;
  error: ApiProblem | null;
  loading: boolean;
  loadingMore: boolean;
}

/** The plan of an order, and its devices with one outcome (or all). */
export function usePlan(order: UpgradeOrder, outcome: Outcome | '') {
  const [state, setState] = useState<State>({
    plan: null,
    items: [],
    next: null,
    error: null,
    loading: true,
    loadingMore: false,
  });
  const [round, setRound] = useState(0);
  const ask = async (after: number | undefined, signal?: AbortSignal) => {
    const query = { limit: PAGE, after, outcome: outcome === '' ? undefined : outcome };
    return call('planUpgradeTask', { query, body: order }, signal === undefined ? {} : { signal });
  };
  useEffect(() => {
    const abort = new AbortController();
    setState((old) => ({ ...old, loading: true, items: [], next: null }));
    ask(undefined, abort.signal).then(
      (plan) =>
        setState({ plan, items: plan.devices, next: plan.next, error: null, loading: false, loadingMore: false }),
      (error: unknown) => {
        if (!isAbort(error)) setState((old) => ({ ...old, error: asProblem(error), loading: false }));
      },
    );
    return () => abort.abort();
  }, [order, outcome, round]);
  const again = useCallback(() => setRound((old) => old + 1), []);
  const loadMore = () => {
    const { next, loadingMore } = state;
    if (next === null || loadingMore) return;
    setState((old) => ({ ...old, loadingMore: true }));
    ask(next).then(
      (page) =>
        setState((old) =>
          old.next === next
            ? { ...old, items: [...old.items, ...page.devices], next: page.next, loadingMore: false }
            : old,
        ),
      (error: unknown) => setState((old) => ({ ...old, error: asProblem(error), loadingMore: false })),
    );
  };
  const devices: Pages<PlannedDevice> = {
    items: state.items,
    error: state.error,
    loading: state.loading,
    loadingMore: state.loadingMore,
    hasMore: state.next !== null,
    loadMore,
    refresh: again,
    patch: () => {},
  };
  return { plan: state.plan, devices, error: state.error, again };
}
