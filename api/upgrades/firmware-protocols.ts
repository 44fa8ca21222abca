/**
 * What each protocol asks of a firmware file, one entry per protocol: add an entry and files of another protocol can be
 * uploaded. What all of them ask is in `firmware-rules.ts`.
 */
import { isPower, MAX_POWER_KW, PILE_MODELS } from '../devices/device-protocols.ts';
import type { Protocol } from '../../db/schema.ts';
import { COMPONENTS, type Component } from '../../workflows/rules/versions.ts';

/** Notes a refusal: the field, a code and what to do. */
export type Refuse = (field: string, code: string, message: string) => void;

/** Fields that only some protocols have; for the others they must be left out. */
export const OWN_FIELDS = ['pinfo', 'sliceSize', 'powerKw'] as const;
export type OwnField = (typeof OWN_FIELDS)[number];

/** What a protocol's own rules look at; what was not given is empty. */
export interface Asked {
  pinfo: string;
  sliceSize: string;
  model: string;
  powerKw: string;
  targetVersion: string;
  compatibleVersion: string;
  currentVersions: readonly string[];
  /** Empty: there is no file. */
  fileName: string;
  sizeBytes: number;
}

/** What is stored of it. */
export interface Own {
  /** Null: the protocol has none. */
  pinfo: string | null;
  /** 0: the protocol has no packets. */
  packetSize: number;
  /** Null: any. */
  model: string | null;
  /** Null: not for piles. */
  powerKw: number | null;
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
  /** Of the fields that not every protocol has, these it has. */
  has: readonly OwnField[];
  /** Asks what only this protocol asks; what it returns is stored, unless something was refused. */
  judge: (asked: Asked, refuse: Refuse) => Own;
}

/** The packet size of the 2G protocol. */
const TERMINAL_PACKET_BYTES = 1_024;
/**
 * The largest file for anything but a terminal. It is kept in the database as one value and in a gateway's memory as a
 * whole, and at the speed of a mobile network more than this does not arrive within the limits of a task.
 */
const MAX_BYTES = 16 * 1024 * 1024;

/** They are counted by 16 bits. */
const PCP_MAX_SLICES = 65_535;
/** PROTOCOLS 1.4: bytes of a slice. */
export const SLICE_BYTES = { least: 32, most: 500, usual: 500 } as const;
/** Characters of a version in a frame (PROTOCOLS 1.4, 4.2). */
const PCP_VERSION_LENGTH = 16;
const PILE_VERSION_LENGTH = 8;

