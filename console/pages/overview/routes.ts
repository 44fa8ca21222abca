/** The overview and what needs a person. */
import { placeholder } from '../../parts/placeholder.tsx';
import type { PageRoute } from '../../shell/router.tsx';
import { t } from '../../shell/texts.ts';

export const routes: readonly PageRoute[] = [
  { path: '/', title: () => t().nav.overview, page: placeholder(() => t().nav.overview) },
  { path: '/attention', title: () => t().nav.attention, page: placeholder(() => t().nav.attention) },
];
