/** A new shipment: devices, shipping information, check, ship. */
import { useMemo, useState } from 'preact/hooks';
import type { ShipmentOrder, ShipmentPlan } from '../../api-types.ts';
import { call, newIdempotencyKey } from '../../api/call.ts';
import { useAction } from '../../api/queries.ts';
import { me } from '../../api/session.ts';
import { confirm } from '../../parts/confirm.tsx';
import { errorAt, SelectField, TextAreaField, TextField } from '../../parts/fields.tsx';
import { Page, Panel } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { countText } from '../../parts/time.tsx';
import { say } from '../../parts/toasts.tsx';
import { navigate, useFilters } from '../../shell/router.tsx';
import { forgetChosen, readChosen, readImeis } from './chosen.ts';
import { dayInBeijing } from './days.ts';
import { PlanView } from './plan-view.tsx';
import { ShippingSections } from './sections.tsx';
import './shipping.css';
import { t } from './texts.ts';

type By = 'imeis' | 'order' | 'carton';
interface Draft {
  imeis: string;
  shipDate: string;
  company: string;
  remark: string;
}

export function NewShipmentPage() {
  // What is shipped as a whole stands in the address; a list of IMEIs does not fit there.
  const [place, setPlace] = useFilters({ by: 'imeis', order: '', carton: '' });
  const by = place.by === 'order' || place.by === 'carton' ? place.by : 'imeis';
  const [draft, setDraft] = useState<Draft>(() => ({
    imeis: readChosen(),
    shipDate: dayInBeijing(1),
    company: '',
    remark: '',
  }));
  const set = (change: Partial<Draft>) => setDraft({ ...draft, ...change });
  const imeis = useMemo(() => readImeis(draft.imeis), [draft.imeis]);
  const body = bodyOf(by, { ...place, ...draft }, imeis);
  const content = JSON.stringify(body);
  const [plan, setPlan] = useState<{ of: string; plan: ShipmentPlan } | null>(null);
  const [isTried, setTried] = useState(false);
  // one intention, one key: another content is another shipment
  const key = useMemo(newIdempotencyKey, [content]);
  const missing = missingOf(by, place, draft, imeis);
  const { order: words, columns } = t();

  const check = useAction(async () => {
    ship.clear();
    setPlan({ of: content, plan: await call('planShipment', { body }) });
  });
  const ship = useAction(async () => {
    if (plan === null || !(await confirmed(plan.plan, draft.shipDate))) return;
    const made = await call('createShipment', { body }, { idempotencyKey: key });
    forgetChosen();
    say(words.done(made.id));
    navigate(`/shipping/shipments/${made.id}`);
  });
  const problem = ship.error ?? check.error;
  const submit = (event: Event) => {
    event.preventDefault();
    setTried(true);
    if (Object.keys(missing).length === 0) void check.run();
  };
  const errorOf = (name: keyof typeof missing, path: string) =>
    (isTried ? missing[name] : undefined) ?? errorAt(problem, path);

  return (
    <Page title={words.title} lead={words.lead}>
      <ShippingSections />
      <form onSubmit={submit} class="columns">
        <Panel title={words.devices}>
          <SelectField<By>
            label={words.by}
            value={by}
            options={[
              { value: 'imeis', label: words.byImeis },
              { value: 'order', label: words.byOrder },
              { value: 'carton', label: words.byCarton },
            ]}
            onInput={(value) => setPlace({ by: value })}
          />
          {by === 'imeis' && (
            <TextAreaField
              label={words.imeis}
              hint={`${words.imeisCount(imeis.length)} · ${words.imeisHint}`}
              rows={9}
              required
              value={draft.imeis}
              error={errorOf('imeis', 'body.imeis')}
              onInput={(value) => set({ imeis: value })}
            />
          )}
          {by === 'order' && (
            <TextField
              label={columns.order}
              hint={words.orderHint}
              required
              value={place.order}
              error={errorOf('order', 'body.order')}
              onInput={(order) => setPlace({ order })}
            />
          )}
          {by === 'carton' && (
            <TextField
              label={columns.carton}
              hint={words.cartonHint}
              required
              value={place.carton}
              error={errorOf('carton', 'body.carton')}
              onInput={(carton) => setPlace({ carton })}
            />
          )}
        </Panel>
        <Panel title={words.info}>
          <p>
            {words.department}: <b>{me.value?.department.name}</b> <span class="muted">{words.departmentHint}</span>
          </p>
          <TextField
            label={words.shipDate}
            hint={words.shipDateHint}
            type="date"
            required
            value={draft.shipDate}
            error={errorOf('shipDate', 'body.shipDate')}
            onInput={(shipDate) => set({ shipDate })}
          />
          <TextField
            label={words.company}
            hint={words.companyHint}
            value={draft.company}
            error={errorAt(problem, 'body.company')}
            onInput={(company) => set({ company })}
          />
          <TextField
            label={words.remark}
            value={draft.remark}
            error={errorAt(problem, 'body.remark')}
            onInput={(remark) => set({ remark })}
          />
          <button type="submit" class="button primary" disabled={check.busy}>
            {check.busy ? words.planning : words.plan}
          </button>
        </Panel>
      </form>
      <div aria-live="polite">
        {problem !== null && <ProblemNote problem={problem} />}
        {plan !== null && check.error === null && (
          <PlanView
            plan={plan.plan}
            isStale={plan.of !== content}
            action={
              <button
                type="button"
                class="button primary"
                disabled={ship.busy || plan.of !== content || plan.plan.shipped === 0}
                onClick={() => void ship.run()}
              >
                {words.ship(countText(plan.plan.shipped))}
              </button>
            }
          />
        )}
      </div>
    </Page>
  );
}

function bodyOf(by: By, given: Draft & { order: string; carton: string }, imeis: string[]): ShipmentOrder {
  const { shipDate } = given;
  const [company, remark] = [given.company.trim(), given.remark.trim()];
  return {
    ...(by === 'imeis' ? { imeis } : by === 'order' ? { order: given.order.trim() } : { carton: given.carton.trim() }),
    shipDate,
    ...(company !== '' && { company }),
    ...(remark !== '' && { remark }),
  };
}

/** What is not filled in yet. */
function missingOf(by: By, place: { order: string; carton: string }, { shipDate }: Draft, imeis: readonly string[]) {
  const { order: words } = t();
  const missing: { imeis?: string; order?: string; carton?: string; shipDate?: string } = {};
  if (by === 'imeis' && imeis.length === 0) missing.imeis = words.needDevices;
  if (by === 'order' && place.order.trim() === '') missing.order = words.needOrder;
  if (by === 'carton' && place.carton.trim() === '') missing.carton = words.needCarton;
  if (shipDate === '') missing.shipDate = words.needDate;
  return missing;
}

function confirmed({ shipped, refused }: ShipmentPlan, shipDate: string): Promise<boolean> {
  const { order: words } = t();
  return confirm({
    title: words.confirmTitle(countText(shipped)),
    action: words.ship(countText(shipped)),
    consequences: [
      words.confirmDepartment(me.value?.department.name ?? ''),
      words.confirmDate(shipDate),
      words.confirmRecord,
      ...(refused > 0 ? [words.confirmRefused(countText(refused))] : []),
    ],
  });
}
