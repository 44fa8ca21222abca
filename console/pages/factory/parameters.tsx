/** Process parameters: the list in force or an older one, its versions, when it was fetched, and a new version of it. */
import { useState } from 'preact/hooks';
import type { Equipment, Parameters, ParameterVersion } from '../../api-types.ts';
import { usePages, useQuery } from '../../api/queries.ts';
import { may } from '../../api/session.ts';
import { Badge } from '../../parts/badge.tsx';
import { Empty, Facts, Panel } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { DataTable } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { useFilters } from '../../shell/router.tsx';
import { useFresh } from './fresh.ts';
import { ParameterEditor } from './parameter-editor.tsx';
import { t } from './texts.ts';

export function ParametersTab({ equipment, onChanged }: { equipment: Equipment; onChanged: () => void }) {
  const words = t().parameters;
  const { code, parametersVersion: newest, fetchedVersion } = equipment;
  const params = { code };
  const [filters, setFilters] = useFilters({ version: '' });
  const wanted = /^\d{1,9}$/.test(filters.version) ? Number(filters.version) : newest;
  const list = useQuery('getEquipmentParameters', newest === 0 ? null : { params, query: { version: wanted } });
  const versions = usePages('listEquipmentParameterVersions', { params }, 50);
  const fetches = usePages('listEquipmentParameterFetches', { params }, 50);
  const refresh = () => {
    versions.refresh();
    fetches.refresh();
  };
  useFresh(refresh, { equipmentCode: code });
  const [edited, setEdited] = useState<{ from: Parameters | null; basedOn: number } | null>(null);
  const begin = (from: Parameters | null) => setEdited({ from, basedOn: newest });
  if (edited !== null) {
    return (
      <ParameterEditor
        key={edited.basedOn}
        code={code}
        from={edited.from}
        basedOn={edited.basedOn}
        onClose={() => setEdited(null)}
        onDone={() => {
          setEdited(null);
          setFilters({ version: '' });
          onChanged();
          refresh();
        }}
      />
    );
  }
  if (newest === 0) {
    return (
      <Panel>
        <Empty title={words.none} detail={words.noneAdvice}>
          {may('mom:write') && (
            <button type="button" class="button primary" onClick={() => begin(null)}>
              {words.set}
            </button>
          )}
        </Empty>
      </Panel>
    );
  }
  const shown = list.data;
  const isNewest = shown?.version === newest;
  const edit = may('mom:write') && shown !== null && (
    <button type="button" class="button primary" onClick={() => begin(shown)}>
      {isNewest ? words.edit : words.useAsDraft}
    </button>
  );
  return (
    <>
      {list.error !== null && <ProblemNote problem={list.error} retry={list.refresh} />}
      {shown !== null && (
        <Panel title={words.title(shown.label, shown.version)} actions={edit}>
          {!isNewest && (
            <p class="note row">
              {words.notNewest}
              <button type="button" class="button small" onClick={() => setFilters({ version: '' })}>
                {words.showNewest}
              </button>
            </p>
          )}
          <Facts
            items={[
              [
                words.setAtBy,
                <>
                  <Time at={shown.setAt} /> · {shown.setBy}
                </>,
              ],
              [words.fetched, <FetchedBadge isFetched={fetchedVersion >= shown.version} />],
              [words.cause, shown.cause || null],
              [words.product, shown.productDesc],
              [words.firstArticle, shown.firstArticleNum],
              [words.debug, shown.debugNum],
            ]}
          />
          <ParameterTable list={shown} />
        </Panel>
      )}
      <Panel title={words.versions} class="flush">
        <DataTable
          label={words.versions}
          list={versions}
          rowKey={({ version }) => version}
          openKey={shown?.version ?? null}
          csv={{ operation: 'listEquipmentParameterVersions', params }}
          columns={[
            {
              id: 'version',
              head: words.version,
              cell: (row: ParameterVersion) => (
                <button
                  type="button"
                  class="link"
                  onClick={() => setFilters({ version: row.version === newest ? '' : String(row.version) })}
                >
                  {row.version} · {row.label}
                </button>
              ),
            },
            { id: 'count', head: words.count, cell: (row) => row.count, align: 'end' },
            {
              id: 'set',
              head: words.setAt,
              cell: (row) => (
                <>
                  <Time at={row.setAt} /> · {row.setBy}
                </>
              ),
            },
            { id: 'cause', head: words.cause, cell: (row) => <span title={row.cause}>{row.cause}</span>, wide: true },
            {
              id: 'fetched',
              head: words.fetchedAt,
              cell: (row) =>
                row.fetchedAt === null ? <FetchedBadge isFetched={false} /> : <Time at={row.fetchedAt} />,
            },
          ]}
        />
      </Panel>
      <Panel title={words.fetches} class="flush">
        <DataTable
          label={words.fetches}
          list={fetches}
          rowKey={({ id }) => id}
          csv={{ operation: 'listEquipmentParameterFetches', params }}
          empty={<Empty title={words.noFetches} />}
          columns={[
            { id: 'at', head: words.setAt, cell: (row) => <Time at={row.at} /> },
            { id: 'version', head: words.version, cell: (row) => row.version },
            { id: 'employee', head: words.employee, cell: (row) => row.employeeNo },
            { id: 'software', head: words.software, cell: (row) => row.software, wide: true },
            { id: 'address', head: words.address, cell: (row) => row.address, wide: true },
          ]}
        />
      </Panel>
    </>
  );
}

function FetchedBadge({ isFetched }: { isFetched: boolean }) {
  const words = t().parameters;
  return isFetched ? <Badge tone="good">{words.fetched}</Badge> : <Badge tone="warn">{words.notFetched}</Badge>;
}

function ParameterTable({ list }: { list: Parameters }) {
  const words = t().parameters;
  const range = (low: string | null, high: string | null) =>
    low === null && high === null ? '–' : `${low ?? '−∞'} … ${high ?? '∞'}`;
  const heads = [words.code, words.type, words.target, words.unit, words.control, words.specification, words.plain];
  return (
    <div class="table-scroll list-of-parameters" role="region" aria-label={words.count} tabIndex={0}>
      <table class="table">
        <thead>
          <tr>
            {[...heads, words.available, words.description].map((head) => (
              <th scope="col" key={head}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {list.parameters.map((each, index) => (
            <tr key={`${list.version}-${index}`}>
              <td>
                <code>{each.parameterCode}</code>
              </td>
              <td>{each.parameterType}</td>
              <td>
                <b>{each.targetValue}</b>
              </td>
              <td>{each.uomCode ?? ''}</td>
              <td>{range(each.lowerControlLimit, each.upperControlLimit)}</td>
              <td>{range(each.lowerSpecificationsLimit, each.upperSpecificationsLimit)}</td>
              <td>{range(each.lowerLimit, each.upperLimit)}</td>
              <td>{each.isAvailable === null ? '–' : each.isAvailable ? 'TRUE' : 'FALSE'}</td>
              <td>{each.description ?? ''}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
