/** How many devices there are of each kind, and how many of them were heard of just now. */
import { useCallback, useEffect, useState } from 'preact/hooks';
import type { DeviceCount } from '../../api-types.ts';
import { asProblem, call, type ApiProblem } from '../../api/call.ts';
import { Panel } from '../../parts/page.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { countText } from '../../parts/time.tsx';
import { Link } from '../../shell/router.tsx';
import { PROTOCOLS, protocolText, type Protocol } from '../upgrades/firmware/texts.ts';
import { t } from './texts.ts';

interface Line {
  protocol: Protocol;
  all: DeviceCount;
  online: DeviceCount;
}

const ONLINE_MS = 10 * 60_000;
const LOOK_AGAIN_MS = 60_000;

export function DevicesPanel() {
  const [lines, setLines] = useState<Line[] | null>(null);
  const [error, setError] = useState<ApiProblem | null>(null);
  const read = useCallback(async () => {
    try {
      setLines(await countAll());
      setError(null);
    } catch (problem) {
      setError(asProblem(problem));
    }
  }, []);
  useEffect(() => {
    void read();
    const timer = setInterval(() => !document.hidden && void read(), LOOK_AGAIN_MS);
    return () => clearInterval(timer);
  }, [read]);
  const words = t();
  const shown = lines?.filter(({ all }) => all.devices > 0) ?? [];
  return (
    <Panel title={words.devices} actions={<Link to="/devices">{words.attentionAll}</Link>}>
      {error !== null && <ProblemNote problem={error} retry={() => void read()} />}
      {lines !== null && shown.length === 0 && <p class="muted">{words.devicesNone}</p>}
      {shown.length > 0 && (
        <>
          <table class="table">
            <thead>
              <tr>
                <th scope="col">{words.devicesOf.protocol}</th>
                <th scope="col" class="end">
                  {words.devicesOf.online}
                </th>
                <th scope="col" class="end">
                  {words.devicesOf.all}
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.map(({ protocol, all, online }) => (
                <tr key={protocol}>
                  <td>
                    <Link to={`/devices?protocol=${protocol}`}>{protocolText(protocol)}</Link>
                  </td>
                  <td class="end">
                    <Link to={`/devices?protocol=${protocol}&seen=online`}>{shownCount(online)}</Link>
                  </td>
                  <td class="end">{shownCount(all)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <p class="hint">{words.onlineHint}</p>
        </>
      )}
    </Panel>
  );
}

async function countAll(): Promise<Line[]> {
  const seenSince = new Date(Date.now() - ONLINE_MS).toISOString();
  return Promise.all(
    PROTOCOLS.map(async (protocol) => {
      const all = await call('countDevices', { query: { protocol } });
      // nobody is asked about what is not there
      const online = all.devices === 0 ? all : await call('countDevices', { query: { protocol, seenSince } });
      return { protocol, all, online };
    }),
  );
}

function shownCount({ devices, estimated }: DeviceCount): string {
  return estimated ? t().about(countText(devices)) : countText(devices);
}
