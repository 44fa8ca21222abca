import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { GatewayError } from '../../gateways/errors.ts';
import { createFleet, snAt } from '../../gateways/terminal/fleet.ts';
import {
  encodeCommand,
  encodeOtaCommand,
  packetOf,
  TerminalStream,
  type TerminalFrame,
} from '../../gateways/terminal/codec.ts';
import { TerminalSimulator, type TerminalSimulatorOptions } from '../../gateways/terminal/simulator.ts';

const SN = '6134441313';
/** 20 packets, the last one of 100 bytes. */
const file = Buffer.from(Uint8Array.from({ length: 19 * 1024 + 100 }, (_, i) => (i * i + 3) >> 2));
const offer = encodeOtaCommand({ pinfo: '1110d100', file });

type Handler = (frame: TerminalFrame, socket: Socket, server: Server) => void;

/** A server that does what a test says, and keeps what terminals sent. */
class Server {
  readonly frames: TerminalFrame[] = [];
  readonly sockets = new Set<Socket>();
  droppedBytes = 0;
  connections = 0;
  readonly #server;

  constructor(handle: Handler) {
    this.#server = createServer((socket) => {
      const stream = new TerminalStream();
      this.connections += 1;
      this.sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('data', (chunk) => {
        const before = stream.droppedBytes;
        for (const frame of stream.push(chunk)) {
          this.frames.push(frame);
          handle(frame, socket, this);
        }
        this.droppedBytes += stream.droppedBytes - before;
      });
    });
  }

  async listen(port = 0): Promise<number> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  of<Type extends TerminalFrame['type']>(type: Type): Extract<TerminalFrame, { type: Type }>[] {
    return this.frames.filter((frame) => frame.type === type) as Extract<TerminalFrame, { type: Type }>[];
  }

  /** Versions of the reports, repetitions left out. */
  versions(): number[] {
    const all = this.of('report').map(({ sfwVal }) => sfwVal);
    return all.filter((version, index) => version !== all[index - 1]);
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** Offers version 11 to each terminal that reports another one until it asks for packets, and serves these. */
function upgrading(over: { packet?: (pcnt: number, bytes: Buffer) => Buffer | null; line?: Buffer } = {}): Handler {
  const asked = new Set<string>();
  return (frame, socket) => {
    if (frame.type === 'report' && frame.sfwVal !== 11 && !asked.has(frame.sn)) {
      socket.write(over.line ?? offer);
    } else if (frame.type === 'packetRequest') {
      asked.add(frame.sn);
      const bytes = packetOf(file, frame.psize, frame.pcnt) as Buffer;
      const answer = over.packet ? over.packet(frame.pcnt, bytes) : bytes;
      if (answer) socket.write(answer);
    }
  };
}

const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).toReversed()) await end();
});

async function start(handle: Handler, options: Partial<TerminalSimulatorOptions> = {}) {
  const server = new Server(handle);
  const port = await server.listen();
  const terminal = new TerminalSimulator({
    host: '127.0.0.1',
    port,
    sn: SN,
    softwareVersion: 10,
    upgradeDelayMs: 20,
    reconnectDelayMs: 20,
    ...options,
  }).start();
  cleanUp.push(
    () => server.close(),
    () => terminal.stop(),
  );
  return { server, terminal, port };
}

const until = (condition: () => void) => vi.waitFor(condition, { timeout: 20_000, interval: 5 });
const oneToTwenty = Array.from({ length: 20 }, (_, index) => index + 1);

