/** The command line against a real API on a real database; every command is a process of its own. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import net from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { firmwareBytes, registerTerminals, TestApi, uploadFile, type TestDepartment } from '../api/harness.ts';
import { waitFor } from '../support/wait.ts';
import { Person } from './run.ts';

let api: TestApi;
let jimi: TestDepartment;
let person: Person;

beforeAll(async () => {
  api = await TestApi.start();
  jimi = await api.department('康凯斯');
  person = new Person({ SLIPWAY_URL: api.url, SLIPWAY_KEY: jimi.key });
});
afterAll(async () => {
  person?.leave();
  await api?.stop();
});

function file(name: string, content: string | Buffer): string {
  const path = join(person.folder, name);
  writeFileSync(path, content);
  return path;
}

describe('logging in', () => {
  test('keeps address and key for the owner only, and forgets them again', async () => {
    const li = new Person();
    const login = await li.run(['login', '--url', `${api.url}/`], `${jimi.key}\n`);
    expect(login).toMatchObject({ code: 0, errors: '' });
    expect(login.out).toContain('康凯斯-operator');
    expect(login.out).not.toContain(jimi.key);
    expect(statSync(li.configFile).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(li.configFile, 'utf8'))).toEqual({ url: api.url, key: jimi.key });
    expect((await li.run(['whoami', '--json'])).json()).toMatchObject({ url: api.url, name: jimi.operator });
    expect((await li.run(['logout'])).code).toBe(0);
    expect(existsSync(li.configFile)).toBe(false);
    const after = await li.run(['whoami']);
    expect(after).toMatchObject({ code: 4, out: '' });
    expect(after.errors).toContain('slipway login');
    li.leave();
  });

  test('with a key that does not work keeps nothing', async () => {
    const li = new Person();
    const login = await li.run(['login', '--url', api.url], 'swk_wrong\n');
    expect(login).toMatchObject({ code: 4, out: '' });
    expect(login.errors).toContain('unknown or revoked');
    expect(existsSync(li.configFile)).toBe(false);
    li.leave();
  });

  test('a stored key is never sent to another address', async () => {
    const li = new Person();
    await li.run(['login', '--url', api.url], `${jimi.key}\n`);
    let asked = 0;
    const elsewhere = net.createServer((socket) => (asked++, socket.destroy())).listen(0, '127.0.0.1');
    await waitFor(() => elsewhere.listening);
    const url = `http://127.0.0.1:${(elsewhere.address() as net.AddressInfo).port}`;
    const refused = await li.run(['devices', 'list', '--url', url]);
    expect(refused.code).toBe(4);
    expect(refused.errors).toContain(`There is no key for ${url}`);
    expect(asked).toBe(0);
    elsewhere.close();
    li.leave();
  });

  test('a key that may not do something is told which permission it lacks, with code 4', async () => {
    const reader = await api.key(jimi.id, 'reader', ['device:read']);
    const li = new Person({ SLIPWAY_URL: api.url, SLIPWAY_KEY: reader });
    const refused = await li.run(['task', 'pause', '1']);
    expect(refused).toMatchObject({ code: 4, out: '' });
    expect(refused.errors).toContain('upgrade:write');
    li.leave();
  });

  test('an address where nothing listens is told in one line, with code 3', async () => {
    const li = new Person({ SLIPWAY_URL: 'http://127.0.0.1:9', SLIPWAY_KEY: jimi.key });
    const refused = await li.run(['devices', 'list']);
    expect(refused).toMatchObject({ code: 3, out: '' });
    expect(refused.errors.trim().split('\n')).toHaveLength(1);
    const json = await li.run(['devices', 'list', '--json']);
    expect(JSON.parse(json.errors)).toMatchObject({ error: { code: 'unreachable', exitCode: 3 } });
    li.leave();
  });

  test('a wrong command is told with what was most likely meant, with code 1', async () => {
    const wrong = await person.run(['devces', 'list']);
    expect(wrong.code).toBe(1);
    expect(wrong.errors).toContain('Did you mean devices?');
  });
});

describe('devices', () => {
  test('come in from a file; refused rows are listed with what to do, and the code is 1', async () => {
    const rows = [
      'protocol,identity,model',
      'terminal,61344413A0,GV2',
      'terminal,nonsense,GV2',
      'terminal,61344413A1,GV2',
    ];
    const imported = await person.run(['devices', 'import', file('devices.csv', rows.join('\n'))]);
    expect(imported.code).toBe(1);
    expect(imported.out).toMatch(/^\s*2\s.*identity/m);
    expect(imported.out).toContain('3 rows: 2 created, 0 updated, 0 unchanged, 1 refused');

    const again = await person.run(['devices', 'import', '-', '--json'], `${rows[0]}\n${rows[1]}\n`);
    expect(again.code).toBe(0);
    expect(again.json()).toEqual({ rows: 1, created: 0, updated: 0, unchanged: 1, refused: 0, refusedRows: [] });
  });

  test('a file that is none is refused as a whole', async () => {
    const missing = await person.run(['devices', 'import', '/nowhere.csv']);
    expect(missing).toMatchObject({ code: 1, out: '' });
    expect(missing.errors).toContain('/nowhere.csv cannot be read');
    const wrong = await person.run(['devices', 'import', '-'], 'colour,shape\nred,round\n');
    expect(wrong.code).toBe(1);
    expect(wrong.errors).toContain('error:');
    expect(wrong.errors).not.toContain('    at ');
  });

  test('an answer that is cut off is never taken for a success', async () => {
    const row = { row: 1, status: 'created', deviceId: 'terminal-1', code: null, message: null };
    const cutting = createServer((request, response) => {
      request.resume();
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      response.write(`${JSON.stringify(row)}\n{"row":2,"sta`, () => response.destroy());
    }).listen(0, '127.0.0.1');
    await waitFor(() => cutting.listening);
    const url = `http://127.0.0.1:${(cutting.address() as net.AddressInfo).port}`;
    const li = new Person({ SLIPWAY_URL: url, SLIPWAY_KEY: jimi.key });
    const cut = await li.run(
      ['devices', 'import', '-'],
      'protocol,identity\nterminal,61344413A5\nterminal,61344413A6\n',
    );
    expect(cut.code).toBe(3);
    expect(cut.out).toContain('1 rows: 1 created');
    expect(cut.errors).toContain('Import the file again');
    cutting.close();
    li.leave();
  });

  test('a file of 20 000 rows streams through', async () => {
    const rows = Array.from(
      { length: 20_000 },
      (_, at) => `terminal,${(0x7000000000 + at).toString(16).toUpperCase()},BULK`,
    );
    const imported = await person.run(
      ['devices', 'import', '-', '--quiet'],
      `protocol,identity,model\n${rows.join('\n')}\n`,
    );
    expect(imported).toMatchObject({ code: 0, out: '20000\n', errors: '' });
  });

  test('are listed as a table, as one JSON document, or all of them line by line', async () => {
    await registerTerminals(api, jimi, ['61344413B0', '61344413B1', '61344413B2'].map(String));
    await api.sql`update devices set model = 'LIST' where id like 'terminal-61344413B%'`;
    const table = await person.run(['devices', 'list', '--model', 'LIST', '--limit', '2']);
    expect(table.code).toBe(0);
    expect(table.out.split('\n')[0]).toMatch(/^DEVICE\s+MODEL\s+VERSIONS/);
    expect(table.out).toMatch(/terminal-61344413B0\s+LIST\s+T1 10/);
    expect(table.out).not.toContain('\u001b');
    expect(table.errors).toContain('There are more');

    const page = (await person.run(['devices', 'list', '--model', 'LIST', '--limit', '2', '--json'])).json();
    expect(page.items).toHaveLength(2);
    expect(page.next).not.toBeNull();
    const all = await person.run(['devices', 'list', '--model', 'LIST', '--limit', '2', '--all', '--json']);
    expect(all.lines().map(({ id }) => id)).toEqual([
      'terminal-61344413B0',
      'terminal-61344413B1',
      'terminal-61344413B2',
    ]);
    const ids = await person.run(['devices', 'list', '--model', 'LIST', '--quiet', '--all']);
    expect(ids.out).toBe('terminal-61344413B0\nterminal-61344413B1\nterminal-61344413B2\n');
    expect((await person.run(['devices', 'list', '--model', 'NOBODY'])).errors).toContain('No device fits');
  });

  test('texts of other people cannot move the cursor', async () => {
    await registerTerminals(api, jimi, ['61344413C0']);
    await api.sql`update devices set model = 'EVIL', remark = ${'\u001b[2J\u001b]0;owned\u0007 line\nline'} where id = 'terminal-61344413C0'`;
    for (const args of [
      ['devices', 'list', '--model', 'EVIL'],
      ['devices', 'show', 'terminal-61344413C0'],
    ]) {
      const shown = await person.run(args);
      expect(shown.code).toBe(0);
      // oxlint-disable-next-line no-control-regex -- that there is none is what is tested
      expect(shown.out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/);
    }
  });

  test('one that does not exist, or is of another department, is not found', async () => {
    const other = await api.department('other');
    await registerTerminals(api, other, ['61344413D0']);
    for (const id of ['terminal-61344413D0', 'terminal-0000000000', '../../metrics']) {
      const missing = await person.run(['devices', 'show', id]);
      expect(missing).toMatchObject({ code: 1, out: '' });
    }
  });
});

describe('firmware', () => {
  const bytes = firmwareBytes(12_000, 'cli');
  const md5 = createHash('md5').update(bytes).digest('hex');
  const from = (extra: readonly string[]) => [
    'firmware',
    'upload',
    file('GV2_2110d100.bin', bytes),
    ...'--protocol terminal --target 21 --compatible 20 --current 20,19'.split(' '),
    ...extra,
  ];

  test('is not taken without the MD5 that came with it, and the reason is told', async () => {
    const refused = await person.run(from([]));
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.errors).toContain('--md5-from-file');
    expect(refused.errors).toContain('wrong file');
  });

  test('with a wrong MD5 is refused, with the right one from a file taken, and listed', async () => {
    expect((await person.run(from(['--md5', '0'.repeat(32)]))).errors).toMatch(/MD5/i);
    const list = file('GV2.md5', `${'1'.repeat(32)}  other.bin\n${md5} *GV2_2110d100.bin\n`);
    const made = await person.run(from(['--md5-from-file', list, '--json']));
    expect(made.code, made.errors).toBe(0);
    expect(made.json()).toMatchObject({ md5, targetVersion: '21', currentVersions: ['20', '19'] });
    const again = await person.run(from(['--md5', md5]));
    expect(again.code).toBe(1);
    expect(again.errors).toContain('uploaded before');
    expect((await person.run(['firmware', 'list', '--target', '21'])).out).toContain('GV2_2110d100.bin');
  });
});

describe('tasks', () => {
  let firmwareId: number;
  const order = (sn: string) => ['--firmware', String(firmwareId), '--device', `terminal-${sn}`, '--delay', '30'];

  beforeAll(async () => {
    firmwareId = await uploadFile(api, jimi.key, '10', '11');
  });

  /** A task as it would stand after a while; nothing really runs here. */
  async function made(sns: string[]): Promise<number> {
    await registerTerminals(api, jimi, sns);
    const created = await person.run(['task', 'create', ...order(sns.join(',terminal-')), '--yes', '--quiet']);
    expect(created.code, created.errors).toBe(0);
    return Number(created.out);
  }

  async function status(taskId: number, devices: string, task?: string): Promise<void> {
    await api.sql`update device_upgrades set status = ${devices} where task_id = ${taskId}`;
    if (task !== undefined)
      await api.sql`update upgrade_tasks set status = ${task}, finished_at = now() where id = ${taskId}`;
  }

  test('a plan says who goes and who not, and changes nothing', async () => {
    await registerTerminals(api, jimi, ['61344413E0']);
    await registerTerminals(api, jimi, ['61344413E1'], '09');
    const plan = await person.run(['task', 'plan', ...order('61344413E0,terminal-61344413E1')]);
    expect(plan.code, plan.errors).toBe(0);
    expect(plan.out).toContain('1 go, 1 wait, 0 skipped, 0 refused');
    expect(plan.out).toMatch(/terminal-61344413E1\s+waits/);
    expect((await api.send('GET', '/api/v1/upgrade-tasks', { key: jimi.key })).body.items).toEqual([]);
  });

  test('where nobody can be asked, nothing is made without --yes', async () => {
    await registerTerminals(api, jimi, ['61344413E2']);
    const refused = await person.run(['task', 'create', ...order('61344413E2')], 'y\n');
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.errors).toContain('--yes');
  });

  test('the same idempotency key makes one task, however often it is sent', async () => {
    await registerTerminals(api, jimi, ['61344413E3']);
    const args = ['task', 'create', ...order('61344413E3'), '--yes', '--quiet', '--idempotency-key', 'nightly-1'];
    const [first, second] = [await person.run(args), await person.run(args)];
    expect(first.code, first.errors).toBe(0);
    expect(second.out).toBe(first.out);
  });

  test('devices are named in a file, or described; both or neither is refused', async () => {
    await registerTerminals(api, jimi, ['61344413E4', '61344413E5']);
    const list = file('list.csv', 'device,note\nterminal-61344413E4,a\n# comment\n"terminal-61344413E5",b\n');
    const plan = await person.run(['task', 'plan', '-f', String(firmwareId), '--devices-from', list, '--json']);
    expect(plan.json().counts).toMatchObject({ asked: 2, goes: 2 });
    const both = await person.run(['task', 'plan', ...order('61344413E4'), '--model', 'GV2']);
    expect(both.errors).toContain('not both');
    expect((await person.run(['task', 'plan', '-f', String(firmwareId)])).errors).toContain('Which devices?');
  });

  test('charging piles and PCP devices are ordered in one task, and charging is interrupted only on demand', async () => {
    const number = '55031412782305';
    const csv = file('piles.csv', `protocol,identity,model,powerKw\npile,${number},DC,120\npile,55031412782306,DC,\n`);
    const imported = await person.run(['devices', 'import', csv]);
    expect(imported.code).toBe(1);
    expect(imported.out).toContain('pile_incomplete');
    expect((await person.run(['devices', 'list', '--power', '120'])).out).toMatch(
      new RegExp(`pile-${number}\\s+DC 120 kW`),
    );
    const upload = async (name: string, options: string) => {
      const bytes = firmwareBytes(2_000, name);
      const md5 = createHash('md5').update(bytes).digest('hex');
      const args = `--target V2 --compatible V1 --current V1 --md5 ${md5} --quiet ${options}`.split(' ');
      const made = await person.run(['firmware', 'upload', file(name, bytes), ...args]);
      expect(made.code, made.errors).toBe(0);
      return made.out.trim();
    };
    const pile = await upload('pile_V2.bin', '--protocol pile --model DC --power 120');
    const pcp = await upload('pcp_V2.bin', '--protocol pcp --slice-size 64');
    expect((await person.run(['firmware', 'list', '--protocol', 'pile'])).out).toContain('DC 120 kW');
    const order = ['-f', `${pile},${pcp}`, '--protocol', 'pile', '--power', '120'];
    const plan = await person.run(['task', 'plan', ...order]);
    expect(plan.out).toContain('pile DC 120 kW: pile_V2.bin (to V2); pcp: pcp_V2.bin (to V2)');
    const options = async (...more: string[]) =>
      (await person.run(['task', 'plan', ...order, ...more, '--json'])).json().options.pile;
    expect(await options()).toEqual({ control: 'when_idle', downloadTimeoutMinutes: 30 });
    expect(await options('--pile-timeout', '9')).toEqual({ control: 'when_idle', downloadTimeoutMinutes: 9 });
    expect(await options('--interrupt-charging')).toMatchObject({ control: 'at_once', confirm: true });
  });

  test('what is refused lists every reason', async () => {
    const refused = await person.run(['task', 'plan', '-f', '999999,999998', '--device', 'terminal-61344413E4']);
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.errors).toContain('there is no file 999999');
    expect(refused.errors).toContain('there is no file 999998');
  });

  test('the controls reach the task with their cause', async () => {
    const id = await made(['61344413F0']);
    const paused = await person.run(['task', 'pause', String(id), '--cause', 'complaints']);
    expect(paused.code, paused.errors).toBe(0);
    expect(api.executions.updates.at(-1)).toMatchObject({ taskId: id, update: 'pause', arg: { cause: 'complaints' } });
    const missing = await person.run(['task', 'pause', '999999']);
    expect(missing.code).toBe(1);
  });

  test('watching shows each change and ends with 0 when every device succeeded', async () => {
    const id = await made(['61344413F1', '61344413F2']);
    const watching = person.start(['task', 'watch', String(id)]);
    await waitFor(() => watching.out.includes('2 scheduled'));
    await status(id, 'transferring');
    await waitFor(() => watching.out.includes('2 transferring'));
    await status(id, 'succeeded', 'finished');
    expect(await watching.finished).toMatchObject({ code: 0 });
    expect(watching.out).toContain('all 2 devices succeeded');
  });

  test('watching ends with 2 when a device did not succeed, and JSON tells it line by line', async () => {
    const id = await made(['61344413F3']);
    await status(id, 'unproven', 'finished');
    const watched = await person.run(['task', 'watch', String(id), '--json']);
    expect(watched.code).toBe(2);
    expect(watched.lines()).toMatchObject([{ taskId: id, status: 'finished', counts: { unproven: 1 } }]);
    const missing = await person.run(['task', 'watch', '999999']);
    expect(missing.code).toBe(1);
  });

  test('watching goes on when the API was away', async () => {
    const id = await made(['61344413F4']);
    const door = await Door.open(api.url);
    const li = new Person({ SLIPWAY_URL: door.url, SLIPWAY_KEY: jimi.key });
    const watching = li.start(['task', 'watch', String(id)]);
    await waitFor(() => watching.out.includes('1 scheduled'));
    door.shut();
    await waitFor(() => watching.errors.includes('Trying again'), { deadlineMs: 20_000 });
    await status(id, 'succeeded', 'finished');
    door.unlock();
    expect((await watching.finished).code).toBe(0);
    door.close();
    li.leave();
  });

  test('Ctrl-C only ends the watching', async () => {
    const id = await made(['61344413F5']);
    const watching = person.start(['task', 'watch', String(id)]);
    await waitFor(() => watching.out.includes('1 scheduled'));
    watching.signal('SIGINT');
    const { code, errors } = await watching.finished;
    expect(code).toBe(130);
    expect(errors).toContain('The task goes on');
  });

  test("the log of a device's latest upgrade is shown, and followed until it ends", async () => {
    const id = await made(['61344413F6']);
    const shown = await person.run(['device', 'log', 'terminal-61344413F6']);
    expect(shown.code).toBe(0);
    expect(shown.out).toMatch(/scheduled .*康凯斯-operator/);
    const following = person.start(['device', 'log', 'terminal-61344413F6', '--follow', '--json']);
    await waitFor(() => following.out.includes('"scheduled"'));
    await api.sql`
      insert into upgrade_log (upgrade_id, author, event, status, cause)
      select id, 'device', 'failed', 'failed', 'flash broken' from device_upgrades where task_id = ${id}`;
    await status(id, 'failed');
    const followed = await following.finished;
    expect(followed.code).toBe(0);
    expect(followed.lines().map(({ event }) => event)).toEqual(['scheduled', 'failed']);
  });
});

/** A way to the API that can be shut: connections are cut and none are taken. */
class Door {
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  #isShut = false;

  private constructor(target: URL) {
    this.#server = net.createServer((socket) => {
      if (this.#isShut) {
        socket.destroy();
        return;
      }
      const inner = net.connect(Number(target.port), target.hostname);
      for (const each of [socket, inner]) {
        this.#sockets.add(each.on('error', () => {}).on('close', () => this.#sockets.delete(each)));
      }
      socket.pipe(inner).pipe(socket);
    });
  }

  static async open(url: string): Promise<Door> {
    const door = new Door(new URL(url));
    door.#server.listen(0, '127.0.0.1');
    await waitFor(() => door.#server.listening);
    return door;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as net.AddressInfo).port}`;
  }

  shut(): void {
    this.#isShut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  unlock(): void {
    this.#isShut = false;
  }

  close(): void {
    this.shut();
    this.#server.close();
  }
}
