/**
 * What a PCP device says, and what it is answered (PROTOCOLS 1.4, 1.5, 10). What the platform says by itself is in
 * `speaker.ts`.
 *
 * Nothing that matters is kept here: the offer is a row, the place in the file is in every request. So a device goes on
 * at any fragment, also after any of our processes has died.
 */
import { PCP_COMPONENT, PCP_PROTOCOL, type PcpContext } from './context.ts';
import { failureKind, type FailingMessage } from './failures.ts';
import { fragmentOf } from './fragments.ts';
import type {
  DownloadReport,
  ExecuteAnswer,
  FragmentAnswer,
  FragmentRequest,
  NewVersionAnswer,
  PcpDownlink,
  PcpUplink,
  UpgradeReport,
  VersionAnswer,
} from './frames.ts';
import { isKnownToDevice, type PcpOffers } from './offers.ts';
import type { HeldOffer, PcpPeer } from './peers.ts';
import { pcpResult } from './results.ts';
import { startQuery } from './speaker.ts';
import type { OpenOffer } from '../devices.ts';

const DONE = 0x00;
const UP_TO_DATE = 0x03;
const DOWNLOAD_TIMER = 0x06;
const TASK_GONE = 0x80;
const NO_SUCH_FRAGMENT = 0x81;

/** A message with the payload it came in. */
export interface Uplink<Message extends PcpUplink = PcpUplink> {
  message: Message;
  payload: Buffer;
  arrivedAtMs: number;
}

export class PcpDialogue {
  readonly #context: PcpContext;
  readonly #offers: PcpOffers;

  constructor(context: PcpContext, offers: PcpOffers) {
    this.#context = context;
    this.#offers = offers;
  }

  /** The common case of a transfer, without waiting for anything; null: it needs the database. */
  serveAtOnce(peer: PcpPeer, request: FragmentRequest): FragmentAnswer | null {
    const { held, isCurrent } = peer;
    if (!isCurrent || held === null || held.file === null || peer.waiting > 0) return null;
    return this.#serve(peer, held, held.file, request);
  }

  /** Handles a message; what it is answered, null when nothing is. Throws when the rest of the program fails. */
  async handle(peer: PcpPeer, { message, payload, arrivedAtMs }: Uplink): Promise<PcpDownlink | null> {
    switch (message.type) {
      case 'versionAnswer':
        await this.#onVersion(peer, { message, payload, arrivedAtMs });
        return null;
      case 'newVersionAnswer':
        await this.#onNotified(peer, message);
        return null;
      case 'fragmentRequest':
        return this.#onFragment(peer, message);
      case 'downloadReport':
        return { type: 'downloadReportAnswer', resultCode: await this.#onDownloaded(peer, message) };
      case 'executeAnswer':
        await this.#onExecuted(peer, message);
        return null;
      case 'upgradeReport': {
        const resultCode = await this.#onUpgraded(peer, { message, payload, arrivedAtMs });
        return { type: 'upgradeReportAnswer', resultCode };
      }
      default:
        return message satisfies never;
    }
  }

  // ---------------------------------------------------------------- 13

  async #onVersion(peer: PcpPeer, { message, payload, arrivedAtMs }: Uplink<VersionAnswer>): Promise<void> {
    peer.query?.outgoing?.stop();
    peer.query = null;
    const { resultCode: result, currentVersion: version } = message;
    const { commands } = this.#context.host;
    await this.#offers.insist(peer, () => commands.answered(peer.deviceId, { said: 'version', result, version }));
    if (message.resultCode !== DONE) return this.#ignore(peer, message, 'a device does not tell its version');
    if (!(await this.#report(peer, message.currentVersion, payload, arrivedAtMs))) return;
    const comparing = peer.comparing;
    if (comparing === null) return;
    peer.comparing = null;
    const offer = (await this.#look(peer))?.offer;
    if (offer?.id !== comparing || offer.targetVersion === message.currentVersion) return;
    await this.#offers.failed(peer, offer, UP_TO_DATE, failureKind('newVersionAnswer', UP_TO_DATE));
  }

  /** Stores what the device runs; false when that is no version. */
  async #report(peer: PcpPeer, version: string, payload: Buffer, arrivedAtMs: number): Promise<boolean> {
    const { host, counters } = this.#context;
    if (!/^[\x20-\x7e]{1,16}$/.test(version)) {
      counters.badFrames += 1;
      host.badFrame({ deviceId: peer.deviceId, kind: 'bad_version', excerpt: hexOf(payload) });
      return false;
    }
    await this.#offers.insist(peer, () =>
      host.reported({
        deviceId: peer.deviceId,
        source: PCP_PROTOCOL,
        raw: hexOf(payload),
        versions: [{ component: PCP_COMPONENT, version }],
        arrivedAtMs,
      }),
    );
    peer.version = version;
    // Whoever tells a version after it was told to install has decided: the version says how.
    if (peer.executing !== null && peer.executing.sendings > 0) this.#heardOfExecution(peer);
    return true;
  }

  // ---------------------------------------------------------------- 14

  async #onNotified(peer: PcpPeer, message: NewVersionAnswer): Promise<void> {
    peer.notification?.stop();
    const offer = (await this.#look(peer))?.offer;
    // After a 15 it is allowed, whatever an answer says that was late or meant a repeated 14.
    const isAsked =
      offer !== undefined && offer.sends > 0 && offer.firstRequestAtMs === null && offer.finishedAtMs === null;
    if (!isAsked) return this.#ignore(peer, message, 'an answer to no offer');
    if (message.resultCode === DONE) {
      peer.allowed = offer.id;
    } else if (pcpResult(message.type, message.resultCode).retry === 'compare') {
      peer.comparing = offer.id;
      startQuery(peer);
    } else {
      await this.#fail(peer, offer, message.type, message.resultCode);
    }
  }

  // ---------------------------------------------------------------- 15

  async #onFragment(peer: PcpPeer, request: FragmentRequest): Promise<FragmentAnswer> {
    // Without an offer the database is asked each time: a device that asks must not be turned away wrongly.
    const held = peer.held === null ? await this.#offers.look(peer) : await this.#offers.current(peer);
    const file = held && (await this.#offers.fileOf(peer, held));
    return held === null || file === null ? this.#refuse(request, TASK_GONE) : this.#serve(peer, held, file, request);
  }

  #serve(peer: PcpPeer, { offer }: HeldOffer, file: Buffer, request: FragmentRequest): FragmentAnswer {
    const { fragmentIndex, targetVersion } = request;
    const nowMs = Date.now();
    if (targetVersion !== offer.targetVersion || offer.expiresAtMs <= nowMs || !isKnownToDevice(offer)) {
      return this.#refuse(request, TASK_GONE);
    }
    const fragment = fragmentOf(file, offer.packetSize, fragmentIndex);
    if (fragment === null) return this.#refuse(request, NO_SUCH_FRAGMENT);
    offer.firstRequestAtMs ??= nowMs;
    peer.notification?.stop();
    const { host, counters } = this.#context;
    counters.slices += 1;
    counters.sliceBytes += fragment.length;
    const bytes = fragmentIndex * offer.packetSize;
    host.progress({ offerId: offer.id, deviceId: peer.deviceId, bytes, finished: false });
    return { type: 'fragmentAnswer', resultCode: DONE, fragmentIndex, fragment };
  }

