/**
 * A running program that is given a secret of every kind, uses them, fails with them, and is then asked for everything
 * it tells: logs, problems, answers, metrics, the console, and what Temporal keeps.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, Connection } from '@temporalio/client';
import postgres from 'postgres';
import { createSecretKey } from 'node:crypto';
import { PayloadEncryption } from '../../../payload-encryption.ts';
import { passwordMd5 } from '../../../gateways/tracksolid/signing.ts';
import { Ftp } from '../listeners/honest.ts';
import { startWorld, type World } from '../listeners/world.ts';
import { waitFor } from '../../support/wait.ts';

/** What the program let out, by place, and what must not be in it. */
export interface Told {
  places: Record<string, string>;
  secrets: Record<string, string>;
}

const WAIT = { deadlineMs: 60_000 };

/** Runs it; takes some seconds. */
export async function tellEverything(): Promise<Told> {
  const word = (name: string) => `${name}-${randomBytes(9).toString('hex')}`;
  const payloadKey = randomBytes(32).toString('base64');
  const others = {
    'the secret of the Tracksolid app': word('app'),
    'the password of Tracksolid': word('Pa+ss/wörd'),
    'the token of Tracksolid': word('token'),
    'the password of MES': word('mes'),
    'the token of MOM': word('mom'),
    'the key of payloads': payloadKey,
  };
  const lines: string[] = [];
  const receiver = await listening((_path) => ({ status: 500, body: 'no' }));
  const platform = await listening((_path, body) => {
    if (!body.includes('oauth.token'))
      return { status: 200, body: JSON.stringify({ code: 1006, message: 'too often' }) };
    const result = {
      accessToken: others['the token of Tracksolid'],
      access_token: others['the token of Tracksolid'],
      expiresIn: 7_200,
    };
    return { status: 200, body: JSON.stringify({ code: 0, message: 'success', result }) };
  });
  const world = await startWorld(
    {
      LOG_LEVEL: 'trace',
      WEBHOOK_ALLOW_PRIVATE: 'true',
      TRACKSOLID_URL: platform.url,
      TRACKSOLID_APP_KEY: 'public',
      TRACKSOLID_APP_SECRET: others['the secret of the Tracksolid app'],
      TRACKSOLID_USER: 'user',
      TRACKSOLID_PASSWORD: others['the password of Tracksolid'],
      MES_DATABASE_URL: `mysql://reader:${others['the password of MES']}@127.0.0.1:9/mes`,
      MOM_TOKEN: others['the token of MOM'],
      TEMPORAL_PAYLOAD_KEYS: `one:${payloadKey}`,
    },
    (line) => void lines.push(line),
  );
  try {
    const used = await useThem(
      world,
      receiver.url,
      others['the token of MOM'],
      () => platform.calls() > 1,
      () => receiver.calls() > 0,
    );
    const places = { ...(await asked(world)), ...used.places, ...(await histories(world, payloadKey)) };
    // The first key is printed on purpose, once, for whoever starts the program.
    const isFirstKey = (line: string) => line.trim() === world.key;
    places['the log'] = lines.filter((line) => !isFirstKey(line)).join('\n');
    const secrets = {
      ...others,
      ...used.secrets,
      'the MD5 of the password': passwordMd5(others['the password of Tracksolid']),
    };
    return { places, secrets };
  } finally {
    await world.close();
    await Promise.all([receiver.close(), platform.close()]);
  }
}

