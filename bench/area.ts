/**
 * What an area of the measurements is, and the settings it takes. The areas are in files of their own; `areas.ts` lists
 * them.
 */
import type { GivenFigure } from './report.ts';

/** One option of an area. */
export interface Setting {
  means: string;
  full: string;
  /** With `--quick`; absent: the same. */
  quick?: string;
  /** `count`: a whole number from 0; `counts`: some from 1, with commas; `names`: some of `oneOf`, with commas; `secret`: not in reports. */
  kind: 'count' | 'counts' | 'names' | 'text' | 'secret';
  /** Of a count. */
  least?: number;
  oneOf?: readonly string[];
}

/** What an area gives its results to. */
export interface Bench {
  /** Something measured, with its baseline. What was given stays, whatever happens to the rest. */
  figure(figure: GivenFigure): void;
  /** What figures consist of, in words. */
  note(text: string): void;
  /** A part that cannot be measured here. */
  missing(name: string, reason: string): void;
  /** For the person who waits. */
  progress(text: string): void;
  /** Is run at the end, last first, also when the measurement is interrupted in the middle. */
  atEnd(stop: () => unknown): void;
}

export interface Area {
  name: string;
  title: string;
  settings: Readonly<Record<string, Setting>>;
  /** The setting that is meant by numbers without a name. */
  positional?: string;
  /** Servers it runs on, for the description of the machine. */
  uses: readonly ('postgres' | 'temporal')[];
  measure(bench: Bench, settings: Settings): Promise<void>;
}

/** The settings of one run of an area. */
export class Settings {
  readonly #values: Readonly<Record<string, string>>;

  constructor(values: Readonly<Record<string, string>>) {
    this.#values = values;
  }

  /** Empty: not given. */
  text(name: string): string {
    const value = this.#values[name];
    if (value === undefined) throw new Error(`there is no setting ${name}`);
    return value;
  }

  number(name: string): number {
    return Number(this.text(name));
  }

  list(name: string): string[] {
    return listOf(this.text(name));
  }

  numbers(name: string): number[] {
    return this.list(name).map(Number);
  }
}

/** All settings of an area, from what was given for it; throws, in words for the person who asked, when one is wrong. */
export function settingsOf(
  { name, settings, positional }: Pick<Area, 'name' | 'settings' | 'positional'>,
  {
    given,
    numbers,
    isQuick,
  }: { given: Readonly<Record<string, string>>; numbers: readonly string[]; isQuick: boolean },
): Record<string, string> {
  if (numbers.length > 0 && positional === undefined) throw new Error(`${name} takes no ${numbers[0]}`);
  const all = positional === undefined || numbers.length === 0 ? given : { ...given, [positional]: numbers.join(',') };
  const values: Record<string, string> = {};
  for (const [key, { full, quick = full, kind, least = 0, oneOf = [] }] of Object.entries(settings)) {
    const value = all[key] ?? (isQuick ? quick : full);
    if (kind === 'count' && !(/^\d+$/.test(value) && Number(value) >= least)) {
      throw new Error(`--${key} takes a whole number from ${least}, not ${value}`);
    }
    if (kind === 'counts' && (listOf(value).length === 0 || listOf(value).some((each) => !/^[1-9]\d*$/.test(each)))) {
      throw new Error(`--${key} takes whole numbers from 1, for example 200,1000, not ${value}`);
    }
    const isWrongName = listOf(value).some((each) => !oneOf.includes(each));
    if (kind === 'names' && (listOf(value).length === 0 || isWrongName)) {
      throw new Error(`--${key} takes ${oneOf.join(', ')}, with commas, not ${value}`);
    }
    values[key] = value;
  }
  return values;
}

/** What a report tells of them: what is empty says nothing, and secrets stay where they are. */
export function shownSettings(
  { settings }: Pick<Area, 'settings'>,
  values: Readonly<Record<string, string>>,
): Record<string, string> {
  const shown = Object.entries(values).filter(([key, value]) => value !== '' && settings[key]?.kind !== 'secret');
  return Object.fromEntries(shown);
}

/** Parts of a list with commas, without blanks. */
export function listOf(text: string): string[] {
  return text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
}
