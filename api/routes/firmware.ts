/**
 * Firmware: upload with every rule, lists, download with the hash checked again.
 */
import { Type } from 'typebox';
import { audit } from '../audit.ts';
import { MAX_POWER_KW } from '../devices/device-protocols.ts';
import { ProtocolName } from '../devices/device-views.ts';
import { FIRMWARE_RULES } from '../upgrades/firmware-protocols.ts';
import { judgeUpload } from '../upgrades/firmware-rules.ts';
import { CheckInfo, Firmware, showFirmware, UploadForm } from '../upgrades/firmware-views.ts';
import { notFound, problem } from '../problems.ts';
import { Answer, FileAnswer, FileBytes, route } from '../route.ts';
import { AfterId, closed, ComponentName, Id, Limit, page, pageOf, text } from '../schemas.ts';
import { fingerprintOf, readUpload, type Upload } from '../http/uploads.ts';
import * as files from '../../db/upgrades/firmware.ts';
import { PROTOCOLS, type Protocol } from '../../db/schema.ts';

/** No protocol takes more; reading stops there. */
const MAX_UPLOAD_BYTES = Math.max(...Object.values(FIRMWARE_RULES).map(({ maxBytes }) => maxBytes));

const Params = closed({ firmwareId: Id });

export const firmwareRoutes = [
  route({
    method: 'post',
    path: '/api/v1/firmware',
    id: 'uploadFirmware',
    tag: 'firmware',
    summary: 'Upload a firmware file',
    description:
      'Every rule that the upload breaks is told at once; a refused upload leaves nothing behind. A terminal takes 10 240 to 102 400 bytes, any other device up to 16 MiB, a PCP device in 65 535 slices at most.',
    permission: 'firmware:write',
    consumes: 'multipart/form-data',
    body: Type.Unsafe<Upload>(UploadForm),
    reader: {
      read: (request) => readUpload(request, { keepBytes: keptBytes, maxBytes: MAX_UPLOAD_BYTES }),
      fingerprint: fingerprintOf,
    },
    idempotent: true,
    atomic: true,
    status: 201,
    response: Firmware,
    problems: ['firmware_refused', 'firmware_exists'],
    handle: async (input, { db }) => {
      const { fields, file, extraFiles } = input.body;
      const { caller } = input;
      const protocol = readProtocol(fields);
      const mayOverride = caller.permissions.has('firmware:override');
      const judged = judgeUpload(protocol, { fields, file, extraFiles, mayOverride });
      if ('refusals' in judged) {
        const { refusals } = judged;
        const detail = `The file is refused for ${refusals.length === 1 ? 'one reason' : `${refusals.length} reasons`}: ${refusals.map(({ message }) => message).join('; ')}.`;
        throw problem('firmware_refused', detail, { errors: refusals });
      }
      const entry = { ...judged.accepted, departmentId: caller.departmentId, uploadedBy: caller.name };
      const stored = await files.insertFirmware(db, entry, file!.bytes!);
      if ('existing' in stored) {
        throw problem(
          'firmware_exists',
          `This very file was uploaded before as firmware ${stored.existing}. Use that one.`,
          {
            members: { firmwareId: stored.existing, link: `/api/v1/firmware/${stored.existing}` },
          },
        );
      }
      const body = showFirmware(stored.created);
      await audit(db, input, { kind: 'firmware', id: body.id, after: stored.created });
      return new Answer(body, { headers: { Location: body.links.self } });
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/firmware',
    id: 'listFirmware',
    tag: 'firmware',
    summary: 'List firmware files',
    permission: 'device:read',
    query: closed({
      protocol: Type.Optional(ProtocolName),
      component: Type.Optional(ComponentName),
      targetVersion: Type.Optional(text(100)),
      model: Type.Optional(text(100)),
      powerKw: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_POWER_KW, description: 'for charging piles' })),
      limit: Limit,
      after: AfterId,
    }),
    status: 200,
    response: page(Firmware, 'FirmwarePage'),
    handle: async ({ query: { limit = 100, after = 0, ...filter }, caller }, { db }) =>
      pageOf(
        await files.listFirmware(db, caller.departmentId, filter, { after, limit: limit + 1 }),
        limit,
        showFirmware,
        ({ id }) => id,
      ),
  }),
  route({
    method: 'get',
    path: '/api/v1/firmware/{firmwareId}',
    id: 'getFirmware',
    tag: 'firmware',
    summary: 'One firmware file',
    permission: 'device:read',
    params: Params,
    status: 200,
    response: Firmware,
    handle: async ({ params, caller }, { db }) =>
      showFirmware(await findOwn(db, caller.departmentId, params.firmwareId)),
  }),
  route({
    method: 'get',
    path: '/api/v1/firmware/{firmwareId}/content',
    id: 'downloadFirmware',
    tag: 'firmware',
    summary: 'Download a firmware file',
    description: 'The bytes are compared with their SHA-256 before they leave.',
    permission: 'device:read',
    params: Params,
    produces: 'application/octet-stream',
    status: 200,
    response: FileBytes,
    problems: ['firmware_damaged'],
    handle: async ({ params, caller }, { db }) => {
      const row = await findOwn(db, caller.departmentId, params.firmwareId);
      return new FileAnswer(await readContent(db, row), row.fileName, { ETag: `"${row.sha256}"` });
    },
  }),
  route({
    method: 'get',
    path: '/api/v1/firmware/{firmwareId}/check-info',
    id: 'getFirmwareCheckInfo',
    tag: 'firmware',
    summary: 'What a file is checked by: sizes and hashes',
    permission: 'device:read',
    params: Params,
    status: 200,
    response: CheckInfo,
    problems: ['firmware_damaged'],
    handle: async ({ params, caller }, { db }) => {
      const row = await findOwn(db, caller.departmentId, params.firmwareId);
      const content = await readContent(db, row);
      const packetChecks = row.protocol === 'terminal' ? xorOfPackets(content, row.packetSize) : [];
      const { fileName, sizeBytes, sha256, packetSize } = row;
      return {
        fileName,
        sizeBytes,
        md5: row.md5.toUpperCase(),
        sha256,
        packetSize: packetSize === 0 ? null : packetSize,
        packets: packetSize === 0 ? 0 : Math.ceil(sizeBytes / packetSize),
        packetChecks,
      };
    },
  }),
  route({
    method: 'delete',
    path: '/api/v1/firmware/{firmwareId}',
    id: 'deleteFirmware',
    tag: 'firmware',
    summary: 'Delete a firmware file that no task uses',
    permission: 'firmware:write',
    params: Params,
    status: 204,
    response: Type.Null(),
    problems: ['firmware_in_use'],
    atomic: true,
    handle: async (input, { db }) => {
      const { firmwareId } = input.params;
      const outcome = await files.deleteFirmware(db, input.caller.departmentId, firmwareId);
      if (outcome === 'missing') throw notFound('firmware', firmwareId);
      if (outcome === 'in_use')
        throw problem('firmware_in_use', `Firmware ${firmwareId} belongs to a task, and its history stays. Leave it.`);
      await audit(db, input, { kind: 'firmware', id: firmwareId, before: outcome });
      return null;
    },
  }),
];

