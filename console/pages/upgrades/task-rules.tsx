/** Options that come in several: rules that stop the task, and limits for devices with something in common. */
import type { ComponentChildren } from 'preact';
import type { AbortRule, KeyLimit } from '../../api-types.ts';
import { CheckField, NumberField, SelectField } from '../../parts/fields.tsx';
import { CloseIcon } from '../../parts/icons.tsx';
import { t as taskTexts } from './tasks/texts.ts';
import { t } from './wizard/texts.ts';

/** A rule that stops a task; a number is null while nothing is written. */
export interface AbortDraft {
  failures: NonNullable<AbortRule['failures']>;
  percent: number | null;
  afterFinished: number | null;
  effect: AbortRule['effect'];
}

/** How many devices with something in common may be under way. */
export interface KeyLimitDraft {
  key: KeyLimit['key'];
  max: number | null;
}

const MAX_ABORT_RULES = 5;
const USUAL_RULE = { failures: 'any', percent: 20, afterFinished: 10, effect: 'pause' } as const;
/** In the order in which they are proposed; one limit for each. */
const LIMIT_KEYS = ['model', 'order', 'gateway', 'department'] as const;
const USUAL_MAX = 10;

/** As the API takes them. What was left empty is as usual. */
export function abortRules(rules: readonly AbortDraft[]): AbortRule[] {
  return rules.map(({ percent, afterFinished, ...rule }) => ({
    ...rule,
    percent: percent ?? USUAL_RULE.percent,
    afterFinished: afterFinished ?? USUAL_RULE.afterFinished,
  }));
}

/** As the API takes them. What was left empty is as usual. */
export function keyLimits(limits: readonly KeyLimitDraft[]): KeyLimit[] {
  return limits.map(({ key, max }) => ({ key, max: max ?? USUAL_MAX }));
}

/** Rules in words. */
export function rulesText(rules: readonly AbortRule[]): string[] {
  const { failures: kinds, effects } = t().options;
  return rules.map(({ failures = 'any', percent, afterFinished, effect }) =>
    taskTexts().one.stopsWhen(percent, kinds[failures], afterFinished, effects[effect]),
  );
}

/** Limits in words. */
export function limitsText(limits: readonly KeyLimit[]): string[] {
  return limits.map(({ key, max }) => taskTexts().one.limit(t().options.keys[key], max));
}

interface RowsProps<Row> {
  label: string;
  hint: string;
  more: string;
  rows: Row[];
  /** The next row, or null when there are as many as there may be. */
  next: Row | null;
  onInput: (rows: Row[]) => void;
  children: (row: Row, change: (more: Partial<Row>) => void) => ComponentChildren;
}

/** A check box that opens a first row, rows that can be taken away, and a button for another one. */
function Rows<Row>({ label, hint, more, rows, next, onInput, children }: RowsProps<Row>) {
  const words = t().options;
  return (
    <>
      <CheckField
        label={label}
        hint={hint}
        checked={rows.length > 0}
        onInput={(isOn) => onInput(isOn && next !== null ? [next] : [])}
      />
      {rows.map((row, at) => (
        <div class="rule-row" role="group" aria-label={words.rowName(label, at + 1)}>
          <div class="columns">
            {children(row, (change) =>
              onInput(rows.map((each, place) => (place === at ? { ...each, ...change } : each))),
            )}
          </div>
          <button
            type="button"
            class="button quiet icon-only"
            aria-label={words.removeRow(label, at + 1)}
            onClick={() => onInput(rows.filter((_, place) => place !== at))}
          >
            <CloseIcon />
          </button>
        </div>
      ))}
      {rows.length > 0 && next !== null && (
        <button type="button" class="button quiet" onClick={() => onInput([...rows, next])}>
          {more}
        </button>
      )}
    </>
  );
}

export function AbortRules({ rules, onInput }: { rules: AbortDraft[]; onInput: (rules: AbortDraft[]) => void }) {
  const words = t().options;
  return (
    <Rows
      label={words.abort}
      hint={words.abortHint}
      more={words.abortMore}
      rows={rules}
      next={rules.length < MAX_ABORT_RULES ? { ...USUAL_RULE } : null}
      onInput={onInput}
    >
      {({ failures, percent, afterFinished, effect }, change) => (
        <>
          <SelectField
            label={words.abortFailures}
            value={failures}
            options={(['any', 'failed', 'unproven', 'expired', 'reverted'] as const).map((value) => ({
              value,
              label: words.failures[value],
            }))}
            onInput={(value) => value !== '' && change({ failures: value })}
          />
          <NumberField
            label={words.abortPercent}
            min={1}
            max={100}
            unit="%"
            value={percent}
            onInput={(value) => change({ percent: value })}
          />
          <NumberField
            label={words.abortAfter}
            min={1}
            value={afterFinished}
            onInput={(value) => change({ afterFinished: value })}
          />
          <SelectField
            label={words.abortEffect}
            value={effect}
            options={(['pause', 'cancel_waiting', 'cancel'] as const).map((value) => ({
              value,
              label: words.effects[value],
            }))}
            onInput={(value) => value !== '' && change({ effect: value })}
          />
        </>
      )}
    </Rows>
  );
}

export function KeyLimits({
  limits,
  onInput,
}: {
  limits: KeyLimitDraft[];
  onInput: (limits: KeyLimitDraft[]) => void;
}) {
  const words = t().options;
  const taken = limits.map(({ key }) => key);
  const free = LIMIT_KEYS.find((key) => !taken.includes(key));
  return (
    <Rows
      label={words.keyLimits}
      hint={words.keyLimitsHint}
      more={words.keyLimitsMore}
      rows={limits}
      next={free === undefined ? null : { key: free, max: USUAL_MAX }}
      onInput={onInput}
    >
      {({ key, max }, change) => (
        <>
          <SelectField
            label={words.keyLimitsKey}
            value={key}
            options={LIMIT_KEYS.filter((value) => value === key || !taken.includes(value)).map((value) => ({
              value,
              label: words.keys[value],
            }))}
            onInput={(value) => value !== '' && change({ key: value })}
          />
          <NumberField label={words.keyLimitsMax} min={1} value={max} onInput={(value) => change({ max: value })} />
        </>
      )}
    </Rows>
  );
}
