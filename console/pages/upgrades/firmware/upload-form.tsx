/** One file that is to be uploaded: what is said of it, its hashes, the way to the server, and what was refused. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Firmware } from '../../../api-types.ts';
import { upload, type ApiProblem } from '../../../api/call.ts';
import { useAction } from '../../../api/queries.ts';
import { may } from '../../../api/session.ts';
import { errorAt, NumberField, SelectField, TextAreaField, TextField } from '../../../parts/fields.tsx';
import { Panel } from '../../../parts/page.tsx';
import { ProblemNote } from '../../../parts/problem.tsx';
import { Progress } from '../../../parts/progress.tsx';
import { bytesText } from '../../../parts/time.tsx';
import { Link } from '../../../shell/router.tsx';
import { formOf, versionIn, wrongWith, type Draft } from './draft.ts';
import { hashesOf, type Hashes } from './hashes.ts';
import { componentChoices, protocolChoices, t, type Protocol } from './texts.ts';

export function UploadForm({
  file,
  first,
  onStored,
  onDiscard,
}: {
  file: File;
  first: Draft;
  onStored: (firmware: Firmware, hashes: Hashes, draft: Draft) => void;
  onDiscard: () => void;
}) {
  const [draft, setDraft] = useState(first);
  const [hashes, setHashes] = useState<Hashes | null>(null);
  const [share, setShare] = useState<number | null>(null);
  const [isAsked, setAsked] = useState(false);
  const abort = useRef<AbortController | null>(null);
  useEffect(() => {
    let isShown = true;
    void hashesOf(file).then((found) => isShown && setHashes(found));
    return () => {
      isShown = false;
      abort.current?.abort();
    };
  }, [file]);
  const send = useAction(async () => {
    abort.current = new AbortController();
    setShare(0);
    try {
      const stored = await upload('uploadFirmware', formOf(draft, file), {
        onProgress: setShare,
        signal: abort.current.signal,
      });
      onStored(stored, hashes!, draft);
    } finally {
      setShare(null);
    }
  });
  const words = t().form;
  const wrong = wrongWith(draft, file, hashes);
  const set = (change: Partial<Draft>) => {
    send.clear();
    setDraft((old) => ({ ...old, ...change }));
  };
  const errorOf = (field: keyof Draft | 'file') =>
    refusalOf(send.error, field) ??
    (isAsked || (field === 'md5' && draft.md5 !== '') || wrong[field] !== words.required ? wrong[field] : undefined);
  const setProtocol = (protocol: Protocol | '') =>
    protocol !== '' &&
    set({
      protocol,
      model: '',
      ...(draft.targetVersion === versionIn(file.name, draft.protocol) && {
        targetVersion: versionIn(file.name, protocol),
      }),
    });
  const submit = (event: Event) => {
    event.preventDefault();
    setAsked(true);
    if (hashes !== null && Object.keys(wrong).length === 0) void send.run();
  };
  const fileError = errorOf('file');
  return (
    <Panel title={words.title(file.name)}>
      <form onSubmit={submit} noValidate>
        <dl class="hashes">
          <dt>{words.size(bytesText(file.size))}</dt>
          <dd>{hashes === null && words.hashing}</dd>
          {hashes !== null && (
            <>
              <dt>MD5</dt>
              <dd>
                <code>{hashes.md5}</code>
              </dd>
              <dt>SHA-256</dt>
              <dd>
                <code>{hashes.sha256}</code>
              </dd>
            </>
          )}
        </dl>
        {fileError !== undefined && (
          <p class="field-error" role="alert">
            {fileError}
          </p>
        )}
        <div class="columns">
          <SelectField
            label={words.protocol}
            value={draft.protocol}
            options={protocolChoices()}
            onInput={setProtocol}
          />
          {draft.protocol === 'ams' && (
            <SelectField
              label={words.component}
              value={draft.component}
              options={componentChoices()}
              onInput={(component) => component !== '' && set({ component })}
            />
          )}
          <TextField
            label={words.targetVersion}
            hint={words.targetVersionHint}
            value={draft.targetVersion}
            error={errorOf('targetVersion')}
            onInput={(targetVersion) => set({ targetVersion })}
            required
          />
          <TextField
            label={words.compatibleVersion}
            hint={words.compatibleVersionHint}
            value={draft.compatibleVersion}
            error={errorOf('compatibleVersion')}
            onInput={(compatibleVersion) => set({ compatibleVersion })}
            required
          />
          <OwnFields draft={draft} set={set} errorOf={errorOf} />
        </div>
        <div class="columns">
          <TextAreaField
            label={words.currentVersions}
            hint={words.currentVersionsHint}
            rows={3}
            value={draft.currentVersions}
            error={errorOf('currentVersions')}
            onInput={(currentVersions) => set({ currentVersions })}
            required
          />
          <div>
            <TextField
              label={words.md5}
              hint={hashes !== null && draft.md5.trim().toLowerCase() === hashes.md5 ? words.md5Same : words.md5Hint}
              value={draft.md5}
              error={errorOf('md5')}
              onInput={(md5) => set({ md5 })}
              required
            />
            {hashes !== null && draft.md5 === '' && (
              <button type="button" class="button small" onClick={() => set({ md5: hashes.md5 })}>
                {words.md5None}
              </button>
            )}
          </div>
        </div>
        <details open={draft.overrideReason !== ''}>
          <summary>{words.more}</summary>
          <div class="columns">
            <TextField label={words.remark} value={draft.remark} onInput={(remark) => set({ remark })} />
            {may('firmware:override') && (
              <TextField
                label={words.overrideReason}
                hint={words.overrideReasonHint}
                value={draft.overrideReason}
                error={errorOf('overrideReason')}
                onInput={(overrideReason) => set({ overrideReason })}
              />
            )}
          </div>
        </details>
        {send.error !== null && <Refusal problem={send.error} />}
        <div class="row">
          <button type="submit" class="button primary" disabled={hashes === null || send.busy}>
            {words.send}
          </button>
          {share === null ? (
            <button type="button" class="button" onClick={onDiscard}>
              {words.discard}
            </button>
          ) : (
            <>
              <Progress value={Math.round(share * 100)} max={100} label={words.sending} />
              <button type="button" class="button" onClick={() => abort.current?.abort()}>
                {words.stop}
              </button>
            </>
          )}
        </div>
      </form>
    </Panel>
  );
}

/** Fields that only some kinds of devices have. */
function OwnFields({
  draft,
  set,
  errorOf,
}: {
  draft: Draft;
  set: (change: Partial<Draft>) => void;
  errorOf: (field: keyof Draft) => string | undefined;
}) {
  const words = t().form;
  if (draft.protocol === 'pile') {
    return (
      <>
        <SelectField
          label={words.modelPile}
          value={draft.model}
          any=""
          error={errorOf('model')}
          options={['DC', 'AC'].map((value) => ({ value, label: value }))}
          onInput={(model) => set({ model })}
        />
        <NumberField
          label={words.powerKw}
          unit="kW"
          min={1}
          value={draft.powerKw}
          error={errorOf('powerKw')}
          onInput={(powerKw) => set({ powerKw })}
        />
      </>
    );
  }
  return (
    <>
      <TextField
        label={words.model}
        hint={words.modelHint}
        value={draft.model}
        error={errorOf('model')}
        onInput={(model) => set({ model })}
      />
      {draft.protocol === 'pcp' && (
        <NumberField
          label={words.sliceSize}
          hint={words.sliceSizeHint}
          unit="B"
          min={32}
          max={500}
          value={draft.sliceSize}
          error={errorOf('sliceSize')}
          onInput={(sliceSize) => set({ sliceSize })}
        />
      )}
      {draft.protocol === 'terminal' && (
        <TextField
          label={words.pinfo}
          hint={words.pinfoHint}
          value={draft.pinfo}
          error={errorOf('pinfo')}
          onInput={(pinfo) => set({ pinfo })}
        />
      )}
    </>
  );
}

/** Why nothing was stored, one line for each reason. */
function Refusal({ problem }: { problem: ApiProblem }) {
  const { code, errors, members } = problem;
  if (code === 'firmware_exists') {
    return (
      <div class="note" role="alert">
        <p>{problem.message}</p>
        <Link to={`/firmware/${String(members['firmwareId'])}`}>{t().form.exists}</Link>
      </div>
    );
  }
  if (code !== 'firmware_refused') return <ProblemNote problem={problem} />;
  return (
    <div class="problem" role="alert">
      <p class="problem-title">{t().form.refused}</p>
      <ul>
        {errors.map(({ path, message }) => (
          <li key={path + message}>{message}</li>
        ))}
      </ul>
    </div>
  );
}

/** The API names fields of the form with or without `body.`. */
function refusalOf(problem: ApiProblem | null, field: string): string | undefined {
  return errorAt(problem, field) ?? errorAt(problem, `body.${field}`);
}
