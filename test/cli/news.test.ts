/** Listening for news, where a command line that watches spends its time. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, expect, test } from 'vitest';
import { Api } from '../../cli/api.ts';
import { News } from '../../cli/news.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

let server: Server;
afterEach(() => server.closeAllConnections());

test('ends when it is stopped, however long the stream was silent', async () => {
  let asked = 0;
  server = createServer((_, response) => {
    asked += 1;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('id: 1\nevent: counts\ndata: {}\n\n');
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const api = new Api({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, key: 'key' });
  const news = new News(api, '/upgrade-tasks/1/events');
  await news.next();
  await news.next();
  // What nobody holds is forgotten, as it is when a watch goes on for hours.
  for (let round = 0; round < 10; round++) {
    collectGarbage();
    await new Promise(setImmediate);
  }
  await news.stop();
  expect(asked).toBe(1);
}, 20_000);
