CREATE SEQUENCE "public"."device_event_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1;--> statement-breakpoint
CREATE TABLE "api_keys" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "api_keys_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"department_id" integer NOT NULL,
	"name" text NOT NULL,
	"key_hash" text NOT NULL,
	"permissions" text[] NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"created_by" text NOT NULL,
	"last_used_at" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	CONSTRAINT "api_keys_key_hash_unique" UNIQUE("key_hash")
);
--> statement-breakpoint
CREATE TABLE "departments" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "departments_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"name" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "departments_name_unique" UNIQUE("name")
);
--> statement-breakpoint
CREATE TABLE "device_contacts" (
	"device_id" text PRIMARY KEY NOT NULL,
	"last_seen_at" timestamp with time zone NOT NULL,
	"address" text NOT NULL,
	"details" jsonb DEFAULT '{}'::jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "device_messages" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "device_messages_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"device_id" text NOT NULL,
	"kind" text NOT NULL,
	"upgrade_id" bigint,
	"file_index" smallint,
	"attempt" integer NOT NULL,
	"payload" jsonb NOT NULL,
	"resumable" boolean DEFAULT false NOT NULL,
	"created_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"sends" smallint DEFAULT 0 NOT NULL,
	"first_sent_at" timestamp with time zone,
	"last_sent_at" timestamp with time zone,
	"offer_seq" bigint DEFAULT nextval('device_event_seq') NOT NULL,
	"first_request_at" timestamp with time zone,
	"last_request_at" timestamp with time zone,
	"bytes_sent" integer DEFAULT 0 NOT NULL,
	"finished_at" timestamp with time zone,
	"finished_seq" bigint,
	"awaits_contact" boolean DEFAULT false NOT NULL,
	"failure_code" text,
	"closed_at" timestamp with time zone,
	CONSTRAINT "device_messages_kind_known" CHECK (kind in ('offer'))
);
--> statement-breakpoint
CREATE TABLE "device_upgrades" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "device_upgrades_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"task_id" integer NOT NULL,
	"device_id" text NOT NULL,
	"department_id" integer NOT NULL,
	"position" integer NOT NULL,
	"status" text DEFAULT 'scheduled' NOT NULL,
	"reason" text,
	"file_index" smallint DEFAULT 0 NOT NULL,
	"attempt" integer DEFAULT 0 NOT NULL,
	"bytes_sent" integer DEFAULT 0 NOT NULL,
	"bytes_total" integer DEFAULT 0 NOT NULL,
	"proofs" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"dispatched_at" timestamp with time zone,
	"not_before" timestamp with time zone,
	"edge_at" timestamp with time zone,
	"finished_at" timestamp with time zone,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "device_upgrades_status_known" CHECK (status in ('scheduled', 'waiting', 'offered', 'transferring', 'confirming', 'succeeded', 'failed', 'unproven', 'expired', 'cancelled', 'partial', 'skipped', 'reverted'))
);
--> statement-breakpoint
CREATE TABLE "device_versions" (
	"device_id" text NOT NULL,
	"component" text NOT NULL,
	"version" text NOT NULL,
	"reported_at" timestamp with time zone NOT NULL,
	"report_seq" bigint NOT NULL,
	CONSTRAINT "device_versions_device_id_component_pk" PRIMARY KEY("device_id","component"),
	CONSTRAINT "device_versions_component_known" CHECK (component in ('T1', 'T2', 'T3', 'T4', 'T5'))
);
--> statement-breakpoint
CREATE TABLE "devices" (
	"id" text PRIMARY KEY NOT NULL,
	"protocol" text NOT NULL,
	"identity" text NOT NULL,
	"imei" text,
	"department_id" integer NOT NULL,
	"model" text DEFAULT '' NOT NULL,
	"production_date" date,
	"ship_date" date,
	"remark" text DEFAULT '' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"created_by" text NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "devices_protocol_known" CHECK (protocol in ('terminal', 'ams')),
	CONSTRAINT "devices_shipped_after_production" CHECK (ship_date is null or production_date is null or ship_date > production_date)
);
--> statement-breakpoint
CREATE TABLE "firmware" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "firmware_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"department_id" integer NOT NULL,
	"protocol" text NOT NULL,
	"component" text NOT NULL,
	"target_version" text NOT NULL,
	"compatible_version" text NOT NULL,
	"current_versions" text[] NOT NULL,
	"model" text,
	"file_name" text NOT NULL,
	"size_bytes" integer NOT NULL,
	"md5" text NOT NULL,
	"sha256" text NOT NULL,
	"pinfo" text,
	"packet_size" integer NOT NULL,
	"remark" text DEFAULT '' NOT NULL,
	"override_reason" text,
	"uploaded_by" text NOT NULL,
	"uploaded_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "firmware_component_known" CHECK (component in ('T1', 'T2', 'T3', 'T4', 'T5')),
	CONSTRAINT "firmware_protocol_known" CHECK (protocol in ('terminal', 'ams'))
);
--> statement-breakpoint
CREATE TABLE "firmware_contents" (
	"sha256" text PRIMARY KEY NOT NULL,
	"content" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "task_log" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "task_log_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"task_id" integer NOT NULL,
	"at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"author" text NOT NULL,
	"event" text NOT NULL,
	"cause" text DEFAULT '' NOT NULL,
	"details" jsonb DEFAULT '{}'::jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "unknown_devices" (
	"protocol" text NOT NULL,
	"identity" text NOT NULL,
	"first_seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	"contacts" bigint NOT NULL,
	"address" text NOT NULL,
	CONSTRAINT "unknown_devices_protocol_identity_pk" PRIMARY KEY("protocol","identity")
);
--> statement-breakpoint
CREATE TABLE "upgrade_log" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "upgrade_log_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"upgrade_id" bigint NOT NULL,
	"at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"author" text NOT NULL,
	"event" text NOT NULL,
	"status" text,
	"file_index" smallint,
	"attempt" integer,
	"cause" text DEFAULT '' NOT NULL,
	"details" jsonb DEFAULT '{}'::jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "upgrade_tasks" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "upgrade_tasks_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"department_id" integer NOT NULL,
	"name" text NOT NULL,
	"status" text DEFAULT 'scheduled' NOT NULL,
	"firmware_ids" integer[] NOT NULL,
	"options" jsonb NOT NULL,
	"device_count" integer NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"dispatch_at" timestamp with time zone NOT NULL,
	"deadline_at" timestamp with time zone NOT NULL,
	"started_at" timestamp with time zone,
	"finished_at" timestamp with time zone,
	"idempotency_key" text,
	"request_hash" text,
	CONSTRAINT "upgrade_tasks_status_known" CHECK (status in ('scheduled', 'running', 'paused', 'cancelling', 'finished', 'cancelled')),
	CONSTRAINT "upgrade_tasks_one_or_two_files" CHECK (cardinality(firmware_ids) between 1 and 2)
);
--> statement-breakpoint
CREATE TABLE "version_uploads" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "version_uploads_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"device_id" text NOT NULL,
	"received_at" timestamp with time zone DEFAULT now() NOT NULL,
	"source" text NOT NULL,
	"raw" text NOT NULL,
	"versions" jsonb NOT NULL,
	"warnings" text[] NOT NULL,
	"error" text
);
--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_department_id_departments_id_fk" FOREIGN KEY ("department_id") REFERENCES "public"."departments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "device_contacts" ADD CONSTRAINT "device_contacts_device_id_devices_id_fk" FOREIGN KEY ("device_id") REFERENCES "public"."devices"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "device_messages" ADD CONSTRAINT "device_messages_device_id_devices_id_fk" FOREIGN KEY ("device_id") REFERENCES "public"."devices"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "device_messages" ADD CONSTRAINT "device_messages_upgrade_id_device_upgrades_id_fk" FOREIGN KEY ("upgrade_id") REFERENCES "public"."device_upgrades"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "device_upgrades" ADD CONSTRAINT "device_upgrades_task_id_upgrade_tasks_id_fk" FOREIGN KEY ("task_id") REFERENCES "public"."upgrade_tasks"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "device_upgrades" ADD CONSTRAINT "device_upgrades_device_id_devices_id_fk" FOREIGN KEY ("device_id") REFERENCES "public"."devices"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "device_versions" ADD CONSTRAINT "device_versions_device_id_devices_id_fk" FOREIGN KEY ("device_id") REFERENCES "public"."devices"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "devices" ADD CONSTRAINT "devices_department_id_departments_id_fk" FOREIGN KEY ("department_id") REFERENCES "public"."departments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "firmware" ADD CONSTRAINT "firmware_department_id_departments_id_fk" FOREIGN KEY ("department_id") REFERENCES "public"."departments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "firmware" ADD CONSTRAINT "firmware_sha256_firmware_contents_sha256_fk" FOREIGN KEY ("sha256") REFERENCES "public"."firmware_contents"("sha256") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "task_log" ADD CONSTRAINT "task_log_task_id_upgrade_tasks_id_fk" FOREIGN KEY ("task_id") REFERENCES "public"."upgrade_tasks"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "upgrade_log" ADD CONSTRAINT "upgrade_log_upgrade_id_device_upgrades_id_fk" FOREIGN KEY ("upgrade_id") REFERENCES "public"."device_upgrades"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "upgrade_tasks" ADD CONSTRAINT "upgrade_tasks_department_id_departments_id_fk" FOREIGN KEY ("department_id") REFERENCES "public"."departments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "version_uploads" ADD CONSTRAINT "version_uploads_device_id_devices_id_fk" FOREIGN KEY ("device_id") REFERENCES "public"."devices"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "device_messages_open_offer" ON "device_messages" USING btree ("device_id") WHERE kind = 'offer' and closed_at is null;--> statement-breakpoint
CREATE INDEX "device_messages_upgrade" ON "device_messages" USING btree ("upgrade_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "device_upgrades_task_device" ON "device_upgrades" USING btree ("task_id","device_id");--> statement-breakpoint
CREATE INDEX "device_upgrades_device" ON "device_upgrades" USING btree ("device_id","id");--> statement-breakpoint
CREATE INDEX "device_upgrades_task" ON "device_upgrades" USING btree ("task_id","id");--> statement-breakpoint
CREATE INDEX "device_upgrades_task_status" ON "device_upgrades" USING btree ("task_id","status","id");--> statement-breakpoint
CREATE INDEX "device_upgrades_undispatched" ON "device_upgrades" USING btree ("task_id","position") WHERE dispatched_at is null and finished_at is null;--> statement-breakpoint
CREATE INDEX "device_upgrades_in_flight" ON "device_upgrades" USING btree ("task_id") WHERE dispatched_at is not null and finished_at is null;--> statement-breakpoint
CREATE INDEX "device_upgrades_live" ON "device_upgrades" USING btree ("device_id") WHERE dispatched_at is not null and finished_at is null;--> statement-breakpoint
CREATE INDEX "device_upgrades_edges" ON "device_upgrades" USING btree ("edge_at") WHERE edge_at is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "devices_protocol_identity" ON "devices" USING btree ("protocol","identity");--> statement-breakpoint
CREATE UNIQUE INDEX "devices_imei" ON "devices" USING btree ("imei");--> statement-breakpoint
CREATE INDEX "devices_department" ON "devices" USING btree ("department_id","id");--> statement-breakpoint
CREATE INDEX "devices_department_model" ON "devices" USING btree ("department_id","model","id");--> statement-breakpoint
CREATE UNIQUE INDEX "firmware_same" ON "firmware" USING btree ("department_id","protocol","component","target_version","sha256");--> statement-breakpoint
CREATE INDEX "firmware_department" ON "firmware" USING btree ("department_id","id");--> statement-breakpoint
CREATE INDEX "task_log_task" ON "task_log" USING btree ("task_id","id");--> statement-breakpoint
CREATE INDEX "unknown_devices_seen" ON "unknown_devices" USING btree ("last_seen_at");--> statement-breakpoint
CREATE INDEX "upgrade_log_upgrade" ON "upgrade_log" USING btree ("upgrade_id","id");--> statement-breakpoint
CREATE INDEX "upgrade_tasks_department" ON "upgrade_tasks" USING btree ("department_id","id");--> statement-breakpoint
CREATE INDEX "upgrade_tasks_unstarted" ON "upgrade_tasks" USING btree ("id") WHERE started_at is null;--> statement-breakpoint
CREATE UNIQUE INDEX "upgrade_tasks_idempotency" ON "upgrade_tasks" USING btree ("department_id","idempotency_key");--> statement-breakpoint
CREATE INDEX "version_uploads_device" ON "version_uploads" USING btree ("device_id","id");
--> statement-breakpoint
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END
$$;--> statement-breakpoint
CREATE TRIGGER upgrade_log_append_only BEFORE UPDATE OR DELETE ON "upgrade_log" FOR EACH ROW EXECUTE FUNCTION refuse_change();--> statement-breakpoint
CREATE TRIGGER task_log_append_only BEFORE UPDATE OR DELETE ON "task_log" FOR EACH ROW EXECUTE FUNCTION refuse_change();--> statement-breakpoint
ALTER TABLE "device_messages" SET (fillfactor = 80);--> statement-breakpoint
ALTER TABLE "device_upgrades" SET (fillfactor = 80);--> statement-breakpoint
ALTER TABLE "device_contacts" SET (fillfactor = 80);--> statement-breakpoint
ALTER TABLE "device_versions" SET (fillfactor = 80);
