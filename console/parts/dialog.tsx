/**
 * Dialogs and drawers: the browser's own `<dialog>`, which keeps the focus inside, closes with Escape and gives the
 * focus back.
 */
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { t } from '../shell/texts.ts';
import { CloseIcon } from './icons.tsx';

interface DialogProps {
  title: ComponentChildren;
  onClose: () => void;
  children: ComponentChildren;
  /** Buttons at the bottom. */
  actions?: ComponentChildren;
  /** Wide enough for a table. */
  wide?: boolean;
}

/** Shown while it is rendered: `{isOpen && <Dialog …>}`. */
export function Dialog(props: DialogProps) {
  return <Modal {...props} class={props.wide === true ? 'dialog wide' : 'dialog'} />;
}

/** A dialog at the side, for details of a row. */
export function Drawer(props: DialogProps) {
  return <Modal {...props} class="drawer" />;
}

function Modal({ title, onClose, children, actions, class: kind }: DialogProps & { class: string }) {
  const box = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = box.current;
    if (dialog !== null && !dialog.open) dialog.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={box}
      class={kind}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === box.current) onClose();
      }}
    >
      <div class="dialog-inner">
        <header class="dialog-head">
          <h2 id={id}>{title}</h2>
          <button type="button" class="button quiet icon-only" aria-label={t().common.close} onClick={onClose}>
            <CloseIcon />
          </button>
        </header>
        <div class="dialog-body">{children}</div>
        {actions !== undefined && <footer class="dialog-foot">{actions}</footer>}
      </div>
    </dialog>
  );
}
