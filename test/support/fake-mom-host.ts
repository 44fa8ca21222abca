/** The program behind the MOM's server, in memory: remembers what was called and answers as it is told. It can be slow or away. */
import type { Admission, MomCall, MomCallRecord, MomCaller, MomHost, MomReply } from '../../gateways/mom/contract.ts';

/** Parameters every equipment gets; two have the same code, as in the document. */
export const PARAMETERS = ['welding power', 'welding speed'].map((description) => ({
  parameterCode: 'FWELD00001',
  parameterType: 'Process',
  targetValue: '12.50',
  uomCode: 'W',
  upperControlLimit: '13',
  lowerControlLimit: '12',
  upperSpecificationsLimit: '14',
  lowerSpecificationsLimit: '',
  upperLimit: '14',
  lowerLimit: null,
  description,
  equipmentAvailabilityFlag: 'TRUE',
}));
export const AGING_START_MS = Date.UTC(2024, 3, 10, 6, 16, 31);

export class FakeMomHost implements MomHost {
  readonly callers: MomCaller[] = [];
  readonly calls: MomCall[] = [];
  readonly records: MomCallRecord[] = [];
  /** Null: everybody may. */
  refusal: (Admission & { ok: false }) | null = null;
  /** What is served with heartbeats, oldest first; each until its follow-up arrives. */
  keyFlags: string[] = [];
  /** Refuses calls of this name. */
  refuses: string | null = null;
  /** What happens before anything is handled: a delay, or a failure. */
  before: () => Promise<void> | void = () => {};
  readonly #replies = new Map<string, MomReply>();

  admit(caller: MomCaller): Admission {
    this.callers.push(caller);
    return this.refusal ?? { ok: true };
  }

  async handle(call: MomCall): Promise<MomReply> {
    await this.before();
    const key = JSON.stringify([call.request.equipmentCode, call.name, call.request.sessionId, call.fingerprint]);
    const first = this.#replies.get(key);
    if (first !== undefined) return { ...first, isRepeated: true };
    this.calls.push(call);
    const reply = this.#reply(call);
    if (call.name !== 'EqptAlive') this.#replies.set(key, reply);
    return reply;
  }

  record(record: MomCallRecord): void {
    this.records.push(record);
  }

  #reply(call: MomCall): MomReply {
    if (call.name === this.refuses)
      return { ok: false, name: call.name, failure: 'tray_unknown', message: '托盘不存在' };
    switch (call.name) {
      case 'EqptAlive':
        return { ok: true, name: call.name, answer: { keyFlag: this.keyFlags[0] ?? '99' } };
      case 'EqptRun': {
        if (this.keyFlags[0] === '98') this.keyFlags.shift();
        const none = { productDesc: null, firstArticleNum: null, debugNum: null };
        const answer = { ...none, paramVersion: 'V1', paramRefreshFlag: true, parameters: PARAMETERS };
        return { ok: true, name: call.name, answer };
      }
      case 'CellState': {
        const cells = call.request.cells.map(({ serialNo }) => ({ serialNo, serialNoStatus: 1, bindCode: 'M1/W1' }));
        return { ok: true, name: call.name, answer: { cells } };
      }
      case 'TrayCellsStatus': {
        const { trayBarcode } = call.request;
        const cells = [{ serialNo: 'C1', positionNo: 1, serialNoStatus: 1 }];
        return { ok: true, name: call.name, answer: { trayBarcode, cells } };
      }
      case 'AgingInput': {
        const { trayBarcode } = call.request;
        const times = {
          agingStartAtMs: AGING_START_MS,
          agingTimeLowerLimitMinutes: 60,
          agingTimeUpperLimitMinutes: 90,
        };
        return { ok: true, name: call.name, answer: { trayBarcode, ...times, trayBarcodeProperty: null } };
      }
      case 'EqptStatus':
      case 'EqptAlert':
      case 'TrayBind':
      case 'TrayUnbind':
      case 'MaterialUpLoad':
      case 'MaterialDownLoad':
      case 'WaterContent':
        break;
    }
    if (FLAGS[call.name] === this.keyFlags[0]) this.keyFlags.shift();
    return { ok: true, name: call.name, answer: {} };
  }
}

const FLAGS: Readonly<Record<string, string>> = { MaterialUpLoad: '0', MaterialDownLoad: '1', WaterContent: '97' };
