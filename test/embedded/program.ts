/** The smallest program on embedded servers, for tests that kill it: prints one line of JSON when both are up, then waits. */
import { lockDataDir, searchAttributes, startEmbeddedPostgres, startTemporalDevServer } from '../../embedded.ts';
import { createLogger } from '../../log.ts';

const [dataDir = '', cliPath = ''] = process.argv.slice(2);
const log = createLogger({ logLevel: 'silent' });
await lockDataDir(dataDir);
const [postgres, temporal] = await Promise.all([
  startEmbeddedPostgres({ dataDir, port: 0, log }),
  startTemporalDevServer({ cliPath, dataDir, port: 0, uiPort: 0, namespace: 'default', searchAttributes, log }),
]);
const { url, pid } = postgres;
console.log(JSON.stringify({ url, address: temporal.address, uiUrl: temporal.uiUrl, pids: [pid, temporal.pid] }));
setInterval(() => {}, 1000);
