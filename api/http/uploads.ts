/**
 * Reads a multipart body with one file: fields as text, the file hashed while it arrives and kept only as far as any
 * rule could accept it, so that a file of any size costs little memory.
 */
import { createHash } from 'node:crypto';
import busboy from 'busboy';
import type { Request } from 'express';
import { problem } from '../problems.ts';

/** What arrived. */
export interface Upload {
  fields: ReadonlyMap<string, string>;
  /** Null: there was no file. */
  file: UploadedFile | null;
  /** Files beyond the first. */
  extraFiles: number;
}

export interface UploadedFile {
  name: string;
  sizeBytes: number;
  /** Lower-case hex. */
  md5: string;
  sha256: string;
  /** Null when the file is larger than what was to be kept. */
  bytes: Buffer | null;
}

export interface UploadLimits {
  /** Larger files are hashed and counted, but not kept. Asked when the file begins, with the fields before it. */
  keepBytes: (fields: ReadonlyMap<string, string>) => number;
  /** At this size reading stops. */
  maxBytes: number;
}

/**
 * Reads the body.
 *
 * @throws Problem `body_too_large`, `body_unreadable`, `media_type_not_supported`
 */
export async function readUpload(request: Request, limits: UploadLimits): Promise<Upload> {
  const fields = new Map<string, string>();
  const files: Promise<UploadedFile>[] = [];
  await new Promise<void>((resolve, reject) => {
    const fail = (error: Error) => {
      request.unpipe(parser);
      request.resume();
      reject(error);
    };
    const unreadable = (cause: unknown) =>
      fail(
        problem(
          'body_unreadable',
          `The form cannot be read: ${(cause as Error).message}. Send it as multipart/form-data.`,
          { cause },
        ),
      );
    const parser = newParser(request, limits);
    // a part may have no name, whatever the types say
    parser.on('field', (given: string | undefined, value, { valueTruncated }) => {
      const name = given ?? '';
      if (valueTruncated) return fail(problem('body_too_large', `The field ${name} is too long. Shorten it.`));
      // a field sent several times, as some clients send lists, counts as one with several lines
      const before = fields.get(name);
      fields.set(name, before === undefined ? value : `${before}\n${value}`);
    });
    parser.on('file', (_name, stream, { filename }) => {
      stream.on('limit', () =>
        fail(
          problem(
            'body_too_large',
            `The file is larger than ${limits.maxBytes} bytes, more than any device takes. Check that it is the right file.`,
          ),
        ),
      );
      const file = readFile(filename ?? '', stream, limits.keepBytes(fields));
      file.catch(unreadable);
      files.push(file);
    });
    parser.on('fieldsLimit', () => fail(problem('body_unreadable', 'The form has too many fields.')));
    parser.on('error', unreadable);
    parser.on('close', resolve);
    request.on('error', unreadable);
    request.pipe(parser);
  });
  const [file, ...more] = await Promise.all(files);
  return { fields, file: file ?? null, extraFiles: more.length };
}

/** What makes two uploads the same: every field, and the bytes. */
export function fingerprintOf({ fields, file, extraFiles }: Upload): unknown {
  return { fields: Object.fromEntries(fields), name: file?.name, sha256: file?.sha256, extraFiles };
}

function newParser(request: Request, { maxBytes }: UploadLimits) {
  try {
    // busboy calls a file too long that is exactly as long as its limit.
    return busboy({
      headers: request.headers,
      defParamCharset: 'utf8',
      limits: { fields: 30, fieldSize: 64 * 1024, fieldNameSize: 100, files: 4, fileSize: maxBytes + 1, parts: 40 },
    });
  } catch (cause) {
    throw problem(
      'media_type_not_supported',
      'The body must be multipart/form-data with a boundary; let your client build it.',
      { cause },
    );
  }
}

async function readFile(name: string, stream: AsyncIterable<Buffer>, keepBytes: number): Promise<UploadedFile> {
  const md5 = createHash('md5');
  const sha256 = createHash('sha256');
  const kept: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of stream) {
    md5.update(chunk);
    sha256.update(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes <= keepBytes) kept.push(chunk);
  }
  const bytes = sizeBytes <= keepBytes ? Buffer.concat(kept) : null;
  return { name, sizeBytes, md5: md5.digest('hex'), sha256: sha256.digest('hex'), bytes };
}
