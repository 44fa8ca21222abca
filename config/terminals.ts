/**
 * Settings of the gateways for 2G terminals and PCP devices: part of the one table in `config.ts`.
 */
import { host, integer, keywordList, port, variable, type ValuesOf } from './formats.ts';

/** The settings, in the order the README shows them. */
export const terminalVariables = {
  TERMINAL_HOST: variable('Address of the 2G terminal gateway', host, '0.0.0.0'),
  TERMINAL_PORT: variable('Port of the 2G terminal gateway', port, 7700),
  /* Terminals that sleep between reports keep the connection; half an hour is three times the ten minutes after which a silent transfer is given up. */
  TERMINAL_IDLE_TIMEOUT_S: variable(
    'Seconds without a byte after which a terminal is disconnected',
    integer(10, 86_400),
    1800,
  ),
  TERMINAL_MAX_CONNECTIONS: variable('Most terminals connected to this process', integer(1, 1_000_000), 20_000),
  /* Terminals come through a mobile network: one NAT address may stand for all of them, so a lower limit would lock out the fleet. */
  TERMINAL_MAX_CONNECTIONS_PER_ADDRESS: variable(
    'Most terminals from one IP address; lower it only where devices have addresses of their own',
    integer(1, 1_000_000),
    20_000,
  ),
  PCP_HOST: variable('Address of the gateway for PCP devices', host, '0.0.0.0'),
  PCP_PORT: variable('UDP port of the gateway for PCP devices (CoAP)', port, 5683),
  /* As with terminals: one NAT address may stand for all devices. */
  PCP_REQUESTS_PER_ADDRESS_S: variable(
    'Most requests per second from one IP address to the gateway for PCP devices; lower it only where devices have addresses of their own',
    integer(1, 1_000_000),
    20_000,
  ),
  TERMINAL_SN_KEYWORDS: variable(
    'Further keywords accepted in text lines of terminals',
    keywordList,
    [] as readonly string[],
    { defaultText: 'none' },
  ),
};

/** The same as the program wants them. */
export function arrangeTerminals(values: ValuesOf<typeof terminalVariables>) {
  return {
    terminal: {
      host: values.TERMINAL_HOST,
      port: values.TERMINAL_PORT,
      idleTimeoutMs: values.TERMINAL_IDLE_TIMEOUT_S * 1000,
      maxConnections: values.TERMINAL_MAX_CONNECTIONS,
      maxConnectionsPerAddress: values.TERMINAL_MAX_CONNECTIONS_PER_ADDRESS,
      snKeywords: values.TERMINAL_SN_KEYWORDS,
    },
    pcp: {
      host: values.PCP_HOST,
      port: values.PCP_PORT,
      requestsPerAddressAndSecond: values.PCP_REQUESTS_PER_ADDRESS_S,
    },
  };
}
