/** A platform to choose, and the extra shipping information it asks for: a form made from the platform's own data. */
import type { Platform, PlatformInfo } from '../../api-types.ts';
import type { ApiProblem } from '../../api/call.ts';
import { Badge } from '../../parts/badge.tsx';
import { errorAt, TextField } from '../../parts/fields.tsx';
import { locale } from '../../shell/locale.ts';
import { dayInBeijing } from './days.ts';
import { t } from './texts.ts';
import { fieldName } from './words.ts';

/** What is chosen, as far as it was filled in. */
export interface PlatformDraft {
  platformId: number | null;
  info: PlatformInfo;
}

export function PlatformForm({
  platforms,
  draft,
  onChange,
  problem,
  path = 'body.info',
  error,
  isTried = false,
}: {
  platforms: readonly Platform[];
  draft: PlatformDraft;
  onChange: (draft: PlatformDraft) => void;
  problem: ApiProblem | null;
  /** Where the API says what is wrong with the information. */
  path?: string;
  error?: string | undefined;
  /** Somebody wanted to send it: what is missing is said. */
  isTried?: boolean;
}) {
  const { create, list } = t().platforms;
  const chosen = platforms.find(({ id }) => id === draft.platformId);
  return (
    <>
      <fieldset class="choices">
        <legend>{create.platform}</legend>
        {platforms.map(({ id, name, reading, connected, lifetime, isActive }) => (
          <label class="choice" key={id}>
            <input
              type="radio"
              name="platform"
              checked={draft.platformId === id}
              disabled={!isActive}
              onChange={() => onChange({ platformId: id, info: draft.info })}
            />
            <b>{name}</b>
            <small>
              {locale.value === 'en' && reading !== '' && `${reading} · `}
              <Badge tone={connected ? 'good' : 'warn'}>{connected ? list.connected : list.notConnected}</Badge>{' '}
              {lifetime && <Badge tone="info">{list.lifetime}</Badge>} {!isActive && create.inactive}
            </small>
          </label>
        ))}
      </fieldset>
      {error !== undefined && (
        <p class="field-error" role="alert">
          {error}
        </p>
      )}
      {chosen !== undefined && (
        <>
          {chosen.fields.length === 0 && <p class="muted">{create.noInfo}</p>}
          <div class="filters">
            {chosen.fields.map(({ name, required }) => (
              <InfoField
                key={name}
                name={name}
                required={required}
                value={draft.info[name] ?? ''}
                error={
                  isTried && required && isMissing(draft.info, name)
                    ? create.required
                    : errorAt(problem, `${path}.${name}`)
                }
                onInput={(value) => onChange({ ...draft, info: { ...draft.info, [name]: value } })}
              />
            ))}
          </div>
        </>
      )}
    </>
  );
}

function InfoField({
  name,
  required,
  value,
  error,
  onInput,
}: {
  name: Platform['fields'][number]['name'];
  required: boolean;
  value: string;
  error: string | undefined;
  onInput: (value: string) => void;
}) {
  const words = t().platforms;
  const label = required ? `${fieldName(name)} *` : words.manage.optional(fieldName(name));
  const hint = words.fieldHints[name];
  return (
    <TextField
      label={label}
      {...(hint !== '' && { hint })}
      type={name === 'expiresOn' ? 'date' : 'text'}
      value={value}
      required={required}
      error={error}
      onInput={onInput}
    />
  );
}

function isMissing(info: PlatformInfo, name: keyof PlatformInfo): boolean {
  return (info[name]?.trim() ?? '') === '';
}

/** Is everything there that the platform must have? */
export function isComplete({ fields }: Platform, info: PlatformInfo): boolean {
  return fields.every(({ name, required }) => !required || !isMissing(info, name));
}

/** What goes with the order: only what this platform asks for. */
export function infoOf({ fields }: Platform, info: PlatformInfo): PlatformInfo {
  return Object.fromEntries(
    fields.flatMap(({ name }) => {
      const value = info[name]?.trim() ?? '';
      return value === '' ? [] : [[name, value]];
    }),
  );
}

/** What most shipments have: devices are used for a year. */
export function firstInfo(): PlatformInfo {
  return { expiresOn: dayInBeijing(365) };
}
