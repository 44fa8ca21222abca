/** Makes an agent, or changes one. */
import { useState } from 'preact/hooks';
import type { Agent, AgentChange } from '../../api-types.ts';
import { call, newIdempotencyKey } from '../../api/call.ts';
import { useAction } from '../../api/queries.ts';
import { FormDialog } from '../../parts/form-dialog.tsx';
import { CheckField, errorAt, NumberField, SelectField, TextAreaField, TextField } from '../../parts/fields.tsx';
import { say } from '../../parts/toasts.tsx';
import { kindText } from '../../parts/words.ts';
import { t as shared } from '../../shell/texts.ts';
import { t } from './agent-texts.ts';

const FLAGS = ['material_up', 'material_down', 'water_content'] as const;
type Flag = (typeof FLAGS)[number];
type Response = 'ask' | 'send' | 'ignore';
type KeyFlags = NonNullable<Agent['keyFlags']>;

export function AgentForm({
  agent,
  onClose,
  onDone,
}: {
  /** Null: a new one. */
  agent: Agent | null;
  onClose: () => void;
  onDone: (agent: Agent) => void;
}) {
  const words = t();
  const { form: form_ } = words;
  const [form, setForm] = useState(() => ({
    code: '',
    url: agent?.url ?? '',
    name: agent?.name ?? '',
    employeeNo: agent?.employeeNo ?? '',
    software: agent?.software ?? 'Slipway',
    remark: agent?.remark ?? '',
    period: (agent?.periodSeconds ?? 30) as number | null,
    token: '',
    password: '',
    dropsToken: false,
    dropsPassword: false,
    keyFlags: Object.entries(agent?.keyFlags ?? {})
      .map(([code, action]) => `${code}=${action}`)
      .join('\n'),
    plans: Object.fromEntries(FLAGS.map((flag) => [flag, planOf(agent, flag)])) as Record<Flag, Plan>,
  }));
  const change = (part: Partial<typeof form>) => setForm((old) => ({ ...old, ...part }));
  const [idempotencyKey] = useState(newIdempotencyKey);
  const keyFlags = readKeyFlags(form.keyFlags);
  const plans = readPlans(form.plans);
  const save = useAction(async () => {
    if (keyFlags === 'wrong' || plans === 'wrong') return;
    const { code, url, name, employeeNo, remark, period, token, password, dropsToken, dropsPassword } = form;
    const software = form.software.trim();
    const body = {
      url: url.trim(),
      name,
      employeeNo: employeeNo.trim(),
      remark,
      periodSeconds: period ?? 30,
      keyFlags,
      flagPlans: plans,
      ...(software !== '' && { software }),
      ...(token !== '' && { token }),
      ...(password !== '' && { password }),
      ...(dropsToken && { token: null }),
      ...(dropsPassword && { password: null }),
    } as AgentChange & { url: string };
    const done =
      agent === null
        ? await call('createAgent', { body: { ...body, code: code.trim() } }, { idempotencyKey })
        : await call('updateAgent', { params: { code: agent.code }, body }, { ifMatch: agent.revision });
    say(agent === null ? form_.created(done.code) : form_.saved(done.code));
    onDone(done);
    onClose();
  });
  const { error } = save;
  const text = (name: 'name' | 'employeeNo' | 'software' | 'remark', label: string) => (
    <TextField
      label={label}
      value={form[name]}
      onInput={(value) => change({ [name]: value })}
      error={errorAt(error, `body.${name}`)}
    />
  );
  return (
    <FormDialog
      title={agent === null ? form_.create : form_.edit(agent.code)}
      onClose={onClose}
      act={save}
      submit={shared().common.save}
      blocked={keyFlags === 'wrong' || plans === 'wrong'}
    >
      {agent === null && (
        <TextField
          label={words.code}
          hint={form_.codeHint}
          required
          value={form.code}
          onInput={(code) => change({ code })}
          error={errorAt(error, 'body.code')}
        />
      )}
      <TextField
        label={form_.url}
        hint={form_.urlHint}
        type="url"
        required
        value={form.url}
        onInput={(url) => change({ url })}
        error={errorAt(error, 'body.url')}
      />
      {text('name', words.name)}
      <div class="columns">
        {text('employeeNo', words.employee)}
        {text('software', words.software)}
      </div>
      <NumberField
        label={words.period}
        unit="s"
        min={0.2}
        max={3_600}
        step="any"
        required
        value={form.period}
        onInput={(period) => change({ period })}
        error={errorAt(error, 'body.periodSeconds')}
      />
      {(['token', 'password'] as const).map((name) => {
        const has = name === 'token' ? agent?.hasToken === true : agent?.hasPassword === true;
        const drops = name === 'token' ? 'dropsToken' : 'dropsPassword';
        return (
          <div key={name}>
            <TextField
              type="password"
              autocomplete="new-password"
              label={name === 'token' ? form_.token : words.password}
              hint={has ? form_.secretHint : form_.secretHintNew}
              value={form[name]}
              disabled={form[drops]}
              onInput={(value) => change({ [name]: value })}
              error={errorAt(error, `body.${name}`)}
            />
            {has && (
              <CheckField
                label={name === 'token' ? form_.removeToken : form_.removePassword}
                checked={form[drops]}
                onInput={(value) => change({ [drops]: value })}
              />
            )}
          </div>
        );
      })}
      <fieldset class="group">
        <legend>{form_.plans}</legend>
        <p class="hint">{form_.plansHint}</p>
        {FLAGS.map((flag) => (
          <PlanFields
            key={flag}
            flag={flag}
            plan={form.plans[flag]}
            onChange={(plan) => change({ plans: { ...form.plans, [flag]: plan } })}
          />
        ))}
      </fieldset>
      <TextAreaField
        label={form_.keyFlags}
        hint={form_.keyFlagsHint}
        rows={2}
        value={form.keyFlags}
        onInput={(value) => change({ keyFlags: value })}
        error={keyFlags === 'wrong' ? form_.keyFlagsWrong : errorAt(error, 'body.keyFlags')}
      />
      {text('remark', words.remark)}
    </FormDialog>
  );
}

