/** Where a device comes from: carton, primary shipment, classification, platform, firmware; and what was changed. */
import type { ComponentChildren } from 'preact';
import type { DeviceLineage } from '../../../api-types.ts';
import { useQuery } from '../../../api/queries.ts';
import { StatusBadge } from '../../../parts/badge.tsx';
import { Panel } from '../../../parts/page.tsx';
import { ProblemNote } from '../../../parts/problem.tsx';
import { Time } from '../../../parts/time.tsx';
import { Link } from '../../../shell/router.tsx';
import { taskName } from '../tasks/texts.ts';
import { t } from './texts.ts';
import { lineOf } from '../../../parts/value.ts';

export function LineageTab({ deviceId }: { deviceId: string }) {
  const { data: lineage, error, refresh } = useQuery('getDeviceLineage', { params: { deviceId } });
  if (lineage === null) return error === null ? null : <ProblemNote problem={error} retry={refresh} />;
  const words = t().lineage;
  return (
    <>
      <Panel title={words.chain}>
        <ol class="chain">
          {stepsOf(lineage).map(([name, value]) => (
            <li key={name}>
              <h3>{name}</h3>
              {value}
            </li>
          ))}
        </ol>
      </Panel>
      <div class="columns">
        <Versions lineage={lineage} />
        {lineage.planned.length > 0 && (
          <Panel title={words.planned}>
            <ul class="plain">
              {lineage.planned.map(({ upgradeId, task, files, dispatchAt }) => (
                <li key={upgradeId}>
                  <Link to={`/tasks/${task.id}`}>{taskName(task)}</Link>{' '}
                  {files.map((file) => file.targetVersion).join(' → ')} <Time at={dispatchAt} />
                </li>
              ))}
            </ul>
          </Panel>
        )}
        {lineage.decisions.length > 0 && (
          <Panel title={words.decisions}>
            <ul class="plain">
              {lineage.decisions.map((each) => (
                <li key={each.at + each.event}>
                  <Time at={each.at} /> <b>{each.author}</b> {each.event.replaceAll('_', ' ')} {each.cause}
                </li>
              ))}
            </ul>
          </Panel>
        )}
        <Changes lineage={lineage} />
      </div>
    </>
  );
}

function stepsOf({ shipment, registration, versions }: DeviceLineage): [string, ComponentChildren][] {
  const words = t().lineage;
  const { record, platforms } = shipment;
  const running = versions.filter(({ current }) => current);
  const firmware = (
    <p>
      {running.length === 0
        ? t().one.noVersions
        : running.map(({ component, version }) => `${component} ${version}`).join(' · ')}
    </p>
  );
  if (record === null) {
    return [
      [
        words.primary,
        <p>
          {words.noShipment} · <Time at={registration.registeredAt} /> {registration.registeredBy}
        </p>,
      ],
      [words.firmware, firmware],
    ];
  }
  return [
    [
      words.carton,
      <>
        <p>{record.carton || '–'}</p>
        <p class="muted">{shipment.orderNo}</p>
      </>,
    ],
    [
      words.primary,
      <>
        <p>
          <Link to={`/shipments/${record.shipmentId}`}>#{record.shipmentId}</Link> <Time at={record.shippedAt} />
        </p>
        <p class="muted">
          {record.shippedBy} · {record.company}
        </p>
      </>,
    ],
    [
      words.classification,
      <>
        <p>{record.customer ?? words.noCustomer}</p>
        {record.rule !== null && <p class="muted">{words.rule(record.rule)}</p>}
      </>,
    ],
    [
      words.platform,
      platforms.length === 0 ? (
        <p class="muted">{words.noPlatform}</p>
      ) : (
        platforms.map((each) => (
          <p key={each.platformShipmentId}>
            <Link to={`/platform-shipments/${each.platformShipmentId}`}>{each.platform}</Link>{' '}
            <StatusBadge status={each.status} />
          </p>
        ))
      ),
    ],
    [words.firmware, firmware],
  ];
}

function Versions({ lineage }: { lineage: DeviceLineage }) {
  const words = t().lineage;
  return (
    <Panel title={words.versionsTitle}>
      {lineage.versions.length === 0 ? (
        <p class="muted">{t().one.noVersions}</p>
      ) : (
        <ul class="plain">
          {lineage.versions.map(({ component, version, firstReportedAt, lastReportedAt, current }) => (
            <li key={component + version + firstReportedAt}>
              <b>
                {component} {version}
              </b>{' '}
              <span class="muted">
                {words.from} <Time at={firstReportedAt} /> {words.to}{' '}
                {current ? words.current : <Time at={lastReportedAt} />}
              </span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Changes({ lineage }: { lineage: DeviceLineage }) {
  const words = t().lineage;
  const { registrationChanges: changes } = lineage;
  return (
    <Panel title={words.changes}>
      {changes.length === 0 ? (
        <p class="muted">{words.noChanges}</p>
      ) : (
        <ul class="plain">
          {changes.map(({ at, author, action, before, after }) => (
            <li key={at + action}>
              <Time at={at} /> <b>{author}</b> <code>{action}</code> {differences(before, after)}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

/** What is different, field by field. */
function differences(before: Record<string, unknown> | null, after: Record<string, unknown> | null): string {
  const names = Object.keys(after ?? {}).filter(
    (name) => !/At$|revision/.test(name) && JSON.stringify(before?.[name]) !== JSON.stringify(after?.[name]),
  );
  const shown = (value: unknown) => (value == null || value === '' ? '–' : lineOf(value));
  return before === null
    ? ''
    : names.map((name) => `${name}: ${shown(before[name])} → ${shown(after?.[name])}`).join(', ');
}
