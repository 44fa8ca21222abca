/**
 * One page of a secondary shipment: brings up to a hundred devices as far as they come now. Looks, sends what follows
 * from it, looks again; writes down each step before and after it is taken (`db/shipments/platform-work.ts`).
 *
 * Interrupted at any point it can be run again: what was sent and not answered is looked at first.
 */
import * as work from '../db/shipments/platform-work.ts';
import { pauseConnector } from '../db/shipments/platforms.ts';
import type { Db } from '../db/index.ts';
import {
  verdictOf,
  verdictOfCode,
  wordsOf,
  wordsOfCode,
  type ListOutcome,
  type Look,
  type TracksolidClient,
} from '../gateways/tracksolid/client.ts';
import { stopwatch } from '../gateways/standstills.ts';
import { leavesDoubt } from '../gateways/tracksolid/codes.ts';
import type { Outcome } from '../gateways/tracksolid/post.ts';
import {
  afterLook,
  PLATFORM_PAUSE_MS,
  platformWaitMs,
  type PlatformStep,
  type WantedOnPlatform,
} from '../workflows/rules/platforms.ts';

/** What a page needs. */
export interface PageContext {
  db: Db;
  client: TracksolidClient;
  shipmentId: number;
  order: work.TakenShipment;
  /** Aborted: finish what is being sent, begin nothing. */
  stop: AbortSignal;
}

/** The platform cannot be worked with now: wait, or leave it alone. Null: all went as it should. */
export type Trouble = { kind: 'wait' | 'paused'; words: string } | null;

type Sending = Exclude<PlatformStep, 'look'>;
const SENDINGS: readonly Sending[] = ['import', 'move', 'expire'];

/** Looks under way at the same time; how many a second there may be is the client's business. */
const LOOKS_AT_ONCE = 4;
/** After so many looks in a row without an answer the platform is taken for away. */
const UNANSWERED_LOOKS = 8;
/** Each round brings every device that is due one step further. */
const MOST_ROUNDS = 8;
/** One device that the platform does not like may make it refuse all that are named with it. */
const MAYBE_ONE_DEVICE = new Set([219, 1001, 1002, 1008]);

/** Works on these devices until none of them is due, or there is trouble. */
export async function workOnPage(context: PageContext, ids: readonly number[]): Promise<Trouble> {
  for (let round = 0; round < MOST_ROUNDS && !context.stop.aborted; round++) {
    const due = await work.findDue(context.db, context.shipmentId, { ids });
    if (due.length === 0) return null;
    for (const step of SENDINGS) {
      const trouble = await send(
        context,
        step,
        due.filter((each) => each.step === step),
      );
      if (trouble !== null) return trouble;
    }
    const trouble = await look(
      context,
      due.filter(({ step }) => step === 'look'),
    );
    if (trouble !== null) return trouble;
  }
  return null;
}

// ---------------------------------------------------------------- sending

async function send(context: PageContext, step: Sending, devices: readonly work.DueDevice[]): Promise<Trouble> {
  const { db, client, shipmentId, order, stop } = context;
  if (devices.length === 0 || stop.aborted) return null;
  // Longer than a call can take: in line, on the way, and at the platform after we gave up.
  const settleMs = 4 * client.timeoutMs;
  // Whoever stood still after the mark wakes when others have looked and sent again: then nothing leaves from here.
  const sinceMark = stopwatch();
  const mayLeave = () => sinceMark() < 2 * client.timeoutMs;
  const marked = await work.markSending(db, { shipmentId, fence: order.fence }, devices, step, settleMs);
  if (marked.length === 0) return null;
  const startedMs = performance.now();
  const answer = await call(context, step, marked, mayLeave);
  const tookMs = Math.round(performance.now() - startedMs);
  const { outcome } = answer;
  const verdict = verdictOf(outcome);
  const code = outcome.kind === 'answered' ? { code: outcome.code } : {};
  const details = { devices: marked.length, first: marked[0]!.imei, verdict, ...code, tookMs };
  await work.logShipment(db, shipmentId, { author: 'system', event: step, cause: wordsOf(outcome), details });
  if (verdict === 'never' && marked.length > 1 && MAYBE_ONE_DEVICE.has(code.code ?? 0)) {
    await work.writeResults(
      db,
      shipmentId,
      marked.map((device) => undone(device, step, outcome)),
    );
    const half = Math.ceil(marked.length / 2);
    return (await send(context, step, marked.slice(0, half))) ?? send(context, step, marked.slice(half));
  }
  await work.writeResults(
    db,
    shipmentId,
    marked.map((device) => resultOf(device, step, answer, client.timeoutMs)),
  );
  return troubleOf(context, outcome);
}

