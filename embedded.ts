/** The servers Slipway brings along for one machine: PostgreSQL, Temporal's dev server, and the lock on the folder that holds their data. */
export { DataDirLockedError, lockDataDir } from './embedded/lock.ts';
export type { DataDirLock } from './embedded/lock.ts';
export { startEmbeddedPostgres } from './embedded/postgres.ts';
export type { EmbeddedPostgres, EmbeddedPostgresOptions } from './embedded/postgres.ts';
export type { ChildExit } from './embedded/processes.ts';
export { findTemporalCli, findTestServer } from './embedded/programs.ts';
export type { FindOptions, FoundProgram, ProgramSource } from './embedded/programs.ts';
export { ensureSearchAttributes, searchAttributes, startTemporalDevServer } from './embedded/temporal.ts';
export type { SearchAttributeRegistry, TemporalDevServer, TemporalDevServerOptions } from './embedded/temporal.ts';
