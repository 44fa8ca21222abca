/**
 * Every table. What a status may be is checked here from the names in `workflows/rules/statuses.ts`, so that no
 * program can write a word nobody knows.
 */
export { PROTOCOLS, type Protocol } from './schema/columns.ts';
export * from './schema/agent.ts';
export * from './schema/commands.ts';
export * from './schema/console.ts';
export * from './schema/equipment-calls.ts';
export * from './schema/equipment.ts';
export * from './schema/firmware.ts';
export * from './schema/mes.ts';
export * from './schema/messages.ts';
export * from './schema/operations.ts';
export * from './schema/people.ts';
export * from './schema/platforms.ts';
export * from './schema/registry.ts';
export * from './schema/reclassifications.ts';
export * from './schema/shipments.ts';
export * from './schema/tasks.ts';
export * from './schema/traffic.ts';
export * from './schema/trays.ts';