function protocolIn(fields: ReadonlyMap<string, string>): Protocol | undefined {
  const name = fields.get('protocol')?.trim();
  return PROTOCOLS.find((protocol) => protocol === name);
}

/** As much of a file as could be accepted; as much as any protocol takes when the form names it only behind the file. */
function keptBytes(fields: ReadonlyMap<string, string>): number {
  const protocol = protocolIn(fields);
  return protocol === undefined ? MAX_UPLOAD_BYTES : FIRMWARE_RULES[protocol].maxBytes;
}

function readProtocol(fields: ReadonlyMap<string, string>): Protocol {
  const protocol = protocolIn(fields);
  if (protocol !== undefined) return protocol;
  const name = fields.get('protocol')?.trim() ?? '';
  throw problem(
    'firmware_refused',
    `The protocol ${name === '' ? 'is missing' : `"${name.slice(0, 50)}" is unknown`}; write one of ${PROTOCOLS.join(', ')}.`,
    {
      errors: [{ path: 'body.protocol', code: 'protocol_unknown', message: `must be one of ${PROTOCOLS.join(', ')}` }],
    },
  );
}

async function findOwn(db: Parameters<typeof files.findFirmware>[0], departmentId: number, firmwareId: number) {
  const row = await files.findFirmware(db, departmentId, firmwareId);
  if (row === null) throw notFound('firmware', firmwareId);
  return row;
}

async function readContent(
  db: Parameters<typeof files.findFirmware>[0],
  { id, sha256 }: files.FirmwareRow,
): Promise<Buffer> {
  try {
    return await files.readFirmwareContent(db, sha256);
  } catch (cause) {
    if (!(cause instanceof files.FirmwareDamaged)) throw cause;
    throw problem(
      'firmware_damaged',
      `The stored bytes of firmware ${id} do not have their SHA-256 any more. Upload the file again and tell whoever runs this service.`,
      { cause },
    );
  }
}

function xorOfPackets(content: Buffer, packetSize: number): string[] {
  const checks: string[] = [];
  for (let from = 0; from < content.length; from += packetSize) {
    const check = content.subarray(from, from + packetSize).reduce((xor, byte) => xor ^ byte, 0);
    checks.push(check.toString(16).padStart(2, '0').toUpperCase());
  }
  return checks;
}
