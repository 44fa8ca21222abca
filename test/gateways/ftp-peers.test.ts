/** Clients of the FTP server that are crude, slow, wrong or hostile. */
import { connect } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { fileOf } from '../support/ams-gateway.ts';
import { readCommand, FtpLines } from '../../gateways/pile/ftp-lines.ts';
import { nodeAt, resolvePath } from '../../gateways/pile/ftp-files.ts';
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

const WRONG = { user: 'u999', password: 'aaaaaaaaaaaaaaa' };

describe('a crude client', () => {
  test('may write lower case, blanks and bare line feeds, and cut lines anywhere', async () => {
    const ftp = await start();
    const { offer, access } = ftp.offered();
    const client = await ftp.raw();
    for (const byte of `  user   ${access.user} \npass ${access.password}\n\n`) {
      client.socket.setNoDelay(true);
      client.send(byte);
    }
    await client.reply(331);
    await client.reply(230);
    const data = await client.data();
    client.send(`\r\n retr  /${access.path.replace('/', '\\')}  \n`);
    expect((await data.all()).equals(ftp.file)).toBe(true);
    await client.reply(150);
    await client.reply(226);
    await waitFor(() => ftp.progress(offer)?.[1], DEADLINE);
  });

  test('may send its commands ahead, and gets its answers in order', async () => {
    const ftp = await start();
    const { access } = ftp.offered();
    const client = await ftp.raw();
    client.send(
      `USER ${access.user}\r\nPASS ${access.password}\r\nSYST\r\nTYPE I\r\nPWD\r\nSIZE ${access.path}\r\nQUIT\r\n`,
    );
    await client.untilClosed();
    expect(client.unread.match(/^\d{3}/gm)).toEqual(['331', '230', '215', '200', '257', '213', '221']);
  });

  test('is answered what it asks of itself and of us', async () => {
    const ftp = await start();
    const { access } = ftp.offered();
    const client = await ftp.rawWith(access);
    expect(await client.ask('FEAT')).toMatch(/^211-.*\r\n[^]* REST STREAM\r\n[^]* SIZE\r\n[^]*211 End$/);
    const asked = [
      ['opts utf8 on', '200'],
      ['OPTS MLST size', '501'],
      ['TYPE A', '200'],
      ['TYPE L 8', '200'],
      ['TYPE E', '504'],
      ['MODE S', '200'],
      ['MODE Z', '504'],
      ['STRU F', '200'],
      ['NOOP', '200'],
      ['CDUP', '250'],
      ['XPWD', '257 "/"'],
      [`MDTM ${access.path}`, '213 20000101000000'],
      ['MDTM x', '550'],
      ['SIZE', '550'],
      ['REST x', '501'],
      ['REST 300001', '554'],
      ['REST 300000', '350'],
      ['EPSV 2', '522'],
      ['EPSV ALL', '200'],
      ['AUTH TLS', '502'],
      ['RETR x', '550'],
      [`RETR ${access.path}`, '425'],
      ['LIST', '425'],
      ['ABOR', '226'],
      ['MLSD', '500'],
      ['toString', '500'],
      ['PASS x', '503'],
    ] as const;
    for (const [line, answer] of asked) expect(await client.ask(line), line).toMatch(new RegExp(`^${answer}`));
  });

  test('gets nothing but a word before it has logged in', async () => {
    const ftp = await start();
    const { access } = ftp.offered();
    const client = await ftp.raw();
    for (const line of ['PASV', 'LIST', `RETR ${access.path}`, `SIZE ${access.path}`, 'STOR x', 'CWD /']) {
      expect(await client.ask(line), line).toMatch(/^530/);
    }
    // Another user name ends what was allowed under the first.
    await client.ask(`USER ${access.user}`, 331);
    await client.ask(`PASS ${access.password}`, 230);
    await client.ask('USER u2', 331);
    await client.ask(`SIZE ${access.path}`, 530);
    expect(ftp.host.count('firmware')).toBe(0);
  });

  test('that says ABOR in the middle of a file can have it again', async () => {
    const ftp = await start({}, fileOf(30_000_000));
    const { offer, access } = ftp.offered();
    const client = await ftp.rawWith(access);
    const data = await client.data();
    client.send(`RETR ${access.path}\r\n`);
    await data.some(100_000);
    await client.reply(150);
    client.send(Buffer.from([0xff, 0xf4, 0xff, 0xf2, ...Buffer.from('ABOR\r\n')]));
    await client.reply(426);
    await client.reply(226);
    expect((await data.all()).length).toBeLessThan(ftp.file.length);
    expect(ftp.progress(offer)?.[1]).toBe(false);
    expect(ftp.server.online.downloads).toBe(0);
    const again = await client.data();
    await client.ask(`REST ${ftp.file.length - 10}`, 350);
    client.send(`RETR ${access.path}\r\n`);
    expect((await again.all()).equals(ftp.file.subarray(-10))).toBe(true);
  });

  test('that never opens the data connection is told so', async () => {
    const ftp = await start({ times: { dataMs: 50 } });
    const { access } = ftp.offered();
    const client = await ftp.rawWith(access);
    await client.ask('PASV', 227);
    await client.ask(`RETR ${access.path}`, 150);
    await client.reply(425);
    await client.ask('EPSV', 229);
    await waitFor(() => ftp.server.online.passivePorts === 0, DEADLINE);
    await client.ask(`LIST`, 150);
    await client.reply(425);
  });
});