/** One call for all these devices. Given up before it left, when it had to wait in line too long. */
function call(
  { client, order: taken, stop }: PageContext,
  step: Sending,
  devices: readonly work.DueDevice[],
  mayLeave: () => boolean,
): Promise<ListOutcome> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(2 * client.timeoutMs)]);
  const imeis = devices.map(({ imei }) => imei);
  const { info } = taken;
  const account = info.account ?? '';
  const expiration = taken.wantedExpiration ?? '';
  if (step === 'move') return client.moveDevices({ from: client.user, to: account, imeis }, signal, mayLeave);
  if (step === 'expire') return client.updateExpiration({ imeis, expiration }, signal, mayLeave);
  const { model = '', customerName: customer = '', remark = '' } = info;
  const { lifetime, brand } = taken;
  const order = { imeis, account, model, lifetime, expiration, customer, brand, remark };
  return client.importDevices(order, signal, mayLeave);
}

/** What a call means for one of its devices. */
function resultOf(
  device: work.DueDevice,
  step: Sending,
  { outcome, devices }: ListOutcome,
  timeoutMs: number,
): work.DeviceResult {
  const { id, attempts } = device;
  const named = devices.get(device.imei);
  const verdict = verdictOf(outcome);
  const looked = { id, attempts, step: 'look' as const };
  if (outcome.kind !== 'answered' || (verdict !== 'done' && verdict !== 'check')) {
    if (verdict === 'look') return { ...looked, answer: 'doubt', waitMs: timeoutMs, words: wordsOf(outcome) };
    if (verdict !== 'never' || outcome.kind !== 'answered') return undone(device, step, outcome);
    return refused(device, outcome.code, wordsOf(outcome));
  }
  if (named === undefined) {
    // Answers that name no device at all are about all of them; one that is left out was perhaps forgotten.
    const isAboutAll = devices.size === 0;
    const answer = isAboutAll ? (verdict === 'done' ? 'ok' : existing(outcome.code)) : 'doubt';
    return { ...looked, answer };
  }
  const words = wordsOfCode(named.code, named.words);
  switch (verdictOfCode(named.code)) {
    case 'done':
      return { ...looked, answer: 'ok' };
    case 'check':
      return { ...looked, answer: existing(named.code), code: named.code, words };
    case 'look':
      return { ...looked, answer: 'doubt', waitMs: timeoutMs, code: named.code, words };
    case 'again':
    case 'pause': {
      const waitMs = platformWaitMs(device.failures + 1, Math.random());
      return { id, attempts, step, answer: 'none', undone: step, failed: true, waitMs, code: named.code, words };
    }
    case 'never':
      break;
  }
  return refused(device, named.code, words);
}

/** "Exists" is said of the device; "repeated" is said of the call, and tells nothing of the device. */
function existing(code: number): 'exists' | 'doubt' {
  return code === 1112 ? 'exists' : 'doubt';
}

function undone({ id, attempts }: work.DueDevice, step: Sending, outcome: Outcome): work.DeviceResult {
  return { id, attempts, step, answer: 'none', undone: step, words: wordsOf(outcome) };
}

function refused({ id, attempts }: work.DueDevice, code: number, words: string): work.DeviceResult {
  return { id, attempts, step: 'look', status: 'refused', reason: 'refused_by_platform', code, words };
}

// ---------------------------------------------------------------- looking