interface Plan {
  response: Response;
  data: string;
}

function PlanFields({ flag, plan, onChange }: { flag: Flag; plan: Plan; onChange: (plan: Plan) => void }) {
  const { form: words } = t();
  return (
    <>
      <SelectField
        label={kindText(flag)}
        value={plan.response}
        options={(['ask', 'send', 'ignore'] as const).map((value) => ({ value, label: words[value] }))}
        onInput={(value) => value !== '' && onChange({ ...plan, response: value })}
      />
      {plan.response === 'send' && (
        <TextAreaField
          label={`${kindText(flag)}: ${words.data}`}
          rows={3}
          value={plan.data}
          onInput={(data) => onChange({ ...plan, data })}
          error={objectOf(plan.data) === null ? words.dataWrong : undefined}
        />
      )}
    </>
  );
}

function planOf(agent: Agent | null, flag: Flag): Plan {
  const plan = (agent?.flagPlans as Partial<Record<Flag, { response: Response; data?: object }>> | undefined)?.[flag];
  return { response: plan?.response ?? 'ask', data: JSON.stringify(plan?.data ?? {}, null, 2) };
}

function readPlans(plans: Record<Flag, Plan>): object | 'wrong' {
  const read: Record<string, object> = {};
  for (const flag of FLAGS) {
    const { response, data } = plans[flag];
    const value = response === 'send' ? objectOf(data) : {};
    if (value === null) return 'wrong';
    read[flag] = response === 'send' ? { response, data: value } : { response };
  }
  return read;
}

function objectOf(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/** `0=material_up` line by line; null: the usual numbers. */
function readKeyFlags(text: string): KeyFlags | null | 'wrong' {
  const lines = text.split(/[\n,]+/).filter((line) => line.trim() !== '');
  if (lines.length === 0) return null;
  const pairs = lines.map((line) => line.split('=').map((part) => part.trim()));
  const actions = [...FLAGS, 'parameters', 'none'];
  const isRight = pairs.every(([code = '', action = '', ...more]) => {
    return code !== '' && actions.includes(action) && more.length === 0;
  });
  return isRight ? (Object.fromEntries(pairs) as KeyFlags) : 'wrong';
}