describe('a data connection', () => {
  test('is taken from the address of the control connection only', async () => {
    const ftp = await start();
    const { access } = ftp.offered();
    const client = await ftp.rawWith(access);
    const numbers =
      /\((.*)\)/
        .exec(await client.ask('PASV', 227))?.[1]
        ?.split(',')
        .map(Number) ?? [];
    const port = (numbers[4] ?? 0) * 256 + (numbers[5] ?? 0);
    const stranger = connect({ host: '127.0.0.1', port, localAddress: '127.0.0.2' });
    stranger.on('error', () => {});
    await new Promise((resolve) => stranger.once('close', resolve));
    expect(ftp.server.counters.strangersTurnedAway).toBe(1);
    const own = connect({ host: '127.0.0.1', port });
    let bytes = 0;
    own.on('data', (chunk) => (bytes += chunk.length));
    await client.ask(`RETR ${access.path}`, 150);
    await client.reply(226);
    await waitFor(() => bytes === ftp.file.length, DEADLINE);
  });

  test('that nobody reads is cut, and the pile may come back', async () => {
    const ftp = await start({ times: { stallMs: 100 } }, fileOf(30_000_000));
    const { offer, access } = ftp.offered();
    const client = await ftp.rawWith(access);
    await client.data();
    client.send(`RETR ${access.path}\r\n`);
    await client.reply(150);
    await client.reply(426);
    expect(ftp.server.counters).toMatchObject({ downloadsStalled: 1, downloadsLost: 0 });
    expect(ftp.progress(offer)?.[1]).toBe(false);
    const again = await ftp.client(access);
    expect((await fetched(again, access.path, 29_000_000)).equals(ftp.file.subarray(29_000_000))).toBe(true);
  });

  test('gives way to newer ones of the same pile', async () => {
    const ftp = await start({}, fileOf(30_000_000));
    const { access } = ftp.offered();
    const clients = [];
    for (let at = 0; at < 3; at += 1) {
      const client = await ftp.rawWith(access);
      await client.data();
      client.send(`RETR ${access.path}\r\n`);
      await client.reply(150);
      clients.push(client);
    }
    await clients[0]!.reply(426);
    expect(ftp.server.online.downloads).toBe(2);
  });

  test('finds no port when all are taken, and one when they are free again', async () => {
    const ftp = await start({ passivePorts: { first: 50_440, last: 50_441 } });
    const { access } = ftp.offered();
    const [one, two, three] = [await ftp.rawWith(access), await ftp.rawWith(access), await ftp.rawWith(access)];
    await one.ask('PASV', 227);
    await two.ask('PASV', 227);
    await three.ask('PASV', 425);
    expect(ftp.server.counters.passivePortsMissing).toBe(1);
    one.close();
    await waitFor(() => ftp.server.online.passivePorts === 1, DEADLINE);
    await three.ask('EPSV', 229);
  });

  test('of a pile that is gone is closed with its control connection', async () => {
    const ftp = await start({}, fileOf(30_000_000));
    const { access } = ftp.offered();
    const client = await ftp.rawWith(access);
    const data = await client.data();
    client.send(`RETR ${access.path}\r\n`);
    await data.some(1_000);
    client.close();
    expect((await data.all()).length).toBeLessThan(ftp.file.length);
    await waitFor(() => ftp.server.online.downloads === 0, DEADLINE);
  });
});

