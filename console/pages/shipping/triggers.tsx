/** Triggers: the list, with what fits, how it is shipped, and whether it is on. */
import type { Trigger } from '../../api-types.ts';
import { usePages, useQuery } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { Badge } from '../../parts/badge.tsx';
import { Empty, Page } from '../../parts/page.tsx';
import { DataTable, type Column } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { Link } from '../../shell/router.tsx';
import './shipping.css';
import { t } from './texts.ts';

export function TriggersPage() {
  const list = usePages('listTriggers', { query: {} });
  const platforms = useQuery('listPlatforms', { query: { limit: 500 } });
  const names = new Map(platforms.data?.items.map(({ id, name }) => [id, name]));
  const { triggers: words } = t();
  const create = may('shipment:write') && (
    <Link to="/triggers/new" class="button primary">
      {words.new}
    </Link>
  );
  return (
    <Page title={words.title} lead={words.lead} actions={create}>
      <DataTable
        label={words.title}
        list={list}
        columns={columnsOf(names)}
        rowKey={({ id }) => id}
        csv={{ operation: 'listTriggers' }}
        empty={
          <Empty title={words.none} detail={words.noneDetail}>
            {create}
          </Empty>
        }
      />
    </Page>
  );
}

function columnsOf(names: ReadonlyMap<number, string>): Column<Trigger>[] {
  const { triggers: words, columns } = t();
  return [
    { id: 'name', head: words.name, cell: ({ id, name }) => <Link to={`/triggers/${id}`}>{name}</Link> },
    { id: 'state', head: words.state, cell: ({ isOn }) => <OnBadge isOn={isOn} /> },
    { id: 'match', head: words.match, cell: ({ match }) => matchText(match) },
    {
      id: 'company',
      head: words.company,
      cell: ({ company }) => (company === '' ? t().orders.ownCompany : company),
      wide: true,
    },
    {
      id: 'onward',
      head: words.onward,
      cell: ({ platform }) => (platform === null ? '–' : (names.get(platform.platformId) ?? platform.platformId)),
      wide: true,
    },
    { id: 'by', head: columns.createdBy, cell: ({ createdBy }) => createdBy, wide: true },
    { id: 'created', head: words.madeAt, cell: ({ createdAt }) => <Time at={createdAt} relative />, wide: true },
  ];
}

export function OnBadge({ isOn }: { isOn: boolean }) {
  const { triggers: words } = t();
  return <Badge tone={isOn ? 'good' : 'idle'}>{isOn ? words.on : words.off}</Badge>;
}

/** What must fit, on one line. */
export function matchText({ order, model, companyWords }: Trigger['match']): string {
  const { triggers: words } = t();
  return [
    order === undefined ? '' : `${words.order}: ${order}`,
    model === undefined ? '' : `${words.model}: ${model}`,
    companyWords === undefined ? '' : `${words.companyWords}: ${companyWords.join(' + ')}`,
  ]
    .filter((each) => each !== '')
    .join(' · ');
}
