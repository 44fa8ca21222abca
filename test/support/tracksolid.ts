/** A Tracksolid of a test's own, and a client for it. */
import { TracksolidClient, type TracksolidOptions } from '../../gateways/tracksolid/client.ts';
import { DEFAULT_IMPORT_FIELDS_TEXT, readImportFields } from '../../gateways/tracksolid/import-fields.ts';
import { passwordMd5 } from '../../gateways/tracksolid/signing.ts';
import { TracksolidStandIn, type StandInOptions } from '../../gateways/tracksolid/stand-in.ts';

export const APP = { appKey: 'TESTKEY01', appSecret: 'TESTSECRET02', user: 'ams', passwordMd5: passwordMd5('secret') };
export const ACCOUNTS = ['cust01', 'cust02'];

/** The options of a client of a stand-in. */
export function clientOptions(url: string, changes: Partial<TracksolidOptions> = {}): TracksolidOptions {
  return {
    ...APP,
    url,
    timeoutMs: 5_000,
    callsPerSecond: 10_000,
    importMethod: 'x.ams.device.import',
    importFields: readImportFields(DEFAULT_IMPORT_FIELDS_TEXT),
    ...changes,
  };
}

export async function startStandIn(
  changes: Partial<StandInOptions> = {},
  ofClient: Partial<TracksolidOptions> = {},
): Promise<{ standIn: TracksolidStandIn; client: TracksolidClient; url: string }> {
  const standIn = new TracksolidStandIn({ ...APP, accounts: ACCOUNTS, ...changes });
  const url = await standIn.listen();
  return { standIn, url, client: new TracksolidClient(clientOptions(url, ofClient)) };
}

/** So many IMEIs, one after the other. */
export function imeis(count: number, first = 868_120_145_200_000): string[] {
  return Array.from({ length: count }, (_, index) => String(first + index));
}
