/**
 * Whatever equipment sends, with everything behind the server real but Temporal: an answer in the envelope, never a 5xx.
 * The seed is fixed, so that what failed once fails again; SLIPWAY_FUZZ asks for more inputs.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MomInbound } from '../../api/factory/mom-inbound.ts';
import { createEquipment } from '../../db/factory/equipment.ts';
import { connectDatabase, migrate, type Database } from '../../db/index.ts';
import { createDepartment } from '../../db/people.ts';
import { KEY_FLAGS, MOM_NAMES, type MomName } from '../../gateways/mom/contract.ts';
import { writeRequest } from '../../gateways/mom/envelope.ts';
import { QUIRK_NAMES, QUIRKS, type Quirk, type QuirkName } from '../../gateways/mom/quirks.ts';
import { MomGateway } from '../../gateways/mom/server.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { FakeLog } from '../support/fake-host.ts';
import { REQUESTS } from '../support/mom-requests.ts';

const SEED = 20_250_301;
const RUNS = Number(process.env.SLIPWAY_FUZZ ?? 400);
const CODE = 'EQ00001';

let testDatabase: TestDatabase;
let database: Database;
let host: MomInbound;
let gateway: MomGateway;
let log: FakeLog;

beforeAll(async () => {
  testDatabase = await createTestDatabase(migrate);
  database = connectDatabase(testDatabase.url, { poolSize: 6 });
  const departmentId = (await createDepartment(database.db, 'factory'))!.id;
  const fields = { name: '', model: '', location: '', periodS: 30, remark: '' };
  const more = { allowedAddresses: [], isHoldListed: false, isActive: true, createdBy: 'test' };
  await createEquipment(database.db, { ...fields, ...more, code: CODE, departmentId });
  log = new FakeLog();
  host = new MomInbound({
    database,
    executions: { wakeEquipment: async () => {} },
    log,
    settings: { token: null, allowedAddresses: [], keyFlags: KEY_FLAGS, isPasswordNeeded: false, skewLimitMs: 60_000 },
  });
  await host.start();
  // A slow machine is not what is looked for.
  gateway = new MomGateway({ host, log, handleTimeoutMs: 120_000 });
}, 60_000);
afterAll(async () => {
  await host?.stop();
  await database?.close();
  await testDatabase?.drop();
});

interface Answer {
  ResultFlag: unknown;
  Success: unknown;
  MOMMessage: unknown;
}
async function send(name: string, body: string): Promise<{ status: number; answer: Answer }> {
  const request = { method: 'POST', headers: {}, address: '10.0.0.7', origin: 'http://mom', params: { name }, body };
  const reply = await gateway.routes[0]!.handle(request as never);
  if (!('body' in reply)) throw new Error('bytes are no answer');
  return { status: reply.status, answer: reply.body as Answer };
}

let sessions = 0;
/** A good body with a SessionId of its own: a repetition would tell nothing. */
const clean = (name: MomName) => writeRequest(name, { ...REQUESTS[name], sessionId: `F${(sessions += 1)}` } as never);
const fits = (quirk: Quirk, name: MomName) => quirk.only?.test(name) !== false;
const bendAll = (name: MomName, quirks: readonly QuirkName[]) =>
  quirks.reduce((text, quirk) => (fits(QUIRKS[quirk], name) ? QUIRKS[quirk].bend(text) : text), clean(name));

const anyName = fc.constantFrom(...MOM_NAMES);
const readable = QUIRK_NAMES.filter((name) => QUIRKS[name].isReadable);

describe('equipment', () => {
  it('is understood, however many of the document’s quirks come together', async () => {
    await fc.assert(
      fc.asyncProperty(anyName, fc.shuffledSubarray(readable, { minLength: 2 }), async (name, quirks) => {
        const { status, answer } = await send(name, bendAll(name, quirks));
        expect([status, answer.ResultFlag, answer.MOMMessage]).toEqual([200, true, expect.any(String)]);
      }),
      { seed: SEED, numRuns: RUNS },
    );
  }, 600_000);

  it('gets an answer in the envelope and never a 5xx, whatever it sends', async () => {
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(12), fc.string({ unit: 'binary', maxLength: 5 })), {
      maxLength: 8,
    });
    const bent = fc
      .tuple(anyName, fc.shuffledSubarray(QUIRK_NAMES), edits)
      .map(([name, quirks, edits]): [string, string] => {
        let text = bendAll(name, quirks);
        for (const [at, length, insert] of edits) {
          const place = at % (text.length + 1);
          text = text.slice(0, place) + insert + text.slice(place + length);
        }
        return [name, text];
      });
    // Well-formed, from the right equipment, with any value where another belongs.
    const values = fc
      .tuple(anyName, fc.nat(), fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.string({ unit: 'binary' })))
      .map(([name, at, value]): [string, string] => {
        const members = JSON.parse(clean(name)) as Record<string, unknown>;
        const keys = Object.keys(members).filter((key) => key !== 'EquipmentCode');
        return [name, JSON.stringify({ ...members, [keys[at % keys.length]!]: value })];
      });
    const rubbish = fc.tuple(fc.string({ unit: 'binary', maxLength: 200 }), fc.string({ unit: 'binary' }));
    await fc.assert(
      fc.asyncProperty(fc.oneof(bent, values, rubbish), async ([name, body]) => {
        const { status, answer } = await send(name, body);
        expect(status).toBe(200);
        expect(answer).toMatchObject({ ResultFlag: expect.any(Boolean), Success: expect.any(Boolean) });
      }),
      { seed: SEED, numRuns: RUNS * 3 },
    );
    // What was collected can be written, too.
    await host.flush();
    expect([host.backlog, host.records.waiting, host.records.dropped]).toEqual([0, 0, 0]);
    expect([gateway.counters.unavailable, log.of('warn')]).toEqual([0, []]);
  }, 600_000);
});
