/** The overview and what needs a person. */
import '../upgrades/upgrades.css';
import type { PageRoute } from '../../shell/router.tsx';
import { t } from '../../shell/texts.ts';
import { AttentionPage } from './attention.tsx';
import { OverviewPage } from './overview.tsx';

export const routes: readonly PageRoute[] = [
  { path: '/', title: () => t().nav.overview, page: OverviewPage },
  { path: '/attention', title: () => t().nav.attention, page: AttentionPage },
];
