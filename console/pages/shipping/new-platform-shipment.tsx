/** A new secondary shipment: devices of the matched list, a platform, what it asks for. */
import { useMemo, useState } from 'preact/hooks';
import type { Platform, PlatformOrder } from '../../api-types.ts';
import { call, newIdempotencyKey } from '../../api/call.ts';
import { useAction, useQuery } from '../../api/queries.ts';
import { confirm } from '../../parts/confirm.tsx';
import { Page, Panel } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { countText } from '../../parts/time.tsx';
import { say } from '../../parts/toasts.tsx';
import { navigate, useFilters } from '../../shell/router.tsx';
import { forgetChosen, readChosen, readImeis } from './chosen.ts';
import { MatchedDevices, type Chosen } from './matched-devices.tsx';
import { firstInfo, infoOf, isComplete, PlatformForm, type PlatformDraft } from './platform-form.tsx';
import { givenNumber } from './search-form.tsx';
import { PlatformSections } from './sections.tsx';
import './shipping.css';
import { t } from './texts.ts';

const NO_CHOICE = { by: 'shipment', shipmentId: '', customer: '' };

export function NewPlatformShipmentPage() {
  const [place, setPlace] = useFilters(NO_CHOICE);
  const [text, setText] = useState(readChosen);
  const imeis = useMemo(() => readImeis(text), [text]);
  const chosen: Chosen = { ...place, by: byOf(place.by), imeis };
  const [draft, setDraft] = useState<PlatformDraft>(() => ({ platformId: null, info: firstInfo() }));
  const platforms = useQuery('listPlatforms', { query: { limit: 500 } });
  const items = platforms.data?.items ?? [];
  const platform = items.find(({ id }) => id === draft.platformId);
  const body = platform === undefined ? null : bodyOf(chosen, platform, draft);
  const key = useMemo(newIdempotencyKey, [JSON.stringify(body)]);
  const [isTried, setTried] = useState(false);
  const words = t().platforms;
  const missing = missingOf(chosen);
  const ship = useAction(async () => {
    if (body === null || platform === undefined || !(await confirmed(chosen, platform, body))) return;
    const made = await call('createPlatformShipment', { body }, { idempotencyKey: key });
    forgetChosen();
    say(words.create.done(countText(made.taken), countText(made.asked - made.taken)));
    navigate(`/platform-shipments/${made.id}`);
  });
  const submit = (event: Event) => {
    event.preventDefault();
    setTried(true);
    if (missing === undefined && platform !== undefined && isComplete(platform, draft.info)) void ship.run();
  };
  return (
    <Page title={words.create.title} lead={words.create.lead}>
      <PlatformSections />
      {platforms.error !== null && <ProblemNote problem={platforms.error} retry={platforms.refresh} />}
      <form onSubmit={submit} class="stack" noValidate>
        <Panel title={words.create.devices}>
          <MatchedDevices
            chosen={chosen}
            text={text}
            onText={setText}
            onChange={setPlace}
            error={isTried ? missing : undefined}
          />
        </Panel>
        <Panel title={words.create.chosen}>
          <PlatformForm
            platforms={items}
            draft={draft}
            onChange={setDraft}
            problem={ship.error}
            isTried={isTried}
            error={isTried && platform === undefined ? words.create.needPlatform : undefined}
          />
          <button type="submit" class="button primary" disabled={ship.busy}>
            {ship.busy ? words.create.shipping : words.create.ship}
          </button>
        </Panel>
        {ship.error !== null && <ProblemNote problem={ship.error} />}
      </form>
    </Page>
  );
}

function byOf(by: string): Chosen['by'] {
  return by === 'customer' || by === 'imeis' ? by : 'shipment';
}

function missingOf({ by, shipmentId, customer, imeis }: Chosen): string | undefined {
  const { create } = t().platforms;
  if (by === 'shipment' && givenNumber(shipmentId) === undefined) return create.needShipment;
  if (by === 'customer' && customer === '') return create.needCustomer;
  if (by === 'imeis' && imeis.length === 0) return create.needDevices;
  return undefined;
}

function bodyOf(chosen: Chosen, platform: Platform, draft: PlatformDraft): PlatformOrder {
  const { by, shipmentId, customer, imeis } = chosen;
  const info = infoOf(platform, draft.info);
  if (by === 'imeis') return { platformId: platform.id, imeis, info };
  const number = by === 'shipment' ? givenNumber(shipmentId) : undefined;
  return {
    platformId: platform.id,
    matched: { ...(number !== undefined && { shipmentId: number }), ...(customer !== '' && { customer }) },
    info,
  };
}

function confirmed({ by, customer, imeis, shipmentId }: Chosen, platform: Platform, { info }: PlatformOrder) {
  const { create } = t().platforms;
  const what = {
    shipment: () => create.confirmShipment(Number(shipmentId)),
    customer: () => create.confirmCustomer(customer),
    imeis: () => create.confirmImeis(countText(imeis.length)),
  }[by]();
  return confirm({
    title: create.confirmTitle(platform.name),
    action: create.ship,
    consequences: [
      what,
      ...(info.account === undefined ? [] : [create.confirmAccount(info.account)]),
      platform.connected ? create.confirmSent : create.confirmRecorded,
    ],
  });
}
