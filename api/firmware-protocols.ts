/**
 * What each protocol asks of a firmware file, one entry per protocol: add an entry and files of another protocol can be
 * uploaded. What all of them ask is in `firmware-rules.ts`.
 */
import type { Protocol } from '../db/schema.ts';
import { COMPONENTS, type Component } from '../workflows/rules/versions.ts';

/** Notes a refusal: the field, a code and what to do. */
export type Refuse = (field: string, code: string, message: string) => void;

/** What a protocol's own rules look at. */
export interface OwnFields {
  pinfo: string;
  targetVersion: string;
  /** Empty: there is no file. */
  fileName: string;
}

/** The rules of one protocol. */
export interface ProtocolRules {
  /** What a file can be for; with only one, it need not be named. */
  components: readonly [Component, ...Component[]];
  /** A sentence about them, for refusals. */
  componentsAre: string;
  minBytes: number;
  maxBytes: number;
  /** Who takes files of that size, for refusals. */
  taker: string;
  /** Asks what only this protocol asks; what it returns is stored, unless something was refused. */
  judge: (own: OwnFields, refuse: Refuse) => { pinfo: string | null; packetSize: number };
}

/** The packet size of the 2G protocol. */
const TERMINAL_PACKET_BYTES = 1_024;
/**
 * The largest file for a tracker. It is kept in the database as one value and in a gateway's memory as a whole, and at
 * the speed of a mobile network more than this does not arrive within the limits of a task.
 */
export const AMS_MAX_BYTES = 16 * 1024 * 1024;

/** Fragments are numbered by 16 bits. */
const PCP_MAX_FRAGMENTS = 65_535;
const PCP_FRAGMENT_BYTES = 500;
/** What a pile fetches at once is kept in a gateway's memory as a whole. */
const PILE_MAX_BYTES = 16 * 1024 * 1024;

/** Every protocol's rules. */
export const FIRMWARE_RULES: Readonly<Record<Protocol, ProtocolRules>> = {
  terminal: {
    components: ['T1'],
    componentsAre: 'a terminal has one component, T1',
    // PROTOCOLS 3.4, code 745
    minBytes: 10_240,
    maxBytes: 102_400,
    taker: 'a terminal',
    judge: ({ pinfo, targetVersion, fileName }, refuse) => {
      if (targetVersion !== '' && !/^[1-9]\d$/.test(targetVersion)) {
        refuse(
          'targetVersion',
          'target_version_wrong',
          `"${targetVersion}" cannot be expressed in a terminal's package name; write it as the terminal reports it, 10 to 99`,
        );
      }
      return { pinfo: readPinfo(pinfo, fileName, targetVersion, refuse), packetSize: TERMINAL_PACKET_BYTES };
    },
  },
  ams: {
    components: COMPONENTS,
    componentsAre: 'a tracker has T1 OTA, T2 OBD, T3 baseband, T4 MCU and T5 GPS',
    minBytes: 1,
    maxBytes: AMS_MAX_BYTES,
    taker: 'a tracker',
    judge: ({ pinfo }, refuse) => {
      if (pinfo !== '') {
        refuse('pinfo', 'not_for_protocol', 'package names are for 2G terminals; a tracker has none, so leave it out');
      }
      return { pinfo: null, packetSize: 0 };
    },
  },
  pcp: {
    components: ['T1'],
    componentsAre: 'a PCP device has one component, T1',
    minBytes: 1,
    maxBytes: PCP_MAX_FRAGMENTS * PCP_FRAGMENT_BYTES,
    taker: 'a PCP device',
    judge: () => ({ pinfo: null, packetSize: PCP_FRAGMENT_BYTES }),
  },
  pile: {
    components: ['T1'],
    componentsAre: 'a charging pile has one component, T1',
    minBytes: 1,
    maxBytes: PILE_MAX_BYTES,
    taker: 'a charging pile',
    judge: () => ({ pinfo: null, packetSize: 0 }),
  },
};

/** The package name: given, or found in the file name, whose case it keeps (PROTOCOLS 3.2). */
function readPinfo(given: string, fileName: string, targetVersion: string, refuse: Refuse): string | null {
  const inName = packageNames(fileName);
  if (given === '') {
    const fitting = inName.filter((name) => name.startsWith(targetVersion));
    if (fitting.length === 1 && targetVersion !== '') return fitting[0]!;
    const found =
      inName.length === 0
        ? 'holds none'
        : `holds ${inName.join(', ')}, of which not exactly one begins with the target version`;
    refuse(
      'pinfo',
      'missing',
      `write the package name, 8 hex characters that begin with the target version; the file name ${found}`,
    );
    return null;
  }
  if (!/^[0-9a-fA-F]{8}$/.test(given)) {
    refuse('pinfo', 'pinfo_wrong', `"${given}" is not a package name; it has 8 hex characters, for example 1110d100`);
    return null;
  }
  if (targetVersion !== '' && !(/^\d\d/.test(given) && Number(given.slice(0, 2)) === Number(targetVersion))) {
    refuse(
      'pinfo',
      'pinfo_version_mismatch',
      `the package name ${given} stands for version ${given.slice(0, 2)}, the target version is ${targetVersion}; correct whichever is wrong`,
    );
    return null;
  }
  return inName.find((name) => name.toLowerCase() === given.toLowerCase()) ?? given;
}

/** Runs of exactly eight hex characters in a file name. */
function packageNames(fileName: string): string[] {
  return fileName.replace(/\.bin$/i, '').match(/(?<![0-9a-fA-F])[0-9a-fA-F]{8}(?![0-9a-fA-F])/g) ?? [];
}
