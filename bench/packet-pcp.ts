/**
 * Slices per second of the PCP gateway over CoAP, beside a bare UDP server that answers every datagram with as many
 * bytes: same requests, same client, same run.
 */
import dgram from 'node:dgram';
import type { Bench } from './area.ts';
import { FILE_BYTES, memoryHost, offerOf } from './packet-servers.ts';
import { ask, cpuMicros, inPairs, reportPairs, serveRole, startRole, stop } from './processes.ts';
import { demoFirmware } from './operator.ts';
import { FileCache } from '../gateways/file-cache.ts';
import { answerOptions, COAP, encodeCoap } from '../gateways/pcp/coap-codec.ts';
import { PcpGateway } from '../gateways/pcp/gateway.ts';
import { encodePcp } from '../gateways/pcp/messages.ts';

const SLICE_BYTES = 500;
const SLICES = Math.ceil(FILE_BYTES / SLICE_BYTES) - 1; // the last one is short
const DEVICES = 50;
const KINDS = ['PCP', 'bare'] as const;
/** A datagram that was lost is asked for again. */
const LOST_MS = 250;
const ANSWER_BYTES = encodeCoap({
  type: 'ack',
  code: COAP.changed,
  messageId: 0,
  token: Buffer.alloc(4),
  options: answerOptions([], true),
  payload: encodePcp({ type: 'fragmentAnswer', resultCode: 0, fragmentIndex: 0, fragment: Buffer.alloc(SLICE_BYTES) }),
}).length;

/** Measures some rounds of each server. */
export async function measurePcp(
  bench: Bench,
  { rounds, durationMs }: { rounds: number; durationMs: number },
): Promise<void> {
  const servers = { PCP: await startRole('pcp-gateway', bench), bare: await startRole('pcp-bare', bench) };
  const { child: generator } = await startRole('pcp-load', bench);
  const result = await inPairs(KINDS, rounds, async (kind) => {
    const { child, port } = servers[kind];
    const before = await ask<{ cpu: number }>(child, 'cpu');
    const { slices, elapsedMs } = await ask<{ slices: number; elapsedMs: number }>(generator, { port, durationMs });
    const after = await ask<{ cpu: number }>(child, 'cpu');
    return { perSecond: slices / (elapsedMs / 1_000), cpuMicrosEach: (after.cpu - before.cpu) / slices };
  });
  for (const { child } of [...Object.values(servers), { child: generator }]) stop(child);
  reportPairs(bench, result, {
    name: `PCP slices of ${SLICE_BYTES} bytes to ${DEVICES} devices`,
    unit: 'slices/s',
    each: 'slice',
    baseline: 'UDP server',
  });
}

/** The role of the PCP gateway. */
export async function serveGateway(): Promise<void> {
  const ignore = () => {};
  const offer = (deviceId: string) => ({ ...offerOf(deviceId), packetSize: SLICE_BYTES, pinfo: null });
  const gateway = new PcpGateway({
    host: { ...memoryHost(), openOffer: async (deviceId) => offer(deviceId) },
    files: new FileCache(FILE_BYTES, async () => demoFirmware(11, 10, FILE_BYTES).content),
    log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    limits: { requestsPerAddressAndSecond: 10_000_000 },
  });
  serveRole(await gateway.listen(0, '127.0.0.1'), () => ({ cpu: cpuMicros() }));
}

/** The role of the bare server. */
export async function serveBare(): Promise<void> {
  const answer = Buffer.alloc(ANSWER_BYTES);
  const socket = dgram.createSocket('udp4');
  socket.on('message', (_, { port, address }) => socket.send(answer, port, address));
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  serveRole(socket.address().port, () => ({ cpu: cpuMicros() }));
}

/** The role of the devices. */
export async function serveLoad(): Promise<void> {
  let firstId = 0;
  serveRole<{ port: number; durationMs: number }>(0, async ({ port, durationMs }) => {
    firstId = (firstId + 20_000) & 0xffff;
    let slices = 0;
    const devices = await Promise.all(
      Array.from({ length: DEVICES }, (_, index) => asker(port, index, firstId, () => (slices += 1))),
    );
    await pause(100);
    const before = slices;
    const startedAtMs = performance.now();
    await pause(durationMs);
    const result = { slices: slices - before, elapsedMs: performance.now() - startedAtMs };
    for (const device of devices) device.end();
    await pause(50);
    return result;
  });
}

/** One device that asks for the next slice as soon as it has one, and starts again at the end of the file. */
async function asker(port: number, index: number, firstId: number, onSlice: () => void) {
  const imei = `8681201452${String(index).padStart(5, '0')}`;
  const options = [
    ...['t', 'd'].map((name) => [11, Buffer.from(name)] as const),
    [15, Buffer.from(`ep=${imei}`)] as const,
  ];
  const requests = Array.from({ length: SLICES }, (_, fragmentIndex) =>
    encodeCoap({
      type: 'con',
      code: COAP.post,
      messageId: 0,
      token: Buffer.from([1, 2, 3, index]),
      options,
      payload: encodePcp({ type: 'fragmentRequest', targetVersion: '11', fragmentIndex }),
    }),
  );
  const socket = dgram.createSocket('udp4');
  let next = 0;
  let messageId = firstId;
  let lastMs = performance.now();
  const send = () => {
    const request = requests[next] as Buffer;
    request.writeUInt16BE(messageId, 2);
    socket.send(request);
  };
  socket.on('error', () => {});
  socket.on('message', (answer) => {
    if (answer.length !== ANSWER_BYTES) return; // an empty acknowledgement, or no slice
    lastMs = performance.now();
    onSlice();
    next = next + 1 === SLICES ? 0 : next + 1;
    messageId = (messageId + 1) & 0xffff;
    send();
  });
  await new Promise<void>((resolve) => socket.connect(port, '127.0.0.1', resolve));
  const clock = setInterval(() => {
    if (performance.now() - lastMs < LOST_MS) return;
    lastMs = performance.now();
    send();
  }, LOST_MS);
  send();
  return {
    end: () => {
      clearInterval(clock);
      socket.close();
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
