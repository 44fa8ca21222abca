/**
 * What can go wrong with the MES database, told in words a clerk can pass on. No message holds the address with its
 * password.
 */

/** `unreachable`: it may answer the next time. `refused`: somebody must change something first. */
export type MesErrorKind = 'unreachable' | 'refused';

export class MesError extends Error {
  override readonly name = 'MesError';
  readonly kind: MesErrorKind;

  constructor(kind: MesErrorKind, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.kind = kind;
  }
}

/** Codes of the server or driver that trying again does not cure, and what to do. */
const REFUSALS: Readonly<Record<string, string>> = {
  ER_ACCESS_DENIED_ERROR: 'MES does not accept user or password; correct MES_DATABASE_URL',
  ER_ACCESS_DENIED_NO_PASSWORD_ERROR: 'MES does not accept user or password; correct MES_DATABASE_URL',
  ER_DBACCESS_DENIED_ERROR: 'the user may not read this database of MES; grant SELECT on it',
  ER_TABLEACCESS_DENIED_ERROR: 'the user may not read this table of MES; grant SELECT on it',
  ER_COLUMNACCESS_DENIED_ERROR: 'the user may not read all columns of MES; grant SELECT on the whole table',
  ER_HOST_NOT_PRIVILEGED: 'MES does not let this machine connect; allow its address',
  ER_BAD_DB_ERROR: 'there is no such database in MES; correct MES_DATABASE_URL',
  ER_NO_SUCH_TABLE: 'the table is not in this database; correct MES_DATABASE_URL',
  ER_BAD_FIELD_ERROR: 'a column is missing in MES',
  ER_PARSE_ERROR: 'MES does not understand the question; is it MySQL or MariaDB?',
  HANDSHAKE_SSL_ERROR: 'the encrypted connection to MES cannot be made; look at ssl in MES_DATABASE_URL',
  HANDSHAKE_NO_SSL_SUPPORT: 'MES offers no encrypted connection; leave ssl out of MES_DATABASE_URL',
};

/** The error for whatever the driver threw. */
export function asMesError(error: unknown): MesError {
  if (error instanceof MesError) return error;
  const { code = '', message = String(error) } = error as { code?: string; message?: string };
  const refusal = REFUSALS[code];
  if (refusal !== undefined) return new MesError('refused', `${refusal} (${code}: ${message})`, { cause: error });
  const words = [code, message].filter((part) => part !== '' && (part !== code || !message.includes(code))).join(': ');
  return new MesError('unreachable', `MES does not answer: ${words || 'the connection failed'}`, { cause: error });
}
