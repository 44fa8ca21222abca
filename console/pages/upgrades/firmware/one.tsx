/** One upgrade file: all that is known of it, and what devices check. */
import { addressOf } from '../../../api/call.ts';
import { useQuery } from '../../../api/queries.ts';
import { may } from '../../../api/session.ts';
import { Copy } from '../../../parts/links.tsx';
import { Facts, Page, Panel } from '../../../parts/page.tsx';
import { ProblemNote } from '../../../parts/problem.tsx';
import { countText, Time } from '../../../parts/time.tsx';
import { Link, navigate, type PageProps } from '../../../shell/router.tsx';
import { kindText } from './kind.ts';
import { useRemoval } from './list.tsx';
import { t } from './texts.ts';

export function FirmwarePage({ params }: PageProps) {
  const firmwareId = Number(params['firmwareId']);
  const { data: file, error, refresh } = useQuery('getFirmware', { params: { firmwareId } });
  const checks = useQuery('getFirmwareCheckInfo', file === null ? null : { params: { firmwareId } });
  const remove = useRemoval(() => navigate('/firmware'));
  const words = t();
  if (file === null) {
    return <Page title={words.title}>{error !== null && <ProblemNote problem={error} retry={refresh} />}</Page>;
  }
  const facts: [string, preact.ComponentChildren][] = [
    [words.one.id, file.id],
    [words.column.kind, kindText(file)],
    [words.column.target, <b>{file.targetVersion}</b>],
    [words.one.compatible, file.compatibleVersion],
    [words.one.current, file.currentVersions.join(', ')],
    [words.one.model, file.model ?? words.one.anyModel],
    [words.column.size, words.one.bytes(countText(file.sizeBytes))],
    ['MD5', <Copy text={file.md5} />],
    ['SHA-256', <Copy text={file.sha256} />],
  ];
  if (file.pinfo !== null) facts.push([words.one.pinfo, <code>{file.pinfo}</code>]);
  if (file.packetSize !== null && file.packetSize > 0)
    facts.push([words.one.packet, words.one.bytes(String(file.packetSize))]);
  facts.push([words.column.uploaded, <Time at={file.uploadedAt} />], [words.column.by, file.uploadedBy]);
  if (file.remark !== '') facts.push([words.one.remark, file.remark]);
  if (file.overrideReason !== null) facts.push([words.one.override, file.overrideReason]);
  return (
    <Page
      title={file.fileName}
      lead={<Link to="/firmware">{words.title}</Link>}
      actions={
        <>
          <a class="button" href={addressOf('downloadFirmware', { params: { firmwareId } })} download={file.fileName}>
            {words.download}
          </a>
          {may('upgrade:write') && (
            <Link class="button primary" to={`/tasks/new?firmware=${file.id}`}>
              {words.makeTask}
            </Link>
          )}
          {may('firmware:write') && (
            <button type="button" class="button danger" onClick={() => void remove.run(file)}>
              {words.delete}
            </button>
          )}
        </>
      }
    >
      {remove.error !== null && <ProblemNote problem={remove.error} />}
      <Panel title={words.one.facts}>
        <Facts items={facts} />
      </Panel>
      {checks.data !== null && checks.data.packets > 0 && (
        <Panel title={words.one.checks}>
          <p>
            {words.one.packets}: {checks.data.packets}
          </p>
          {checks.data.packetChecks.length > 0 && (
            <>
              <p>{words.one.packetChecks}</p>
              <p class="check-codes">
                <code>{checks.data.packetChecks.join(' ')}</code>
              </p>
            </>
          )}
        </Panel>
      )}
    </Page>
  );
}
