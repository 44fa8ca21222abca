/** Every parser that reads what others write. */
import type { Parser } from '../fuzz/parser.ts';
import { ranges, versions } from './ams.ts';
import { decoder } from './decoder.ts';
import { devicesCsv, mesCsv, multipart } from './files.ts';
import { answers, requests } from './mom.ts';
import { payloads } from './payloads.ts';
import { coap, modem, pcp } from './pcp.ts';
import { ftp, pile } from './pile.ts';
import { importFields, targets, tracksolid } from './platforms.ts';
import { terminal } from './terminal.ts';

export const PARSERS: readonly Parser[] = [
  terminal,
  pcp,
  modem,
  coap,
  pile,
  ftp,
  versions,
  ranges,
  requests,
  answers,
  devicesCsv,
  mesCsv,
  multipart,
  decoder,
  tracksolid,
  importFields,
  targets,
  payloads,
];
