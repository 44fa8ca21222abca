/** Keys, audit log, webhooks, settings. */
import { placeholder } from '../../parts/placeholder.tsx';
import type { PageRoute } from '../../shell/router.tsx';
import { t } from '../../shell/texts.ts';

export const routes: readonly PageRoute[] = [
  { path: '/admin/keys', title: () => t().nav.keys, page: placeholder(() => t().nav.keys) },
  { path: '/admin/audit', title: () => t().nav.audit, page: placeholder(() => t().nav.audit) },
  { path: '/admin/webhooks', title: () => t().nav.webhooks, page: placeholder(() => t().nav.webhooks) },
  { path: '/admin/settings', title: () => t().nav.settings, page: placeholder(() => t().nav.settings) },
];
