/** Every list of rules there ever was. */
import { useQuery, usePages } from '../../api/queries.ts';
import { Badge } from '../../parts/badge.tsx';
import { Page, Panel } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { t as shellTexts } from '../../shell/texts.ts';
import { Changed, RuleList } from './classification.tsx';
import { ClassificationSections } from './sections.tsx';
import './shipping.css';
import { t } from './texts.ts';

export function RevisionsPage() {
  const list = usePages('listClassificationRevisions', { query: {} }, 20);
  const now = useQuery('getClassification', {});
  const { revisions: words, rules } = t().triggers;
  return (
    <Page title={words.title} lead={words.lead}>
      <ClassificationSections />
      {list.error !== null && <ProblemNote problem={list.error} retry={list.refresh} />}
      <div class="stack">
        {list.items.map((each) => (
          <Panel
            key={each.revision}
            title={
              <>
                {rules.revision(each.revision)}{' '}
                {each.revision === now.data?.revision && <Badge tone="good">{words.holds}</Badge>}
              </>
            }
            actions={<Changed list={each} />}
          >
            <RuleList rules={each.rules} />
          </Panel>
        ))}
      </div>
      {list.hasMore && (
        <button type="button" class="button" disabled={list.loadingMore} onClick={list.loadMore}>
          {shellTexts().common.more}
        </button>
      )}
    </Page>
  );
}
