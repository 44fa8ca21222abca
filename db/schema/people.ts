/**
 * Departments, and the keys with which people and programs call the API.
 */
import { integer, pgTable, text } from 'drizzle-orm/pg-core';
import { at } from './columns.ts';

export const departments = pgTable('departments', {
  id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
  name: text('name').notNull().unique(),
  createdAt: at('created_at').notNull().defaultNow(),
});

export const apiKeys = pgTable('api_keys', {
  id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
  departmentId: integer('department_id')
    .notNull()
    .references(() => departments.id),
  name: text('name').notNull(),
  /** SHA-256 of the key; the key itself is shown once and kept nowhere. */
  keyHash: text('key_hash').notNull().unique(),
  permissions: text('permissions').array().notNull(),
  createdAt: at('created_at').notNull().defaultNow(),
  createdBy: text('created_by').notNull(),
  lastUsedAt: at('last_used_at'),
  revokedAt: at('revoked_at'),
});
