/**
 * Deciphers payloads for Temporal's Web UI, by Temporal's own protocol for codec servers: `POST /codec/decode`. The UI
 * asks from the browser of whoever looks, so that person's rights count: a key, or the session of the console, with the
 * permission `admin`, because Temporal knows no departments.
 *
 * In the Web UI: the glasses in the upper right corner → this server's address with /codec → "include credentials".
 */
import type { Payload, PayloadCodec } from '@temporalio/common';
import express, { Router, type Request, type RequestHandler } from 'express';
import { demand, type Authentication } from './auth.ts';
import { problem } from './problems.ts';
import { setRouteId } from './http/requests.ts';

export interface PayloadCodecOptions {
  codec: PayloadCodec;
  /** Where the Web UI is: the only origin whose pages may ask. Undefined: programs only. */
  uiUrl: string | undefined;
}

/** A payload in JSON: bytes are base64. */
interface PayloadText {
  metadata?: Record<string, string>;
  data?: string;
}

const BODY_LIMIT = 8 * 1024 * 1024;
/** More than one page of events has. */
const MOST_PAYLOADS = 10_000;

/** The routes below `/codec`. */
export function payloadCodec({ codec, uiUrl }: PayloadCodecOptions, people: Authentication): Router {
  // With a Temporal of one's own and no TEMPORAL_UI_URL it is not known: then programs may ask, and no page.
  const uiOrigin = uiUrl === undefined || uiUrl === '' ? undefined : new URL(uiUrl).origin;
  return Router()
    .use('/codec', crossOrigin(uiOrigin))
    .post('/codec/decode', express.json({ limit: BODY_LIMIT, inflate: false }), async (request, response) => {
      setRouteId(response, 'decodePayloads');
      const caller = await people.admit(request, response, { isTrustedPage: isFrom(request, uiOrigin) });
      demand(caller, 'admin', 'To decipher what Temporal stores');
      const payloads = readPayloads(request.body).map(fromText);
      let plain: Payload[];
      try {
        plain = await codec.decode(payloads);
      } catch (error) {
        throw problem('payload_unreadable', error instanceof Error ? error.message : String(error));
      }
      response.setHeader('Cache-Control', 'no-store').json({ payloads: plain.map(toText) });
    });
}

/** Lets the pages of the Web UI, and no others, read the answers. */
function crossOrigin(uiOrigin: string | undefined): RequestHandler {
  return (request, response, next) => {
    response.vary('Origin');
    if (isFrom(request, uiOrigin)) {
      response.setHeader('Access-Control-Allow-Origin', request.headers.origin!);
      response.setHeader('Access-Control-Allow-Credentials', 'true');
      response.setHeader('Cross-Origin-Resource-Policy', 'cross-origin');
    }
    if (request.method !== 'OPTIONS') return next();
    response.setHeader('Access-Control-Allow-Methods', 'POST');
    response.setHeader('Access-Control-Allow-Headers', 'authorization, content-type, x-namespace');
    response.setHeader('Access-Control-Max-Age', '600');
    response.status(204).end();
  };
}

function isFrom(request: Request, origin: string | undefined): boolean {
  return origin !== undefined && request.headers.origin === origin;
}

function readPayloads(body: unknown): PayloadText[] {
  const payloads = (body as { payloads?: unknown } | undefined)?.payloads;
  const isList = Array.isArray(payloads) && payloads.length <= MOST_PAYLOADS && payloads.every(isPayloadText);
  if (isList) return payloads;
  throw problem(
    'validation_failed',
    `The body must be {"payloads": […]} with at most ${MOST_PAYLOADS} payloads of base64 texts, as Temporal's Web UI sends it.`,
  );
}

function isPayloadText(value: unknown): value is PayloadText {
  if (typeof value !== 'object' || value === null) return false;
  const { metadata = {}, data = '' } = value as { metadata?: unknown; data?: unknown };
  if (typeof data !== 'string' || typeof metadata !== 'object' || metadata === null) return false;
  return Object.values(metadata).every((each) => typeof each === 'string');
}

function fromText({ metadata = {}, data = '' }: PayloadText): Payload {
  const entries = Object.entries(metadata).map(([name, text]) => [name, Buffer.from(text, 'base64')] as const);
  return { metadata: Object.fromEntries(entries), data: Buffer.from(data, 'base64') };
}

function toText({ metadata, data }: Payload): PayloadText {
  const entries = Object.entries(metadata ?? {}).map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]);
  return {
    metadata: Object.fromEntries(entries) as Record<string, string>,
    data: Buffer.from(data ?? []).toString('base64'),
  };
}
