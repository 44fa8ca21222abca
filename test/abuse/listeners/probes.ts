/**
 * What must be refused whoever asks: paths outside of the folder, connections to third parties, what was good once and
 * is no more, answers larger than questions. Each probe says what is wrong, or nothing.
 */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { COAP, decodeCoap, encodeCoap, requestOptions } from '../../../gateways/pcp/coap-codec.ts';
import { checkCodeOf, encodePcp } from '../../../gateways/pcp/codec.ts';
import { registration } from './attacks.ts';
import { Ftp, opened, received } from './honest.ts';
import type { World } from './world.ts';

/** What is wrong, one sentence each. */
export type Probe = (world: World) => Promise<string[]>;

/** Every probe by name, in the order in which they are tried: the last ones end what the others need. */
export const PROBES: Readonly<Record<string, Probe>> = {
  'ftp: paths outside of the folder': outsideTheFolder,
  'ftp: connections to third parties': toThirdParties,
  'ftp: the data connection of another': anothersData,
  'ftp: user and password of another device': anothersPassword,
  'pcp: answers larger than questions': amplification,
  'api: strange places to go on from': strangeCursors,
  'api: an answer that is asked for again': repeatedRequests,
  'api: a session that has ended': endedSession,
  'ftp: user and password that have ended': endedPassword,
};

const OUTSIDE = [
  '..', '../..', '/..', '../../../../etc/passwd', '/etc/passwd', '/DC-15KW/../../etc/passwd', '..%2f..%2fetc%2fpasswd', '%2e%2e/etc', '\\..\\..\\windows', 'C:\\',
  '~root', '//etc//passwd', './../x', 'DC-15KW/./../../x', '/proc/self/environ', '.slipway', 'package.json', '\u00c0\u00ae\u00c0\u00ae/', 'DC-15KW/V4.1.11.bin/..', '*', '-la /etc', '|ls', '`id`', '$(id)',
]; // prettier-ignore

async function outsideTheFolder(world: World): Promise<string[]> {
  const wrong: string[] = [];
  const ftp = await Ftp.open(world.ready.ftpPort!);
  await ftp.logIn(world.ftp);
  const [folder = '', name = ''] = world.ftp.path.split('/');
  for (const path of OUTSIDE) {
    for (const verb of ['SIZE', 'MDTM']) {
      const answer = await ftp.say(`${verb} ${path}`);
      if (!/^5\d\d /.test(answer)) wrong.push(`${verb} ${path}: ${answer.trim()}`);
    }
    for (const verb of ['CWD', 'XCWD']) {
      await ftp.say(`${verb} ${path}`);
      const where = /"(.*)"/.exec(await ftp.say('PWD'))?.[1];
      if (where !== '/' && where !== `/${folder}`) wrong.push(`${verb} ${path} leads to ${where}`);
      await ftp.say('CWD /');
    }
    for (const verb of ['RETR', 'LIST', 'NLST']) {
      const data = await opened(await ftp.passive());
      const coming = received(data, () => false).catch((error: Error) => error.message);
      const answer = await ftp.say(`${verb} ${path}`);
      const isSent = answer.startsWith('1');
      data.destroy();
      await coming;
      if (!isSent) continue;
      await ftp.reply();
      // A listing of what may be seen is the only thing that may come.
      if (verb === 'RETR') wrong.push(`RETR ${path} is sent`);
    }
    for (const verb of ['STOR', 'APPE', 'DELE', 'RMD', 'MKD', 'RNFR', 'SITE EXEC', 'SITE CHMOD 777']) {
      const answer = await ftp.say(`${verb} ${path}`);
      if (!/^5\d\d /.test(answer)) wrong.push(`${verb} ${path}: ${answer.trim()}`);
    }
  }
  if (!(await ftp.say(`SIZE /${folder}/${name}`)).startsWith('213')) wrong.push('its own file is not there any more');
  ftp.close();
  return wrong;
}

