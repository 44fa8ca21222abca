/**
 * Lists: a page as a table with the way to the next one, or all of it, page by page.
 */
import type { Command } from 'commander';
import type { Query } from './api.ts';
import { integer, type Context } from './context.ts';
import type { Column } from './table.ts';

export interface ListOptions {
  all?: boolean;
  limit?: number;
  after?: string;
}

/** Adds the options that every list has. */
export function asList(command: Command): Command {
  return command
    .option('--all', 'everything, not only the first page; with --json one item per line')
    .option('--limit <n>', 'most items on a page', integer)
    .option('--after <place>', 'go on behind this place');
}

/** Prints one page or all of them. `id` is what `--quiet` prints of an item. */
export async function printList<Item>(
  { out, api }: Context,
  path: string,
  query: Query,
  options: ListOptions,
  { columns, id, empty }: { columns: readonly Column<Item>[]; id: (item: Item) => string | number; empty: string },
): Promise<void> {
  const show = out.table(columns);
  const asked = { ...query, limit: options.limit ?? (options.all === true ? 500 : 50), after: options.after };
  let count = 0;
  for await (const page of api.pages<Item>(path, asked)) {
    count += page.items.length;
    if (out.isJson && options.all !== true) out.document(page);
    else if (out.isJson) page.items.forEach((item) => out.record(item));
    show(page.items);
    page.items.forEach((item) => out.essence(id(item)));
    if (options.all === true || page.next === null) continue;
    if (!out.isJson) out.note(`There are more: --all, or --after ${page.next}.`);
    break;
  }
  if (count === 0 && !out.isJson) out.note(empty);
}
