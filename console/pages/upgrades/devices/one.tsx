/** One device: how it stands and why, what it ran and runs, its upgrades, its commands, where it comes from. */
import { useState } from 'preact/hooks';
import type { DeviceDetail } from '../../../api-types.ts';
import { call } from '../../../api/call.ts';
import { useLiveRefresh } from '../../../api/live.ts';
import { useAction, useQuery } from '../../../api/queries.ts';
import { may } from '../../../api/session.ts';
import { StatusBadge } from '../../../parts/badge.tsx';
import { confirm } from '../../../parts/confirm.tsx';
import { ExecutionLink } from '../../../parts/links.tsx';
import { Facts, Page, Panel } from '../../../parts/page.tsx';
import { ProblemNote } from '../../../parts/problem.tsx';
import { Tabs } from '../../../parts/tabs.tsx';
import { Time } from '../../../parts/time.tsx';
import { say } from '../../../parts/toasts.tsx';
import { Link, navigate, useFilters, type PageProps } from '../../../shell/router.tsx';
import { protocolText, t as firmwareTexts, type Component } from '../firmware/texts.ts';
import { set as setWizard } from '../wizard/state.ts';
import { CommandsTab } from './commands.tsx';
import { DeviceForm } from './form.tsx';
import { LineageTab } from './lineage.tsx';
import { ReportsTab, UpgradesTab } from './history.tsx';
import { t } from './texts.ts';
import { lineOf } from '../../../parts/value.ts';

const TABS = ['overview', 'upgrades', 'commands', 'lineage', 'reports'] as const;
type Tab = (typeof TABS)[number];

export function DevicePage({ params }: PageProps) {
  const deviceId = params['deviceId'] ?? '';
  return <DeviceView key={deviceId} deviceId={deviceId} />;
}

function DeviceView({ deviceId }: { deviceId: string }) {
  const { data: device, error, refresh } = useQuery('getDevice', { params: { deviceId } });
  const why = useQuery('explainDevice', { params: { deviceId } });
  const [filters, setFilters] = useFilters({ tab: 'overview' });
  const [isEdited, setEdited] = useState(false);
  const readAgain = () => {
    refresh();
    why.refresh();
  };
  useLiveRefresh(readAgain, (event) => event.type === 'device' && event.data.deviceId === deviceId);
  const remove = useAction(async () => {
    const words = t().one;
    const question = { title: words.deleteTitle(deviceId), consequences: [words.deleteConsequence] };
    if (!(await confirm({ ...question, action: words.delete, danger: true }))) return;
    await call('deleteDevice', { params: { deviceId } }, device === null ? {} : { ifMatch: device.revision });
    say(words.deleted(deviceId));
    navigate('/devices');
  });
  const words = t().one;
  if (device === null) {
    return (
      <Page title={deviceId} lead={<Link to="/devices">{t().title}</Link>}>
        {error !== null && <ProblemNote problem={error} retry={refresh} />}
      </Page>
    );
  }
  const open = TABS.includes(filters.tab as Tab) ? (filters.tab as Tab) : 'overview';
  const upgrade = () => {
    setWizard({ how: 'list', pasted: deviceId });
    navigate('/tasks/new');
  };
  return (
    <Page
      title={device.identity}
      lead={
        <>
          <Link to="/devices">{t().title}</Link> · {protocolText(device.protocol)} {device.model}{' '}
          {device.runningUpgrade !== null && <StatusBadge status={device.runningUpgrade.status} />}
        </>
      }
      actions={
        <>
          <ExecutionLink url={device.links.execution} />
          {may('device:write') && (
            <>
              <button type="button" class="button" onClick={() => setEdited(true)}>
                {words.edit}
              </button>
              <button type="button" class="button danger" onClick={() => void remove.run()}>
                {words.delete}
              </button>
            </>
          )}
          {may('upgrade:write') && (
            <button type="button" class="button primary" onClick={upgrade}>
              {words.make}
            </button>
          )}
        </>
      }
    >
      {remove.error !== null && <ProblemNote problem={remove.error} />}
      {why.data !== null && (
        <div class="note why">
          <p>
            <b>{words.why}:</b> {device.identity} {why.data.answer}
            {why.data.until !== null && (
              <>
                {' '}
                ({words.until} <Time at={why.data.until} />)
              </>
            )}
          </p>
          {why.data.taskId !== null && (
            <p class="row">
              {why.data.upgradeId !== null && (
                <Link to={`/tasks/${why.data.taskId}?log=${why.data.upgradeId}`}>{words.upgrade}</Link>
              )}
              <Link to={`/tasks/${why.data.taskId}`}>{words.toTask}</Link>
            </p>
          )}
        </div>
      )}
      <Tabs
        label={words.tabsLabel}
        tabs={TABS.map((id) => ({ id, label: words.tabs[id] }))}
        open={open}
        onOpen={(tab) => setFilters({ tab })}
      >
        {open === 'overview' && <Overview device={device} />}
        {open === 'upgrades' && <UpgradesTab deviceId={deviceId} />}
        {open === 'commands' && <CommandsTab deviceId={deviceId} protocol={device.protocol} />}
        {open === 'lineage' && <LineageTab deviceId={deviceId} />}
        {open === 'reports' && <ReportsTab deviceId={deviceId} />}
      </Tabs>
      {isEdited && <DeviceForm device={device} onClose={() => setEdited(false)} whenDone={readAgain} />}
    </Page>
  );
}

function Overview({ device }: { device: DeviceDetail }) {
  const words = t().one;
  const form = t().form;
  const { contact } = device;
  const details = Object.entries(contact?.details ?? {}).filter(([, value]) => value !== null && value !== '');
  return (
    <div class="columns device-overview">
      <Panel title={words.versions}>
        {device.versions.length === 0 ? (
          <p class="muted">{words.noVersions}</p>
        ) : (
          <Facts
            items={device.versions.map(({ component, version, reportedAt }) => [
              firmwareTexts().components[component as Component] ?? component,
              <>
                <b>{version}</b>{' '}
                <span class="muted">
                  {words.reported} <Time at={reportedAt} relative />
                </span>
              </>,
            ])}
          />
        )}
      </Panel>
      <Panel title={words.contact}>
        {contact === null ? (
          <p class="muted">{words.noContact}</p>
        ) : (
          <Facts
            items={[
              [words.lastSeen, <Time at={contact.lastSeenAt} relative />],
              [words.address, contact.address],
              ...details.map(([name, value]) => [name, lineOf(value)] as const),
            ]}
          />
        )}
      </Panel>
      <Panel title={words.registration}>
        <Facts
          items={[
            [words.identity, device.id],
            [form.imei, device.imei],
            [form.model, [device.model, device.powerKw !== null && `${device.powerKw} kW`].filter(Boolean).join(' · ')],
            [form.orderNo, device.orderNo || null],
            [form.productionDate, device.productionDate],
            [form.shipDate, device.shipDate],
            [form.remark, device.remark || null],
            [
              words.registered,
              <>
                <Time at={device.createdAt} /> {words.by(device.createdBy)}
              </>,
            ],
          ]}
        />
      </Panel>
    </div>
  );
}
