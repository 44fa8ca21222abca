/**
 * Firmware files and their bytes.
 */
import { sql } from 'drizzle-orm';
import { check, index, integer, pgTable, text, uniqueIndex } from 'drizzle-orm/pg-core';
import { PROTOCOLS, at, bytea, oneOf, type Protocol } from './columns.ts';
import { departments } from './people.ts';
import { COMPONENTS, type Component } from '../../workflows/rules/versions.ts';

/** File contents by hash; two firmware entries with the same bytes share one row. */
export const firmwareContents = pgTable('firmware_contents', {
  sha256: text('sha256').primaryKey(),
  content: bytea('content').notNull(),
});

export const firmware = pgTable(
  'firmware',
  {
    id: integer('id').primaryKey().generatedAlwaysAsIdentity(),
    departmentId: integer('department_id')
      .notNull()
      .references(() => departments.id),
    protocol: text('protocol').$type<Protocol>().notNull(),
    component: text('component').$type<Component>().notNull(),
    targetVersion: text('target_version').notNull(),
    compatibleVersion: text('compatible_version').notNull(),
    currentVersions: text('current_versions').array().notNull(),
    /** Only devices of this model may take it; null: any. */
    model: text('model'),
    /** Only piles of this power may take it; null: not for piles. */
    powerKw: integer('power_kw'),
    fileName: text('file_name').notNull(),
    sizeBytes: integer('size_bytes').notNull(),
    md5: text('md5').notNull(),
    sha256: text('sha256')
      .notNull()
      .references(() => firmwareContents.sha256),
    /** Package name of a 2G terminal, eight hex characters in the case of the file name. */
    pinfo: text('pinfo'),
    packetSize: integer('packet_size').notNull(),
    remark: text('remark').notNull().default(''),
    /** Why the version is not in the file name, when someone with the permission said so. */
    overrideReason: text('override_reason'),
    uploadedBy: text('uploaded_by').notNull(),
    uploadedAt: at('uploaded_at').notNull().defaultNow(),
  },
  (table) => [
    // One file may be there in several sizes of slices, and for piles of several kinds.
    uniqueIndex('firmware_same').on(
      table.departmentId,
      table.protocol,
      table.component,
      table.targetVersion,
      table.sha256,
      table.packetSize,
      sql`coalesce(power_kw, 0)`,
      sql`(case when protocol = 'pile' then model else '' end)`,
    ),
    index('firmware_department').on(table.departmentId, table.id),
    check('firmware_component_known', oneOf('component', COMPONENTS)),
    check('firmware_protocol_known', oneOf('protocol', PROTOCOLS)),
  ],
);
