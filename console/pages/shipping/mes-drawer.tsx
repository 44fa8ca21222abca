/** Everything MES says of a device, and what one can do with it. */
import type { MesDevice } from '../../api-types.ts';
import { Drawer } from '../../parts/dialog.tsx';
import { Copy } from '../../parts/links.tsx';
import { Facts } from '../../parts/page.tsx';
import { Time } from '../../parts/time.tsx';
import { Link } from '../../shell/router.tsx';
import { Shipped } from './find.tsx';
import { t } from './texts.ts';

export function MesDrawer({ device, onClose }: { device: MesDevice; onClose: () => void }) {
  const { find, columns, history } = t();
  const { order, carton, imei, remarks } = device;
  const actions = (
    <>
      <Link to={`/shipment-records/${imei}`} class="button">
        {history.title(imei)}
      </Link>
      {order !== null && (
        <Link to={`/shipping/new?by=order&order=${encodeURIComponent(order)}`} class="button">
          {find.shipOrder(order)}
        </Link>
      )}
      {carton !== null && (
        <Link to={`/shipping/new?by=carton&carton=${encodeURIComponent(carton)}`} class="button">
          {find.shipCarton(carton)}
        </Link>
      )}
    </>
  );
  return (
    <Drawer title={imei} onClose={onClose} actions={actions}>
      {!device.hasSheet && <p class="note">{find.noSheet}</p>}
      <MesFacts
        device={device}
        more={[
          [columns.imei, <Copy key="imei" text={imei} />],
          [columns.shipped, <Shipped key="shipped" device={device} />],
        ]}
      />
      <Facts items={[[find.remarks, remarks.map((each) => each ?? '–').join(' · ')]]} />
    </Drawer>
  );
}

/** What MES says of a device. */
export function MesFacts({ device, more = [] }: { device: MesDevice; more?: Parameters<typeof Facts>[0]['items'] }) {
  const { find, columns } = t();
  return (
    <Facts
      items={[
        ...more,
        [columns.order, device.order],
        [columns.carton, device.carton],
        [columns.model, device.model],
        [columns.version, device.version],
        [columns.company, device.company],
        [columns.testTime, device.testTime && <Time key="tested" at={device.testTime} />],
        [columns.sn, device.sn],
        [columns.sim, device.sim],
        [columns.iccid, device.iccid],
        [find.bluetooth, device.bluetoothMac],
        [find.equipmentNo, device.equipmentNo],
        [find.productCode, device.productCode],
        [find.color, device.color],
        [find.quantity, device.quantity],
        [find.weight, device.weight],
      ]}
    />
  );
}
