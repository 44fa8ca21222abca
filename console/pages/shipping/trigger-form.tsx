/** Makes a trigger, or changes one. */
import { useMemo, useState } from 'preact/hooks';
import type { Trigger, TriggerMatch } from '../../api-types.ts';
import { call, newIdempotencyKey } from '../../api/call.ts';
import { useAction, useQuery } from '../../api/queries.ts';
import { CheckField, errorAt, NumberField, TextAreaField, TextField } from '../../parts/fields.tsx';
import { Page, Panel } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { say } from '../../parts/toasts.tsx';
import { Link, navigate, type PageProps } from '../../shell/router.tsx';
import { firstInfo, infoOf, isComplete, PlatformForm, type PlatformDraft } from './platform-form.tsx';
import './shipping.css';
import { t } from './texts.ts';

export function NewTriggerPage() {
  return <TriggerForm trigger={null} />;
}

export function EditTriggerPage({ params }: PageProps) {
  const triggerId = Number(params['triggerId']);
  const trigger = useQuery('getTrigger', { params: { triggerId } });
  if (trigger.error !== null) {
    return (
      <Page title={t().triggers.title}>
        <ProblemNote problem={trigger.error} retry={trigger.refresh} />
      </Page>
    );
  }
  return trigger.data === null ? null : <TriggerForm trigger={trigger.data} />;
}

function TriggerForm({ trigger }: { trigger: Trigger | null }) {
  const [name, setName] = useState(trigger?.name ?? '');
  const [order, setOrder] = useState(trigger?.match.order ?? '');
  const [model, setModel] = useState(trigger?.match.model ?? '');
  const [companyWords, setCompanyWords] = useState(trigger?.match.companyWords?.join('\n') ?? '');
  const [company, setCompany] = useState(trigger?.company ?? '');
  const [shipInDays, setShipInDays] = useState<number | null>(trigger?.shipInDays ?? 1);
  const [remark, setRemark] = useState(trigger?.remark ?? '');
  const [isOnward, setOnward] = useState(trigger?.platform != null);
  const [draft, setDraft] = useState<PlatformDraft>({
    platformId: trigger?.platform?.platformId ?? null,
    info: trigger?.platform?.info ?? firstInfo(),
  });
  const [isTried, setTried] = useState(false);
  const platforms = useQuery('listPlatforms', { query: { limit: 500 } });
  const items = platforms.data?.items ?? [];
  const platform = items.find(({ id }) => id === draft.platformId);
  const match = matchOf(order, model, companyWords);
  const body = {
    name: name.trim(),
    match,
    company: company.trim(),
    shipInDays: shipInDays ?? 1,
    remark: remark.trim(),
    platform:
      isOnward && platform !== undefined ? { platformId: platform.id, info: infoOf(platform, draft.info) } : null,
  };
  const key = useMemo(newIdempotencyKey, [JSON.stringify(body)]);
  const { triggers: words, platforms: platformWords } = t();
  const save = useAction(async () => {
    const made =
      trigger === null
        ? await call('createTrigger', { body }, { idempotencyKey: key })
        : await call('updateTrigger', { params: { triggerId: trigger.id }, body }, { ifMatch: trigger.revision });
    say(trigger === null ? words.created : words.saved);
    navigate(`/triggers/${made.id}`);
  });
  const missing = {
    name: body.name === '' ? words.needName : undefined,
    match: Object.keys(match).length === 0 ? words.needMatch : undefined,
    platform: isOnward && platform === undefined ? platformWords.create.needPlatform : undefined,
  };
  const submit = (event: Event) => {
    event.preventDefault();
    setTried(true);
    const isGiven = !isOnward || (platform !== undefined && isComplete(platform, draft.info));
    if (isGiven && Object.values(missing).every((each) => each === undefined)) void save.run();
  };
  const errorOf = (field: keyof typeof missing) => (isTried ? missing[field] : undefined);
  return (
    <Page
      title={trigger === null ? words.new : words.editTitle(trigger.name)}
      lead={words.lead}
      actions={
        <Link to={trigger === null ? '/triggers' : `/triggers/${trigger.id}`} class="button quiet">
          {trigger === null ? words.all : trigger.name}
        </Link>
      }
    >
      <form class="stack" onSubmit={submit} noValidate>
        <div class="columns">
          <Panel title={words.match}>
            <TextField
              label={words.name}
              hint={words.nameHint}
              required
              value={name}
              error={errorOf('name') ?? errorAt(save.error, 'body.name')}
              onInput={setName}
            />
            <p class={isTried && missing.match !== undefined ? 'field-error' : 'muted'}>
              {errorOf('match') ?? words.matchHint}
            </p>
            <TextField label={words.order} hint={words.orderHint} value={order} onInput={setOrder} />
            <TextField label={words.model} hint={words.modelHint} value={model} onInput={setModel} />
            <TextAreaField
              label={words.companyWords}
              hint={words.companyWordsHint}
              rows={3}
              value={companyWords}
              error={errorAt(save.error, 'body.match')}
              onInput={setCompanyWords}
            />
          </Panel>
          <Panel title={words.info}>
            <TextField
              label={words.company}
              hint={words.companyHint}
              value={company}
              error={errorAt(save.error, 'body.company')}
              onInput={setCompany}
            />
            <NumberField
              label={words.shipInDays}
              hint={words.shipInDaysHint}
              unit={words.days}
              min={0}
              max={365}
              value={shipInDays}
              error={errorAt(save.error, 'body.shipInDays')}
              onInput={setShipInDays}
            />
            <TextField
              label={words.remark}
              value={remark}
              error={errorAt(save.error, 'body.remark')}
              onInput={setRemark}
            />
          </Panel>
        </div>
        <Panel title={words.onward}>
          <CheckField label={words.onwardChoice} checked={isOnward} onInput={setOnward} />
          {isOnward && (
            <PlatformForm
              platforms={items}
              draft={draft}
              onChange={setDraft}
              problem={save.error}
              isTried={isTried}
              path="body.platform.info"
              error={errorOf('platform')}
            />
          )}
        </Panel>
        {save.error !== null && <ProblemNote problem={save.error} />}
        <div class="row">
          <button type="submit" class="button primary" disabled={save.busy}>
            {trigger === null ? words.create : words.save}
          </button>
        </div>
      </form>
    </Page>
  );
}

function matchOf(order: string, model: string, companyWords: string): TriggerMatch {
  const words = companyWords
    .split('\n')
    .map((each) => each.trim())
    .filter((each) => each !== '');
  return {
    ...(order.trim() !== '' && { order: order.trim() }),
    ...(model.trim() !== '' && { model: model.trim() }),
    ...(words.length > 0 && { companyWords: words }),
  };
}
