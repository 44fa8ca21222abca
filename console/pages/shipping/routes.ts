/** Shipments, shipments to platforms, triggers and classification. */
import { lazy, type PageRoute } from '../../shell/router.tsx';
import { t as shell } from '../../shell/texts.ts';
import { ChangesPage } from './changes.tsx';
import { FindPage } from './find.tsx';
import { forShippers } from './guarded.tsx';
import { HistoryPage } from './history.tsx';
import { NewShipmentPage } from './new-shipment.tsx';
import { RecordsPage } from './records.tsx';
import { RejectedPage } from './rejected.tsx';
import { ShipmentPage } from './shipment.tsx';
import { ShipmentsPage } from './shipments.tsx';
import { t } from './texts.ts';

const MesPage = lazy(() => import('./mes.tsx').then((module) => module.MesPage));
const PlatformListPage = lazy(() => import('./platform-list.tsx').then((module) => module.PlatformListPage));
const NewPlatformShipmentPage = lazy(() =>
  import('./new-platform-shipment.tsx').then((module) => module.NewPlatformShipmentPage),
);
const AttentionPage = lazy(() => import('./attention.tsx').then((module) => module.AttentionPage));
const ManagePlatformsPage = lazy(() => import('./manage-platforms.tsx').then((module) => module.ManagePlatformsPage));
const PlatformShipmentPage = lazy(() =>
  import('./platform-shipment.tsx').then((module) => module.PlatformShipmentPage),
);
const TriggersPage = lazy(() => import('./triggers.tsx').then((module) => module.TriggersPage));
const NewTriggerPage = lazy(() => import('./trigger-form.tsx').then((module) => module.NewTriggerPage));
const EditTriggerPage = lazy(() => import('./trigger-form.tsx').then((module) => module.EditTriggerPage));
const TriggerPage = lazy(() => import('./trigger.tsx').then((module) => module.TriggerPage));
const ClassificationPage = lazy(() => import('./classification.tsx').then((module) => module.ClassificationPage));
const RevisionsPage = lazy(() => import('./revisions.tsx').then((module) => module.RevisionsPage));
const ModelsPage = lazy(() => import('./models.tsx').then((module) => module.ModelsPage));

export const routes: readonly PageRoute[] = [
  { path: '/shipping', title: () => shell().nav.shipping, page: FindPage },
  { path: '/shipping/new', title: () => t().order.title, page: forShippers(NewShipmentPage) },
  { path: '/shipping/shipments', title: () => t().orders.title, page: ShipmentsPage },
  { path: '/shipping/shipments/:shipmentId', title: () => t().columns.shipment, page: ShipmentPage },
  { path: '/shipments', title: () => t().orders.title, page: ShipmentsPage },
  { path: '/shipments/:shipmentId', title: () => t().columns.shipment, page: ShipmentPage },
  { path: '/shipping/mes', title: () => t().mes.title, page: forShippers(MesPage) },
  { path: '/mes', title: () => t().mes.title, page: forShippers(MesPage) },
  { path: '/shipping/rejected', title: () => t().mes.rejectedTitle, page: forShippers(RejectedPage) },
  { path: '/shipping/changes', title: () => t().mes.changesTitle, page: forShippers(ChangesPage) },
  { path: '/shipment-records', title: () => shell().nav.shipmentRecords, page: RecordsPage },
  { path: '/shipment-records/:imei', title: () => shell().nav.shipmentRecords, page: HistoryPage },
  { path: '/platform-shipments', title: () => shell().nav.platformShipments, page: PlatformListPage },
  {
    path: '/platform-shipments/new',
    title: () => t().platforms.create.title,
    page: forShippers(NewPlatformShipmentPage),
  },
  { path: '/platform-shipments/attention', title: () => t().platforms.attention.title, page: AttentionPage },
  { path: '/platform-shipments/platforms', title: () => t().platforms.manage.title, page: ManagePlatformsPage },
  { path: '/platforms', title: () => t().platforms.manage.title, page: ManagePlatformsPage },
  {
    path: '/platform-shipments/:shipmentId',
    title: () => shell().nav.platformShipments,
    page: PlatformShipmentPage,
  },
  { path: '/triggers', title: () => shell().nav.triggers, page: TriggersPage },
  { path: '/triggers/new', title: () => t().triggers.new, page: forShippers(NewTriggerPage) },
  { path: '/triggers/:triggerId', title: () => shell().nav.triggers, page: TriggerPage },
  { path: '/triggers/:triggerId/edit', title: () => t().triggers.edit, page: forShippers(EditTriggerPage) },
  { path: '/classification', title: () => shell().nav.classification, page: ClassificationPage },
  { path: '/classification/revisions', title: () => t().triggers.revisions.title, page: RevisionsPage },
  { path: '/classification/models', title: () => t().triggers.models.title, page: ModelsPage },
];