describe('upgrade', () => {
  test('fetches every packet once and proves the new version with a report', async () => {
    const { server, terminal } = await start(upgrading());
    await until(() => expect(server.versions()).toEqual([10, 11]));
    expect(terminal).toMatchObject({ softwareVersion: 11, upgrades: 1, packetsReceived: 20, requests: oneToTwenty });
    expect(terminal.isTransferring).toBe(false);
    expect(server.of('packetRequest').map(({ pcnt }) => pcnt)).toEqual(oneToTwenty);
    expect(server.of('packetRequest').every(({ ver, warnings }) => ver === '10' && warnings.length === 0)).toBe(true);
    expect(server.of('otaOver')).toHaveLength(1);
    expect([server.connections, server.droppedBytes]).toEqual([2, 0]);
  });

  test('takes command and packets in pieces, and another packet size', async () => {
    const small = encodeOtaCommand({ pinfo: '1110d100', file, packetSize: 333 });
    const { server, terminal } = await start((frame, socket, self) => {
      const bytes = frame.type === 'packetRequest' ? packetOf(file, 333, frame.pcnt) : small;
      if (frame.type === 'otaOver' || bytes === null || self.versions().includes(11)) return;
      socket.write(bytes.subarray(0, 7));
      setImmediate(() => socket.write(bytes.subarray(7)));
    });
    await until(() => expect(server.versions()).toEqual([10, 11]));
    expect(terminal.packetsReceived).toBe(Math.ceil(file.length / 333));
  });

  test('goes on with the next packet after a dropped connection', async () => {
    const { server, terminal } = await start(upgrading(), { faults: { dropAtPacket: 7 } });
    await until(() => expect(server.versions()).toEqual([10, 11]));
    expect(terminal.requests).toEqual(oneToTwenty);
    expect(server.connections).toBe(3);
  });

  test('goes on when the connection is dropped after the last packet or by the server', async () => {
    let cut = false;
    const serve = upgrading();
    const { server, terminal } = await start(
      (frame, socket, self) => {
        if (frame.type === 'packetRequest' && frame.pcnt === 5 && !cut) {
          cut = true;
          socket.write(packetOf(file, 1024, 5)?.subarray(0, 100) as Buffer, () => socket.destroy());
        } else serve(frame, socket, self);
      },
      { faults: { dropAtPacket: 20 } },
    );
    await until(() => expect(server.versions()).toEqual([10, 11]));
    expect(terminal.requests).toEqual([1, 2, 3, 4, 5, ...oneToTwenty.slice(4)]);
    expect(server.of('otaOver')).toHaveLength(1);
  });

  test('asks again for a corrupt packet', async () => {
    const faults = { corruptPacket: { packet: 3, times: 5 } };
    const { server, terminal } = await start(upgrading(), { faults });
    await until(() => expect(server.versions()).toEqual([10, 11]));
    expect(terminal.requests.filter((pcnt) => pcnt === 3)).toHaveLength(6);
    expect(terminal.packetsReceived).toBe(20);
  });

  test('gives up with 803 after asking five more times', async () => {
    const packet = (pcnt: number, bytes: Buffer) =>
      pcnt === 2 ? Buffer.concat([Buffer.of((bytes[0] as number) ^ 0xff), bytes.subarray(1)]) : bytes;
    const { server, terminal } = await start(upgrading({ packet }));
    await until(() => expect(server.of('otaError')).toMatchObject([{ errorType: 'PATCHERR', errcode: 803 }]));
    expect(terminal.requests).toEqual([1, 2, 2, 2, 2, 2, 2]);
    expect(terminal).toMatchObject({ isTransferring: false, softwareVersion: 10 });
  });

  test('gives up with 805 when a packet does not come', async () => {
    const packet = (pcnt: number, bytes: Buffer) => (pcnt === 4 ? bytes.subarray(0, 1000) : bytes);
    const { server } = await start(upgrading({ packet }), { packetTimeoutMs: 50 });
    await until(() => expect(server.of('otaError')).toMatchObject([{ errcode: 805, known: true }]));
  });

  test('keeps the old version when the file does not have the MD5 of the command', async () => {
    // Two bytes changed so that the check code of the packet stays right.
    const packet = (pcnt: number, bytes: Buffer) => {
      if (pcnt !== 20) return bytes;
      const changed = Buffer.from(bytes);
      changed[0] = (changed[0] as number) ^ 1;
      changed[1] = (changed[1] as number) ^ 1;
      return changed;
    };
    const { server, terminal } = await start(upgrading({ packet }));
    await until(() => expect(server.connections).toBe(2));
    await until(() => expect(server.of('report')).toHaveLength(2));
    expect(server.versions()).toEqual([10]);
    expect(server.of('otaOver')).toHaveLength(1);
    expect(terminal.upgrades).toBe(0);
  });

  test.each([
    ['the version it runs', encodeOtaCommand({ pinfo: '1010d100', file }), 740],
    ['a wrong check code', Buffer.from(offer.toString('latin1').replace(/..\r\n$/, '00\r\n'), 'latin1'), 738],
    ['too few characters', Buffer.from('+NBOTA,1,2\r\n'), 731],
    ['semicolons', Buffer.from(offer.toString('latin1').replaceAll(',', ';'), 'latin1'), 735],
  ])('refuses a command with %s', async (_name, line, errcode) => {
    const { server, terminal } = await start(upgrading({ line }));
    await until(() => expect(server.of('otaError')).toMatchObject([{ errorType: 'OTACMDERR', errcode }]));
    expect(terminal.requests).toEqual([]);
  });

  test('understands the alias of the command', async () => {
    const { server } = await start(upgrading({ line: alias(offer) }));
    await until(() => expect(server.versions()).toEqual([10, 11]));
  });
});

