/** One device that needs a person: what was ordered, what was seen, what to do. */
import type { PlatformAttention } from '../../api-types.ts';
import { may } from '../../api/session.ts';
import { Badge } from '../../parts/badge.tsx';
import { Drawer } from '../../parts/dialog.tsx';
import { ExecutionLink } from '../../parts/links.tsx';
import { Facts } from '../../parts/page.tsx';
import { Time } from '../../parts/time.tsx';
import { Link } from '../../shell/router.tsx';
import type { DecisionName } from './attention.tsx';
import { ReasonText, seenText } from './platform-devices.tsx';
import { t } from './texts.ts';
import { fieldName, platformStatus, toneOf } from './words.ts';

export function AttentionDrawer({
  device,
  onClose,
  onAsk,
}: {
  device: PlatformAttention;
  onClose: () => void;
  onAsk: (decision: DecisionName) => void;
}) {
  const { columns, platforms, history } = t();
  const { attention, one, list } = platforms;
  const { payload, reason } = device;
  return (
    <Drawer
      title={device.imei}
      onClose={onClose}
      actions={
        may('shipment:write') &&
        device.decisions.map((decision) => (
          <button
            key={decision}
            type="button"
            class={`button ${decision === 'write_off' ? 'danger' : ''}`}
            onClick={() => onAsk(decision)}
          >
            {attention[decision]}
          </button>
        ))
      }
    >
      <p>
        <Badge tone={toneOf(device.status)}>{platformStatus(device.status)}</Badge> <ReasonText device={device} />
      </p>
      <h3>{attention.advice}</h3>
      {reason !== null && <p>{platforms.advice[reason]}</p>}
      <p class="muted" lang="en">
        {device.advice}
      </p>
      <Facts
        items={[
          [
            attention.shipment,
            <Link key="shipment" to={`/platform-shipments/${device.shipmentId}`}>
              {one.title(device.shipmentId)}
            </Link>,
          ],
          [list.platform, device.platform],
          [columns.customer, device.customer],
          [attention.since, <Time key="since" at={device.since} />],
          [one.attempts, device.attempts],
          [one.seen, seenText(device)],
          [
            history.title(device.imei),
            <Link key="history" to={`/shipment-records/${device.imei}`}>
              {history.all}
            </Link>,
          ],
          ['Temporal', <ExecutionLink key="temporal" url={device.links.temporal} />],
        ]}
      />
      <h3>{attention.payload}</h3>
      <Facts
        items={[
          ...Object.entries(payload.info).map(([field, value]) => [fieldName(field), value] as const),
          [one.wantedEnd, payload.wantedExpiration ?? (payload.lifetime ? list.lifetime : null)],
        ]}
      />
    </Drawer>
  );
}
