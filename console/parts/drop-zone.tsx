/** Takes files: dropped, or chosen. */
import { useId, useState } from 'preact/hooks';
import { t } from '../shell/texts.ts';

export function DropZone({
  label,
  hint,
  accept,
  multiple = false,
  disabled = false,
  onFiles,
}: {
  label: string;
  hint?: string;
  /** As in `<input accept>`. */
  accept?: string;
  multiple?: boolean;
  disabled?: boolean;
  onFiles: (files: File[]) => void;
}) {
  const id = useId();
  const [isOver, setOver] = useState(false);
  const take = (files: FileList | null | undefined) => {
    const list = Array.from(files ?? []);
    if (list.length > 0 && !disabled) onFiles(multiple ? list : list.slice(0, 1));
  };
  return (
    <div
      class={`drop-zone ${isOver ? 'over' : ''}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer?.files);
      }}
    >
      <label for={id}>
        <b>{label}</b>
        <span>{multiple ? t().common.dropMany : t().common.dropHere}</span>
        {hint !== undefined && <span class="hint">{hint}</span>}
      </label>
      <input
        id={id}
        type="file"
        disabled={disabled}
        multiple={multiple}
        {...(accept !== undefined && { accept })}
        onChange={(event) => {
          take(event.currentTarget.files);
          event.currentTarget.value = '';
        }}
      />
    </div>
  );
}
