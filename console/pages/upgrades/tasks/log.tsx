/** What happened, line by line: author, time, event, cause, and what else was noted. */
import type { LogEntry, OperationId, UpgradeLogEntry } from '../../../api-types.ts';
import { addressOf } from '../../../api/call.ts';
import { useLiveRefresh } from '../../../api/live.ts';
import { usePages, type Pages } from '../../../api/queries.ts';
import { StatusBadge } from '../../../parts/badge.tsx';
import { DownloadIcon } from '../../../parts/icons.tsx';
import { Empty } from '../../../parts/page.tsx';
import { ProblemNote } from '../../../parts/problem.tsx';
import { Time } from '../../../parts/time.tsx';
import { t as shellTexts } from '../../../shell/texts.ts';
import { t } from './texts.ts';
import { lineOf } from '../../../parts/value.ts';

/** A line of the log of a device upgrade, a task or a command. */
export interface Line extends Pick<LogEntry, 'id' | 'at' | 'author' | 'event' | 'cause'> {
  details?: LogEntry['details'];
  status?: string | null;
  fileIndex?: UpgradeLogEntry['fileIndex'];
  attempt?: number | null;
}

export function TaskLog({ taskId }: { taskId: number }) {
  const list = usePages('listUpgradeTaskLog', { params: { taskId } }, 200);
  useLiveRefresh(list.refresh, ({ type }) => type === 'task', { taskId });
  return <LogLines list={list} csv={{ operation: 'listUpgradeTaskLog', params: { taskId } }} />;
}

export function LogLines({
  list,
  csv,
}: {
  list: Omit<Pages<Line>, 'patch'>;
  csv?: { operation: OperationId; params: object };
}) {
  const words = t().log;
  if (list.error !== null && list.items.length === 0) return <ProblemNote problem={list.error} retry={list.refresh} />;
  if (!list.loading && list.items.length === 0) return <Empty title={words.none} detail={words.noneAdvice} />;
  return (
    <>
      <ol class="log">
        {list.items.map((line) => (
          <LogLine key={line.id} line={line} />
        ))}
      </ol>
      <p class="row">
        {list.hasMore && (
          <button type="button" class="button small" onClick={list.loadMore} disabled={list.loadingMore}>
            {words.more}
          </button>
        )}
        {csv !== undefined && (
          <a
            class="button small quiet"
            href={addressOf(csv.operation, { params: csv.params, query: { format: 'csv' } })}
            download
          >
            <DownloadIcon /> {shellTexts().common.csv}
          </a>
        )}
      </p>
    </>
  );
}

export function LogLine({ line }: { line: Line }) {
  const words = t().log;
  const { author, event, cause, status, fileIndex, attempt, details = {} } = line;
  const who = author === 'system' ? words.system : author === 'device' ? words.device : author;
  const more = Object.entries(details).filter(([, value]) => value !== null && value !== '');
  return (
    <li class={`log-line ${author === 'system' ? '' : author === 'device' ? 'device' : 'person'}`}>
      <p>
        <Time at={line.at} /> <b>{event.replaceAll('_', ' ')}</b> {status != null && <StatusBadge status={status} />}{' '}
        <span class="muted">{who}</span>
        {fileIndex != null && <span class="muted"> · {words.file(fileIndex + 1)}</span>}
        {attempt != null && attempt > 0 && <span class="muted"> · {words.attempt(attempt)}</span>}
      </p>
      {cause !== '' && <p>{cause}</p>}
      {more.length > 0 && (
        <p class="log-details">
          {more.map(([name, value]) => (
            <span key={name}>
              {name} <code>{lineOf(value)}</code>
            </span>
          ))}
        </p>
      )}
    </li>
  );
}
