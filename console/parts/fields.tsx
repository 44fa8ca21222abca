/**
 * Fields of forms: a label, the control, a hint, an error that is announced. `errorAt(problem, 'body.name')` finds what
 * the API says of a field.
 */
import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import type { ApiProblem } from '../api/call.ts';
import { t } from '../shell/texts.ts';

interface FieldProps {
  label: ComponentChildren;
  hint?: ComponentChildren;
  error?: string | undefined;
  required?: boolean;
  disabled?: boolean;
  name?: string;
}

/** What the API said of the field at a path, or of something inside it. */
export function errorAt(problem: ApiProblem | null, path: string): string | undefined {
  return problem?.errors.find((each) => each.path === path || each.path.startsWith(`${path}.`))?.message;
}

/** The parts around any control; the control gets the ids it needs. */
export function Field({
  label,
  hint,
  error,
  required = false,
  children,
}: FieldProps & { children: (ids: ControlProps) => ComponentChildren }) {
  const id = useId();
  const described = [hint !== undefined && `${id}-hint`, error !== undefined && `${id}-error`].filter(Boolean);
  const ids: ControlProps = {
    id,
    ...(described.length > 0 && { 'aria-describedby': described.join(' ') }),
    ...(error !== undefined && { 'aria-invalid': 'true' as const }),
    ...(required && { required: true }),
  };
  return (
    <div class={`field ${error === undefined ? '' : 'invalid'}`}>
      <label for={id}>{label}</label>
      {children(ids)}
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error !== undefined && (
        <p class="field-error" id={`${id}-error`} role="alert">
          {error}
        </p>
      )}
    </div>
  );
}
interface ControlProps {
  id: string;
  'aria-describedby'?: string;
  'aria-invalid'?: 'true';
  required?: boolean;
}

export function TextField({
  type = 'text',
  value,
  onInput,
  placeholder,
  autocomplete = 'off',
  disabled = false,
  name,
  inputMode,
  list,
  ...field
}: FieldProps & {
  type?: 'text' | 'password' | 'search' | 'date' | 'time' | 'datetime-local' | 'url';
  value: string;
  onInput: (value: string) => void;
  placeholder?: string;
  autocomplete?: string;
  inputMode?: 'numeric' | 'text' | 'search';
  /** Id of a datalist. */
  list?: string;
}) {
  return (
    <Field {...field}>
      {(ids) => (
        <input
          {...ids}
          // the types of Preact want one kind of field at a time
          {...({ type } as { type: 'text' })}
          value={value}
          disabled={disabled}
          autocomplete={autocomplete}
          spellcheck={false}
          {...(placeholder !== undefined && { placeholder })}
          {...(name !== undefined && { name })}
          {...(inputMode !== undefined && { inputMode })}
          {...(list !== undefined && { list })}
          onInput={(event) => onInput(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

/** A whole number or nothing (null). */
export function NumberField({
  value,
  onInput,
  min,
  max,
  step = 1,
  unit,
  disabled = false,
  ...field
}: FieldProps & {
  value: number | null;
  onInput: (value: number | null) => void;
  min?: number;
  max?: number;
  step?: number | 'any';
  unit?: string;
}) {
  return (
    <Field {...field}>
      {(ids) => (
        <span class="with-unit">
          <input
            {...ids}
            type="number"
            value={value ?? ''}
            disabled={disabled}
            step={step}
            {...(min !== undefined && { min })}
            {...(max !== undefined && { max })}
            onInput={({ currentTarget }) =>
              onInput(Number.isNaN(currentTarget.valueAsNumber) ? null : currentTarget.valueAsNumber)
            }
          />
          {unit !== undefined && <span class="unit">{unit}</span>}
        </span>
      )}
    </Field>
  );
}

export function TextAreaField({
  value,
  onInput,
  rows = 5,
  placeholder,
  disabled = false,
  ...field
}: FieldProps & { value: string; onInput: (value: string) => void; rows?: number; placeholder?: string }) {
  return (
    <Field {...field}>
      {(ids) => (
        <textarea
          {...ids}
          rows={rows}
          value={value}
          disabled={disabled}
          spellcheck={false}
          {...(placeholder !== undefined && { placeholder })}
          onInput={(event) => onInput(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

/** One of several; `any` adds an empty first choice. */
export function SelectField<Value extends string>({
  value,
  onInput,
  options,
  any,
  disabled = false,
  ...field
}: FieldProps & {
  value: Value | '';
  onInput: (value: Value | '') => void;
  options: readonly { value: Value; label: string }[];
  /** Label of the empty choice; true: "all". */
  any?: string | true;
}) {
  return (
    <Field {...field}>
      {(ids) => (
        <select
          {...ids}
          value={value}
          disabled={disabled}
          onChange={(event) => onInput(event.currentTarget.value as Value | '')}
        >
          {any !== undefined && <option value="">{any === true ? t().common.all : any}</option>}
          {options.map((each) => (
            <option key={each.value} value={each.value}>
              {each.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export function CheckField({
  label,
  hint,
  checked,
  onInput,
  disabled = false,
}: Pick<FieldProps, 'label' | 'hint' | 'disabled'> & { checked: boolean; onInput: (checked: boolean) => void }) {
  const id = useId();
  return (
    <div class="check">
      <input
        id={id}
        type="checkbox"
        checked={checked}
        disabled={disabled}
        onChange={(event) => onInput(event.currentTarget.checked)}
        {...(hint !== undefined && { 'aria-describedby': `${id}-hint` })}
      />
      <label for={id}>{label}</label>
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}