async function useThem(
  world: World,
  hookUrl: string,
  momToken: string,
  wasAsked: () => boolean,
  wasPosted: () => boolean,
): Promise<Told> {
  const { operator, ready, key, ftp } = world;
  const problems: string[] = [];
  const call = async (path: string, method: string, headers: Record<string, string>, body?: unknown) => {
    const response = await fetch(`${ready.apiUrl}${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) problems.push(`${method} ${path}: ${text}`);
    return { response, text };
  };
  const admin = { authorization: `Bearer ${key}` };
  const settings = world.servers.settings();
  const database = new URL(settings['DATABASE_URL']!);
  // A session, a webhook that fails, a shipment to a platform that is asked too often.
  const signedIn = await call('/api/v1/session', 'POST', { 'x-slipway-console': '1' }, { key });
  const cookie = (signedIn.response.headers.get('set-cookie') ?? '').split(';')[0]!;
  const hook = await operator.call<{ id: number; secret: string }>('POST', '/webhooks', {
    url: `${hookUrl}/hook`,
    kinds: ['task.finished'],
  });
  const sql = postgres(settings['DATABASE_URL']!, { max: 1 });
  await sql`
    insert into matched_devices (imei, department_id, customer, rule)
    select '868120145239999', (select min(id) from departments), 'hemi', '1'`;
  await sql.end();
  await operator.call('POST', '/platform-shipments', {
    platformId: 2,
    matched: { customer: 'hemi' },
    info: { account: 'cust01', customerName: 'x', model: 'GV2' },
  });
  // Everything that can go wrong with a secret in hand.
  await call('/api/v1/devices', 'GET', { authorization: `Bearer ${key}x` });
  await call('/api/v1/devices', 'GET', { authorization: `Basic ${Buffer.from(`x:${key}`).toString('base64')}` });
  await call('/api/v1/devices', 'GET', { cookie: `${cookie}x` });
  await call('/api/v1/devices', 'POST', { ...admin, cookie }, `{"key":"${key}"`);
  await call('/api/v1/devices/nobody', 'PATCH', { cookie }, { remark: 'x' });
  await call('/api/v1/webhooks', 'POST', admin, { url: 'http://169.254.169.254/', secret: hook.secret });
  await call('/api/v1/mes/sync', 'POST', admin, {});
  await call('/api/v1/session', 'POST', { 'x-slipway-console': '1' }, { key: `${key}x` });
  const mom = `http://127.0.0.1:${ready.deviceHttpPort}/api/MachineIntegration/EqptRun`;
  for (const token of [momToken, `${momToken}x`]) {
    const answer = await fetch(mom, {
      method: 'POST',
      headers: { 'x-mom-token': token },
      body: `{"Password":"operator-password-77","SessionId":"S`,
    });
    problems.push(await answer.text());
  }
  const line = await Ftp.open(ready.ftpPort!);
  problems.push(await line.logIn({ ...ftp, user: `${ftp.user}0` }));
  problems.push(await line.logIn(ftp));
  line.close();
  await operator.call('POST', `/webhooks/${hook.id}/ping`);
  await waitFor(wasPosted, { ...WAIT, message: 'no webhook was posted' });
  await waitFor(wasAsked, { ...WAIT, message: 'the platform was not asked' });
  const secrets = {
    'the API key': key,
    'the session': cookie.split('=')[1]!,
    'the secret of a webhook': hook.secret,
    'the password of FTP': ftp.password,
    'the password of an operator at a machine': 'operator-password-77',
    'the password of the database': decodeURIComponent(database.password),
  };
  return { places: { 'the problems': problems.join('\n') }, secrets };
}

/** Every list of the API, the metrics, the documents, the console. */
async function asked({ ready, key }: World): Promise<Record<string, string>> {
  const get = async (path: string, accept = '*/*') =>
    (await fetch(`${ready.apiUrl}${path}`, { headers: { authorization: `Bearer ${key}`, accept } })).text();
  const document = await get('/openapi.json');
  const { paths } = JSON.parse(document) as { paths: Record<string, { get?: object }> };
  const answers: string[] = [document];
  for (const [path, { get: read }] of Object.entries(paths)) {
    if (read === undefined || path.endsWith('/events')) continue; // a stream has no end
    answers.push(`${path}: ${await get(path.replaceAll(/\{[^}]+\}/g, '1'))}`);
  }
  const page = await get('/', 'text/html');
  const files = [...page.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path!);
  if (files.length === 0) throw new Error(`the page of the console names no files: ${page}`);
  const console = [page];
  for (const path of files) console.push(await get(path));
  return {
    'the answers of the API': answers.join('\n'),
    'the metrics': await get('/metrics'),
    'the console': console.join('\n'),
  };
}

/** What Temporal keeps of every workflow: as it is, and deciphered. */
async function histories({ servers }: World, payloadKey: string): Promise<Record<string, string>> {
  const connection = await Connection.connect({ address: servers.settings()['TEMPORAL_ADDRESS']! });
  const encryption = new PayloadEncryption([{ id: 'one', key: createSecretKey(payloadKey, 'base64') }]);
  // The list deciphers its memos; a history comes as it is kept.
  const client = new Client({ connection, dataConverter: { payloadCodecs: [encryption] } });
  const kept: string[] = [];
  const plain: string[] = [];
  for await (const { workflowId, runId } of client.workflow.list()) {
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    kept.push(workflowId, textOf(history));
    for (const payload of payloadsIn(history)) {
      const [deciphered] = await encryption.decode([payload]);
      plain.push(Buffer.from(deciphered?.data ?? []).toString('utf8'));
    }
  }
  await connection.close();
  if (plain.length === 0) throw new Error('Temporal keeps nothing');
  return { 'the histories': kept.join('\n'), 'the payloads of the histories': plain.join('\n') };
}

function textOf(history: unknown): string {
  return JSON.stringify(history, (_, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
  );
}

type Payload = Parameters<PayloadEncryption['decode']>[0][number];

function* payloadsIn(value: unknown): Generator<Payload> {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  if ('metadata' in value && 'data' in value && value.data instanceof Uint8Array) yield value as Payload;
  else for (const part of Object.values(value)) yield* payloadsIn(part);
}

/** Somebody the program calls. */
async function listening(answer: (path: string, body: string) => { status: number; body: string }) {
  let calls = 0;
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      calls += 1;
      const { status, body } = answer(request.url ?? '', decodeURIComponent(Buffer.concat(chunks).toString('utf8')));
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  };
  return { url: `http://127.0.0.1:${port}`, calls: () => calls, close };
}