describe('faults', () => {
  test('a liar says over and keeps its version', async () => {
    const { server, terminal } = await start(upgrading(), { faults: { lie: true } });
    await until(() => expect(server.of('report')).toHaveLength(2));
    expect(server.of('otaOver')).toHaveLength(1);
    expect(server.versions()).toEqual([10]);
    expect(terminal).toMatchObject({ upgrades: 0, packetsReceived: 20 });
  });

  test('a reverting one reports the new version and then the old one', async () => {
    const { server } = await start(upgrading(), { faults: { revertAfterMs: 1000 } });
    await until(() => expect(server.versions()).toEqual([10, 11, 10]));
  });

  test('a silent one stops asking and goes on reporting', async () => {
    // the reports take longer than a packet may: had it asked, it would have given up
    const options = { faults: { silentAtPacket: 3 }, reportIntervalMs: 200, packetTimeoutMs: 1000 };
    const { server, terminal } = await start(upgrading(), options);
    await until(() => expect(server.of('report').length).toBeGreaterThan(6));
    expect(terminal.requests).toEqual([1, 2]);
    expect(server.of('otaError')).toEqual([]);
    for (const socket of server.sockets) socket.destroy();
    await until(() => expect(server.connections).toBe(2));
    await until(() => expect(terminal.isConnected).toBe(true));
    expect(terminal.requests).toEqual([1, 2]);
  });

  test('a refusing one and one that fails while flashing send their code', async () => {
    const refusing = await start(upgrading(), { faults: { refuse: 745 } });
    await until(() => expect(refusing.server.of('otaError')).toMatchObject([{ errorType: 'OTACMDERR', errcode: 745 }]));
    const failing = await start(upgrading(), { faults: { patchError: 801 } });
    await until(() => expect(failing.server.of('otaError')).toMatchObject([{ errorType: 'PATCHERR', errcode: 801 }]));
    expect(failing.terminal.requests).toEqual([1]);
  });

  test('a sleeping one comes and goes, but finishes its transfer first', async () => {
    const options = { faults: { sleep: { awakeMs: 30, asleepMs: 30 } } };
    const { server, terminal } = await start(upgrading(), options);
    await until(() => expect(server.versions()).toEqual([10, 11]));
    await until(() => expect(server.connections).toBeGreaterThan(4));
    expect(terminal.requests).toEqual(oneToTwenty);
  });
});

test('one whose time to sleep comes while it flashes flashes all the same', async () => {
  const serve = upgrading();
  const handle: Handler = (frame, socket, server) => {
    socket.allowHalfOpen = true; // so the connection is there as long as the terminal flashes
    serve(frame, socket, server);
  };
  const { server } = await start(handle, { faults: { sleep: { awakeMs: 30, asleepMs: 30 } }, upgradeDelayMs: 150 });
  await until(() => expect(server.versions()).toEqual([10, 11]));
});

describe('commands', () => {
  const answers = async (lines: readonly Buffer[]) => {
    let sent = 0;
    const { server, terminal } = await start((frame, socket) => {
      if (frame.type === 'report' || frame.type === 'response') {
        const next = lines[sent++];
        if (next) socket.write(next);
      }
    });
    await until(() => expect(server.of('response')).toHaveLength(lines.length));
    return {
      terminal,
      paras: server.of('response').map(({ sn, cmd, para }) => `${sn === SN ? '' : sn}${cmd} ${para}`),
    };
  };

  test('sets and tells its sleep time', async () => {
    const { terminal, paras } = await answers([
      encodeCommand({ softwareVer: 10, cmd: 'CHKSLPT' }),
      encodeCommand({ softwareVer: 10, cmd: 'SLPT', para: '60' }),
      encodeCommand({ softwareVer: 10, cmd: 'CHKSLPT' }),
    ]);
    expect(paras).toEqual(['CHKSLPT 600', 'SLPT 60', 'CHKSLPT 60']);
    expect(terminal.sleepMinutes).toBe(60);
  });

  test('answers codes for what is wrong with a command', async () => {
    const { paras } = await answers([
      Buffer.from('+B1301,10,SLPT,59,7B\r\n'),
      Buffer.from('+B1301,10,SLPT,600,40\r\n'),
      encodeCommand({ softwareVer: 11, cmd: 'CHKSLPT' }),
      Buffer.from('+B1301,10,6C\r\n'),
      encodeCommand({ softwareVer: 10, cmd: 'STOCK' }),
    ]);
    expect(paras).toEqual(['SLPT 06', 'SLPT 04', 'CHKSLPT 03', 'CHKSLPT 02', 'STOCK 06']);
  });
});

