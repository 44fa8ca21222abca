/**
 * Making a task in four steps. What was chosen stays while one goes to and fro, also to another page and back; the step
 * is in the address, so that the browser's own "back" works.
 */
import { useEffect } from 'preact/hooks';
import { call } from '../../../api/call.ts';
import { Page } from '../../../parts/page.tsx';
import { navigate, useFilters } from '../../../shell/router.tsx';
import { devicesIn, type Draft } from './order.ts';
import { draft, set, withFiles } from './state.ts';
import { DevicesStep } from './step-devices.tsx';
import { FilesStep } from './step-files.tsx';
import { OptionsStep } from './step-options.tsx';
import { PlanStep } from './step-plan.tsx';
import { t } from './texts.ts';

const STEPS = ['files', 'devices', 'options', 'plan'] as const;
type Step = (typeof STEPS)[number];

export function WizardPage() {
  const [filters] = useFilters({ step: 'files', firmware: '', devices: '' });
  usePrefill(filters.firmware, filters.devices);
  const { value } = draft;
  const furthest = reachable(value);
  const asked = STEPS.includes(filters.step as Step) ? (filters.step as Step) : 'files';
  const step = STEPS.indexOf(asked) > STEPS.indexOf(furthest) ? furthest : asked;
  const at = STEPS.indexOf(step);
  const go = (next: Step) => navigate(`/tasks/new?step=${next}`);
  const words = t();
  return (
    <Page title={words.title}>
      <nav aria-label={words.stepsLabel}>
        <ol class="steps">
          {STEPS.map((each, index) => (
            <li key={each}>
              <button
                type="button"
                class="step"
                {...(each === step && { 'aria-current': 'step' as const })}
                disabled={index > STEPS.indexOf(furthest)}
                onClick={() => go(each)}
              >
                <span class="step-number">{index + 1}</span> {words.steps[each]}
              </button>
            </li>
          ))}
        </ol>
      </nav>
      {step === 'files' && <FilesStep draft={value} set={set} />}
      {step === 'devices' && <DevicesStep draft={value} set={set} />}
      {step === 'options' && <OptionsStep draft={value} set={set} />}
      {step === 'plan' && <PlanStep draft={value} />}
      <p class="row wizard-foot">
        {at > 0 && (
          <button type="button" class="button" onClick={() => go(STEPS[at - 1]!)}>
            {words.back}
          </button>
        )}
        {at < STEPS.length - 1 && (
          <button
            type="button"
            class="button primary"
            disabled={STEPS.indexOf(furthest) <= at}
            onClick={() => go(STEPS[at + 1]!)}
          >
            {words.next}
          </button>
        )}
      </p>
    </Page>
  );
}

/** The last step to which one may go with what was chosen. */
function reachable(value: Draft): Step {
  if (value.files.length === 0) return 'files';
  if (value.how === 'list' && devicesIn(value.pasted, value.as).ids.length === 0) return 'devices';
  return 'plan';
}

/** Other pages begin a task with `?firmware=1,2` and `?devices=…`. */
function usePrefill(firmware: string, devices: string): void {
  useEffect(() => {
    if (firmware === '' && devices === '') return;
    const ids = firmware
      .split(',')
      .map(Number)
      .filter((id) => Number.isInteger(id) && id > 0);
    if (devices !== '') set({ how: 'list', pasted: devices.split(',').join('\n') });
    void Promise.all(ids.map((firmwareId) => call('getFirmware', { params: { firmwareId } })))
      .then((files) => {
        if (files.length > 0) set(withFiles(files));
      })
      .catch(() => {})
      .finally(() => navigate('/tasks/new', { replace: true }));
  }, [firmware, devices]);
}
