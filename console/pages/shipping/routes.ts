/** Shipments, shipments to platforms, triggers and classification. */
import { placeholder } from '../../parts/placeholder.tsx';
import type { PageRoute } from '../../shell/router.tsx';
import { t } from '../../shell/texts.ts';

export const routes: readonly PageRoute[] = [
  { path: '/shipping', title: () => t().nav.shipping, page: placeholder(() => t().nav.shipping) },
  { path: '/shipment-records', title: () => t().nav.shipmentRecords, page: placeholder(() => t().nav.shipmentRecords) },
  {
    path: '/platform-shipments',
    title: () => t().nav.platformShipments,
    page: placeholder(() => t().nav.platformShipments),
  },
  { path: '/triggers', title: () => t().nav.triggers, page: placeholder(() => t().nav.triggers) },
  { path: '/classification', title: () => t().nav.classification, page: placeholder(() => t().nav.classification) },
];
