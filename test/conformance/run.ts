/**
 * `npm run conformance`: schemathesis asks a real program everything `api/openapi.json` allows, and much that it does
 * not, and compares every answer with the document. Ends with 1 when anything fails. What is asked and what is left
 * out is in `schemathesis.toml`, `hooks.py` keeps the requests on this machine.
 *
 * Needs schemathesis on the path (`pip install -r test/conformance/requirements.txt`), or named by `SCHEMATHESIS`.
 */
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startStage } from '../../bench/stage.ts';
import { seed } from './seed.ts';

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const openApi = fileURLToPath(new URL('../../api/openapi.json', import.meta.url));

/** Whatever webhooks send: taken. */
const receiver = createServer((request, response) => {
  request.resume();
  response.writeHead(204).end();
}).listen(0, '127.0.0.1');
const receiverUrl = await new Promise<string>((resolve) => {
  receiver.once('listening', () => resolve(`http://127.0.0.1:${(receiver.address() as AddressInfo).port}/events`));
});

// for the program, which inherits them: the receiver is on this machine, and hooks.py gives requests addresses
Object.assign(process.env, { WEBHOOK_ALLOW_PRIVATE: 'true', API_TRUSTED_PROXIES: '1' });
const stage = await startStage();
try {
  const { ownKeyId } = await seed(stage, receiverUrl);
  process.exitCode = await schemathesis(stage.apiUrl, {
    SCHEMATHESIS_HOOKS: 'hooks',
    PYTHONPATH: [here('.'), process.env['PYTHONPATH']].filter(Boolean).join(delimiter),
    PYTHONDONTWRITEBYTECODE: '1',
    SLIPWAY_KEY: stage.key,
    SLIPWAY_OWN_KEY_ID: String(ownKeyId),
    SLIPWAY_RECEIVER: receiverUrl,
  });
} finally {
  await stage.stop();
  receiver.close();
}

function schemathesis(url: string, settings: Record<string, string>): Promise<number> {
  const program = process.env['SCHEMATHESIS'] ?? 'schemathesis';
  const args = ['--config-file', here('schemathesis.toml'), 'run', openApi, '--url', url, ...process.argv.slice(2)];
  return new Promise((resolve) => {
    spawn(program, args, { stdio: 'inherit', env: { ...process.env, ...settings } })
      .once('error', ({ message }) => {
        console.error(`${message}. Install it: pip install -r test/conformance/requirements.txt`);
        resolve(2);
      })
      .once('exit', (code) => resolve(code ?? 1));
  });
}
