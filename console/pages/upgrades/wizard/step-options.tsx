/** Third step: when and how fast. What is seldom changed is folded away. */
import { CheckField, NumberField, SelectField, TextField } from '../../../parts/fields.tsx';
import { Panel } from '../../../parts/page.tsx';
import { AbortRules, KeyLimits } from '../task-rules.tsx';
import type { Draft } from './order.ts';
import { t } from './texts.ts';
import type { SetDraft } from './state.ts';

/** Numbers that may stand in a field of the draft. */
type NumberName = { [Name in keyof Draft]: Draft[Name] extends number | null ? Name : never }[keyof Draft];

export function OptionsStep({ draft, set }: { draft: Draft; set: SetDraft }) {
  const words = t().options;
  const number = (
    name: NumberName,
    label: string,
    more: { unit?: string; hint?: string; min?: number; step?: 'any' } = {},
  ) => <NumberField label={label} min={0} value={draft[name]} onInput={(value) => set({ [name]: value })} {...more} />;
  return (
    <>
      <Panel title={t().steps.options}>
        <div class="columns">
          <TextField label={words.name} hint={words.nameHint} value={draft.name} onInput={(name) => set({ name })} />
          <div>
            <SelectField
              label={words.window}
              value={draft.hours}
              options={[
                { value: 'always', label: words.windowAlways },
                { value: 'night', label: words.windowNight },
                { value: 'own', label: words.windowOwn },
              ]}
              onInput={(hours) => hours !== '' && set({ hours })}
            />
            {draft.hours === 'own' && <OwnWindow draft={draft} set={set} />}
          </div>
          {number('dispatchDelayMinutes', words.dispatchDelay, { unit: words.minutes, hint: words.dispatchDelayHint })}
          {number('maxConcurrent', words.maxConcurrent, { min: 1 })}
          {number('ratePerMinute', words.ratePerMinute, { min: 1, hint: words.ratePerMinuteHint })}
          {number('deadlineHours', words.deadline, { unit: words.hours, hint: words.deadlineHint, step: 'any' })}
          <SelectField
            label={words.notEligible}
            value={draft.notEligible}
            options={[
              { value: 'wait', label: words.wait },
              { value: 'skip', label: words.skip },
            ]}
            onInput={(notEligible) => notEligible !== '' && set({ notEligible })}
          />
        </div>
        <CheckField
          label={words.approval}
          hint={words.approvalHint}
          checked={draft.approval}
          onInput={(approval) => set({ approval })}
        />
        {draft.approval && number('approvalHours', words.approvalWithin, { unit: words.hours, step: 'any' })}
      </Panel>
      <details class="panel advanced">
        <summary>{words.advanced}</summary>
        <div class="panel-body">
          <CheckField
            label={words.growth}
            hint={words.growthHint}
            checked={draft.growth}
            onInput={(growth) => set({ growth })}
          />
          {draft.growth && (
            <div class="columns">
              {number('basePerMinute', words.basePerMinute, { min: 1 })}
              {number('factor', words.factor, { min: 1, step: 'any' })}
              {number('everyDevices', words.everyDevices, { min: 1 })}
            </div>
          )}
          <AbortRules rules={draft.abort} onInput={(abort) => set({ abort })} />
          <KeyLimits limits={draft.keyLimits} onInput={(keyLimits) => set({ keyLimits })} />
          {draft.how === 'filter' && (
            <CheckField
              label={words.joins}
              hint={words.joinsHint}
              checked={draft.joins}
              onInput={(joins) => set({ joins })}
            />
          )}
          <div class="columns">
            {number('attemptsPerFile', words.attempts, { min: 1 })}
            {number('waitOnlineHours', words.waitOnline, { unit: words.hours, step: 'any' })}
            {number('transferMinutes', words.transfer, { unit: words.minutes, step: 'any' })}
            {number('proofMinutes', words.proof, { unit: words.minutes, step: 'any' })}
          </div>
          {draft.files.some(({ protocol }) => protocol === 'pile') && (
            <SelectField
              label={words.pile}
              value={draft.pileAtOnce ? 'at_once' : 'when_idle'}
              options={[
                { value: 'when_idle', label: words.pileIdle },
                { value: 'at_once', label: words.pileNow },
              ]}
              onInput={(value) => set({ pileAtOnce: value === 'at_once' })}
            />
          )}
        </div>
      </details>
    </>
  );
}

function OwnWindow({ draft, set }: { draft: Draft; set: SetDraft }) {
  const words = t().options;
  const change = (more: Partial<Draft['window']>) => set({ window: { ...draft.window, ...more } });
  return (
    <div class="columns">
      <TextField type="time" label={words.from} value={draft.window.from} onInput={(from) => change({ from })} />
      <TextField type="time" label={words.to} value={draft.window.to} onInput={(to) => change({ to })} />
      <TextField
        label={words.zone}
        hint={words.zoneHint}
        list="zones"
        value={draft.window.zone}
        onInput={(zone) => change({ zone })}
      />
      <datalist id="zones">
        {[...new Set(['Asia/Shanghai', Intl.DateTimeFormat().resolvedOptions().timeZone, 'UTC', 'Europe/Berlin'])].map(
          (zone) => (
            <option key={zone} value={zone} />
          ),
        )}
      </datalist>
    </div>
  );
}
