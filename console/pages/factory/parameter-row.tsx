/** One parameter while it is edited: a row of fields, with what is wrong at each. */
import type { ApiProblem } from '../../api/call.ts';
import { errorAt } from '../../parts/fields.tsx';
import type { Draft, DraftField, Faults } from './parameter-faults.ts';
import { t } from './texts.ts';

const FIELDS: readonly DraftField[] = [
  'parameterCode',
  'parameterType',
  'targetValue',
  'uomCode',
  'lowerControlLimit',
  'upperControlLimit',
  'lowerSpecificationsLimit',
  'upperSpecificationsLimit',
  'lowerLimit',
  'upperLimit',
  'description',
];

function fieldNames(): Record<DraftField, string> {
  const words = t().parameters;
  return {
    parameterCode: words.code,
    parameterType: words.type,
    targetValue: words.target,
    uomCode: words.unit,
    lowerControlLimit: words.lcl,
    upperControlLimit: words.ucl,
    lowerSpecificationsLimit: words.lsl,
    upperSpecificationsLimit: words.usl,
    lowerLimit: words.ll,
    upperLimit: words.ul,
    description: words.description,
  };
}

export function EditorHead() {
  const words = t().parameters;
  const names = fieldNames();
  return (
    <thead>
      <tr>
        <th scope="col">#</th>
        {FIELDS.map((field) => (
          <th scope="col" key={field}>
            {names[field]}
          </th>
        ))}
        <th scope="col">{words.available}</th>
        <td />
      </tr>
    </thead>
  );
}

export function EditorRow({
  draft,
  index,
  count,
  faults,
  problem,
  onChange,
  onMove,
  onRemove,
}: {
  draft: Draft;
  index: number;
  count: number;
  faults: Faults;
  problem: ApiProblem | null;
  onChange: (part: Partial<Draft>) => void;
  onMove: (by: number) => void;
  onRemove: () => void;
}) {
  const words = t().parameters;
  const names = fieldNames();
  return (
    <tr>
      <td class="end">{index + 1}</td>
      {FIELDS.map((field) => {
        const kind = faults[field];
        const fault = kind === undefined ? errorAt(problem, `body.parameters.${index}.${field}`) : words[kind];
        return (
          <td key={field} class={fault === undefined ? '' : 'invalid'}>
            <input
              type="text"
              class={`in-${field}`}
              spellcheck={false}
              autocomplete="off"
              value={draft[field]}
              aria-label={words.row(index + 1, names[field])}
              onInput={(event) => onChange({ [field]: event.currentTarget.value })}
              {...(fault !== undefined && { 'aria-invalid': 'true' as const, title: fault })}
            />
            {fault !== undefined && <span class="field-error">{fault}</span>}
          </td>
        );
      })}
      <td>
        <select
          aria-label={words.row(index + 1, words.available)}
          value={draft.isAvailable === null ? '' : String(draft.isAvailable)}
          onChange={({ currentTarget: { value } }) => onChange({ isAvailable: value === '' ? null : value === 'true' })}
        >
          <option value="">{words.unset}</option>
          <option value="true">TRUE</option>
          <option value="false">FALSE</option>
        </select>
      </td>
      <td class="actions-cell">
        <RowButton label={words.row(index + 1, words.up)} text="↑" disabled={index === 0} onPress={() => onMove(-1)} />
        <RowButton
          label={words.row(index + 1, words.down)}
          text="↓"
          disabled={index === count - 1}
          onPress={() => onMove(1)}
        />
        <RowButton label={words.row(index + 1, words.remove)} text="×" onPress={onRemove} />
      </td>
    </tr>
  );
}

function RowButton({
  label,
  text,
  disabled = false,
  onPress,
}: {
  label: string;
  text: string;
  disabled?: boolean;
  onPress: () => void;
}) {
  return (
    <button
      type="button"
      class="button small quiet icon-only"
      aria-label={label}
      title={label}
      disabled={disabled}
      onClick={onPress}
    >
      {text}
    </button>
  );
}
