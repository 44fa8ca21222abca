/**
 * Sessions of people who signed in to the console. What the browser holds is a random token of its own; only its
 * SHA-256 is kept, and what the session may do is always what its key may do now.
 */
import { index, integer, pgTable, text } from 'drizzle-orm/pg-core';
import { at, id } from './columns.ts';
import { apiKeys } from './people.ts';

export const consoleSessions = pgTable(
  'console_sessions',
  {
    id: id(),
    keyId: integer('key_id')
      .notNull()
      .references(() => apiKeys.id),
    tokenHash: text('token_hash').notNull().unique(),
    createdAt: at('created_at').notNull().defaultNow(),
    /** Written at most once a minute. */
    lastSeenAt: at('last_seen_at').notNull().defaultNow(),
  },
  (table) => [index('console_sessions_by_key').on(table.keyId), index('console_sessions_by_age').on(table.lastSeenAt)],
);
