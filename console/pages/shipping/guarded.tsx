/** Pages for those who ship; others are told what they lack, and nothing is asked that would be refused. */
import type { ComponentType } from 'preact';
import { may } from '../../api/session.ts';
import { Page } from '../../parts/page.tsx';
import type { PageProps } from '../../shell/router.tsx';
import { t } from '../../shell/texts.ts';

export function forShippers(Shown: ComponentType<PageProps>): ComponentType<PageProps> {
  return function Guarded(props: PageProps) {
    if (may('shipment:write')) return <Shown {...props} />;
    return <Page title={t().forbidden.title}>{t().forbidden.detail('shipment:write')}</Page>;
  };
}