async function toThirdParties(world: World): Promise<string[]> {
  const wrong: string[] = [];
  let strangers = 0;
  const third = createServer((socket) => {
    strangers += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => third.listen(0, '127.0.0.3', resolve));
  const { port } = third.address() as { port: number };
  const ftp = await Ftp.open(world.ready.ftpPort!);
  await ftp.logIn(world.ftp);
  const orders = [
    `PORT 127,0,0,3,${port >> 8},${port & 255}`,
    `EPRT |1|127.0.0.3|${port}|`,
    `LPRT 4,4,127,0,0,3,2,${port >> 8},${port & 255}`,
  ];
  for (const line of orders) {
    const answer = await ftp.say(line);
    if (!/^50[0-9] /.test(answer)) wrong.push(`${line}: ${answer.trim()}`);
    const sent = await ftp.say(`RETR ${world.ftp.path}`);
    if (/^(?:150|125)/.test(sent)) wrong.push(`after ${line} the file is sent: ${sent.trim()}`);
  }
  ftp.close();
  if (strangers > 0) wrong.push(`${strangers} connections were opened to a third party`);
  await new Promise((resolve) => third.close(resolve));
  return wrong;
}

/** Who comes from another address than the one that asked gets nothing. */
async function anothersData(world: World): Promise<string[]> {
  const ftp = await Ftp.open(world.ready.ftpPort!);
  await ftp.logIn(world.ftp);
  const port = await ftp.passive();
  const thief = await opened(port, '127.0.0.4').catch(() => null);
  const stolen = thief === null ? Promise.resolve('') : received(thief, (all) => all.length > 0).then(String, () => '');
  const owner = await opened(port);
  const coming = received(owner, (all) => all.length >= world.pileFile.length);
  await ftp.say(`RETR ${world.ftp.path}`);
  const bytes = await coming.catch(() => Buffer.alloc(0));
  const wrong = bytes.equals(world.pileFile) ? [] : ['who asked for the file does not get it'];
  thief?.destroy();
  if ((await stolen) !== '') wrong.push('who comes from another address gets the file');
  ftp.close();
  return wrong;
}

async function anothersPassword(world: World): Promise<string[]> {
  const wrong: string[] = [];
  const number = Number(world.ftp.user.slice(1));
  for (const user of [
    `u${number - 1}`,
    `u${number + 1}`,
    'u0',
    'u1',
    'anonymous',
    'root',
    '',
    `${world.ftp.user} `,
    world.ftp.user.toUpperCase(),
  ]) {
    if (user.trim() === world.ftp.user) continue;
    const ftp = await Ftp.open(world.ready.ftpPort!, '127.0.0.5');
    const answer = await ftp.logIn({ ...world.ftp, user }).catch(() => 'cut');
    if (answer.startsWith('230')) wrong.push(`the password of ${world.ftp.user} is taken for "${user}"`);
    ftp.close();
  }
  return wrong;
}

const HEARD_MS = 1_500;
/** RFC 9175, 2.4: as much as may be answered to an address that may be forged. */
const MOST_AMPLIFICATION = 3;

/** What strangers get for what they send, in bytes; for what is sent in the name of a registered device, too. */
async function amplification(world: World): Promise<string[]> {
  const wrong: string[] = [];
  const { pcpImei } = world;
  const ask = (payload: Buffer, name: string, type: 'con' | 'non' = 'con', path = ['t', 'd']) =>
    encodeCoap({
      type,
      code: COAP.post,
      messageId: 7,
      token: Buffer.from('a1', 'hex'),
      options: [...requestOptions(path), [15, Buffer.from(`ep=${name}`)]],
      payload,
    });
  const fragment = encodePcp({ type: 'fragmentRequest', targetVersion: 'NB1_V11', fragmentIndex: 0 });
  const broken = Buffer.from(fragment);
  broken.writeUInt16BE(checkCodeOf(broken) ^ 1, 4);
  const stranger = '999999999999999';
  const questions: Record<string, Buffer> = {
    'an empty message': Buffer.from('40000001', 'hex'),
    'a discovery of everything': encodeCoap({ type: 'con', code: 1, messageId: 8, options: [[11, Buffer.from('.well-known')], [11, Buffer.from('core')]] }),
    'a path that is not there': ask(Buffer.alloc(0), stranger, 'con', ['x']),
    'a fragment, by a stranger': ask(fragment, stranger),
    'a registration, by a stranger': registration(stranger),
    'a name that is none': ask(Buffer.alloc(0), 'x'),
    'an answer to nothing': encodeCoap({ type: 'con', code: COAP.changed, messageId: 9, payload: Buffer.alloc(100) }),
    'a fragment without an offer, by a device': ask(fragment, pcpImei),
    'a frame that is broken, by a device': ask(broken, pcpImei, 'non'),
    'business, by a device': ask(Buffer.alloc(20, 1), pcpImei),
  }; // prettier-ignore
  const tried = Object.entries(questions).map(async ([what, question]) => {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.6', resolve));
    let answered = 0;
    socket.on('message', (answer) => {
      const decoded = decodeCoap(answer);
      // A question of the platform's own follows on a contact of a device, not on every message.
      if (decoded.ok && decoded.message.code !== COAP.post) answered += answer.length;
    });
    socket.send(question, world.ready.pcpPort!, '127.0.0.1');
    await new Promise((resolve) => setTimeout(resolve, HEARD_MS));
    socket.close();
    if (answered > MOST_AMPLIFICATION * question.length)
      wrong.push(`${what}: ${answered} bytes come for ${question.length}`);
  });
  await Promise.all(tried);
  return wrong;
}

const STRANGE = [
  '',
  ' ',
  '0',
  '-1',
  '9'.repeat(40),
  '1e9',
  'NaN',
  "'",
  "';drop table devices;--",
  '%00',
  '\u0000',
  '../..',
  '中',
  'x'.repeat(5_000),
  '2024-13-45',
  '{"$gt":""}',
  '1-',
  '-',
  '0x10',
  'terminal-',
];

/** Every list, from places that no page ever named. */
async function strangeCursors(world: World): Promise<string[]> {
  const wrong: string[] = [];
  const get = (path: string) =>
    fetch(`${world.ready.apiUrl}${path}`, { headers: { authorization: `Bearer ${world.key}` } });
  const { paths } = (await (await get('/openapi.json')).json()) as {
    paths: Record<string, { get?: { parameters?: { name: string; in: string }[] } }>;
  };
  const lists = Object.entries(paths).filter(([, { get: read }]) =>
    read?.parameters?.some(({ name }) => name === 'after'),
  );
  if (lists.length === 0) return ['the document names no list'];
  for (const [path] of lists) {
    const address = path.replaceAll(/\{[^}]+\}/g, '1');
    const tried = STRANGE.map(async (after) => {
      const { status, body } = await get(`${address}?after=${encodeURIComponent(after)}&limit=1`);
      await body?.cancel();
      if (status >= 500) wrong.push(`${path} from ${JSON.stringify(after.slice(0, 40))}: ${status}`);
    });
    await Promise.all(tried);
  }
  return wrong;
}