async function look(context: PageContext, devices: readonly work.DueDevice[]): Promise<Trouble> {
  const { db, client, shipmentId, order, stop } = context;
  if (devices.length === 0) return null;
  const wanted: WantedOnPlatform = { account: order.info.account ?? '', expiration: order.wantedExpiration };
  const results: work.DeviceResult[] = [];
  const counts = { there: 0, absent: 0, failed: 0 };
  let fault: Outcome | null = null;
  let unanswered = 0;
  const startedMs = performance.now();
  const waiting = [...devices];
  const lookOn = async () => {
    for (let device = waiting.shift(); device !== undefined; device = waiting.shift()) {
      // What is wrong with one call is most likely wrong with all: the others are looked at later.
      if (stop.aborted || fault !== null) return;
      const seen = await client.look(device.imei, stop);
      counts[seen.kind] += 1;
      if (seen.kind === 'failed' && verdictOf(seen.outcome) !== 'never') {
        if (stop.aborted) return;
        unanswered += 1;
        // Looking does no harm: one that got no answer is repeated later, and the others go on.
        if (verdictOf(seen.outcome) !== 'look' || unanswered >= UNANSWERED_LOOKS) fault = seen.outcome;
        else results.push(lookLater(device, seen.outcome));
        continue;
      }
      unanswered = 0;
      results.push(decided(device, seen, wanted, client.user));
    }
  };
  await Promise.all(Array.from({ length: LOOKS_AT_ONCE }, lookOn));
  await work.writeResults(db, shipmentId, results);
  const cause = fault === null ? '' : wordsOf(fault);
  const details = { devices: devices.length, ...counts, tookMs: Math.round(performance.now() - startedMs) };
  await work.logShipment(db, shipmentId, { author: 'system', event: 'look', cause, details });
  return fault === null ? null : ((await troubleOf(context, fault)) ?? { kind: 'wait', words: wordsOf(fault) });
}

function lookLater({ id, attempts, failures }: work.DueDevice, outcome: Outcome): work.DeviceResult {
  const waitMs = platformWaitMs(failures + 1, Math.random());
  return { id, attempts, step: 'look', failed: true, waitMs, words: wordsOf(outcome) };
}

function decided(device: work.DueDevice, look: Look, wanted: WantedOnPlatform, own: string): work.DeviceResult {
  const { id, attempts } = device;
  const base = { id, attempts, step: 'look' as const };
  if (look.kind === 'failed') {
    const code = look.outcome.kind === 'answered' ? { code: look.outcome.code } : {};
    return { ...base, status: 'unknown', reason: 'refused_by_platform', ...code, words: wordsOf(look.outcome) };
  }
  const seen = look.kind === 'absent' ? null : shown(look.device);
  const decision = afterLook(wanted, seen, own, device);
  switch (decision.kind) {
    case 'confirmed':
      return { ...base, seen, status: 'confirmed' };
    case 'do':
      return { ...base, seen, step: decision.step };
    case 'look':
      return { ...base, seen, waitMs: decision.afterMs };
    case 'refused':
    case 'unknown':
      break;
  }
  return { ...base, seen, status: decision.kind, reason: decision.reason, words: decision.words };
}

function shown({ account, expirations, expiration }: Extract<Look, { kind: 'there' }>['device']) {
  return { account, expirations, expiration };
}

// ---------------------------------------------------------------- trouble

/** Whether the platform can be worked with after this; notes a pause, so that nobody else tries meanwhile. */
async function troubleOf({ db, order }: PageContext, outcome: Outcome): Promise<Trouble> {
  const words = wordsOf(outcome);
  const verdict = verdictOf(outcome);
  if (verdict === 'pause') {
    await pauseConnector(db, order.connector!, { forMs: PLATFORM_PAUSE_MS, reason: words, by: 'system' });
    return { kind: 'paused', words };
  }
  const isBusy = outcome.kind === 'answered' && leavesDoubt(outcome.code);
  return verdict === 'again' || isBusy ? { kind: 'wait', words } : null;
}
