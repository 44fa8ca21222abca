CREATE TABLE "matched_devices" (
	"imei" text PRIMARY KEY NOT NULL,
	"department_id" integer NOT NULL,
	"customer" text NOT NULL,
	"rule" text NOT NULL,
	"device_id" text,
	"shipment_id" bigint,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "platform_connectors" (
	"name" text PRIMARY KEY NOT NULL,
	"paused_until" timestamp with time zone,
	"pause_reason" text DEFAULT '' NOT NULL,
	"paused_by" text DEFAULT '' NOT NULL,
	"paused_at" timestamp with time zone,
	"token" text,
	"token_good_until" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "platform_shipment_devices" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "platform_shipment_devices_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"shipment_id" integer NOT NULL,
	"department_id" integer NOT NULL,
	"imei" text NOT NULL,
	"customer" text,
	"device_id" text,
	"status" text NOT NULL,
	"step" text DEFAULT 'import' NOT NULL,
	"answer" text DEFAULT 'none' NOT NULL,
	"last_step" text,
	"attempts" integer DEFAULT 0 NOT NULL,
	"imports" smallint DEFAULT 0 NOT NULL,
	"moves" smallint DEFAULT 0 NOT NULL,
	"expires" smallint DEFAULT 0 NOT NULL,
	"looks" smallint DEFAULT 0 NOT NULL,
	"failures" smallint DEFAULT 0 NOT NULL,
	"not_before" timestamp with time zone DEFAULT now() NOT NULL,
	"reason" text,
	"code" integer,
	"words" text DEFAULT '' NOT NULL,
	"seen" jsonb,
	"seen_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"first_sent_at" timestamp with time zone,
	"finished_at" timestamp with time zone,
	"released_at" timestamp with time zone,
	"decision" text,
	"decided_by" text,
	"decided_at" timestamp with time zone,
	"note" text DEFAULT '' NOT NULL,
	CONSTRAINT "platform_shipment_devices_status_known" CHECK (status in ('open', 'confirmed', 'refused', 'unknown', 'not_sent', 'recorded')),
	CONSTRAINT "platform_shipment_devices_step_known" CHECK (step in ('import', 'look', 'move', 'expire')),
	CONSTRAINT "platform_shipment_devices_answer_known" CHECK (answer in ('none', 'doubt', 'ok', 'exists'))
);
--> statement-breakpoint
CREATE TABLE "platform_shipment_log" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "platform_shipment_log_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"shipment_id" integer NOT NULL,
	"at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"author" text NOT NULL,
	"event" text NOT NULL,
	"cause" text DEFAULT '' NOT NULL,
	"details" jsonb DEFAULT '{}'::jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "platform_shipments" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "platform_shipments_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"department_id" integer NOT NULL,
	"platform_id" integer NOT NULL,
	"platform_name" text NOT NULL,
	"connector" text,
	"lifetime" boolean NOT NULL,
	"brand" text NOT NULL,
	"info" jsonb NOT NULL,
	"wanted_expiration" text,
	"asked" integer NOT NULL,
	"status" text NOT NULL,
	"fence" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"created_by" text NOT NULL,
	"started_at" timestamp with time zone,
	"deadline_at" timestamp with time zone NOT NULL,
	"finished_at" timestamp with time zone,
	"result" jsonb,
	CONSTRAINT "platform_shipments_status_known" CHECK (status in ('running', 'finished', 'recorded', 'red'))
);
--> statement-breakpoint
CREATE TABLE "platforms" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "platforms_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"name" text NOT NULL,
	"reading" text NOT NULL,
	"connector" text,
	"lifetime" boolean DEFAULT false NOT NULL,
	"brand" text DEFAULT '' NOT NULL,
	"fields" jsonb NOT NULL,
	"is_active" boolean DEFAULT true NOT NULL,
	"remark" text DEFAULT '' NOT NULL,
	"revision" integer DEFAULT 1 NOT NULL,
	CONSTRAINT "platforms_name_unique" UNIQUE("name"),
	CONSTRAINT "platforms_connector_known" CHECK (connector in ('tracksolid'))
);
--> statement-breakpoint
ALTER TABLE "events" DROP CONSTRAINT "events_kind_known";--> statement-breakpoint
ALTER TABLE "matched_devices" ADD CONSTRAINT "matched_devices_department_id_departments_id_fk" FOREIGN KEY ("department_id") REFERENCES "public"."departments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "platform_shipment_devices" ADD CONSTRAINT "platform_shipment_devices_shipment_id_platform_shipments_id_fk" FOREIGN KEY ("shipment_id") REFERENCES "public"."platform_shipments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "platform_shipment_log" ADD CONSTRAINT "platform_shipment_log_shipment_id_platform_shipments_id_fk" FOREIGN KEY ("shipment_id") REFERENCES "public"."platform_shipments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "platform_shipments" ADD CONSTRAINT "platform_shipments_department_id_departments_id_fk" FOREIGN KEY ("department_id") REFERENCES "public"."departments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "platform_shipments" ADD CONSTRAINT "platform_shipments_platform_id_platforms_id_fk" FOREIGN KEY ("platform_id") REFERENCES "public"."platforms"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "matched_devices_department" ON "matched_devices" USING btree ("department_id","imei");--> statement-breakpoint
CREATE INDEX "matched_devices_customer" ON "matched_devices" USING btree ("department_id","customer","imei");--> statement-breakpoint
CREATE INDEX "matched_devices_shipment" ON "matched_devices" USING btree ("shipment_id","imei");--> statement-breakpoint
CREATE UNIQUE INDEX "platform_shipment_devices_once" ON "platform_shipment_devices" USING btree ("shipment_id","imei");--> statement-breakpoint
CREATE UNIQUE INDEX "platform_shipment_devices_open_imei" ON "platform_shipment_devices" USING btree ("imei") WHERE released_at is null;--> statement-breakpoint
CREATE INDEX "platform_shipment_devices_page" ON "platform_shipment_devices" USING btree ("shipment_id","id");--> statement-breakpoint
CREATE INDEX "platform_shipment_devices_open" ON "platform_shipment_devices" USING btree ("shipment_id","id") WHERE status = 'open';--> statement-breakpoint
CREATE INDEX "platform_shipment_devices_needs_person" ON "platform_shipment_devices" USING btree ("department_id","id") WHERE status in ('refused', 'unknown', 'not_sent') and released_at is null;--> statement-breakpoint
CREATE INDEX "platform_shipment_devices_imei" ON "platform_shipment_devices" USING btree ("department_id","imei");--> statement-breakpoint
CREATE INDEX "platform_shipment_log_shipment" ON "platform_shipment_log" USING btree ("shipment_id","id");--> statement-breakpoint
CREATE INDEX "platform_shipments_department" ON "platform_shipments" USING btree ("department_id","id");--> statement-breakpoint
CREATE INDEX "platform_shipments_running" ON "platform_shipments" USING btree ("id") WHERE status = 'running';--> statement-breakpoint
ALTER TABLE "events" ADD CONSTRAINT "events_kind_known" CHECK (kind in ('task.started', 'task.paused', 'task.finished', 'task.cancelled', 'task.approval_needed', 'device.failed', 'device.reverted', 'device.needs_person', 'command.finished', 'shipment.finished', 'platform_shipment.finished'));--> statement-breakpoint
CREATE TRIGGER platform_shipment_log_append_only BEFORE UPDATE OR DELETE ON "platform_shipment_log" FOR EACH ROW EXECUTE FUNCTION refuse_change();--> statement-breakpoint
INSERT INTO "platform_connectors" ("name") VALUES ('tracksolid');--> statement-breakpoint
INSERT INTO "platforms" ("name", "reading", "connector", "lifetime", "brand", "fields") VALUES
	('Tracksolid导入', 'Tracksolid, import', 'tracksolid', false, '', '[{"name":"account","required":true},{"name":"customerName","required":true},{"name":"model","required":true},{"name":"expiresOn","required":true},{"name":"remark","required":false}]'),
	('Tracksolid导入+终身', 'Tracksolid, import for a lifetime', 'tracksolid', true, '', '[{"name":"account","required":true},{"name":"customerName","required":true},{"name":"model","required":true},{"name":"remark","required":false}]'),
	('几米car-matrix导入', 'car-matrix, import', 'tracksolid', false, 'car-matrix', '[{"name":"account","required":true},{"name":"customerName","required":true},{"name":"model","required":true},{"name":"expiresOn","required":true},{"name":"remark","required":false}]'),
	('几米car-matrix导入+终身', 'car-matrix, import for a lifetime', 'tracksolid', true, 'car-matrix', '[{"name":"account","required":true},{"name":"customerName","required":true},{"name":"model","required":true},{"name":"remark","required":false}]'),
	('其他平台', 'another platform: not connected, nothing is sent', NULL, false, '', '[{"name":"customerName","required":false},{"name":"remark","required":false}]');
