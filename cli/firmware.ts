/**
 * Firmware files: listing and uploading.
 */
import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { runs, several } from './context.ts';
import { Failure } from './failures.ts';
import { asList, printList, type ListOptions } from './lists.ts';
import { bytes, time } from './output.ts';
import type { Firmware } from './shapes.ts';

interface FirmwareFilter extends ListOptions {
  protocol?: string;
  component?: string;
  target?: string;
  model?: string;
}

interface UploadOptions {
  protocol: string;
  component?: string;
  target: string;
  compatible: string;
  current: string[];
  md5?: string;
  md5FromFile?: string;
  model?: string;
  power?: string;
  sliceSize?: string;
  pinfo?: string;
  remark?: string;
  overrideReason?: string;
  set?: string[];
}

export function addFirmwareCommands(program: Command): void {
  const firmware = program.command('firmware').description('firmware files');

  asList(firmware.command('list'))
    .description('list firmware files')
    .option('--protocol <name>', 'for devices of this protocol')
    .option('--component <name>', 'T1 to T5')
    .option('--target <version>', 'that lead to this version')
    .option('--model <name>', 'for this model')
    .action(
      runs((context, { protocol, component, target, model, ...page }: FirmwareFilter) =>
        printList<Firmware>(context, '/firmware', { protocol, component, targetVersion: target, model }, page, {
          columns: [
            { title: 'id', value: ({ id }) => id, align: 'right' },
            { title: 'for', value: (file) => `${file.protocol} ${file.component}` },
            { title: 'model', value: modelText, gives: true },
            { title: 'from', value: ({ currentVersions }) => currentVersions.join(', '), gives: true },
            { title: 'to', value: ({ targetVersion }) => targetVersion, gives: true },
            { title: 'file', value: ({ fileName }) => fileName, gives: true },
            { title: 'size', value: ({ sizeBytes }) => bytes(sizeBytes), align: 'right' },
            { title: 'uploaded', value: ({ uploadedAt }) => time(uploadedAt) },
            { title: 'by', value: ({ uploadedBy }) => uploadedBy, gives: true },
          ],
          id: ({ id }) => id,
          empty: 'There is no such file. Upload one with "slipway firmware upload".',
        }),
      ),
    );

  firmware
    .command('upload')
    .description('upload a firmware file')
    .argument('<file>', 'the .bin file, under the name its maker gave it')
    .requiredOption('--protocol <name>', 'protocol of the devices: terminal, ams, pcp or pile')
    .option('--component <name>', 'T1 to T5, for trackers; other devices have T1 only')
    .requiredOption('--target <version>', 'version a device has after it')
    .requiredOption('--compatible <version>', 'version a device must have reported')
    .requiredOption('--current <versions>', 'versions it may replace; several with commas or by repeating', several)
    .option('--md5 <md5>', 'the MD5 that came with the file')
    .option('--md5-from-file <file>', 'the same, from a .md5 file as md5sum writes it')
    .option('--model <name>', 'only for devices of this model; of piles DC or AC')
    .option('--power <kW>', 'rated power of the charging piles it is for')
    .option('--slice-size <bytes>', 'of a file for PCP devices: 32 to 500; 500 unless given')
    .option('--pinfo <name>', 'package name of a 2G terminal; taken from the file name unless given')
    .option('--remark <text>', 'for those who read the list')
    .option('--override-reason <text>', 'why a file name without the version is right')
    .option('--set <name=value>', 'a further field of the upload, see /docs; may be repeated', several)
    .addHelpText(
      'after',
      `
The MD5 is never computed from the file that is uploaded: then it could not tell that this is the wrong file,
or half of the right one. It comes from whoever made the file.`,
    )
    .action(
      runs(async ({ out, api }, path: string, options: UploadOptions) => {
        const md5 = expectedMd5(path, options);
        const form = new FormData();
        const fields = {
          protocol: options.protocol,
          component: options.component,
          targetVersion: options.target,
          compatibleVersion: options.compatible,
          currentVersions: options.current.join('\n'),
          md5,
          model: options.model,
          powerKw: options.power,
          sliceSize: options.sliceSize,
          pinfo: options.pinfo,
          remark: options.remark,
          overrideReason: options.overrideReason,
        };
        for (const [name, value] of Object.entries(fields)) if (value !== undefined) form.set(name, value);
        for (const each of options.set ?? []) {
          const [name, value] = splitOnce(each);
          form.set(name, value);
        }
        form.set('file', readFile(path), basename(path));
        const made = await api.send<Firmware>('POST', '/firmware', form);
        if (out.isJson) return out.document(made);
        out.say(
          `Firmware ${made.id}: ${made.fileName}, ${bytes(made.sizeBytes)}, takes ${made.component} from ${made.currentVersions.join(' or ')} to ${made.targetVersion}.`,
        );
        out.essence(made.id);
      }),
    );
}

function modelText({ model, powerKw }: Firmware): string {
  return `${model ?? 'any'}${powerKw === null ? '' : ` ${powerKw} kW`}`;
}

function expectedMd5(path: string, { md5, md5FromFile }: UploadOptions): string {
  if (md5 !== undefined && md5FromFile !== undefined) throw new Failure('Give either --md5 or --md5-from-file.');
  if (md5 !== undefined) return md5;
  if (md5FromFile === undefined) {
    throw new Failure(
      'Give the MD5 that came with the file: --md5 <md5>, or --md5-from-file <file.md5>. ' +
        'It is not computed here, because it is there to notice that this is the wrong file.',
    );
  }
  return md5Of(readText(md5FromFile), basename(path), md5FromFile);
}

/** The MD5 in a .md5 file: alone, or on the line of this file. */
function md5Of(text: string, fileName: string, source: string): string {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const found = lines.map((line) => /^\s*([0-9a-f]{32})(?:\s+\*?(.+?))?\s*$/i.exec(line));
  const own = found.find((match) => match?.[2] !== undefined && basename(match[2]) === fileName);
  if (own?.[1] !== undefined) return own[1];
  const [only] = found;
  if (lines.length === 1 && only?.[1] !== undefined && only[2] === undefined) return only[1];
  throw new Failure(`${source} holds no MD5 for ${fileName}. Is it the one that belongs to this file?`);
}

function readFile(path: string): Blob {
  try {
    if (!statSync(path).isFile()) throw new Failure(`${path} is not a file.`);
    return new Blob([readFileSync(path)]);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(`${path} cannot be read: ${(error as Error).message}.`);
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Failure(`${path} cannot be read: ${(error as Error).message}.`);
  }
}

function splitOnce(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new Failure(`"${text}" is not name=value.`);
  return [text.slice(0, at), text.slice(at + 1)];
}
