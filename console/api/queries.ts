/**
 * Data for components: `useQuery` for one answer, `usePages` for a list that grows page by page. What is asked
 * decides: when it changes, the old request is cancelled and the new one begins. What was there stays visible
 * while it is read again.
 */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { OperationId } from '../api-types.ts';
import { asProblem, call, isAbort, type ApiProblem, type Input, type Output } from './call.ts';

/** One answer, as it comes. */
export interface Query<Answer> {
  data: Answer | null;
  error: ApiProblem | null;
  /** Nothing is there yet. */
  loading: boolean;
  /** Reads again; what is shown stays until the answer is there. */
  refresh: () => void;
}

/** The answer of an operation; null asks nothing (yet). */
export function useQuery<Id extends OperationId>(id: Id, input: Input<Id> | null): Query<Output<Id>> {
  const [state, setState] = useState<{ data: Output<Id> | null; error: ApiProblem | null; key: string }>({
    data: null,
    error: null,
    key: '',
  });
  const [round, setRound] = useState(0);
  const key = input === null ? '' : JSON.stringify([id, input as unknown]);
  const asked = useRef<unknown>(null);
  asked.current = input;
  useEffect(() => {
    const { current } = asked;
    if (current === null) return undefined;
    const abort = new AbortController();
    void (call as Untyped)(id, current, { signal: abort.signal }).then(
      (data) => !abort.signal.aborted && setState({ data: data as Output<Id>, error: null, key }),
      (error: unknown) => {
        if (!abort.signal.aborted && !isAbort(error)) setState((old) => ({ ...old, error: asProblem(error), key }));
      },
    );
    return () => abort.abort();
  }, [key, round]);
  const refresh = useCallback(() => setRound((old) => old + 1), []);
  const isCurrent = state.key === key;
  return {
    data: input === null ? null : state.data,
    error: isCurrent ? state.error : null,
    loading: input !== null && !isCurrent && state.data === null,
    refresh,
  };
}

/** Operations that answer a page of items. */
export type ListId = {
  [Id in OperationId]: Output<Id> extends { items: unknown[]; next: unknown } ? Id : never;
}[OperationId];
export type ItemOf<Id extends ListId> = Output<Id> extends { items: (infer Item)[] } ? Item : never;

/** A list, as far as it was read. */
export interface Pages<Item> {
  items: Item[];
  error: ApiProblem | null;
  /** Nothing is there yet. */
  loading: boolean;
  /** The next page is under way. */
  loadingMore: boolean;
  /** There is more. */
  hasMore: boolean;
  loadMore: () => void;
  /** Reads the list again, as many items as are shown. */
  refresh: () => void;
  /** Replaces items in place, for live updates. */
  patch: (change: (item: Item) => Item) => void;
}

interface PagesState<Item> {
  key: string;
  items: Item[];
  next: string | number | null;
  error: ApiProblem | null;
  loadingMore: boolean;
}

const MOST_PER_PAGE = 500;

/** A list of the API, `limit` (100) items at a time; null asks nothing (yet). */
export function usePages<Id extends ListId>(id: Id, input: Input<Id> | null, limit = 100): Pages<ItemOf<Id>> {
  type Item = ItemOf<Id>;
  const [state, setState] = useState<PagesState<Item>>({
    key: '',
    items: [],
    next: null,
    error: null,
    loadingMore: false,
  });
  const [round, setRound] = useState(0);
  const key = input === null ? '' : JSON.stringify([id, input as unknown]);
  const now = useRef({ input, state, more: null as AbortController | null });
  now.current.input = input;
  now.current.state = state;
  const read = async (after: string | number | undefined, count: number, signal: AbortSignal) => {
    const { query, ...rest } = now.current.input as { query?: object };
    const page = { ...rest, query: { ...query, limit: count, after } };
    return (await (call as Untyped)(id, page, { signal })) as { items: Item[]; next: string | number | null };
  };
  const fail = (signal: AbortSignal) => (error: unknown) => {
    if (signal.aborted || isAbort(error)) return;
    setState((old) => ({ ...old, key, error: asProblem(error), loadingMore: false }));
  };
  useEffect(() => {
    if (now.current.input === null) return undefined;
    const abort = new AbortController();
    now.current.more?.abort();
    const wanted = now.current.state.key === key ? Math.max(limit, now.current.state.items.length) : limit;
    const readAll = async () => {
      let all: Item[] = [];
      let next: string | number | null | undefined;
      do {
        const page = await read(next ?? undefined, Math.min(MOST_PER_PAGE, wanted - all.length), abort.signal);
        all = [...all, ...page.items];
        next = page.next;
      } while (next !== null && all.length < wanted);
      if (!abort.signal.aborted) setState({ key, items: all, next, error: null, loadingMore: false });
    };
    readAll().catch(fail(abort.signal));
    return () => abort.abort();
  }, [key, round]);
  const loadMore = useCallback(() => {
    const { state } = now.current;
    if (state.next === null || state.loadingMore || state.key !== key) return;
    const abort = new AbortController();
    now.current.more = abort;
    now.current.state = { ...state, loadingMore: true };
    setState((old) => ({ ...old, loadingMore: true, error: null }));
    read(state.next, limit, abort.signal)
      .then(({ items, next }) => {
        if (abort.signal.aborted) return;
        setState((old) => ({ ...old, items: [...old.items, ...items], next, loadingMore: false }));
      })
      .catch(fail(abort.signal));
  }, [key]);
  const refresh = useCallback(() => setRound((old) => old + 1), []);
  const patch = useCallback((change: (item: Item) => Item) => {
    setState((old) => ({ ...old, items: old.items.map(change) }));
  }, []);
  const isCurrent = state.key === key;
  return {
    items: isCurrent ? state.items : [],
    error: isCurrent ? state.error : null,
    loading: input !== null && !isCurrent,
    loadingMore: state.loadingMore,
    hasMore: isCurrent && state.next !== null,
    loadMore,
    refresh,
    patch,
  };
}

/** One action of a person: busy while it runs, its problem when it fails; a second press while busy does nothing. */
export function useAction<Args extends unknown[]>(act: (...args: Args) => Promise<unknown>) {
  const [state, setState] = useState<{ busy: boolean; error: ApiProblem | null }>({ busy: false, error: null });
  const busy = useRef(false);
  const run = async (...args: Args): Promise<boolean> => {
    if (busy.current) return false;
    busy.current = true;
    setState({ busy: true, error: null });
    try {
      await act(...args);
      setState({ busy: false, error: null });
      return true;
    } catch (error) {
      setState({ busy: false, error: isAbort(error) ? null : asProblem(error) });
      return false;
    } finally {
      busy.current = false;
    }
  };
  return { ...state, run, clear: () => setState({ busy: false, error: null }) };
}

type Untyped = (id: OperationId, input: unknown, options: { signal: AbortSignal }) => Promise<unknown>;
