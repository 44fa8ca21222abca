/**
 * What the stand-in for Tracksolid knows, accounts and devices, and what its methods do. No sockets, no signatures, no
 * faults: those are in `stand-in.ts`.
 */
import { platformTime, readPlatformTime } from './signing.ts';

/** A device as the stand-in keeps it. */
export interface StandInDevice {
  imei: string;
  account: string;
  model: string;
  /** Until when each account may use it. */
  expirations: Record<string, string>;
  importTime: string;
  /** How often it was imported: more than once is an effect too many. */
  imports: number;
}

/** What a method answers. */
export interface Answer {
  code: number;
  message: string;
  result?: unknown;
}

export interface WorldOptions {
  /** The account that logs in; the others are below it. */
  user: string;
  accounts: readonly string[];
  importMethod: string;
  /** Takes a device twice instead of saying that it exists: for tests of "exactly once". */
  takesDoubles: boolean;
}

const DEFAULT_LIFE_MS = 365 * 24 * 3_600_000;
const IMEI = /^\d{15}$/;
const MOST_IMEIS = 100;

export class StandInWorld {
  readonly devices = new Map<string, StandInDevice>();
  /** Devices of which every import is refused with this code. */
  readonly refusedImeis = new Map<string, number>();
  readonly #options: WorldOptions;
  readonly #accounts: Set<string>;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#accounts = new Set([options.user, ...options.accounts]);
  }

  get accounts(): ReadonlySet<string> {
    return this.#accounts;
  }

  /** Puts a device there as if somebody else had imported it. */
  place(imei: string, account: string, expiration = platformTime(Date.now() + DEFAULT_LIFE_MS)): void {
    this.#accounts.add(account);
    this.devices.set(imei, newDevice(imei, account, '', expiration));
  }

  /** Methods that change something. */
  changes(method: string): boolean {
    return (
      method === this.#options.importMethod ||
      method === 'jimi.open.device.move' ||
      method === 'jimi.user.device.expiration.update' ||
      method === 'jimi.user.child.create'
    );
  }

  /** Does what a method does; null: there is no such method. */
  call(method: string, parameters: Readonly<Record<string, string>>): Answer | null {
    if (method === this.#options.importMethod) return this.#import(parameters);
    switch (method) {
      case 'jimi.track.device.detail':
        return this.#detail(parameters);
      case 'jimi.open.device.move':
        return this.#move(parameters);
      case 'jimi.user.device.expiration.update':
        return this.#expire(parameters);
      case 'jimi.user.device.list':
        return this.#list(parameters);
      case 'jimi.user.child.list':
        return this.#children(parameters);
      case 'jimi.user.child.create':
        return this.#createChild(parameters);
      default:
        return null;
    }
  }

  #import({ account, imeis, model, lifetime, expiration }: Readonly<Record<string, string>>): Answer {
    const list = imeisIn(imeis);
    if (account === undefined || list === null) return { code: 1001, message: 'account and imeis are required' };
    if (list.length > MOST_IMEIS) return { code: 220, message: 'too many IMEIs' };
    if (!this.#accounts.has(account)) return { code: 214, message: `account ${account} does not exist` };
    const until = expiration ?? platformTime(Date.now() + DEFAULT_LIFE_MS);
    if (readPlatformTime(until) === null || !['0', '1', undefined].includes(lifetime)) {
      return { code: 1001, message: 'expiration or lifetime' };
    }
    const result = list.map((imei) => {
      if (!IMEI.test(imei)) return { imei, result: 219, msg: 'not an IMEI' };
      const refused = this.refusedImeis.get(imei);
      if (refused !== undefined) return { imei, result: refused, msg: 'refused' };
      const known = this.devices.get(imei);
      if (known !== undefined) {
        if (!this.#options.takesDoubles) return { imei, result: 1112, msg: 'device exists' };
        known.imports += 1;
        return { imei, result: 0, msg: 'success' };
      }
      this.devices.set(imei, newDevice(imei, account, model ?? '', until));
      return { imei, result: 0, msg: 'success' };
    });
    return { code: 0, message: 'success', result };
  }

  #detail({ imei }: Readonly<Record<string, string>>): Answer {
    if (imei === undefined) return { code: 1001, message: 'imei is required' };
    const device = this.devices.get(imei);
    if (device === undefined || !this.#accounts.has(device.account)) return { code: 1002, message: 'not yours' };
    return { code: 0, message: 'success', result: shown(device) };
  }

  #move({ src_account: from, dest_account: to, imeis }: Readonly<Record<string, string>>): Answer {
    const list = imeisIn(imeis);
    if (from === undefined || to === undefined || list === null) return { code: 1001, message: 'parameters' };
    if (list.length > MOST_IMEIS) return { code: 220, message: 'too many IMEIs' };
    if (!this.#accounts.has(to)) return { code: 217, message: 'no such target' };
    const devices = list.map((imei) => this.devices.get(imei));
    if (devices.some((device) => device === undefined)) return { code: 219, message: 'IMEI list' };
    const there = devices.filter((device) => device?.account === to).map((device) => device!.imei);
    if (there.length > 0) return { code: 1112, message: 'device exists', result: there };
    if (devices.some((device) => device?.account !== from)) return { code: 1002, message: 'not of that account' };
    for (const device of devices) {
      device!.expirations[to] = device!.expirations[from] ?? platformTime(Date.now() + DEFAULT_LIFE_MS);
      device!.account = to;
    }
    return { code: 0, message: 'success' };
  }

  #expire({ imei_list: imeis, new_expiration: until }: Readonly<Record<string, string>>): Answer {
    const list = imeisIn(imeis);
    if (list === null || until === undefined || readPlatformTime(until) === null) {
      return { code: 1001, message: 'parameters' };
    }
    if (list.length > MOST_IMEIS) return { code: 220, message: 'too many IMEIs' };
    const result = list.map((imei) => {
      const device = this.devices.get(imei);
      if (device === undefined) return { imei, update_result: 1, update_msg: 'no such device' };
      device.expirations[device.account] = until;
      return { imei, update_result: 0, update_msg: 'success' };
    });
    return { code: 0, message: 'success', result };
  }

  #list({ target }: Readonly<Record<string, string>>): Answer {
    if (target === undefined || !this.#accounts.has(target)) return { code: 214, message: 'no such account' };
    const result = [...this.devices.values()].filter(({ account }) => account === target).map(shown);
    return { code: 0, message: 'success', result };
  }

  #children({ target }: Readonly<Record<string, string>>): Answer {
    if (target === undefined || !this.#accounts.has(target)) return { code: 214, message: 'no such account' };
    const children = target === this.#options.user ? [...this.#accounts].filter((name) => name !== target) : [];
    return { code: 0, message: 'success', result: children.map((account) => ({ account, name: account, type: 9 })) };
  }

  #createChild({ account_id: account }: Readonly<Record<string, string>>): Answer {
    if (account === undefined || !/^[\w@.]{3,30}$/.test(account)) return { code: 1001, message: 'account_id' };
    if (this.#accounts.has(account)) return { code: 213, message: 'account exists' };
    this.#accounts.add(account);
    return { code: 0, message: 'success' };
  }
}

function newDevice(imei: string, account: string, model: string, expiration: string): StandInDevice {
  const importTime = platformTime(Date.now());
  return { imei, account, model, expirations: { [account]: expiration }, importTime, imports: 1 };
}

function shown({ imei, account, model, expirations, importTime }: StandInDevice) {
  return {
    imei,
    deviceName: imei,
    mcType: model,
    account,
    expiration: expirations[account] ?? '',
    user_expiration: Object.entries(expirations)
      .map(([name, until]) => `${name},${until}`)
      .join('|'),
    importTime,
    enabledFlag: 1,
    status: 'NORMAL',
  };
}

/** Null: none are given. */
function imeisIn(text: string | undefined): string[] | null {
  const list = (text ?? '').split(',').filter((part) => part !== '');
  return list.length === 0 ? null : list;
}