describe('logins', () => {
  test('that fail are limited by address, however many come at once, and others are not', async () => {
    const ftp = await start({ limits: { freeFailures: 10, firstWaitMs: 60_000 } });
    const { access } = ftp.offered();
    const known = ftp.offered(2).access;
    await ftp.client(known);
    const lookups = ftp.host.count('offerById');
    const outcomes = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const client = await ftp.raw();
        await client.ask(`USER ${WRONG.user}`, 331);
        return (await client.ask(`PASS ${WRONG.password}`)).slice(0, 3);
      }),
    );
    const refused = outcomes.filter((code) => code === '530').length;
    expect(refused).toBe(10);
    expect(outcomes.filter((code) => code === '421')).toHaveLength(200 - refused);
    expect(ftp.host.count('offerById') - lookups).toBe(refused);
    expect(ftp.server.counters).toMatchObject({ loginsFailed: refused, loginsLimited: 200 - refused, logins: 1 });

    // Right or not, the address has to wait; who was here before does not.
    const stranger = await ftp.raw();
    await stranger.ask(`USER ${access.user}`, 331);
    expect(await stranger.ask(`PASS ${access.password}`)).toMatch(/^421 .* wait \d+ s/);
    await ftp.client(known);
    const elsewhere = await ftp.raw('127.0.0.3');
    await elsewhere.ask(`USER ${access.user}`, 331);
    await elsewhere.ask(`PASS ${access.password}`, 230);
  });

  test('are possible again when the wait is over', async () => {
    const ftp = await start({ limits: { freeFailures: 1, firstWaitMs: 50 } });
    const { access } = ftp.offered();
    const wrong = await ftp.raw();
    await wrong.ask('USER root', 331);
    await wrong.ask('PASS root', 530);
    await waitFor(() => ftp.client(access), DEADLINE);
  });

  test('that fail three times end the connection', async () => {
    const ftp = await start();
    const client = await ftp.raw();
    for (const user of ['root', 'anonymous', 'u1']) {
      await client.ask(`USER ${user}`, 331);
      await client.ask('PASS x', 530);
    }
    await client.untilClosed();
  });

  test('wait for nobody for ever: who does not log in is closed, dripping bytes or not', async () => {
    const ftp = await start({ times: { loginMs: 150, clockMs: 20, farewellMs: 50 } });
    const silent = await ftp.raw();
    const dripping = await ftp.raw();
    const drip = setInterval(() => dripping.send('X'), 10);
    cleanUp.push(() => clearInterval(drip));
    const talking = await ftp.raw();
    const talk = setInterval(() => talking.send('NOOP\r\n'), 10);
    cleanUp.push(() => clearInterval(talk));
    for (const client of [silent, dripping, talking]) await client.untilClosed();
    expect(silent.unread).toMatch(/^421 /m);
    expect(ftp.server.counters.closedUnfit).toBe(3);
    await waitFor(() => ftp.server.online.connections === 0, DEADLINE);
  });

  test('do not last for ever without a command, but as long as a transfer', async () => {
    const ftp = await start({ times: { idleMs: 200, clockMs: 20 } }, fileOf(30_000_000));
    const { access } = ftp.offered();
    const idle = await ftp.rawWith(access);
    const busy = await ftp.rawWith(access);
    const data = await busy.data();
    busy.send(`RETR ${access.path}\r\n`);
    await data.some(1_000);
    await idle.untilClosed();
    expect(idle.unread).toMatch(/^421 /m);
    expect(busy.isClosed).toBe(false);
    expect((await data.all()).length).toBe(ftp.file.length);
    await busy.reply(150);
    await busy.reply(226);
    await busy.untilClosed();
  });

  test('that hang in the database are closed with the time for logging in', async () => {
    const ftp = await start({ times: { loginMs: 100, clockMs: 20 } });
    const { access } = ftp.offered();
    const go = ftp.host.hold('offerById');
    const client = await ftp.raw();
    client.send(`USER ${access.user}\r\nPASS ${access.password}\r\n`);
    await client.untilClosed();
    go();
    await waitFor(() => ftp.server.online.connections === 0, DEADLINE);
  });
});

