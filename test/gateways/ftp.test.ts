/** What a pile gets from the FTP server, with clients that others have written. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { fileOf } from '../support/ams-gateway.ts';
import { DEADLINE, fetched, TestFtp } from '../support/ftp-server.ts';
import { waitFor } from '../support/wait.ts';

const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).toReversed()) await end();
});

async function start(...given: Parameters<typeof TestFtp.start>): Promise<TestFtp> {
  const ftp = await TestFtp.start(...given);
  cleanUp.push(() => ftp.close());
  return ftp;
}

describe('a pile', () => {
  test.each(['pasv', 'epsv'] as const)('fetches its file over %s, and that it has it is known', async (method) => {
    const ftp = await start();
    const { offer, access } = ftp.offered();
    const client = await ftp.client(access, method);
    expect(access).toMatchObject({ host: '127.0.0.1', port: ftp.port, path: 'DC-15KW/V4.1.51.bin' });
    expect(await client.size(access.path)).toBe(ftp.file.length);
    expect((await fetched(client, access.path)).equals(ftp.file)).toBe(true);
    await waitFor(() => ftp.progress(offer)?.[1], DEADLINE);
    expect(ftp.progress(offer)).toEqual([ftp.file.length, true]);
    expect(ftp.server.counters).toMatchObject({
      logins: 1,
      loginsFailed: 0,
      downloads: 1,
      downloadBytes: ftp.file.length,
      downloadsResumed: 0,
      downloadsLost: 0,
    });
    await waitFor(() => ftp.server.online.downloads === 0, DEADLINE);
  });

  test('goes on anywhere in the file, on another connection and after a restart of the server', async () => {
    const ftp = await start({}, fileOf(30_000_000));
    const { offer, access } = ftp.offered();
    const first = await ftp.rawWith(access);
    const data = await first.data();
    first.send(`RETR ${access.path}\r\n`);
    const had = await data.some(1_000_000);
    data.close();
    await first.reply(150);
    await first.reply(426);
    expect(ftp.progress(offer)?.[1]).toBe(false);
    expect(ftp.server.counters.downloadsLost).toBe(1);
    await ftp.close();

    const again = await start({ host: ftp.host }, ftp.file);
    expect(again.server.accessFor(offer)).toEqual({ ...access, port: again.port });
    const rest = await fetched(await again.client(access), access.path, had.length);
    expect(Buffer.concat([had, rest]).equals(ftp.file)).toBe(true);
    await waitFor(() => again.progress(offer)?.[1], DEADLINE);
    expect(again.server.counters.downloadsResumed).toBe(1);
  });

  test('that lets go of the connection has not got what it did not read, however much of it has left', async () => {
    const ftp = await start({ times: { believeMs: 100 } });
    const { offer, access } = ftp.offered();
    const client = await ftp.rawWith(access);
    const data = await client.data();
    client.send(`RETR ${access.path}\r\n`);
    await client.reply(150);
    await client.reply(226);
    data.close();
    await waitFor(() => ftp.server.counters.downloadsLost === 1, DEADLINE);
    expect(ftp.progress(offer)?.[1]).toBe(false);
  });

  test('that restarts without a word when it has everything is believed after a while', async () => {
    const ftp = await start({ times: { believeMs: 100 } });
    const { offer, access } = ftp.offered();
    const client = await ftp.rawWith(access);
    const data = await client.data();
    data.socket.allowHalfOpen = true;
    client.send(`RETR ${access.path}\r\n`);
    await data.some(ftp.file.length);
    await waitFor(() => ftp.progress(offer)?.[1], DEADLINE);
  });

  test('that comes back for more has not got what it was given last', async () => {
    const ftp = await start();
    const { offer, access } = ftp.offered();
    const client = await ftp.rawWith(access);
    await client.data();
    client.send(`RETR ${access.path}\r\n`);
    await client.reply(150);
    await client.reply(226);
    expect(ftp.progress(offer)?.[1]).toBe(false);
    const again = await ftp.rawWith(access);
    const rest = await again.data();
    await again.ask('REST 1000', 350);
    again.send(`RETR ${access.path}\r\n`);
    await again.reply(150);
    await waitFor(() => ftp.server.counters.downloadsLost === 1, DEADLINE);
    expect(ftp.progress(offer)?.[1]).toBe(false);
    await rest.all();
    await waitFor(() => ftp.progress(offer)?.[1], DEADLINE);
  });

  test('that has the last byte already hears so, and is believed', async () => {
    const ftp = await start();
    const { offer, access } = ftp.offered();
    const client = await ftp.client(access);
    expect(await fetched(client, access.path, ftp.file.length)).toHaveLength(0);
    await waitFor(() => ftp.progress(offer)?.[1], DEADLINE);
    await expect(fetched(client, access.path, ftp.file.length + 1)).rejects.toMatchObject({ code: 554 });
  });

  test('sees its own file and nothing else', async () => {
    const ftp = await start();
    const { access } = ftp.offered(1);
    ftp.offered(2);
    const client = await ftp.client(access);
    expect((await client.list()).map(({ name, isDirectory }) => [name, isDirectory])).toEqual([['DC-15KW', true]]);
    const listed = await client.list('DC-15KW');
    expect(listed.map(({ name, size, isFile }) => [name, size, isFile])).toEqual([['V4.1.51.bin', 300_000, true]]);
    const outside = [
      'V4.1.51.bin',
      'DC-15KW',
      '',
      '/',
      '..',
      '../../etc/passwd',
      '/etc/passwd',
      'DC-15KW/../x',
      'C:\\x',
    ];
    for (const path of outside) await expect(fetched(client, path), path).rejects.toMatchObject({ code: 550 });
    await expect(client.cd('..')).resolves.toMatchObject({ code: 250 });
    await expect(client.cd('/etc')).rejects.toMatchObject({ code: 550 });
    for (const same of ['/DC-15KW/V4.1.51.bin', './DC-15KW//V4.1.51.bin', '../DC-15KW/V4.1.51.bin']) {
      expect((await fetched(client, same)).equals(ftp.file), same).toBe(true);
    }
    await client.cd('DC-15KW');
    expect(await client.pwd()).toBe('/DC-15KW');
    expect((await fetched(client, 'V4.1.51.bin')).equals(ftp.file)).toBe(true);
    expect(ftp.host.failures).toEqual([]);
  });

  test('cannot write, change or remove anything', async () => {
    const ftp = await start();
    const { access } = ftp.offered();
    const client = await ftp.client(access);
    for (const command of [
      'STOR x',
      'APPE x',
      'STOU',
      `DELE ${access.path}`,
      'MKD x',
      'RMD DC-15KW',
      'RNFR x',
      'RNTO y',
    ]) {
      await expect(client.send(command), command).rejects.toMatchObject({ code: 550 });
    }
    for (const command of ['PORT 127,0,0,1,200,13', 'EPRT |1|127.0.0.1|51213|']) {
      await expect(client.send(command), command).rejects.toThrow(/502 .*PASV/);
    }
    expect((await fetched(client, access.path)).equals(ftp.file)).toBe(true);
  });

  test('and ninety-nine others fetch their files at the same time', async () => {
    const ftp = await start({ passivePorts: { first: 50_200, last: 50_399 } });
    const piles = Array.from({ length: 100 }, (_, at) => ftp.offered(at, fileOf(100_000 + at, at)));
    await Promise.all(
      piles.map(async ({ access }, at) => {
        const client = await ftp.client(access, at % 2 === 0 ? 'pasv' : 'epsv');
        expect((await fetched(client, access.path)).equals(fileOf(100_000 + at, at))).toBe(true);
      }),
    );
    await waitFor(() => piles.every(({ offer }) => ftp.progress(offer)?.[1]), DEADLINE);
    expect(ftp.server.counters).toMatchObject({ downloads: 100, loginsFailed: 0, passivePortsMissing: 0 });
    expect(ftp.server.online).toMatchObject({ downloads: 0, passivePorts: 0 });
  });
});

describe('the offer', () => {
  test.each(['closed', 'refused', 'expired'] as const)(
    'that is %s takes its user and password with it',
    async (end) => {
      const ftp = await start();
      const { offer, access } = ftp.offered();
      const client = await ftp.client(access);
      if (end === 'closed') offer.isClosed = true;
      if (end === 'refused') offer.failure = { protocol: 'pile', errcode: 2, kind: 'model' };
      if (end === 'expired') offer.expiresAtMs = Date.now() - 1;
      await expect(ftp.client(access)).rejects.toMatchObject({ code: 530 });
      await expect(fetched(client, access.path)).rejects.toMatchObject({ code: 530 });
      await expect(client.list()).rejects.toMatchObject({ code: 530 });
      expect(ftp.progress(offer)).toBeNull();
    },
  );

  test.each(['announced', 'missed', 'expiry'] as const)('that ends cuts what is under way (%s)', async (how) => {
    const ftp = await start({}, fileOf(30_000_000));
    const { offer, access } = ftp.offered();
    if (how === 'expiry') offer.expiresAtMs = Date.now() + 3_000;
    const client = await ftp.rawWith(access);
    const data = await client.data();
    client.send(`RETR ${access.path}\r\n`);
    await data.some(100_000);
    await client.reply(150);
    if (how !== 'expiry') ftp.host.close(offer.deviceId);
    if (how === 'announced') ftp.host.announce(offer.deviceId);
    if (how === 'missed') ftp.server.messagesUncertain();
    await client.reply(426);
    expect((await data.all()).length).toBeLessThan(ftp.file.length);
    await client.ask('SIZE DC-15KW/V4.1.51.bin');
    await client.ask('PASV');
    await client.ask(`RETR ${access.path}`, 530);
    expect(ftp.server.counters).toMatchObject({ downloadsEnded: 1, downloadsLost: 0 });
    expect(ftp.progress(offer)?.[1]).toBe(false);
  });

  test('goes on being served while the database is away', async () => {
    const ftp = await start();
    const { access } = ftp.offered();
    const other = ftp.offered(2).access;
    const client = await ftp.client(access);
    await fetched(client, access.path);
    ftp.host.broken.add('offerById');
    expect((await fetched(client, access.path, 1_000)).equals(ftp.file.subarray(1_000))).toBe(true);
    expect((await fetched(await ftp.client(access), access.path)).equals(ftp.file)).toBe(true);
    await expect(ftp.client(other)).rejects.toMatchObject({ code: 421 });
    expect(ftp.server.counters.loginsFailed).toBe(0);
  });

  test('of a damaged file fails by name', async () => {
    const ftp = await start();
    const { offer, access } = ftp.offered();
    ftp.host.damaged.add(offer.sha256);
    const client = await ftp.client(access);
    await expect(fetched(client, access.path)).rejects.toMatchObject({ code: 530 });
    expect(ftp.host.failures).toEqual([
      { offerId: offer.id, failure: { protocol: 'pile', errcode: null, kind: 'file_damaged' } },
    ]);
  });
});

describe('what a pile is told', () => {
  test('fits the fields of the update command with room for a 00', async () => {
    const ftp = await start();
    const { offer } = ftp.offered();
    const pile = { ...offer.pile!, powerKw: 65_535 };
    const longest = { ...offer, id: 2_147_483_647, pile, targetVersion: 'versión 10.20.30/../../x' };
    const { user, password, path } = ftp.server.accessFor(longest);
    expect(path).toBe('DC-65535KW/versi_n_10.2.bin');
    for (const [text, bytes] of [
      [user, 15],
      [password, 15],
      [path, 31],
    ] as const) {
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(bytes);
      expect(text).toMatch(/^[\x21-\x7e]+$/);
    }
  });

  test('differs from offer to offer, and tells nothing of another', async () => {
    const ftp = await start();
    const [one, two] = [ftp.offered(1).access, ftp.offered(2).access];
    expect(one.user).not.toBe(two.user);
    expect(one.password).not.toBe(two.password);
    await expect(ftp.client({ ...one, password: two.password })).rejects.toMatchObject({ code: 530 });
  });

  test('is the public address, else where the pile reached us', async () => {
    const ftp = await start({ publicHost: 'ftp.example.com', publicPort: 21 });
    expect(ftp.offered().access).toMatchObject({ host: 'ftp.example.com', port: 21 });
    const plain = await start({ listenHost: '0.0.0.0' });
    const { offer, access } = plain.offered();
    expect(access.host).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    expect(access.host).not.toBe('0.0.0.0');
    expect(plain.server.accessFor(offer, '::ffff:192.0.2.7').host).toBe('192.0.2.7');
    const numbered = await start({ publicHost: '192.0.2.8' });
    const client = await numbered.rawWith(numbered.offered().access);
    expect(await client.ask('PASV')).toMatch(/^227 .*\(192,0,2,8,\d+,\d+\)/);
  });
});

const has = (program: string) => spawnSync(program, ['--version']).status === 0;
const run = promisify(execFile);

describe.each(['lftp', 'curl'])('%s', (program) => {
  const isThere = has(program);
  if (!isThere) console.warn(`${program} is not installed: its tests are skipped; apt-get install ${program}`);

  test.skipIf(!isThere).each([0, 1_000_000])('fetches a file of which it has %i bytes', async (had) => {
    const ftp = await start({ passivePorts: { first: 50_400, last: 50_420 } }, fileOf(3_000_000));
    const { offer, access } = ftp.offered();
    const folder = await mkdtemp(join(tmpdir(), 'slipway-ftp-'));
    cleanUp.push(() => rm(folder, { recursive: true, force: true }));
    const target = join(folder, 'firmware.bin');
    if (had > 0) await writeFile(target, ftp.file.subarray(0, had));
    const { user, password, path } = access;
    if (program === 'curl') {
      const url = `ftp://127.0.0.1:${ftp.port}/${path}`;
      const quiet = ['-sS', '--noproxy', '*', '-m', '60'];
      await run('curl', [...quiet, '-C', '-', '-u', `${user}:${password}`, '-o', target, url]);
    } else {
      const settings = 'set net:max-retries 2; set net:timeout 60; set ftp:proxy ""';
      const login = `open -u ${user},${password} -p ${ftp.port} ftp://127.0.0.1`;
      const { stdout } = await run('lftp', [
        '--norc',
        '-c',
        `${settings}; ${login}; cls -l DC-15KW/; get -c ${path} -o ${target}`,
      ]);
      expect(stdout).toMatch(/ 3000000 .*V4\.1\.51\.bin/);
    }
    expect((await readFile(target)).equals(ftp.file)).toBe(true);
    await waitFor(() => ftp.progress(offer)?.[1], DEADLINE);
    expect(ftp.server.counters).toMatchObject({ downloads: 1, downloadsResumed: had > 0 ? 1 : 0, downloadsLost: 0 });
    expect(ftp.server.counters.downloadBytes).toBe(ftp.file.length - had);
  });
});
