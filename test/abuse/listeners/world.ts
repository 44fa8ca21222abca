/** A running Slipway with honest devices of every protocol, some of them in the middle of an upgrade. */
import { readFileSync } from 'node:fs';
import { demoFirmware, demoPileFirmware, type Operator } from '../../../bench/operator.ts';
import { PileStream } from '../../../gateways/pile/codec.ts';
import { encodeReport } from '../../../gateways/terminal/codec.ts';
import { firstOperator, Slipway, TestServers, type Ready, type Settings } from '../../support/program.ts';
import { login, opened, received } from './honest.ts';

const SN = '6134441313';
/** For whoever misbehaves in the name of a device with an upgrade. */
const OTHER_SN = '6134441314';
const TRACKER = '868120145233604';
const PCP = '863412345678901';
/** One pile fetches, another one only logs in: who logs in with the old version has refused the new one. */
const FETCHING_PILE = '55031412782305';
const ENDING_PILE = '55031412782307';
const PILE = '55031412782306';
const FILE_BYTES = 10_240;

/** What honest clients need. */
export interface World {
  servers: TestServers;
  slipway: Slipway;
  ready: Ready;
  operator: Operator;
  key: string;
  sn: string;
  otherSn: string;
  trackerImei: string;
  pcpImei: string;
  pileCode: string;
  /** What the terminal and the pile are fetching. */
  file: Buffer;
  pileFile: Buffer;
  ftp: { user: string; password: string; path: string };
  /** The same of a pile that has fetched nothing: what it was given ends when its task is cancelled. */
  endingFtp: { user: string; password: string; path: string };
  close(): Promise<void>;
}

/** Starts it all. */
export async function startWorld(
  settings: Settings = {},
  hear?: (line: string) => void,
  entry?: string,
): Promise<World> {
  const servers = await TestServers.start();
  const slipway = new Slipway({ ...servers.settings(), ...settings }, entry, hear);
  const close = async () => {
    await slipway.kill();
    await servers.stop();
  };
  try {
    await slipway.untilReady();
    const { operator, key } = await firstOperator(slipway);
    const { ready } = slipway;
    const terminals = await operator.registerTerminals([SN, OTHER_SN]);
    await operator.registerTrackers([TRACKER]);
    await operator.registerPcpDevices([PCP]);
    const [pile, ending] = await operator.registerPiles([FETCHING_PILE, ENDING_PILE, PILE]);
    const { content: file } = demoFirmware(11, 10, FILE_BYTES);
    const { content: pileFile } = demoPileFirmware(11, 10, FILE_BYTES);
    // The versions first, so that nothing is waited for.
    const lines = await Promise.all([SN, OTHER_SN].map((sn) => reporting(ready.terminalPort!, sn)));
    const pileLines = await Promise.all([FETCHING_PILE, ENDING_PILE].map(() => opened(ready.pilePort!)));
    [FETCHING_PILE, ENDING_PILE].forEach((code, index) => pileLines[index]!.write(login(code)));
    const offered = lines.map((line) => received(line, (all) => all.includes('+NBOTA,')));
    const told = Promise.all(pileLines.map((line) => update(line)));
    await order(operator, await operator.uploadFirmware(demoFirmware(11, 10, FILE_BYTES)), terminals);
    await order(operator, await operator.uploadFirmware(demoPileFirmware(11, 10, FILE_BYTES)), [pile!, ending!]);
    await Promise.all(offered);
    const [ftp, endingFtp] = (await told) as [World['ftp'], World['ftp']];
    const world = { servers, slipway, ready, operator, key, file, pileFile, ftp, endingFtp, close };
    return { ...world, sn: SN, otherSn: OTHER_SN, trackerImei: TRACKER, pcpImei: PCP, pileCode: PILE };
  } catch (error) {
    process.stderr.write(`${slipway.tail()}\n`);
    await close();
    throw error;
  }
}

/** A terminal that has said which version it runs. */
async function reporting(port: number, sn: string) {
  const line = await opened(port);
  line.write(encodeReport({ sn, sfwVal: 10, batLevel: 55, temperatureRaw: -148, acc: { x: 1, y: -2, z: 3 } }));
  return line;
}

async function order(operator: Operator, firmwareId: number, deviceIds: readonly string[]): Promise<void> {
  const options = { dispatchDelayMinutes: 0, deadlineHours: 2 };
  await operator.createTask({ firmwareIds: [firmwareId], deviceIds, options });
}

/** User, password and path that a pile is told. */
async function update(line: Awaited<ReturnType<typeof opened>>): Promise<World['ftp']> {
  const stream = new PileStream();
  let taken = 0;
  let ftp: World['ftp'] | undefined;
  await received(line, (all) => {
    for (const reading of stream.push(all.subarray(taken))) {
      if (!reading.ok || reading.frame.name !== 'update') continue;
      const { username: user, password, filePath: path } = reading.frame.body;
      ftp = { user, password, path };
    }
    taken = all.length;
    return ftp !== undefined;
  });
  return ftp!;
}

/** Memory of a process, bytes. */
export function memoryOf(pid: number): number {
  const [, kilobytes = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1_024;
}