describe('limits', () => {
  test('of connections hold for an address and for all', async () => {
    const ftp = await start({ limits: { maxConnections: 3, maxConnectionsPerAddress: 2 } });
    await ftp.raw();
    await ftp.raw();
    const dropped = (localAddress: string) =>
      new Promise<boolean>((resolve) => {
        const socket = connect({ host: '127.0.0.1', port: ftp.port, localAddress });
        socket.on('error', () => {});
        socket.on('data', () => resolve(false));
        socket.on('close', () => resolve(true));
        cleanUp.push(() => void socket.destroy());
      });
    expect(await dropped('127.0.0.1')).toBe(true);
    expect(await dropped('127.0.0.2')).toBe(false);
    expect(await dropped('127.0.0.3')).toBe(true);
    expect(ftp.server.tcp).toMatchObject({ accepted: 3, refusedPerAddress: 1, refusedTotal: 1 });
  });

  test('of lines: a long one is refused by name, the next one is read', async () => {
    const ftp = await start();
    const client = await ftp.raw();
    client.send(`USER ${'x'.repeat(100_000)}\r\nNOOP\r\n`);
    expect(await client.reply(500)).toMatch(/too long/);
    await client.reply(200);
  });

  test('of mistakes and of commands ahead: who goes on is closed', async () => {
    const ftp = await start();
    const wrong = await ftp.raw();
    wrong.send('BLAH\r\n'.repeat(40));
    await wrong.untilClosed();
    expect(wrong.unread.match(/^500/gm)).toHaveLength(30);
    const hasty = await ftp.raw();
    hasty.send('NOOP\r\n'.repeat(10_000));
    await hasty.untilClosed();
    expect(hasty.unread).toMatch(/^421 Too many/m);
  });

  test('of patience: who does not read its answers is closed', async () => {
    const ftp = await start();
    const client = await ftp.raw();
    client.socket.pause();
    const talk = setInterval(() => client.send('FEAT\r\n'.repeat(60)), 1);
    cleanUp.push(() => clearInterval(talk));
    await waitFor(() => ftp.server.online.connections === 0, { deadlineMs: 60_000 });
  });

  test('that a stop sets: idle connections hear it, everything ends', async () => {
    const ftp = await start({}, fileOf(30_000_000));
    const { access } = ftp.offered();
    const idle = await ftp.rawWith(access);
    const busy = await ftp.rawWith(access);
    const data = await busy.data();
    busy.send(`RETR ${access.path}\r\n`);
    await data.some(1_000);
    await ftp.server.close(50);
    await idle.untilClosed();
    expect(idle.unread).toMatch(/^421 The server stops/m);
    expect((await data.all()).length).toBeLessThan(ftp.file.length);
    expect(ftp.server.online).toEqual({ connections: 0, downloads: 0, passivePorts: 0 });
  });
});

describe('random bytes', () => {
  test('are never fatal, and the next pile is served', async () => {
    const ftp = await start({ limits: { failuresPerConnection: 1_000, freeFailures: 100_000 } });
    const { access } = ftp.offered();
    const verbs = [
      'USER ',
      'PASS ',
      'PASV',
      'EPSV',
      'RETR ',
      'LIST',
      'REST ',
      'CWD ',
      'ABOR',
      'REIN',
      'TYPE ',
      'SIZE ',
    ];
    const piece = fc.oneof(
      { weight: 2, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
      {
        weight: 3,
        arbitrary: fc
          .tuple(fc.constantFrom(...verbs), fc.string({ maxLength: 40 }), fc.constantFrom('\r\n', '\n', '\r', ''))
          .map((parts) => Buffer.from(parts.join(''))),
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 30 }), fc.boolean(), async (pieces, isLoggedIn) => {
        const client = isLoggedIn ? await ftp.rawWith(access) : await ftp.raw();
        for (const bytes of pieces) client.send(bytes);
        client.socket.end();
        client.socket.resume();
        await client.untilClosed();
      }),
      { numRuns: 150 },
    );
    expect(ftp.log.of('error')).toEqual([]);
    await waitFor(() => ftp.server.online.connections === 0 && ftp.server.online.passivePorts === 0, DEADLINE);
    expect((await fetched(await ftp.client(access), access.path)).equals(ftp.file)).toBe(true);
  });

  test('become the same lines wherever they are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.string({ minLength: 500, maxLength: 1_100 })), { maxLength: 6 }),
        fc.integer({ min: 1, max: 700 }),
        (texts, size) => {
          const bytes = Buffer.from(texts.join('\n'), 'latin1');
          const whole = new FtpLines().push(bytes);
          const lines = new FtpLines();
          const cut = [];
          for (let at = 0; at < bytes.length; at += size) cut.push(...lines.push(bytes.subarray(at, at + size)));
          expect(cut).toEqual(whole);
        },
      ),
    );
  });

  test('are a command or none, never an error, and no path leaves the root', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (line) => {
        const command = readCommand(line);
        if (command !== null && command !== '') expect(command.verb).toMatch(/^[A-Z]{3,4}$/);
      }),
    );
    const names = fc.constantFrom('..', '.', 'a', 'b', '', '/', '\\', '../..');
    fc.assert(
      fc.property(fc.array(names), fc.array(names), (from, path) => {
        const start = resolvePath([], from.join('/'));
        const found = resolvePath(start, path.join('/'));
        expect(found).not.toContain('..');
        if (nodeAt({ folder: 'a', name: 'b' }, found) === 'file') expect(found).toEqual(['a', 'b']);
      }),
    );
  });
});