  #refuse({ fragmentIndex }: FragmentRequest, resultCode: number): FragmentAnswer {
    this.#context.counters.slicesRefused += 1;
    return { type: 'fragmentAnswer', resultCode, fragmentIndex, fragment: null };
  }

  // ---------------------------------------------------------------- 16

  async #onDownloaded(peer: PcpPeer, message: DownloadReport): Promise<number> {
    const offer = (await this.#look(peer))?.offer;
    if (offer === undefined || !isKnownToDevice(offer)) {
      this.#ignore(peer, message, 'a download of no offer');
      return TASK_GONE;
    }
    peer.notification?.stop();
    if (message.resultCode !== DONE) {
      await this.#fail(peer, offer, message.type, message.resultCode);
    } else if (peer.executing?.offerId !== offer.id) {
      offer.firstRequestAtMs ??= Date.now();
      peer.executing = { offerId: offer.id, sendings: 0, lastSentAtMs: 0, outgoing: null, isAnswered: false };
    }
    return DONE;
  }

  // ---------------------------------------------------------------- 17

  async #onExecuted(peer: PcpPeer, message: ExecuteAnswer): Promise<void> {
    if (message.resultCode === DOWNLOAD_TIMER)
      return this.#ignore(peer, message, 'the download timer of a device fired');
    const offer = (await this.#look(peer))?.offer;
    if (offer === undefined || offer.finishedAtMs === null) return this.#ignore(peer, message, 'an answer to no 17');
    if (message.resultCode !== DONE) return this.#fail(peer, offer, message.type, message.resultCode);
    peer.executing ??= { offerId: offer.id, sendings: 0, lastSentAtMs: 0, outgoing: null, isAnswered: true };
    this.#heardOfExecution(peer);
  }

  #heardOfExecution(peer: PcpPeer): void {
    if (peer.executing === null) return;
    peer.executing.isAnswered = true;
    peer.executing.outgoing?.stop();
  }

  // ---------------------------------------------------------------- 18

  async #onUpgraded(peer: PcpPeer, { message, payload, arrivedAtMs }: Uplink<UpgradeReport>): Promise<number> {
    const hex = hexOf(payload);
    const offer = (await this.#look(peer))?.offer;
    // Only who was told to install can fail at it: a late 18 of the file before says nothing of this one.
    if (offer !== undefined && offer.finishedAtMs !== null) {
      if (message.resultCode !== DONE) await this.#fail(peer, offer, message.type, message.resultCode);
      else if (message.currentVersion !== offer.targetVersion) {
        await this.#offers.failed(peer, offer, message.resultCode, 'version_unchanged');
      }
    }
    if (offer !== undefined && message.resultCode !== DONE && message.currentVersion === offer.targetVersion) {
      // It says that it failed and names the target: that proves nothing, so it is asked what it runs.
      startQuery(peer);
    } else {
      await this.#report(peer, message.currentVersion, payload, arrivedAtMs);
    }
    // The offer is over as soon as its proof is there; a device that did not hear the answer asks once more.
    const isRepeated = peer.lastReport?.hex === hex;
    const resultCode = offer !== undefined || (isRepeated && peer.lastReport?.resultCode === DONE) ? DONE : TASK_GONE;
    peer.lastReport = { hex, resultCode };
    return resultCode;
  }

  // ---------------------------------------------------------------- all

  #look(peer: PcpPeer): Promise<HeldOffer | null> {
    return this.#offers.insist(peer, () => this.#offers.current(peer));
  }

  async #fail(peer: PcpPeer, offer: OpenOffer, type: FailingMessage, resultCode: number): Promise<void> {
    await this.#offers.failed(peer, offer, resultCode, failureKind(type, resultCode));
  }

  #ignore({ deviceId }: PcpPeer, message: PcpUplink, why: string): void {
    this.#context.counters.ignoredMessages += 1;
    this.#context.log.info({ deviceId, message }, why);
  }
}

function hexOf(payload: Buffer): string {
  return payload.toString('hex').toUpperCase();
}
