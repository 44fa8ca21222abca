/** Devices, upgrade files, tasks and upgrades. */
import './upgrades.css';
import { lazy, type PageRoute } from '../../shell/router.tsx';
import { t } from '../../shell/texts.ts';
import { DeviceListPage } from './devices/list.tsx';
import { t as deviceTexts } from './devices/texts.ts';
import { FirmwareListPage } from './firmware/list.tsx';
import { FirmwarePage } from './firmware/one.tsx';
import { TaskListPage } from './tasks/list.tsx';
import { RunningPage } from './tasks/running.tsx';
import { t as wizardTexts } from './wizard/texts.ts';

export const routes: readonly PageRoute[] = [
  { path: '/devices', title: () => t().nav.devices, page: DeviceListPage },
  {
    path: '/devices/:deviceId',
    title: () => t().nav.devices,
    page: lazy(() => import('./devices/one.tsx').then((m) => m.DevicePage)),
  },
  {
    path: '/unknown-devices',
    title: () => deviceTexts().unknown.title,
    page: lazy(() => import('./devices/unknown.tsx').then((m) => m.UnknownDevicesPage)),
  },
  { path: '/firmware', title: () => t().nav.firmware, page: FirmwareListPage },
  { path: '/firmware/:firmwareId', title: () => t().nav.firmware, page: FirmwarePage },
  { path: '/tasks', title: () => t().nav.tasks, page: TaskListPage },
  {
    path: '/tasks/new',
    title: () => wizardTexts().title,
    page: lazy(() => import('./wizard/wizard.tsx').then((m) => m.WizardPage)),
  },
  {
    path: '/tasks/:taskId',
    title: () => t().nav.tasks,
    page: lazy(() => import('./tasks/one.tsx').then((m) => m.TaskPage)),
  },
  { path: '/upgrades', title: () => t().nav.upgrades, page: RunningPage },
];
