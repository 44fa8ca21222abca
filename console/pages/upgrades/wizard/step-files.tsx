/** First step: which files, in which order. */
import type { Firmware } from '../../../api-types.ts';
import { usePages } from '../../../api/queries.ts';
import { may } from '../../../api/session.ts';
import { SelectField, TextField } from '../../../parts/fields.tsx';
import { Empty, Panel } from '../../../parts/page.tsx';
import { DataTable, type Column } from '../../../parts/table.tsx';
import { bytesText, Time } from '../../../parts/time.tsx';
import { Link, useFilters } from '../../../shell/router.tsx';
import { kindText } from '../firmware/kind.ts';
import { protocolChoices, t as firmwareTexts, type Protocol } from '../firmware/texts.ts';
import { MAX_FILES, type Draft } from './order.ts';
import { t } from './texts.ts';
import { withFiles, type SetDraft } from './state.ts';

export function FilesStep({ draft, set }: { draft: Draft; set: SetDraft }) {
  const [filters, setFilters] = useFilters({ protocol: '', targetVersion: '' });
  const query = {
    protocol: (filters.protocol || undefined) as Protocol | undefined,
    targetVersion: filters.targetVersion || undefined,
  };
  const list = usePages('listFirmware', { query });
  const words = t().files;
  const { column, filter } = firmwareTexts();
  const isChosen = (file: Firmware) => draft.files.some(({ id }) => id === file.id);
  const isFull = draft.files.length >= MAX_FILES;
  const columns: Column<Firmware>[] = [
    { id: 'file', head: column.file, cell: (file) => file.fileName, width: '34%' },
    { id: 'kind', head: column.kind, cell: kindText },
    { id: 'target', head: column.target, cell: (file) => <b>{file.targetVersion}</b> },
    { id: 'from', head: column.from, cell: (file) => file.currentVersions.join(', '), wide: true },
    { id: 'size', head: column.size, cell: (file) => bytesText(file.sizeBytes), align: 'end', wide: true },
    { id: 'uploaded', head: column.uploaded, cell: (file) => <Time at={file.uploadedAt} relative />, wide: true },
  ];
  return (
    <>
      <Panel title={words.chosen}>
        <Chosen files={draft.files} onChange={(files) => set(withFiles(files))} />
        <p class="hint">{isFull ? words.tooMany : words.lead}</p>
      </Panel>
      <div class="filters">
        <SelectField
          label={filter.protocol}
          any
          value={filters.protocol}
          options={protocolChoices()}
          onInput={(protocol) => setFilters({ protocol })}
        />
        <TextField
          type="search"
          label={filter.targetVersion}
          value={filters.targetVersion}
          onInput={(targetVersion) => setFilters({ targetVersion })}
        />
      </div>
      <DataTable
        label={firmwareTexts().title}
        list={list}
        columns={columns}
        rowKey={(file) => file.id}
        rowActions={(file) => (
          <button
            type="button"
            class="button small"
            aria-label={words.addName(file.fileName)}
            disabled={isChosen(file) || isFull}
            onClick={() => set(withFiles([...draft.files, file]))}
          >
            {words.add}
          </button>
        )}
        empty={
          <Empty title={words.none} detail={words.noneAdvice}>
            {may('firmware:write') && <Link to="/firmware">{words.upload}</Link>}
          </Empty>
        }
      />
    </>
  );
}

function Chosen({ files, onChange }: { files: Firmware[]; onChange: (files: Firmware[]) => void }) {
  const words = t().files;
  if (files.length === 0) return <p class="muted">{words.noneChosen}</p>;
  const moved = (from: number, to: number) => {
    const next = [...files];
    next.splice(to, 0, ...next.splice(from, 1));
    onChange(next);
  };
  return (
    <ol class="chosen-files">
      {files.map((file, index) => (
        <li key={file.id} class="row">
          <b>{file.fileName}</b>
          <span class="muted">
            {kindText(file)} · {file.currentVersions.join(', ')} → {file.targetVersion}
          </span>
          <span class="grow" />
          <button
            type="button"
            class="button small quiet"
            aria-label={words.up(file.fileName)}
            disabled={index === 0}
            onClick={() => moved(index, index - 1)}
          >
            ↑
          </button>
          <button
            type="button"
            class="button small quiet"
            aria-label={words.down(file.fileName)}
            disabled={index === files.length - 1}
            onClick={() => moved(index, index + 1)}
          >
            ↓
          </button>
          <button
            type="button"
            class="button small quiet"
            aria-label={words.remove(file.fileName)}
            onClick={() => onChange(files.filter(({ id }) => id !== file.id))}
          >
            ×
          </button>
        </li>
      ))}
    </ol>
  );
}
