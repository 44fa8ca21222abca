/** One agent: its session with the MOM, its calls, what the MOM sent. */
import { useState } from 'preact/hooks';
import type { Agent } from '../../api-types.ts';
import { call } from '../../api/call.ts';
import { useAction, usePages, useQuery } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { Badge } from '../../parts/badge.tsx';
import { confirm } from '../../parts/confirm.tsx';
import { ExecutionLink } from '../../parts/links.tsx';
import { Empty, Facts, Page, Panel } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { DataTable } from '../../parts/table.tsx';
import { Tabs } from '../../parts/tabs.tsx';
import { Time } from '../../parts/time.tsx';
import { say } from '../../parts/toasts.tsx';
import { kindText, statusText } from '../../parts/words.ts';
import { Link, navigate, useFilters, type PageProps } from '../../shell/router.tsx';
import { t as shared } from '../../shell/texts.ts';
import { AgentCalls } from './agent-calls.tsx';
import { AgentForm } from './agent-form.tsx';
import { t } from './agent-texts.ts';
import { useFresh } from './fresh.ts';
import { StateBadge } from './states.tsx';

const FIRST_TAB: { tab: string } = { tab: 'calls' };
const TABS = ['calls', 'parameters', 'log'] as const;

export function OneAgentPage({ params }: PageProps) {
  const { code = '' } = params;
  const words = t();
  const { data, error, refresh } = useQuery('getAgent', { params: { code } });
  useFresh(refresh, { prefix: 'agent.' });
  const [filters, setFilters] = useFilters(FIRST_TAB);
  if (data === null) {
    return (
      <Page title={code}>
        {error === null ? (
          <p class="muted">{shared().common.loading}</p>
        ) : (
          <ProblemNote problem={error} retry={refresh} />
        )}
        <Link to="/agents">{words.back}</Link>
      </Page>
    );
  }
  const tab = TABS.find((each) => each === filters.tab) ?? 'calls';
  const labels = { calls: words.tabCalls, parameters: words.tabParameters, log: words.tabLog };
  return (
    <Page
      title={data.name === '' ? data.code : `${data.code} · ${data.name}`}
      lead={<Link to="/agents">{words.back}</Link>}
      actions={<Actions agent={data} onChanged={refresh} />}
    >
      {!data.isActive && <p class="note">{words.isOff}</p>}
      <Standing agent={data} />
      <Tabs
        label={words.tabs}
        tabs={TABS.map((id) => ({ id, label: labels[id] }))}
        open={tab}
        onOpen={(next) => setFilters({ tab: next })}
      >
        {tab === 'calls' && <AgentCalls code={code} onChanged={refresh} />}
        {tab === 'parameters' && <AgentParametersTab code={code} />}
        {tab === 'log' && <AgentLogTab code={code} />}
      </Tabs>
    </Page>
  );
}

function Actions({ agent, onChanged }: { agent: Agent; onChanged: () => void }) {
  const words = t();
  const { code, revision, isActive, queued } = agent;
  const [isEditing, setEditing] = useState(false);
  const remove = useAction(async () => {
    const consequences = [words.deleteConsequence];
    const title = words.deleteTitle(code);
    if (!(await confirm({ title, consequences, action: words.delete, danger: true }))) return;
    await call('deleteAgent', { params: { code } }, { ifMatch: revision });
    say(words.deleted(code));
    navigate('/agents');
  });
  const toggle = useAction(async () => {
    const consequences = [words.switchOffConsequence(queued)];
    const title = words.switchOffTitle(code);
    if (isActive && !(await confirm({ title, consequences, action: words.switchOff, danger: true }))) return;
    await call('updateAgent', { params: { code }, body: { isActive: !isActive } }, { ifMatch: revision });
    say(isActive ? words.switchedOff(code) : words.switchedOn(code));
    onChanged();
  });
  const problem = remove.error ?? toggle.error;
  return (
    <>
      <ExecutionLink url={agent.links.temporal} />
      {may('mom:write') && (
        <>
          {agent.session.state === 'never' && (
            <button type="button" class="button danger" disabled={remove.busy} onClick={() => void remove.run()}>
              {words.delete}
            </button>
          )}
          <button type="button" class="button" disabled={toggle.busy} onClick={() => void toggle.run()}>
            {isActive ? words.switchOff : words.switchOn}
          </button>
          <button type="button" class="button" onClick={() => setEditing(true)}>
            {words.edit}
          </button>
        </>
      )}
      {problem !== null && <ProblemNote problem={problem} />}
      {isEditing && <AgentForm agent={agent} onClose={() => setEditing(false)} onDone={onChanged} />}
    </>
  );
}

