/**
 * The table of a list: pages that are fetched while scrolling, rows that exist only while they are seen, selection, a
 * CSV of everything, and what to do when there is nothing. A list is sorted only where the API sorts it.
 */
import type { ComponentChildren } from 'preact';
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { OperationId } from '../api-types.ts';
import { addressOf } from '../api/call.ts';
import type { Pages } from '../api/queries.ts';
import { t } from '../shell/texts.ts';
import { DownloadIcon, RefreshIcon } from './icons.tsx';
import { ProblemNote } from './problem.tsx';

export interface Column<Row> {
  id: string;
  head: ComponentChildren;
  cell: (row: Row) => ComponentChildren;
  align?: 'end';
  /** CSS width, for example `12ch`. */
  width?: string;
  /** Left out on phones. */
  wide?: boolean;
  /** Only where the API sorts: what is in force, and what a click asks for. */
  sort?: { now: 'ascending' | 'descending' | null; onSort: () => void };
}

export interface Selection<Key extends string | number> {
  keys: ReadonlySet<Key>;
  toggle: (key: Key, isSelected: boolean) => void;
  set: (keys: Iterable<Key>) => void;
  clear: () => void;
}

/** Which rows are selected; forgotten when `scope` (the filters, say) changes. */
export function useSelection<Key extends string | number>(scope = ''): Selection<Key> {
  const [state, setState] = useState<{ scope: string; keys: ReadonlySet<Key> }>({ scope, keys: new Set() });
  const keys = state.scope === scope ? state.keys : NOTHING;
  const set = useCallback((next: Iterable<Key>) => setState({ scope, keys: new Set(next) }), [scope]);
  const toggle = useCallback(
    (key: Key, isSelected: boolean) =>
      setState((old) => {
        const next = new Set(old.scope === scope ? old.keys : []);
        if (isSelected) next.add(key);
        else next.delete(key);
        return { scope, keys: next };
      }),
    [scope],
  );
  const clear = useCallback(() => set([]), [set]);
  return useMemo(() => ({ keys, toggle, set, clear }), [keys, toggle, set, clear]);
}
const NOTHING: ReadonlySet<never> = new Set();

interface TableProps<Row, Key extends string | number> {
  /** What the table is, for those who do not see it. */
  label: string;
  list: Pages<Row>;
  columns: readonly Column<Row>[];
  rowKey: (row: Row) => Key;
  /** What a row is called, in the label of its checkbox; its key otherwise. */
  rowName?: (row: Row) => string;
  selection?: Selection<Key>;
  /** Buttons for the selected rows. */
  selectionActions?: ComponentChildren;
  rowActions?: (row: Row) => ComponentChildren;
  /** A click on a row, beside its links and buttons: for a drawer. Give the row a link or button for the keyboard, too. */
  onOpen?: (row: Row) => void;
  /** Which row is open. */
  openKey?: Key | null;
  csv?: { operation: OperationId; params?: object; query?: object };
  empty?: ComponentChildren;
  /** Beside the number of rows. */
  tools?: ComponentChildren;
}

const ROW_PX = 36;
/** Rows drawn above and below what is seen. */
const MARGIN_ROWS = 12;
/** How near the end the next page is fetched. */
const FETCH_AHEAD_PX = 800;

