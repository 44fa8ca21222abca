/** Keys, departments, audit log, webhooks, settings. */
import '../../styles/groups.css';
import './admin.css';
import { lazy, type PageRoute } from '../../shell/router.tsx';
import { t } from './texts.ts';

export const routes: readonly PageRoute[] = [
  {
    path: '/admin/keys',
    title: () => t().keys.title,
    page: lazy(() => import('./keys.tsx').then((m) => m.KeysPage)),
  },
  {
    path: '/admin/departments',
    title: () => t().departments.title,
    page: lazy(() => import('./departments.tsx').then((m) => m.DepartmentsPage)),
  },
  {
    path: '/admin/audit',
    title: () => t().audit.title,
    page: lazy(() => import('./audit.tsx').then((m) => m.AuditPage)),
  },
  {
    path: '/admin/webhooks',
    title: () => t().webhooks.title,
    page: lazy(() => import('./webhooks.tsx').then((m) => m.WebhooksPage)),
  },
  {
    path: '/admin/webhooks/:webhookId',
    title: () => t().webhooks.title,
    page: lazy(() => import('./one-webhook.tsx').then((m) => m.OneWebhookPage)),
  },
  {
    path: '/admin/settings',
    title: () => t().settings.title,
    page: lazy(() => import('./settings.tsx').then((m) => m.SettingsPage)),
  },
];
