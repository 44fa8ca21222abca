/**
 * Tables that fit the terminal: columns that may be cut give way first, and no row ever takes two lines. Where nobody
 * looks, because the output goes to a file or another program, nothing is cut.
 */
import { cut, oneLine, pad, widthOf } from './width.ts';

export interface Column<Row> {
  title: string;
  value: (row: Row) => string | number | null | undefined;
  align?: 'left' | 'right';
  /** May be cut before others are. */
  gives?: boolean;
  /** Colours a cell that is already cut and padded. */
  paint?: (cell: string, row: Row) => string;
}

export interface TableStyle {
  /** Columns of the terminal; null: nothing is cut. */
  width: number | null;
  bold: (text: string) => string;
}

const GAP = 2;
/** A column that gives way keeps so much, one that does not want to keeps less only when it must. */
const LEAST = 8;

/** A table whose later pages stand under the same columns as the first. */
export class Table<Row> {
  readonly #columns: readonly Column<Row>[];
  readonly #style: TableStyle;
  #widths: number[] | null = null;

  constructor(columns: readonly Column<Row>[], style: TableStyle) {
    this.#columns = columns;
    this.#style = style;
  }

  /** The lines of some rows, with a heading in front of the first. Columns that are empty everywhere are left out. */
  lines(rows: readonly Row[]): string[] {
    const cells = rows.map((row) => this.#columns.map((column) => textOf(column.value(row))));
    const isFirst = this.#widths === null;
    this.#widths ??= this.#measure(cells);
    const widths = this.#widths;
    const heading = this.#columns.map((column, at) => this.#cell(column.title.toUpperCase(), column, widths[at]!));
    const body = cells.map((row, at) =>
      this.#join(
        row.map((text, column) => {
          const described = this.#columns[column]!;
          const cell = this.#cell(text, described, widths[column]!);
          return described.paint === undefined ? cell : described.paint(cell, rows[at]!);
        }),
      ),
    );
    return isFirst ? [this.#style.bold(this.#join(heading).trimEnd()), ...body] : body;
  }

  #measure(cells: readonly string[][]): number[] {
    const natural = this.#columns.map((column, at) => {
      const longest = cells.reduce((most, row) => Math.max(most, widthOf(row[at]!)), 0);
      return longest === 0 && cells.length > 0 ? 0 : Math.max(longest, widthOf(column.title));
    });
    return this.#style.width === null ? natural : fit(natural, this.#columns, this.#style.width);
  }

  #cell(text: string, { align }: Column<Row>, width: number): string {
    if (width === 0) return '';
    return pad(this.#style.width === null ? text : cut(text, width), width, align);
  }

  #join(cells: readonly string[]): string {
    const shown = cells.filter((_, at) => this.#widths![at] !== 0);
    return shown.join(' '.repeat(GAP)).trimEnd();
  }
}

/** Makes columns narrower, the widest that gives way first, until all of them fit. */
function fit(natural: readonly number[], columns: readonly { gives?: boolean }[], width: number): number[] {
  const widths = [...natural];
  const shown = widths.filter((each) => each > 0).length;
  let over = widths.reduce((sum, each) => sum + each, 0) + GAP * (shown - 1) - width;
  const shrink = (may: (at: number) => boolean, least: number) => {
    while (over > 0) {
      const widest = widths.reduce((best, each, at) => (may(at) && each > (widths[best] ?? 0) ? at : best), -1);
      if (widest < 0 || widths[widest]! <= least) return;
      widths[widest]!--;
      over--;
    }
  };
  shrink((at) => columns[at]!.gives === true, LEAST);
  shrink(() => true, 3);
  return widths;
}

function textOf(value: string | number | null | undefined): string {
  return value === null || value === undefined ? '' : oneLine(String(value));
}