/** Every protocol's rules. */
export const FIRMWARE_RULES: Readonly<Record<Protocol, ProtocolRules>> = {
  terminal: {
    components: ['T1'],
    componentsAre: 'a terminal has one component, T1',
    // PROTOCOLS 3.4, code 745
    minBytes: 10_240,
    maxBytes: 102_400,
    taker: 'a terminal',
    has: ['pinfo'],
    judge: ({ pinfo, targetVersion, fileName, model }, refuse) => {
      if (targetVersion !== '' && !/^[1-9]\d$/.test(targetVersion)) {
        refuse(
          'targetVersion',
          'target_version_wrong',
          `"${targetVersion}" cannot be expressed in a terminal's package name; write it as the terminal reports it, 10 to 99`,
        );
      }
      return {
        pinfo: readPinfo(pinfo, fileName, targetVersion, refuse),
        packetSize: TERMINAL_PACKET_BYTES,
        model: model || null,
        powerKw: null,
      };
    },
  },
  ams: {
    components: COMPONENTS,
    componentsAre: 'a tracker has T1 OTA, T2 OBD, T3 baseband, T4 MCU and T5 GPS',
    minBytes: 1,
    maxBytes: MAX_BYTES,
    taker: 'a tracker',
    has: [],
    judge: ({ model }) => ({ pinfo: null, packetSize: 0, model: model || null, powerKw: null }),
  },
  pcp: {
    components: ['T1'],
    componentsAre: 'a PCP device has one component, T1',
    minBytes: 1,
    maxBytes: MAX_BYTES,
    taker: 'a PCP device',
    has: ['sliceSize'],
    judge: (asked, refuse) => {
      checkVersions(asked, PCP_VERSION_LENGTH, 'a PCP device', refuse);
      const packetSize = readSliceSize(asked, refuse);
      return { pinfo: null, packetSize, model: asked.model || null, powerKw: null };
    },
  },
  pile: {
    components: ['T1'],
    componentsAre: 'a charging pile has one component, T1',
    minBytes: 1,
    maxBytes: MAX_BYTES,
    taker: 'a charging pile',
    has: ['powerKw'],
    judge: (asked, refuse) => {
      checkVersions(asked, PILE_VERSION_LENGTH, 'a charging pile', refuse);
      const model = PILE_MODELS.find((known) => known === asked.model.toUpperCase()) ?? null;
      if (model === null) {
        const is = asked.model === '' ? 'it is missing' : `"${asked.model}" is none`;
        refuse('model', 'model_wrong', `${is}: write the kind of pile the file is for, DC or AC`);
      }
      const powerKw = /^\d{1,6}$/.test(asked.powerKw) ? Number(asked.powerKw) : 0;
      if (!isPower(powerKw)) {
        const is = asked.powerKw === '' ? 'it is missing' : `"${asked.powerKw}" is none`;
        refuse(
          'powerKw',
          'power_wrong',
          `${is}: write the rated power of the piles the file is for, in whole kW, 1 to ${MAX_POWER_KW}`,
        );
      }
      return { pinfo: null, packetSize: 0, model, powerKw };
    },
  },
};

/** Why a field is refused of a protocol that does not have it. */
export const OWN_FIELD_IS: Readonly<Record<OwnField, string>> = {
  pinfo: 'package names are for 2G terminals',
  sliceSize: 'only files for PCP devices are cut into slices of a chosen size',
  powerKw: 'only files for charging piles are for one power',
};

/** A version that does not fit into the frame can neither be offered nor ever be reported. */
function checkVersions(
  { targetVersion, compatibleVersion, currentVersions }: Asked,
  most: number,
  taker: string,
  refuse: Refuse,
): void {
  const form = `${taker} tells its version in at most ${most} ASCII characters`;
  if (targetVersion !== '' && !(targetVersion.length <= most && /^[\x21-\x7e]+$/.test(targetVersion))) {
    refuse(
      'targetVersion',
      'target_version_wrong',
      `"${targetVersion}" cannot be told to the device: ${form} without blanks`,
    );
  }
  const unreported = (version: string) => version.length > most || !/^[\x20-\x7e]*$/.test(version);
  if (unreported(compatibleVersion)) {
    refuse('compatibleVersion', 'version_never_reported', `"${compatibleVersion}" is never reported: ${form}`);
  }
  for (const version of currentVersions.filter(unreported)) {
    refuse('currentVersions', 'version_never_reported', `"${version}" is never reported: ${form}`);
  }
}

function readSliceSize({ sliceSize: given, sizeBytes }: Asked, refuse: Refuse): number {
  const { least, most, usual } = SLICE_BYTES;
  const sliceSize = given === '' ? usual : /^\d{1,4}$/.test(given) ? Number(given) : 0;
  if (sliceSize < least || sliceSize > most) {
    refuse('sliceSize', 'slice_size_wrong', `"${given}" is impossible: a slice has ${least} to ${most} bytes`);
    return usual;
  }
  const slices = Math.ceil(sizeBytes / sliceSize);
  if (slices > PCP_MAX_SLICES && sizeBytes <= MAX_BYTES) {
    refuse(
      'sliceSize',
      'too_many_slices',
      `the file would have ${slices} slices of ${sliceSize} bytes, and they are counted up to ${PCP_MAX_SLICES}: choose slices of at least ${Math.ceil(sizeBytes / PCP_MAX_SLICES)} bytes`,
    );
  }
  return sliceSize;
}

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