describe('connection', () => {
  test('reports at once and then regularly', async () => {
    const { server } = await start(() => {}, { reportIntervalMs: 10 });
    await until(() => expect(server.of('report').length).toBeGreaterThan(4));
    expect(server.of('report')[0]).toMatchObject({ sn: SN, sfwVal: 10, warnings: [] });
    expect(server.connections).toBe(1);
  });

  test('comes back when the server was away', async () => {
    const { server, terminal, port } = await start(() => {});
    await until(() => expect(server.of('report')).toHaveLength(1));
    await server.close();
    cleanUp.shift();
    await until(() => expect(terminal.isConnected).toBe(false));
    const second = new Server(() => {});
    await second.listen(port);
    cleanUp.push(() => second.close());
    await until(() => expect(second.of('report')).toHaveLength(1));
  });

  test('comes back when the server closes its half only', async () => {
    const { server } = await start((_frame, socket, self) => {
      if (self.connections === 1) socket.end();
    });
    await until(() => expect(server.connections).toBe(2));
  });

  test('stop ends everything, also twice, also before start', async () => {
    const { server, terminal } = await start(upgrading({ packet: () => null }));
    await until(() => expect(terminal.requests).toEqual([1]));
    await terminal.stop();
    await terminal.stop();
    await until(() => expect(server.sockets.size).toBe(0));
    expect(terminal.isConnected).toBe(false);
    await new TerminalSimulator({ host: 'x', port: 1, sn: SN, softwareVersion: 1 }).stop();
  });

  test('what no terminal could send is refused', () => {
    const options = { host: '127.0.0.1', port: 7700, sn: SN, softwareVersion: 10 };
    for (const wrong of [{ sn: '61' }, { sn: 'x' }, { softwareVersion: 256 }, { port: 0 }, { host: '' }]) {
      expect(() => new TerminalSimulator({ ...options, ...wrong })).toThrow(GatewayError);
    }
  });
});

describe('fleet', () => {
  test('200 terminals upgrade themselves at the same time, a tenth of them with faults', async () => {
    const server = new Server(upgrading());
    const port = await server.listen();
    const fleet = createFleet({
      devices: 200,
      host: '127.0.0.1',
      port,
      startSn: '6134441299',
      version: 10,
      reportIntervalMs: 30_000,
      packetTimeoutMs: 60_000,
      upgradeDelayMs: 20,
      reconnectDelayMs: 20,
      faultShare: 0.1,
      faults: { dropAtPacket: 10 },
    });
    cleanUp.push(
      () => server.close(),
      async () => void (await Promise.all(fleet.map((device) => device.stop()))),
    );
    for (const device of fleet) device.start();
    await until(() => expect(fleet.filter(({ softwareVersion }) => softwareVersion === 11)).toHaveLength(200));
    expect(fleet.every(({ packetsReceived }) => packetsReceived === 20)).toBe(true);
    await until(() => expect(server.connections).toBe(400 + 20));
    expect(new Set(server.of('report').map(({ sn }) => sn)).size).toBe(200);
    expect(server.droppedBytes).toBe(0);
  });

  test('SNs count up in the digits they have', () => {
    expect([snAt('6134441299', 1), snAt('0860527055265319', 9), snAt('61344412FF', 1)]).toEqual([
      '6134441300',
      '0860527055265328',
      '6134441300',
    ]);
    expect(() => snAt('9999999999', 1)).toThrow(GatewayError);
  });
});

/** The same command under its other keyword. */
function alias(line: Buffer): Buffer {
  const body = line.toString('latin1').slice(1, -5).replace('NBOTA', 'CPOTA');
  const xor = Buffer.from(body, 'latin1').reduce((sum, byte) => sum ^ byte, 0);
  return Buffer.from(`+${body},${xor.toString(16).toUpperCase().padStart(2, '0')}\r\n`, 'latin1');
}
