/**
 * Settings of the MOM that factory equipment calls: part of the one table in `config.ts`.
 */
import { boolean, integer, optional, secretText, variable, type Format, type ValuesOf } from './formats.ts';
import { KEY_FLAG_ACTIONS, KEY_FLAGS, type KeyFlagAction } from '../gateways/mom/contract.ts';
import { isNetwork } from '../gateways/mom/networks.ts';

type KeyFlags = Readonly<Record<string, KeyFlagAction>>;

const networks: Format<readonly string[]> = {
  text: 'IP addresses and networks, separated by commas',
  example: '10.20.0.0/16,10.30.1.5',
  parse: (text) => {
    const list = text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
    const wrong = list.find((part) => !isNetwork(part));
    if (wrong !== undefined) throw new TypeError(`has ${JSON.stringify(wrong)}, which is no address and no network`);
    return list;
  },
};

const keyFlags: Format<KeyFlags> = {
  text: `number=action, separated by commas, each of ${KEY_FLAG_ACTIONS.join(', ')} once`,
  example: '0=material_up,1=material_down,97=water_content,98=parameters,99=none',
  parse: (text) => {
    const pairs = text.split(',').map((part) => part.split('=').map((word) => word.trim()));
    for (const [code = '', action = '', ...more] of pairs) {
      if (!/^\d{1,9}$/.test(code) || more.length > 0) throw new TypeError('has something that is not number=action');
      if (!(KEY_FLAG_ACTIONS as readonly string[]).includes(action)) {
        throw new TypeError(`has ${JSON.stringify(action)}, which is no action`);
      }
    }
    const table = Object.fromEntries(pairs) as KeyFlags;
    const missing = KEY_FLAG_ACTIONS.find((action) => !Object.values(table).includes(action));
    if (missing !== undefined) throw new TypeError(`has no number for ${missing}`);
    if (pairs.length !== KEY_FLAG_ACTIONS.length) throw new TypeError('has a number or an action twice');
    return table;
  },
};

/** The settings, in the order the README shows them. */
export const momVariables = {
  MOM_TOKEN: optional('Token that equipment must send in the header x-mom-token', secretText, {
    defaultText: 'none is asked for',
    secret: true,
  }),
  MOM_ALLOWED_ADDRESSES: variable('Where equipment may call the MOM from', networks, [] as readonly string[], {
    defaultText: 'anywhere',
  }),
  MOM_Z_IS_UTC: variable(
    'true: a Z behind the times of equipment means UTC; false: it is decoration, all times are Beijing time',
    boolean,
    false,
  ),
  MOM_KEY_FLAGS: variable('What the KeyFlags of heartbeats mean at this site', keyFlags, KEY_FLAGS, {
    defaultText: '0=material_up,1=material_down,97=water_content,98=parameters,99=none',
  }),
  MOM_PASSWORD_NEEDED: variable(
    "true: manual operations (OpFlag 1) need the employee's password, false: the number is enough",
    boolean,
    false,
  ),
  MOM_CLOCK_SKEW_S: variable(
    'Seconds by which the clock of an equipment may differ before that is an event',
    integer(1, 86_400),
    60,
  ),
};

/** The same as the program wants them. */
export function arrangeMom(values: ValuesOf<typeof momVariables>) {
  return {
    /** Null: none is asked for. */
    token: values.MOM_TOKEN ?? null,
    allowedAddresses: values.MOM_ALLOWED_ADDRESSES,
    zIsUtc: values.MOM_Z_IS_UTC,
    keyFlags: values.MOM_KEY_FLAGS,
    isPasswordNeeded: values.MOM_PASSWORD_NEEDED,
    skewLimitMs: values.MOM_CLOCK_SKEW_S * 1_000,
  };
}
