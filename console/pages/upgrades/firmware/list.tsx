/** Upgrade files: what there is, and new ones by dropping them. */
import { useRef, useState } from 'preact/hooks';
import type { Firmware } from '../../../api-types.ts';
import { addressOf, call } from '../../../api/call.ts';
import { useAction, usePages } from '../../../api/queries.ts';
import { may } from '../../../api/session.ts';
import { confirm } from '../../../parts/confirm.tsx';
import { DropZone } from '../../../parts/drop-zone.tsx';
import { SelectField, TextField } from '../../../parts/fields.tsx';
import { DownloadIcon } from '../../../parts/icons.tsx';
import { Empty, Page } from '../../../parts/page.tsx';
import { ProblemNote } from '../../../parts/problem.tsx';
import { DataTable, type Column } from '../../../parts/table.tsx';
import { bytesText, Time } from '../../../parts/time.tsx';
import { say } from '../../../parts/toasts.tsx';
import { Link, useFilters } from '../../../shell/router.tsx';
import { draftFor, type Draft } from './draft.ts';
import { kindText } from './kind.ts';
import { componentChoices, protocolChoices, t, type Component, type Protocol } from './texts.ts';
import { UploadForm } from './upload-form.tsx';

export function FirmwareListPage() {
  const [filters, setFilters] = useFilters({ protocol: '', component: '', targetVersion: '', model: '' });
  const query = {
    protocol: (filters.protocol || undefined) as Protocol | undefined,
    component: (filters.component || undefined) as Component | undefined,
    targetVersion: filters.targetVersion || undefined,
    model: filters.model || undefined,
  };
  const list = usePages('listFirmware', { query });
  const remove = useRemoval(list.refresh);
  const [waiting, setWaiting] = useState<{ id: number; file: File }[]>([]);
  const made = useRef(0);
  const last = useRef<Draft | null>(null);
  const discard = (id: number) => setWaiting((old) => old.filter((each) => each.id !== id));
  const words = t();
  const isFiltered = Object.values(filters).some((each) => each !== '');
  const empty = isFiltered ? (
    <Empty title={words.noneFitting} detail={words.noneFittingAdvice} />
  ) : (
    <Empty title={words.none} detail={may('firmware:write') ? words.noneAdvice : words.noneViewer} />
  );
  const columns: Column<Firmware>[] = [
    {
      id: 'file',
      head: words.column.file,
      cell: (file) => <Link to={`/firmware/${file.id}`}>{file.fileName}</Link>,
      width: '32%',
    },
    { id: 'kind', head: words.column.kind, cell: kindText },
    { id: 'target', head: words.column.target, cell: (file) => <b>{file.targetVersion}</b> },
    { id: 'from', head: words.column.from, cell: (file) => file.currentVersions.join(', '), wide: true },
    { id: 'size', head: words.column.size, cell: (file) => bytesText(file.sizeBytes), align: 'end', wide: true },
    { id: 'uploaded', head: words.column.uploaded, cell: (file) => <Time at={file.uploadedAt} relative />, wide: true },
    { id: 'by', head: words.column.by, cell: (file) => file.uploadedBy, wide: true },
  ];
  return (
    <Page title={words.title} lead={words.lead}>
      {may('firmware:write') && (
        <DropZone
          label={words.drop}
          hint={words.dropHint}
          accept=".bin"
          multiple
          onFiles={(files) =>
            setWaiting((old) => [...old, ...files.map((file) => ({ id: (made.current += 1), file }))])
          }
        />
      )}
      {waiting.map(({ id, file }) => (
        <UploadForm
          key={id}
          file={file}
          first={draftFor(file, last.current)}
          onDiscard={() => discard(id)}
          onStored={(stored, hashes, draft) => {
            last.current = draft;
            discard(id);
            const isSame = stored.md5.toLowerCase() === hashes.md5 && stored.sha256.toLowerCase() === hashes.sha256;
            say(isSame ? words.form.stored(stored.fileName) : words.form.storedOther(stored.fileName));
            list.refresh();
          }}
        />
      ))}
      <div class="filters">
        <SelectField
          label={words.filter.protocol}
          any
          value={filters.protocol}
          options={protocolChoices()}
          onInput={(protocol) => setFilters({ protocol })}
        />
        <SelectField
          label={words.filter.component}
          any
          value={filters.component}
          options={componentChoices()}
          onInput={(component) => setFilters({ component })}
        />
        <TextField
          type="search"
          label={words.filter.targetVersion}
          value={filters.targetVersion}
          onInput={(targetVersion) => setFilters({ targetVersion })}
        />
        <TextField
          type="search"
          label={words.filter.model}
          value={filters.model}
          onInput={(model) => setFilters({ model })}
        />
      </div>
      {remove.error !== null && <ProblemNote problem={remove.error} />}
      <DataTable
        label={words.title}
        list={list}
        columns={columns}
        rowKey={(file) => file.id}
        rowActions={(file) => (
          <>
            <DownloadLink file={file} />
            {may('firmware:write') && (
              <button
                type="button"
                class="button small quiet"
                aria-label={`${words.delete} ${file.fileName}`}
                onClick={() => void remove.run(file)}
              >
                {words.delete}
              </button>
            )}
          </>
        )}
        csv={{ operation: 'listFirmware', query }}
        empty={empty}
      />
    </Page>
  );
}

/** Deletes a file after a question. */
export function useRemoval(whenDone: () => void) {
  return useAction(async (file: Firmware) => {
    const words = t();
    const question = { title: words.deleteTitle(file.fileName), consequences: [words.deleteConsequence] };
    if (!(await confirm({ ...question, action: words.delete, danger: true }))) return;
    await call('deleteFirmware', { params: { firmwareId: file.id } });
    say(words.deleted(file.fileName));
    whenDone();
  });
}

export function DownloadLink({ file }: { file: Firmware }) {
  return (
    <a
      class="button small quiet"
      href={addressOf('downloadFirmware', { params: { firmwareId: file.id } })}
      download={file.fileName}
      aria-label={`${t().download} ${file.fileName}`}
    >
      <DownloadIcon />
    </a>
  );
}