/** The same key again gives the same answer and no second effect; for something else it is refused. */
async function repeatedRequests(world: World): Promise<string[]> {
  const wrong: string[] = [];
  const send = async (name: string) => {
    const response = await fetch(`${world.ready.apiUrl}/api/v1/departments`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${world.key}`,
        'content-type': 'application/json',
        'idempotency-key': 'abuse-1',
      },
      body: JSON.stringify({ name }),
    });
    return { status: response.status, text: await response.text() };
  };
  const first = await send('repeated');
  const again = await Promise.all([send('repeated'), send('repeated')]);
  if (first.status !== 201) wrong.push(`the request itself is answered ${first.status}: ${first.text}`);
  if (again.some(({ text }) => text !== first.text)) wrong.push('the same request is answered in another way');
  const other = await send('another');
  if (other.status < 400 || other.status >= 500) wrong.push(`the key of another request is taken: ${other.status}`);
  return wrong;
}

async function endedSession(world: World): Promise<string[]> {
  const page = { 'x-slipway-console': '1', 'content-type': 'application/json' };
  const url = `${world.ready.apiUrl}/api/v1`;
  const signedIn = await fetch(`${url}/session`, {
    method: 'POST',
    headers: page,
    body: JSON.stringify({ key: world.key }),
  });
  const cookie = (signedIn.headers.get('set-cookie') ?? '').split(';')[0]!;
  const statuses = async () => {
    const answers = [
      await fetch(`${url}/devices?limit=1`, { headers: { cookie } }),
      await fetch(`${url}/events`, { headers: { cookie } }),
    ];
    for (const answer of answers) await answer.body?.cancel();
    return answers.map(({ status }) => status).join(' ');
  };
  const before = await statuses();
  await fetch(`${url}/session`, { method: 'DELETE', headers: { ...page, cookie } });
  const after = await statuses();
  const wrong: string[] = [];
  if (before !== '200 200') wrong.push(`a session may not read: ${before}`);
  if (after !== '401 401') wrong.push(`a session that has ended still reads: ${after}`);
  return wrong;
}

/** The task is cancelled: what the pile was given is worth nothing from then on, also where somebody is logged in. */
async function endedPassword(world: World): Promise<string[]> {
  const wrong: string[] = [];
  const inside = await Ftp.open(world.ready.ftpPort!);
  if (!(await inside.logIn(world.endingFtp)).startsWith('230')) wrong.push('the password is refused while it is good');
  const { items } = await world.operator.call<{ items: { id: number }[] }>('GET', '/upgrade-tasks?limit=50');
  for (const { id } of items)
    await world.operator.call('POST', `/upgrade-tasks/${id}/cancel`, { cause: 'abuse' }).catch(() => {});
  for (const deadline = Date.now() + 60_000; ;) {
    const ftp = await Ftp.open(world.ready.ftpPort!, '127.0.0.7');
    const answer = await ftp.logIn(world.endingFtp).catch(() => 'cut');
    ftp.close();
    if (!answer.startsWith('230')) break;
    if (Date.now() > deadline) {
      wrong.push('the password of an offer that has ended is still taken after a minute');
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  const port = await inside.passive().catch(() => 0);
  const data = port === 0 ? null : await opened(port).catch(() => null);
  data?.on('error', () => {});
  const answer = port === 0 ? '530' : await inside.say(`RETR ${world.endingFtp.path}`).catch(() => 'cut');
  if (/^(?:150|125|226)/.test(answer)) wrong.push(`who was logged in before still gets the file: ${answer.trim()}`);
  data?.destroy();
  inside.close();
  return wrong;
}
