/**
 * How firmware files look in answers, and what an upload consists of.
 */
import { Type } from 'typebox';
import { ProtocolName } from '../devices/device-views.ts';
import { SLICE_BYTES } from './firmware-protocols.ts';
import { closed, ComponentName, Moment, moment, nullable } from '../schemas.ts';
import type { FirmwareRow } from '../../db/upgrades/firmware.ts';
import { COMPONENTS } from '../../workflows/rules/versions.ts';

export const Firmware = closed(
  {
    id: Type.Integer(),
    protocol: ProtocolName,
    component: ComponentName,
    targetVersion: Type.String(),
    compatibleVersion: Type.String({ description: 'a device must have reported it' }),
    currentVersions: Type.Array(Type.String(), { description: 'a device must run one of them' }),
    model: nullable(Type.String({ description: 'only devices of this model; null: any' })),
    powerKw: nullable(Type.Integer({ description: 'only charging piles of this power; null: not for piles' })),
    fileName: Type.String(),
    sizeBytes: Type.Integer(),
    md5: Type.String(),
    sha256: Type.String(),
    pinfo: nullable(Type.String({ description: 'package name of a 2G terminal' })),
    packetSize: nullable(
      Type.Integer({ description: 'bytes of a packet, of a slice for PCP devices; null: the protocol has none' }),
    ),
    remark: Type.String(),
    overrideReason: nullable(Type.String({ description: 'why the version is not in the file name' })),
    uploadedBy: Type.String(),
    uploadedAt: Moment,
    links: closed({ self: Type.String(), content: Type.String(), checkInfo: Type.String() }),
  },
  { title: 'Firmware' },
);

export const UploadForm = closed(
  {
    file: Type.Unsafe<unknown>({
      type: 'string',
      contentMediaType: 'application/octet-stream',
      description: 'a .bin file under the name its maker gave it',
    }),
    protocol: ProtocolName,
    component: Type.Optional(
      Type.Enum(COMPONENTS, {
        type: 'string',
        description:
          'T1 OTA, T2 OBD, T3 baseband, T4 MCU, T5 GPS; may be left out but for trackers: other devices have T1 only',
      }),
    ),
    targetVersion: Type.String({
      description:
        'must occur in the file name; terminals: 10 to 99; pcp: at most 16 ASCII characters; pile: at most 8',
    }),
    compatibleVersion: Type.String(),
    currentVersions: Type.String({ description: 'one per line', examples: ['10\n09'] }),
    md5: Type.String({ description: 'the one that came with the file' }),
    model: Type.Optional(Type.String({ description: 'only for devices of this model; piles: DC or AC, required' })),
    powerKw: Type.Optional(
      Type.String({ pattern: '^\\d+$', description: 'piles only, required: rated power in kW, 1 to 65535' }),
    ),
    sliceSize: Type.Optional(
      Type.String({
        pattern: '^\\d+$',
        description: `PCP devices only: bytes of a slice, ${SLICE_BYTES.least} to ${SLICE_BYTES.most}; absent: ${SLICE_BYTES.usual}`,
      }),
    ),
    pinfo: Type.Optional(
      Type.String({ description: 'terminals only: 8 hex characters; absent: taken from the file name' }),
    ),
    remark: Type.Optional(Type.String()),
    overrideReason: Type.Optional(
      Type.String({
        description: 'why a file name without the version is right; needs the permission firmware:override',
      }),
    ),
  },
  { title: 'FirmwareUpload' },
);

export const CheckInfo = closed(
  {
    fileName: Type.String(),
    sizeBytes: Type.Integer(),
    md5: Type.String({ description: 'upper case, as it is sent to the device' }),
    sha256: Type.String(),
    packetSize: nullable(Type.Integer({ description: 'null: the protocol has no packets' })),
    packets: Type.Integer(),
    packetChecks: Type.Array(
      Type.String({ description: 'XOR of all bytes of the packet; only of files for 2G terminals, which check each' }),
    ),
  },
  { title: 'FirmwareCheckInfo' },
);

export function showFirmware({ departmentId: _department, uploadedAt, ...row }: FirmwareRow) {
  const self = `/api/v1/firmware/${row.id}`;
  return {
    ...row,
    packetSize: row.packetSize === 0 ? null : row.packetSize,
    uploadedAt: moment(uploadedAt),
    links: { self, content: `${self}/content`, checkInfo: `${self}/check-info` },
  };
}