export function DataTable<Row, Key extends string | number>(props: TableProps<Row, Key>) {
  const { label, list, columns, rowKey, selection, csv, empty, tools, rowActions } = props;
  const { scroller, onScroll, first, last } = useWindow(list.items.length);
  useEffect(() => {
    const box = scroller.current;
    if (box === null || !list.hasMore || list.loadingMore || list.error !== null) return;
    if (box.scrollHeight - box.scrollTop - box.clientHeight < FETCH_AHEAD_PX) list.loadMore();
  });
  const shown = list.items.slice(first, last);
  const width = columns.length + (selection === undefined ? 0 : 1) + (rowActions === undefined ? 0 : 1);
  const isEmpty = !list.loading && list.items.length === 0 && list.error === null;
  return (
    <div class="table-frame">
      <div class="table-tools">
        <span class="muted" aria-live="polite">
          {list.loading ? t().common.loading : t().common.shown(list.items.length, list.hasMore)}
        </span>
        {selection !== undefined && selection.keys.size > 0 && (
          <span class="row selection">
            <b>{t().common.selected(selection.keys.size)}</b>
            {props.selectionActions}
            <button type="button" class="button small quiet" onClick={selection.clear}>
              {t().common.clearSelection}
            </button>
          </span>
        )}
        <span class="grow" />
        {tools}
        <button
          type="button"
          class="button small quiet icon-only"
          title={t().common.refresh}
          aria-label={t().common.refresh}
          onClick={list.refresh}
        >
          <RefreshIcon />
        </button>
        {csv !== undefined && (
          <a
            class="button small quiet"
            href={addressOf(csv.operation, { ...csv, query: { ...csv.query, format: 'csv' } })}
            download
          >
            <DownloadIcon /> {t().common.csv}
          </a>
        )}
      </div>
      {list.error !== null && <ProblemNote problem={list.error} retry={list.refresh} />}
      {isEmpty ? (
        (empty ?? <p class="empty">{t().common.nothing}</p>)
      ) : (
        <div class="table-scroll" ref={scroller} onScroll={onScroll} role="region" aria-label={label} tabIndex={0}>
          <table class="table" aria-rowcount={list.hasMore ? -1 : list.items.length + 1} aria-busy={list.loading}>
            <thead>
              <tr>
                {selection !== undefined && (
                  <th class="check-cell">
                    <SelectAll list={list.items} rowKey={rowKey} selection={selection} />
                  </th>
                )}
                {columns.map((column) => (
                  <HeadCell key={column.id} column={column} />
                ))}
                {rowActions !== undefined && <th />}
              </tr>
            </thead>
            <tbody>
              {first > 0 && <Spacer rows={first} width={width} />}
              {shown.map((row, index) => (
                <TableRow key={rowKey(row)} {...props} row={row} index={first + index} />
              ))}
              {last < list.items.length && <Spacer rows={list.items.length - last} width={width} />}
              {(list.loading || list.loadingMore) && <Skeleton rows={list.loading ? 8 : 2} width={width} />}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}

function TableRow<Row, Key extends string | number>({
  row,
  index,
  columns,
  rowKey,
  rowName,
  selection,
  rowActions,
  onOpen,
  openKey,
}: TableProps<Row, Key> & { row: Row; index: number }) {
  const key = rowKey(row);
  const open = (event: MouseEvent) => {
    if (onOpen === undefined || (event.target as Element).closest('a, button, input, label, select') !== null) return;
    onOpen(row);
  };
  const isSelected = selection?.keys.has(key) === true;
  const classes = [isSelected && 'selected', openKey === key && 'open', onOpen !== undefined && 'opens'];
  return (
    <tr class={classes.filter(Boolean).join(' ')} aria-rowindex={index + 2} onClick={open}>
      {selection !== undefined && (
        <td class="check-cell">
          <input
            type="checkbox"
            aria-label={t().common.selectRow(rowName?.(row) ?? String(key))}
            checked={isSelected}
            onChange={(event) => selection.toggle(key, event.currentTarget.checked)}
          />
        </td>
      )}
      {columns.map((column) => (
        <td key={column.id} class={cellClass(column)}>
          {column.cell(row)}
        </td>
      ))}
      {rowActions !== undefined && <td class="actions-cell">{rowActions(row)}</td>}
    </tr>
  );
}

function HeadCell<Row>({ column }: { column: Column<Row> }) {
  const { sort, width } = column;
  return (
    <th
      scope="col"
      class={cellClass(column)}
      {...(width !== undefined && { style: { width } })}
      {...(sort?.now != null && { 'aria-sort': sort.now })}
    >
      {sort === undefined ? (
        column.head
      ) : (
        <button type="button" class="sort" onClick={sort.onSort}>
          {column.head}
          <span aria-hidden="true">{sort.now === 'ascending' ? ' ↑' : sort.now === 'descending' ? ' ↓' : ''}</span>
        </button>
      )}
    </th>
  );
}

function SelectAll<Row, Key extends string | number>({
  list,
  rowKey,
  selection,
}: {
  list: readonly Row[];
  rowKey: (row: Row) => Key;
  selection: Selection<Key>;
}) {
  const { size } = selection.keys;
  const box = useRef<HTMLInputElement>(null);
  const isAll = list.length > 0 && size >= list.length;
  useEffect(() => {
    if (box.current !== null) box.current.indeterminate = size > 0 && !isAll;
  }, [size, isAll]);
  return (
    <input
      ref={box}
      type="checkbox"
      aria-label={t().common.selectAll}
      checked={isAll}
      onChange={(event) => (event.currentTarget.checked ? selection.set(list.map(rowKey)) : selection.clear())}
    />
  );
}

/** Stands for rows that nobody sees. */
function Spacer({ rows, width }: { rows: number; width: number }) {
  return (
    <tr class="spacer" aria-hidden="true" style={{ height: `${rows * ROW_PX}px` }}>
      <td colSpan={width} />
    </tr>
  );
}

function Skeleton({ rows, width }: { rows: number; width: number }) {
  return (
    <>
      {Array.from({ length: rows }, (_, index) => (
        <tr class="skeleton" aria-hidden="true" key={index}>
          <td colSpan={width}>
            <span />
          </td>
        </tr>
      ))}
    </>
  );
}

/** Which rows are seen, in a box that scrolls. */
function useWindow(rows: number) {
  const scroller = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ first: 0, last: 60 });
  const look = useCallback(() => {
    const box = scroller.current;
    if (box === null) return;
    const first = Math.max(0, Math.floor(box.scrollTop / ROW_PX) - MARGIN_ROWS);
    const last = first + Math.ceil(box.clientHeight / ROW_PX) + 2 * MARGIN_ROWS;
    // in steps, so that not every pixel draws anew
    const step = { first: first - (first % 4), last: last + 4 - (last % 4) };
    setView((old) => (old.first === step.first && old.last === step.last ? old : step));
  }, []);
  useEffect(look, [rows]);
  return {
    scroller,
    onScroll: look,
    first: Math.min(view.first, Math.max(0, rows - 1)),
    last: Math.min(view.last, rows),
  };
}

function cellClass<Row>({ align, wide }: Column<Row>): string {
  return [align === 'end' && 'end', wide === true && 'wide-only'].filter(Boolean).join(' ');
}
