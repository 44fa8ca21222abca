/**
 * A search whose fields are compared whole: nothing is asked before Enter or the button, so that half an order number
 * costs nothing. What is searched for stands in the address.
 */
import { useEffect, useState } from 'preact/hooks';
import type { ComponentChildren } from 'preact';
import { SelectField, TextField } from '../../parts/fields.tsx';
import { t } from './texts.ts';

export interface SearchField<Name extends string> {
  name: Name;
  label: string;
  type?: 'search' | 'date';
  /** A choice instead of text; the empty one is "all", or `any`. */
  options?: readonly { value: string; label: string }[];
  any?: string;
}

export function SearchForm<Filters extends Record<string, string>>({
  filters,
  fields,
  onSearch,
  hint,
}: {
  filters: Filters;
  fields: readonly SearchField<Extract<keyof Filters, string>>[];
  onSearch: (filters: Partial<Filters>) => void;
  hint?: ComponentChildren;
}) {
  const [draft, setDraft] = useState<Filters>(filters);
  useEffect(() => setDraft(filters), [filters]);
  const set = (name: keyof Filters, value: string, isChoice: boolean) => {
    const next = { ...draft, [name]: value };
    setDraft(next);
    if (isChoice) onSearch(trimmed(next));
  };
  const submit = (event: Event) => {
    event.preventDefault();
    onSearch(trimmed(draft));
  };
  const isFilled = fields.some(({ name }) => (draft[name] ?? '') !== '');
  const clear = () => {
    const empty = Object.fromEntries(fields.map(({ name }) => [name, ''])) as Partial<Filters>;
    setDraft({ ...draft, ...empty });
    onSearch(empty);
  };
  return (
    <form class="ship-search" role="search" aria-label={t().search.label} onSubmit={submit}>
      <div class="filters">
        {fields.map(({ name, label, type = 'search', options, any }) =>
          options === undefined ? (
            <TextField
              key={name}
              label={label}
              type={type}
              value={draft[name] ?? ''}
              onInput={(value) => set(name, value, false)}
            />
          ) : (
            <SelectField
              key={name}
              label={label}
              any={any ?? true}
              options={options}
              value={draft[name] ?? ''}
              onInput={(value) => set(name, value, true)}
            />
          ),
        )}
      </div>
      <div class="row">
        <button type="submit" class="button primary">
          {t().search.submit}
        </button>
        {isFilled && (
          <button type="button" class="button quiet" onClick={clear}>
            {t().search.clear}
          </button>
        )}
        {hint !== undefined && <span class="hint">{hint}</span>}
      </div>
    </form>
  );
}

function trimmed<Filters extends Record<string, string>>(draft: Filters): Partial<Filters> {
  return Object.fromEntries(Object.entries(draft).map(([name, value]) => [name, value.trim()])) as Partial<Filters>;
}

/** Is anything searched for? */
export function isFiltered(filters: Record<string, string>): boolean {
  return Object.values(filters).some((value) => value !== '');
}

/** A filter as the API takes it: undefined where nothing is said. */
export function given<Value extends string = string>(value: string): Value | undefined {
  return value === '' ? undefined : (value as Value);
}

/** A number in the address; undefined where it is none. */
export function givenNumber(value: string): number | undefined {
  return /^\d{1,15}$/.test(value) && Number(value) > 0 ? Number(value) : undefined;
}

/** yes, no, or nothing said. */
export function givenFlag(value: string): boolean | undefined {
  return value === '' ? undefined : value === 'yes';
}
