/** The rules by which customers are found: shown in their order, tried, changed by those who may. */
import { useState } from 'preact/hooks';
import type { Classification, CustomerRule } from '../../api-types.ts';
import { useQuery } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { Badge } from '../../parts/badge.tsx';
import { Empty, Page, Panel } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { Time } from '../../parts/time.tsx';
import { RulesEditor } from './rules-editor.tsx';
import { RuleTrial } from './rule-trial.tsx';
import { ClassificationSections } from './sections.tsx';
import './shipping.css';
import { t } from './texts.ts';

export function ClassificationPage() {
  const rules = useQuery('getClassification', {});
  const [isEditing, setEditing] = useState(false);
  // what is being written is tried before it is saved
  const [draft, setDraft] = useState<CustomerRule[] | null>(null);
  const { data, error } = rules;
  const { rules: words } = t().triggers;
  const stop = () => {
    setEditing(false);
    setDraft(null);
  };
  return (
    <Page
      title={words.title}
      lead={words.lead}
      actions={
        data !== null &&
        !isEditing &&
        may('admin') && (
          <button type="button" class="button" onClick={() => setEditing(true)}>
            {words.edit}
          </button>
        )
      }
    >
      <ClassificationSections />
      {error !== null && <ProblemNote problem={error} retry={rules.refresh} />}
      {data !== null && (
        <div class="stack">
          {isEditing ? (
            <RulesEditor
              current={data}
              onDraft={setDraft}
              onCancel={stop}
              onConflict={rules.refresh}
              onSaved={() => {
                stop();
                rules.refresh();
              }}
            />
          ) : (
            <Panel title={words.revision(data.revision)} actions={<Changed list={data} />}>
              {data.rules.length === 0 ? (
                <Empty title={words.none} detail={words.noneDetail} />
              ) : (
                <RuleList rules={data.rules} />
              )}
            </Panel>
          )}
          <RuleTrial draft={draft} />
        </div>
      )}
    </Page>
  );
}

/** When and by whom a list of rules was made. */
export function Changed({ list }: { list: Classification }) {
  return (
    <span class="muted">
      {t().triggers.rules.changed} <Time at={list.changedAt} relative /> · {list.changedBy}
    </span>
  );
}

/** Rules in their order. */
export function RuleList({ rules }: { rules: readonly CustomerRule[] }) {
  const { rules: words } = t().triggers;
  return (
    <ol class="rules">
      {rules.map(({ number, words: parts, customer, active }) => (
        <li key={number} class={`rule ${active ? '' : 'off'}`}>
          <b>{number}</b>
          <span>
            {parts.map((part, index) => (
              <span key={part}>
                {index > 0 && '+ '}
                <span class="word">{part}</span>
              </span>
            ))}
          </span>
          <span class="row">
            → <b>{customer}</b>
            {!active && <Badge tone="idle">{words.off}</Badge>}
          </span>
        </li>
      ))}
    </ol>
  );
}
