/**
 * What the parts of the PCP gateway share: times, limits, counters.
 */
import type { CoapPort } from './coap-port.ts';
import type { DeviceHost, GatewayLog } from '../devices.ts';
import type { FileCache } from '../file-cache.ts';

/** What failures of this protocol are reported under. */
export const PCP_PROTOCOL = 'pcp';
/** A PCP device has one component. */
export const PCP_COMPONENT = 'T1';
/** A message of the platform is sent so often without an answer (PROTOCOLS 1.6). */
export const SENDINGS = 3;

/** Times of CoAP (RFC 7252, 4.8); all in milliseconds. */
export interface CoapTimes {
  /** A request that is not answered by then is acknowledged, the answer follows on its own. */
  acknowledgeMs: number;
  /** First wait before a message is sent again; doubles each time. */
  retransmitMs: number;
  /** How often it is sent again. */
  retransmissions: number;
  /** An answer to a message of ours is waited for so long. */
  outgoingLifeMs: number;
  /**
   * The same datagram within this time is the same request. Less than the four minutes of the standard: small devices
   * count from the beginning when they restart, and must be heard then.
   */
  duplicateMs: number;
}

/** Times of the protocol (PROTOCOLS 1.6) and of the gateway; all in milliseconds. */
export interface PcpTimes extends CoapTimes {
  /** A device can be reached for this long after it was last heard of. */
  reachableMs: number;
  /** Wait before 13, 14 or 17 is sent again when nothing came back. */
  answerMs: number;
  /**
   * A device whose version this process does not know is asked for it when it is heard of, and when it does not answer,
   * not before this time again.
   */
  unknownVersionMs: number;
  /** A device that was not heard of for this long is forgotten; its next contact makes it known again. */
  forgetMs: number;
  /** Whether a device is registered is asked again after this time. */
  identifiedMs: number;
  /** Wait before what could not be handled is tried again; doubles each time. */
  retryMs: number;
  /** How often all of these are looked at. */
  clockMs: number;
}

export const PCP_TIMES: Readonly<PcpTimes> = Object.freeze({
  acknowledgeMs: 1_000,
  retransmitMs: 2_000,
  retransmissions: 3,
  outgoingLifeMs: 60_000,
  duplicateMs: 60_000,
  reachableMs: 180_000,
  answerMs: 30_000,
  unknownVersionMs: 600_000,
  forgetMs: 86_400_000,
  identifiedMs: 600_000,
  retryMs: 1_000,
  clockMs: 1_000,
});

/** Bounds of one CoAP port. */
export interface CoapLimits {
  /** Bytes of a datagram; longer ones are dropped. */
  datagramBytes: number;
  requestsPerAddressAndSecond: number;
  /** Addresses within one second. */
  addresses: number;
  /** Requests that are handled at the same time; beyond it they are dropped, and devices ask again. */
  working: number;
  /** Answered requests that are remembered. */
  exchanges: number;
  /** Messages to devices under way. */
  outgoing: number;
}

/** Bounds of the gateway. */
export interface PcpLimits extends CoapLimits {
  /** Devices remembered; the one that was silent for longest is forgotten first. */
  devices: number;
  /** Messages of one device that wait for their turn. */
  waitingPerDevice: number;
  /** Look-ups per minute and address that may find nobody; beyond it, strangers are refused without one. */
  strangersPerMinute: number;
}

export const PCP_LIMITS: Readonly<PcpLimits> = Object.freeze({
  datagramBytes: 2_048,
  requestsPerAddressAndSecond: 20_000,
  addresses: 100_000,
  working: 4_000,
  exchanges: 50_000,
  outgoing: 50_000,
  devices: 100_000,
  waitingPerDevice: 16,
  strangersPerMinute: 600,
});

/** What one CoAP port counts. */
export interface CoapCounters {
  datagrams: number;
  /** Datagrams that are no CoAP, or too long. */
  badDatagrams: number;
  requests: number;
  /** Requests that came once more. */
  duplicates: number;
  /** Acknowledgements and answers that belong to nothing any more. */
  ignored: number;
  /** Messages of ours that were sent again. */
  retransmissions: number;
  /** Dropped by the limit per address, and because too much was under way. */
  overAddressLimit: number;
  overloaded: number;
  socketErrors: number;
}

/** What the gateway counts, for the metrics. */
export interface PcpCounters extends CoapCounters {
  registrations: number;
  slices: number;
  sliceBytes: number;
  /** Slices that were asked for and that there are not: no task, another version, no such index. */
  slicesRefused: number;
  /** Sendings of 13, 14 and 17. */
  queriesSent: number;
  offersSent: number;
  executesSent: number;
  commandsSent: number;
  businessMessages: number;
  badFrames: number;
  /** PCP messages that led to nothing. */
  ignoredMessages: number;
  strangers: number;
  /** Those of them that were not even looked up. */
  strangersRefused: number;
  /** Requests that are not for this gateway: another path or method, no IMEI. */
  badRequests: number;
  /** Times that something could not be handled because the rest of the program failed. */
  failedMessages: number;
}

/** Nothing counted yet. */
export function pcpCounters(): PcpCounters {
  return {
    datagrams: 0,
    badDatagrams: 0,
    requests: 0,
    duplicates: 0,
    ignored: 0,
    retransmissions: 0,
    overAddressLimit: 0,
    overloaded: 0,
    socketErrors: 0,
    registrations: 0,
    slices: 0,
    sliceBytes: 0,
    slicesRefused: 0,
    queriesSent: 0,
    offersSent: 0,
    executesSent: 0,
    commandsSent: 0,
    businessMessages: 0,
    badFrames: 0,
    ignoredMessages: 0,
    strangers: 0,
    strangersRefused: 0,
    badRequests: 0,
    failedMessages: 0,
  };
}

/** What the parts of the gateway share. */
export interface PcpContext {
  host: DeviceHost;
  files: FileCache;
  log: GatewayLog;
  times: Readonly<PcpTimes>;
  limits: Readonly<PcpLimits>;
  counters: PcpCounters;
  port: Pick<CoapPort, 'post'>;
}
