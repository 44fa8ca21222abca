/** Second step: which devices, by a filter or by a list. */
import { useEffect, useState } from 'preact/hooks';
import { useQuery } from '../../../api/queries.ts';
import { may } from '../../../api/session.ts';
import { DropZone } from '../../../parts/drop-zone.tsx';
import { NumberField, SelectField, TextAreaField, TextField } from '../../../parts/fields.tsx';
import { Panel } from '../../../parts/page.tsx';
import { ProblemNote } from '../../../parts/problem.tsx';
import { countText } from '../../../parts/time.tsx';
import { protocolChoices } from '../firmware/texts.ts';
import { devicesIn, filterOf, identitiesInCsv, MAX_DEVICES, type Draft } from './order.ts';
import { t } from './texts.ts';
import type { SetDraft } from './state.ts';

export function DevicesStep({ draft, set }: { draft: Draft; set: SetDraft }) {
  const words = t().devices;
  return (
    <Panel title={words.how}>
      <div class="row choice" role="radiogroup" aria-label={words.how}>
        {(['filter', 'list'] as const).map((how) => (
          <label key={how} class="radio">
            <input type="radio" name="how" checked={draft.how === how} onChange={() => set({ how })} />
            {how === 'filter' ? words.byFilter : words.byList}
          </label>
        ))}
      </div>
      {draft.how === 'filter' ? <ByFilter draft={draft} set={set} /> : <ByList draft={draft} set={set} />}
      {!may('upgrade:batch') && <p class="note">{words.batch}</p>}
    </Panel>
  );
}

const COUNT_AFTER_MS = 400;

function ByFilter({ draft, set }: { draft: Draft; set: SetDraft }) {
  const words = t().devices;
  const { filter } = draft;
  const change = (more: Partial<Draft['filter']>) => set({ filter: { ...filter, ...more } });
  const [asked, setAsked] = useState(() => filterOf(draft));
  useEffect(() => {
    const timer = setTimeout(() => setAsked(filterOf(draft)), COUNT_AFTER_MS);
    return () => clearTimeout(timer);
  }, [JSON.stringify(filter)]);
  const count = useQuery('countDevices', { query: asked });
  const { devices = 0, estimated = false } = count.data ?? {};
  return (
    <>
      <div class="filters">
        <SelectField
          label={words.protocol}
          any
          value={filter.protocol}
          options={protocolChoices()}
          onInput={(protocol) => change({ protocol })}
        />
        <TextField label={words.model} value={filter.model} onInput={(model) => change({ model })} />
        {filter.protocol === 'pile' && (
          <NumberField label={words.powerKw} value={filter.powerKw} onInput={(powerKw) => change({ powerKw })} />
        )}
        <TextField label={words.orderNo} value={filter.orderNo} onInput={(orderNo) => change({ orderNo })} />
        <TextField label={words.q} value={filter.q} onInput={(q) => change({ q })} />
      </div>
      {count.error === null ? (
        <p class="count-line" aria-live="polite">
          {count.data === null
            ? words.counting
            : devices === 0
              ? words.fitsNone
              : words.fits(countText(devices), estimated)}
        </p>
      ) : (
        <ProblemNote problem={count.error} retry={count.refresh} />
      )}
      {devices > MAX_DEVICES && <p class="note">{words.tooMany}</p>}
    </>
  );
}

function ByList({ draft, set }: { draft: Draft; set: SetDraft }) {
  const words = t().devices;
  const [read, setRead] = useState<{ name: string; count: number } | null>(null);
  const { ids, doubles } = devicesIn(draft.pasted, draft.as);
  const take = async ([file]: File[]) => {
    if (file === undefined) return;
    const found = identitiesInCsv(await file.text());
    setRead({ name: file.name, count: found.length });
    set({ pasted: [draft.pasted.trim(), found.join('\n')].filter((each) => each !== '').join('\n') });
  };
  return (
    <>
      <div class="filters">
        <SelectField
          label={words.as}
          any=""
          value={draft.as}
          options={protocolChoices()}
          onInput={(as) => set({ as })}
        />
      </div>
      <TextAreaField
        label={words.paste}
        hint={words.pasteHint}
        rows={8}
        value={draft.pasted}
        onInput={(pasted) => set({ pasted })}
      />
      <DropZone
        label={words.drop}
        hint={words.dropHint}
        accept=".csv,.txt,text/csv"
        onFiles={(files) => void take(files)}
      />
      {read !== null && <p class="hint">{words.fromFile(read.name, countText(read.count))}</p>}
      <p class="count-line" aria-live="polite">
        {ids.length === 0 ? words.listedNone : words.listed(countText(ids.length), countText(doubles))}
      </p>
      {ids.length > MAX_DEVICES && <p class="note">{words.tooMany}</p>}
    </>
  );
}
