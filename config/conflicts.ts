/**
 * Settings that are right one by one and wrong together. The settings themselves are in `config.ts`.
 */
import type { Values, VariableName } from '../config.ts';
import { roles, type Problem, type Role } from './formats.ts';
import { tracksolidContradictions } from './tracksolid.ts';

/** What is wrong only in combination. Values that could not be read are missing here and raise nothing. */
export function contradictions(values: Partial<Values>): Problem<VariableName>[] {
  const problems: Problem<VariableName>[] = [...tracksolidContradictions(values)];
  const add = (name: VariableName, problem: string, advice: string) => problems.push({ name, problem, advice });

  const partial = values.SLIPWAY_ROLE !== undefined && values.SLIPWAY_ROLE.length < roles.length;
  for (const name of ['DATABASE_URL', 'TEMPORAL_ADDRESS'] as const) {
    if (partial && name in values && values[name] === undefined) {
      const missing = roles.filter((role) => !values.SLIPWAY_ROLE?.includes(role)).join(', ');
      add(
        name,
        `is not set, but this process leaves ${missing} to other processes, and all must share one server`,
        `Set it, or leave SLIPWAY_ROLE out`,
      );
    }
  }

  const cert = values.TEMPORAL_TLS_CLIENT_CERT_PATH;
  const key = values.TEMPORAL_TLS_CLIENT_KEY_PATH;
  if ('TEMPORAL_TLS_CLIENT_KEY_PATH' in values && cert !== undefined && key === undefined) {
    add('TEMPORAL_TLS_CLIENT_KEY_PATH', 'is not set, but the certificate is', 'Set both or neither');
  }
  if ('TEMPORAL_TLS_CLIENT_CERT_PATH' in values && key !== undefined && cert === undefined) {
    add('TEMPORAL_TLS_CLIENT_CERT_PATH', 'is not set, but its key is', 'Set both or neither');
  }
  const tlsNames = (
    [
      'TEMPORAL_API_KEY',
      'TEMPORAL_TLS_SERVER_NAME',
      'TEMPORAL_TLS_SERVER_CA_CERT_PATH',
      'TEMPORAL_TLS_CLIENT_CERT_PATH',
    ] as const
  ).filter((name) => values[name] !== undefined);
  if (values.TEMPORAL_TLS === false && tlsNames.length > 0) {
    add('TEMPORAL_TLS', `is false, but ${tlsNames.join(', ')} needs TLS`, 'Write TEMPORAL_TLS=true or leave it out');
  }
  if (
    'TEMPORAL_ADDRESS' in values &&
    values.TEMPORAL_ADDRESS === undefined &&
    (tlsNames.length > 0 || values.TEMPORAL_TLS === true)
  ) {
    add(
      'TEMPORAL_ADDRESS',
      `is not set, but ${tlsNames[0] ?? 'TEMPORAL_TLS'} is, and the embedded server has neither keys nor TLS`,
      'Set it to host:port',
    );
  }

  if ('WORKER_DEPLOYMENT' in values && values.WORKER_DEPLOYMENT === undefined) {
    for (const name of ['WORKER_BUILD_ID', 'WORKER_BECOMES_CURRENT'] as const) {
      if (values[name] === undefined || values[name] === false) continue;
      add(
        name,
        'is set, but WORKER_DEPLOYMENT is not',
        'Set both, or leave it out: without a deployment there are no builds',
      );
    }
  }

  const ports = new Map<number, VariableName>();
  for (const name of portsInUse(values)) {
    const number = values[name];
    if (number === undefined || number === 0) continue;
    const other = ports.get(number);
    if (other !== undefined) add(name, `is ${number}, and so is ${other}`, 'Give each its own port');
    else ports.set(number, name);
    const range = values.FTP_PASSIVE_PORTS ?? null;
    const isTaken = range !== null && number >= range.first && number <= range.last;
    if (isTaken && values.SLIPWAY_ROLE?.includes('gateway') === true) {
      add(name, `is ${number}, which is one of FTP_PASSIVE_PORTS`, 'Take one outside of that range');
    }
  }
  return problems;
}

function portsInUse(values: Partial<Values>) {
  const role = (name: Role) => values.SLIPWAY_ROLE?.includes(name) ?? false;
  return [
    ...(values.DATABASE_URL === undefined ? (['EMBEDDED_POSTGRES_PORT'] as const) : []),
    ...(values.TEMPORAL_ADDRESS === undefined ? (['TEMPORAL_PORT', 'TEMPORAL_UI_PORT'] as const) : []),
    ...(role('api') ? (['API_PORT'] as const) : (['PROBE_PORT'] as const)),
    ...(role('gateway') ? (['DEVICE_HTTP_PORT', 'TERMINAL_PORT', 'FTP_PORT'] as const) : []),
  ];
}
