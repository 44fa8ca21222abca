CREATE TABLE "customer_rule_lists" (
	"revision" integer PRIMARY KEY NOT NULL,
	"rules" jsonb NOT NULL,
	"changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"changed_by" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "model_protocols" (
	"model" text PRIMARY KEY NOT NULL,
	"protocol" text NOT NULL,
	"changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"changed_by" text NOT NULL,
	CONSTRAINT "model_protocols_known" CHECK (protocol in ('ams', 'pcp'))
);
--> statement-breakpoint
CREATE TABLE "shipment_devices" (
	"shipment_id" bigint NOT NULL,
	"place" integer NOT NULL,
	"imei" text NOT NULL,
	"status" text DEFAULT 'open' NOT NULL,
	"reason" text,
	"words" text DEFAULT '' NOT NULL,
	"device_id" text,
	"customer" text,
	"rule" text,
	"finished_at" timestamp with time zone,
	CONSTRAINT "shipment_devices_shipment_id_place_pk" PRIMARY KEY("shipment_id","place"),
	CONSTRAINT "shipment_devices_status_known" CHECK (status in ('open', 'shipped', 'refused'))
);
--> statement-breakpoint
CREATE TABLE "shipment_records" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "shipment_records_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"imei" text NOT NULL,
	"kind" text DEFAULT 'primary' NOT NULL,
	"shipment_id" bigint NOT NULL,
	"department_id" integer NOT NULL,
	"device_id" text NOT NULL,
	"mes_id" bigint NOT NULL,
	"order_no" text DEFAULT '' NOT NULL,
	"carton" text DEFAULT '' NOT NULL,
	"model" text DEFAULT '' NOT NULL,
	"version" text DEFAULT '' NOT NULL,
	"sn" text DEFAULT '' NOT NULL,
	"sim" text DEFAULT '' NOT NULL,
	"iccid" text DEFAULT '' NOT NULL,
	"rid" text DEFAULT '' NOT NULL,
	"company" text DEFAULT '' NOT NULL,
	"company_by" text NOT NULL,
	"mes_company" text DEFAULT '' NOT NULL,
	"production_date" date,
	"ship_date" date NOT NULL,
	"remark" text DEFAULT '' NOT NULL,
	"customer" text,
	"rule" jsonb,
	"rules_revision" integer NOT NULL,
	"shipped_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"shipped_by" text NOT NULL,
	CONSTRAINT "shipment_records_kind_known" CHECK (kind in ('primary')),
	CONSTRAINT "shipment_records_company_by_known" CHECK (company_by in ('shipment', 'mes'))
);
--> statement-breakpoint
CREATE TABLE "shipment_triggers" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "shipment_triggers_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"department_id" integer NOT NULL,
	"name" text NOT NULL,
	"match" jsonb NOT NULL,
	"company" text DEFAULT '' NOT NULL,
	"ship_in_days" integer DEFAULT 1 NOT NULL,
	"remark" text DEFAULT '' NOT NULL,
	"platform" jsonb,
	"is_on" boolean DEFAULT false NOT NULL,
	"after_cycle_id" bigint DEFAULT 0 NOT NULL,
	"revision" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"created_by" text NOT NULL,
	"deleted_at" timestamp with time zone,
	CONSTRAINT "shipment_triggers_days" CHECK (ship_in_days between 0 and 365)
);
--> statement-breakpoint
CREATE TABLE "shipments" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "shipments_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"department_id" integer NOT NULL,
	"selection" jsonb NOT NULL,
	"company" text DEFAULT '' NOT NULL,
	"ship_date" date NOT NULL,
	"remark" text DEFAULT '' NOT NULL,
	"asked" integer NOT NULL,
	"status" text DEFAULT 'running' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"created_by" text NOT NULL,
	"stopped_by" text,
	"finished_at" timestamp with time zone,
	"result" jsonb,
	CONSTRAINT "shipments_status_known" CHECK (status in ('running', 'finished', 'red'))
);
--> statement-breakpoint
CREATE TABLE "trigger_differences" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "trigger_differences_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"trigger_id" integer NOT NULL,
	"change_id" bigint NOT NULL,
	"cycle_id" bigint NOT NULL,
	"kind" text NOT NULL,
	"imei" text NOT NULL,
	"shipment_id" bigint,
	"at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	CONSTRAINT "trigger_differences_kind_known" CHECK (kind in ('shipped_changed', 'fits_no_more', 'fits_now'))
);
--> statement-breakpoint
CREATE TABLE "trigger_firings" (
	"trigger_id" integer NOT NULL,
	"cycle_id" bigint NOT NULL,
	"status" text NOT NULL,
	"words" text DEFAULT '' NOT NULL,
	"devices" integer DEFAULT 0 NOT NULL,
	"differences" integer DEFAULT 0 NOT NULL,
	"shipment_id" bigint,
	"platform_shipment_id" integer,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"finished_at" timestamp with time zone,
	CONSTRAINT "trigger_firings_trigger_id_cycle_id_pk" PRIMARY KEY("trigger_id","cycle_id"),
	CONSTRAINT "trigger_firings_status_known" CHECK (status in ('passed', 'firing', 'done', 'attention'))
);
--> statement-breakpoint
ALTER TABLE "shipment_devices" ADD CONSTRAINT "shipment_devices_shipment_id_shipments_id_fk" FOREIGN KEY ("shipment_id") REFERENCES "public"."shipments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "shipment_records" ADD CONSTRAINT "shipment_records_shipment_id_shipments_id_fk" FOREIGN KEY ("shipment_id") REFERENCES "public"."shipments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "shipment_records" ADD CONSTRAINT "shipment_records_department_id_departments_id_fk" FOREIGN KEY ("department_id") REFERENCES "public"."departments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "shipment_triggers" ADD CONSTRAINT "shipment_triggers_department_id_departments_id_fk" FOREIGN KEY ("department_id") REFERENCES "public"."departments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "shipments" ADD CONSTRAINT "shipments_department_id_departments_id_fk" FOREIGN KEY ("department_id") REFERENCES "public"."departments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trigger_differences" ADD CONSTRAINT "trigger_differences_trigger_id_shipment_triggers_id_fk" FOREIGN KEY ("trigger_id") REFERENCES "public"."shipment_triggers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trigger_firings" ADD CONSTRAINT "trigger_firings_trigger_id_shipment_triggers_id_fk" FOREIGN KEY ("trigger_id") REFERENCES "public"."shipment_triggers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trigger_firings" ADD CONSTRAINT "trigger_firings_shipment_id_shipments_id_fk" FOREIGN KEY ("shipment_id") REFERENCES "public"."shipments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "shipment_devices_open" ON "shipment_devices" USING btree ("shipment_id","place") WHERE status = 'open';--> statement-breakpoint
CREATE INDEX "shipment_devices_refused" ON "shipment_devices" USING btree ("shipment_id","place") WHERE status = 'refused';--> statement-breakpoint
CREATE INDEX "shipment_devices_imei" ON "shipment_devices" USING btree ("imei","shipment_id");--> statement-breakpoint
CREATE UNIQUE INDEX "shipment_records_once" ON "shipment_records" USING btree ("imei","kind");--> statement-breakpoint
CREATE INDEX "shipment_records_date" ON "shipment_records" USING btree ("department_id","ship_date","id");--> statement-breakpoint
CREATE INDEX "shipment_records_order" ON "shipment_records" USING btree ("department_id","order_no","ship_date","id");--> statement-breakpoint
CREATE INDEX "shipment_records_carton" ON "shipment_records" USING btree ("department_id","carton","ship_date","id");--> statement-breakpoint
CREATE INDEX "shipment_records_company" ON "shipment_records" USING btree ("department_id","company","ship_date","id");--> statement-breakpoint
CREATE INDEX "shipment_records_customer" ON "shipment_records" USING btree ("department_id","customer","ship_date","id");--> statement-breakpoint
CREATE INDEX "shipment_records_model" ON "shipment_records" USING btree ("department_id","model","ship_date","id");--> statement-breakpoint
CREATE INDEX "shipment_records_shipment" ON "shipment_records" USING btree ("shipment_id","ship_date","id");--> statement-breakpoint
CREATE UNIQUE INDEX "shipment_triggers_name" ON "shipment_triggers" USING btree ("department_id","name") WHERE deleted_at is null;--> statement-breakpoint
CREATE INDEX "shipments_department" ON "shipments" USING btree ("department_id","id");--> statement-breakpoint
CREATE INDEX "shipments_running" ON "shipments" USING btree ("id") WHERE status = 'running';--> statement-breakpoint
CREATE UNIQUE INDEX "trigger_differences_once" ON "trigger_differences" USING btree ("trigger_id","change_id");--> statement-breakpoint
CREATE INDEX "trigger_differences_trigger" ON "trigger_differences" USING btree ("trigger_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "trigger_firings_shipment" ON "trigger_firings" USING btree ("shipment_id");--> statement-breakpoint
CREATE INDEX "trigger_firings_open" ON "trigger_firings" USING btree ("cycle_id") WHERE status = 'firing';--> statement-breakpoint
CREATE INDEX "trigger_firings_shown" ON "trigger_firings" USING btree ("trigger_id","cycle_id") WHERE status <> 'passed';--> statement-breakpoint
CREATE TRIGGER shipment_records_append_only BEFORE UPDATE OR DELETE ON "shipment_records" FOR EACH ROW EXECUTE FUNCTION refuse_change();--> statement-breakpoint
CREATE TRIGGER shipment_records_no_truncate BEFORE TRUNCATE ON "shipment_records" FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();--> statement-breakpoint
CREATE TRIGGER customer_rule_lists_append_only BEFORE UPDATE OR DELETE ON "customer_rule_lists" FOR EACH ROW EXECUTE FUNCTION refuse_change();--> statement-breakpoint
CREATE TRIGGER trigger_differences_append_only BEFORE UPDATE OR DELETE ON "trigger_differences" FOR EACH ROW EXECUTE FUNCTION refuse_change();--> statement-breakpoint
INSERT INTO "customer_rule_lists" ("revision", "changed_by", "rules") VALUES (1, 'system', '[
	{"number":1,"words":["深圳途骏信息科技有限公司"],"customer":"hemi","active":true},
	{"number":2,"words":["国贸部","营销事业三部"],"customer":"guomao","active":true},
	{"number":3,"words":["深圳市几米软件有限公司","国际部"],"customer":"guomao","active":true},
	{"number":4,"words":["深圳市几米物联有限公司","国际部"],"customer":"guomao","active":true}]');
