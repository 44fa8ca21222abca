/** A secret that is shown once: it does not close by mistake. */
import { Dialog } from '../../parts/dialog.tsx';
import { Copy } from '../../parts/links.tsx';

export function SecretDialog({
  title,
  detail,
  name,
  secret,
  done,
  onClose,
}: {
  title: string;
  detail: string;
  /** What the secret is. */
  name: string;
  secret: string;
  /** What the button says. */
  done: string;
  onClose: () => void;
}) {
  return (
    <Dialog title={title} onClose={() => {}}>
      <p class="note">{detail}</p>
      <p>
        <b>{name}</b>
      </p>
      <p>
        <Copy text={secret} />
      </p>
      <div class="row end">
        <button type="button" class="button primary" onClick={onClose}>
          {done}
        </button>
      </div>
    </Dialog>
  );
}
