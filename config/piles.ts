/**
 * Settings of the gateway for charging piles and of the FTP server they fetch files from: part of the one table in
 * `config.ts`.
 */
import { host, integer, optional, port, variable, type Format, type ValuesOf } from './formats.ts';

/** Ports from `first` to `last`; null: any free ones. */
export type PassiveRange = { readonly first: number; readonly last: number } | null;

/** The update command of a pile has this many bytes for address, user and password each. */
const FIELD_BYTES = 16;

const publicHost: Format<string> = {
  text: `an IPv4 address or a host name of at most ${FIELD_BYTES} characters, which is what the update command has room for`,
  example: '203.0.113.10',
  parse: (text) => {
    if (text.length > FIELD_BYTES) throw new TypeError(`has ${text.length} characters`);
    if (!/^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(text)) {
      throw new TypeError('is neither an IPv4 address nor a host name');
    }
    const isNumbers = /^[\d.]+$/.test(text);
    const parts = text.split('.');
    if (isNumbers && (parts.length !== 4 || parts.some((part) => !/^\d{1,3}$/.test(part) || Number(part) > 255))) {
      throw new TypeError('is not an IPv4 address');
    }
    if (text === '0.0.0.0') throw new TypeError('is an address nobody can reach');
    return text;
  },
};

const passiveRange: Format<PassiveRange> = {
  text: 'first and last port with a dash between, or 0 for any free port',
  example: '50000-50199',
  parse: (text) => {
    if (text === '0') return null;
    const [, first, last] = /^(\d{1,5})\s*-\s*(\d{1,5})$/.exec(text)?.map(Number) ?? [];
    if (first === undefined || last === undefined) throw new TypeError('is no range of ports');
    if (first < 1 || last > 65_535) throw new TypeError('has ports outside 1..65535');
    if (last < first) throw new TypeError('ends before it begins');
    return { first, last };
  },
};

/** The settings, in the order the README shows them. */
export const pileVariables = {
  PILE_HOST: variable('Address of the gateway for charging piles', host, '0.0.0.0'),
  PILE_PORT: variable('Port of the gateway for charging piles', port, 7710),
  PILE_MAX_CONNECTIONS: variable('Most charging piles connected to this process', integer(1, 1_000_000), 20_000),
  /* As with terminals: one NAT address may stand for all piles. */
  PILE_MAX_CONNECTIONS_PER_ADDRESS: variable(
    'Most charging piles from one IP address; lower it only where piles have addresses of their own',
    integer(1, 1_000_000),
    20_000,
  ),

  FTP_HOST: variable('Address of the FTP server for piles, also for its data connections', host, '0.0.0.0'),
  /* Port 21 would need rights that nothing else here needs; the update command carries any port. */
  FTP_PORT: variable('Port of the FTP server for piles', port, 2121),
  FTP_PUBLIC_HOST: optional(
    'What piles are told to fetch their files from, and reach data connections under; needed behind NAT or a proxy',
    publicHost,
    { defaultText: 'the address of this machine that the pile is connected to' },
  ),
  FTP_PUBLIC_PORT: optional('The port piles are told, where another one leads to FTP_PORT', integer(1, 65_535), {
    defaultText: 'FTP_PORT',
  }),
  /* A port is taken from PASV until the pile connects to it, which is a moment: this many piles may be in that moment. */
  FTP_PASSIVE_PORTS: variable(
    'Ports for the data connections of the FTP server; piles must reach them under the same numbers',
    passiveRange,
    { first: 50_000, last: 50_199 },
    { defaultText: '50000-50199' },
  ),
  FTP_IDLE_TIMEOUT_S: variable(
    'Seconds without a command or a transfer after which a client of the FTP server is disconnected',
    integer(10, 86_400),
    300,
  ),
  FTP_MAX_CONNECTIONS: variable('Most clients of the FTP server', integer(1, 1_000_000), 2_000),
  /* As with terminals, many piles may be behind one address; a pile fetches for minutes a year, not all day. */
  FTP_MAX_CONNECTIONS_PER_ADDRESS: variable(
    'Most clients of the FTP server from one IP address',
    integer(1, 1_000_000),
    500,
  ),
};

/** The same as the program wants them. */
export function arrangePiles(values: ValuesOf<typeof pileVariables>) {
  return {
    pile: {
      host: values.PILE_HOST,
      port: values.PILE_PORT,
      maxConnections: values.PILE_MAX_CONNECTIONS,
      maxConnectionsPerAddress: values.PILE_MAX_CONNECTIONS_PER_ADDRESS,
    },
    ftp: {
      host: values.FTP_HOST,
      port: values.FTP_PORT,
      publicHost: values.FTP_PUBLIC_HOST,
      publicPort: values.FTP_PUBLIC_PORT,
      passivePorts: values.FTP_PASSIVE_PORTS,
      idleTimeoutMs: values.FTP_IDLE_TIMEOUT_S * 1000,
      maxConnections: values.FTP_MAX_CONNECTIONS,
      maxConnectionsPerAddress: values.FTP_MAX_CONNECTIONS_PER_ADDRESS,
    },
  };
}