function Standing({ agent }: { agent: Agent }) {
  const words = t();
  const { session } = agent;
  const waiting = agent.flags.filter(({ status }) => !['followed', 'ignored'].includes(status));
  return (
    <Panel>
      <Facts
        items={[
          [words.state, agent.isActive ? <StateBadge state={session.state} /> : <Badge tone="idle">{words.off}</Badge>],
          [words.since, <Time at={session.since} relative />],
          [words.queued, agent.queued],
          [words.oldest, agent.oldestQueuedAt === null ? null : <Time at={agent.oldestQueuedAt} relative />],
          [
            words.refused,
            agent.quarantined === 0 ? (
              0
            ) : (
              <Link to={`/agents/${encodeURIComponent(agent.code)}?status=quarantined`}>{agent.quarantined}</Link>
            ),
          ],
          [words.trouble, session.trouble || null],
          [words.lastAnswer, <Time at={session.lastAnswerAt} relative />],
          [words.heartbeat, <Time at={session.lastHeartbeatAt} relative />],
          [words.onlineAt, <Time at={session.onlineAt} />],
          [words.url, agent.url],
          [words.clock, words.clockText(Math.round(session.clockOffsetSeconds * 10) / 10)],
          [words.period, words.seconds(agent.periodSeconds)],
          [words.employee, agent.employeeNo || null],
          [words.software, agent.software],
          [words.token, agent.hasToken ? words.isSet : words.notSet],
          [words.password, agent.hasPassword ? words.isSet : words.notSet],
          [
            words.asks,
            waiting.length === 0
              ? null
              : waiting.map(({ action, status }) => `${kindText(action)} (${statusText(status)})`).join(', '),
          ],
          [words.remark, agent.remark || null],
        ]}
      />
    </Panel>
  );
}

function AgentParametersTab({ code }: { code: string }) {
  const words = t().parameters;
  const { data, error, refresh } = useQuery('getAgentParameters', { params: { code } });
  if (error !== null) return <ProblemNote problem={error} retry={refresh} />;
  if (data === null) return <p class="muted">{shared().common.loading}</p>;
  if (data.takenAt === null) {
    return (
      <Panel>
        <Empty title={words.none} detail={words.noneAdvice} />
      </Panel>
    );
  }
  const heads = [words.code, words.type, words.target, words.unit, words.limits, words.description];
  return (
    <Panel>
      <Facts
        items={[
          [words.version, data.paramVersion],
          [words.taken, <Time at={data.takenAt} />],
          [words.product, data.product['productDesc'] ?? null],
        ]}
      />
      <div class="table-scroll list-of-parameters" role="region" aria-label={t().tabParameters} tabIndex={0}>
        <table class="table">
          <thead>
            <tr>
              {heads.map((head) => (
                <th scope="col" key={head}>
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {data.parameters.map((each, index) => (
              <tr key={index}>
                <td>
                  <code>{each.parameterCode}</code>
                </td>
                <td>{each.parameterType}</td>
                <td>
                  <b>{each.targetValue}</b>
                </td>
                <td>{each.uomCode ?? ''}</td>
                <td>
                  {each.lowerSpecificationsLimit ?? '−∞'} … {each.upperSpecificationsLimit ?? '∞'}
                </td>
                <td>{each.description ?? ''}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

function AgentLogTab({ code }: { code: string }) {
  const words = t().log;
  const list = usePages('listAgentLog', { params: { code } });
  useFresh(list.refresh, { prefix: 'agent.' });
  return (
    <DataTable
      label={t().tabLog}
      list={list}
      rowKey={({ id }) => id}
      csv={{ operation: 'listAgentLog', params: { code } }}
      empty={<Empty title={words.none} />}
      columns={[
        { id: 'at', head: words.at, cell: (row) => <Time at={row.at} /> },
        {
          id: 'edge',
          head: words.edge,
          cell: (row) =>
            row.edge === 'back' ? <Badge tone="good">{words.back}</Badge> : <StateBadge state={row.to} />,
        },
        { id: 'from', head: words.from, cell: (row) => statusText(row.from) },
        { id: 'cause', head: words.cause, cell: (row) => <span title={row.cause}>{row.cause}</span> },
      ]}
    />
  );
}
