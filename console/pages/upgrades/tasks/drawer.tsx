/** One device's upgrade at the side: how it stands, everything that happened, and what may be done. */
import { useState } from 'preact/hooks';
import { useLiveRefresh } from '../../../api/live.ts';
import { usePages, useQuery } from '../../../api/queries.ts';
import { StatusBadge } from '../../../parts/badge.tsx';
import { Drawer } from '../../../parts/dialog.tsx';
import { ExecutionLink } from '../../../parts/links.tsx';
import { Facts } from '../../../parts/page.tsx';
import { ProblemNote } from '../../../parts/problem.tsx';
import { Progress } from '../../../parts/progress.tsx';
import { bytesText, Time } from '../../../parts/time.tsx';
import { kindText, reasonText } from '../../../parts/words.ts';
import { Link } from '../../../shell/router.tsx';
import { CauseDialog, type Deed } from '../cause-dialog.tsx';
import { LogLines } from './log.tsx';
import { deedsFor } from './row-deeds.ts';
import { t } from './texts.ts';

export function UpgradeDrawer({
  upgradeId,
  onClose,
  whenDone,
}: {
  upgradeId: number;
  onClose: () => void;
  whenDone: () => void;
}) {
  const { data: upgrade, error, refresh } = useQuery('getDeviceUpgrade', { params: { upgradeId } });
  const log = usePages('listDeviceUpgradeLog', { params: { upgradeId } }, 500);
  const [deed, setDeed] = useState<Deed | null>(null);
  const readAgain = () => {
    refresh();
    log.refresh();
  };
  useLiveRefresh(readAgain, (event) => event.type === 'device' && event.data.upgradeId === upgradeId);
  const words = t();
  const after = () => {
    readAgain();
    whenDone();
  };
  return (
    <Drawer title={words.log.title(upgrade?.deviceId ?? '…')} onClose={onClose}>
      {error !== null && <ProblemNote problem={error} retry={refresh} />}
      {upgrade !== null && (
        <>
          <Facts
            items={[
              [words.device.column.status, <StatusBadge status={upgrade.status} />],
              [
                words.device.column.reason,
                upgrade.reason === null ? null : (
                  <>
                    {reasonText(upgrade.reason)}
                    {upgrade.reasonText !== null && <span class="muted"> · {upgrade.reasonText}</span>}
                  </>
                ),
              ],
              [
                words.device.bytes,
                <>
                  <Progress
                    value={upgrade.bytesSent}
                    max={upgrade.bytesTotal}
                    label={words.device.progressOf(upgrade.deviceId)}
                  />{' '}
                  <span class="muted">
                    {bytesText(upgrade.bytesSent)} / {bytesText(upgrade.bytesTotal)}
                  </span>
                </>,
              ],
              [
                words.device.proven,
                upgrade.proofs.length === 0
                  ? null
                  : upgrade.proofs.map(({ component, fromVersion, version }) => (
                      <span key={component + version}>
                        {component} {fromVersion ?? '?'} → <b>{version}</b>{' '}
                      </span>
                    )),
              ],
              ...(upgrade.decision === null
                ? []
                : [
                    [
                      words.device.decided,
                      <>
                        {kindText(upgrade.decision.decision)} · {upgrade.decision.by} ·{' '}
                        <Time at={upgrade.decision.at} />
                      </>,
                    ] as const,
                  ]),
              ...(upgrade.live?.wakesAt == null
                ? []
                : [[words.device.wakes, <Time at={upgrade.live.wakesAt} relative />] as const]),
            ]}
          />
          <p class="row">
            <Link class="button small" to={`/devices/${encodeURIComponent(upgrade.deviceId)}`}>
              {words.device.open}
            </Link>
            {deedsFor(upgrade.taskId, [upgrade], after).map((each) => (
              <button key={each.action} type="button" class="button small" onClick={() => setDeed(each)}>
                {each.action}
              </button>
            ))}
            <ExecutionLink url={upgrade.links.execution} />
          </p>
        </>
      )}
      <LogLines list={log} csv={{ operation: 'listDeviceUpgradeLog', params: { upgradeId } }} />
      {deed !== null && <CauseDialog deed={deed} onClose={() => setDeed(null)} />}
    </Drawer>
  );
}
