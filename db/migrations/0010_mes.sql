CREATE TABLE "mes_cartons" (
	"id" bigint PRIMARY KEY NOT NULL,
	"box_no" text COLLATE "C",
	"imei" text COLLATE "C" NOT NULL,
	"zhidan" text COLLATE "C",
	"soft_model" text COLLATE "C",
	"version" text,
	"product_code" text,
	"color" text,
	"qty" text,
	"weight" text,
	"date" text,
	"tac_info" text,
	"company_name" text COLLATE "C",
	"tester_id" text,
	"test_time" timestamp with time zone,
	"remark1" text,
	"remark2" text,
	"remark3" text,
	"remark4" text,
	"remark5" text,
	"computer" text,
	"row_hash" uuid NOT NULL,
	"cycle_id" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "mes_changes" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "mes_changes_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"cycle_id" bigint NOT NULL,
	"mes_table" text NOT NULL,
	"row_key" text NOT NULL,
	"imei" text COLLATE "C" NOT NULL,
	"differences" jsonb NOT NULL,
	CONSTRAINT "mes_changes_table_known" CHECK (mes_table in ('carton', 'sheet'))
);
--> statement-breakpoint
CREATE TABLE "mes_cursors" (
	"mes_table" text NOT NULL,
	"lane" text NOT NULL,
	"position" jsonb,
	"high" jsonb,
	"passes" integer DEFAULT 0 NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "mes_cursors_mes_table_lane_pk" PRIMARY KEY("mes_table","lane"),
	CONSTRAINT "mes_cursors_table_known" CHECK (mes_table in ('carton', 'sheet')),
	CONSTRAINT "mes_cursors_lane_known" CHECK (lane in ('new', 'review'))
);
--> statement-breakpoint
CREATE TABLE "mes_cycle_counts" (
	"cycle_id" bigint NOT NULL,
	"mes_table" text NOT NULL,
	"seen" bigint DEFAULT 0 NOT NULL,
	"new" bigint DEFAULT 0 NOT NULL,
	"changed" bigint DEFAULT 0 NOT NULL,
	"unchanged" bigint DEFAULT 0 NOT NULL,
	"rejected" jsonb DEFAULT '{}'::jsonb NOT NULL,
	CONSTRAINT "mes_cycle_counts_cycle_id_mes_table_pk" PRIMARY KEY("cycle_id","mes_table"),
	CONSTRAINT "mes_cycle_counts_table_known" CHECK (mes_table in ('carton', 'sheet'))
);
--> statement-breakpoint
CREATE TABLE "mes_cycles" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "mes_cycles_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"source" text NOT NULL,
	"workflow_id" text NOT NULL,
	"author" text NOT NULL,
	"status" text DEFAULT 'running' NOT NULL,
	"words" text DEFAULT '' NOT NULL,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"finished_at" timestamp with time zone,
	CONSTRAINT "mes_cycles_workflow_id_unique" UNIQUE("workflow_id"),
	CONSTRAINT "mes_cycles_source_known" CHECK (source in ('sync', 'import')),
	CONSTRAINT "mes_cycles_status_known" CHECK (status in ('running', 'done', 'empty', 'unreachable', 'refused', 'mismatch', 'cancelled', 'abandoned'))
);
--> statement-breakpoint
CREATE TABLE "mes_rejected" (
	"mes_table" text NOT NULL,
	"row_key" text NOT NULL,
	"reason" text NOT NULL,
	"words" text NOT NULL,
	"row" jsonb NOT NULL,
	"first_cycle_id" bigint NOT NULL,
	"last_cycle_id" bigint NOT NULL,
	"last_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "mes_rejected_mes_table_row_key_pk" PRIMARY KEY("mes_table","row_key"),
	CONSTRAINT "mes_rejected_table_known" CHECK (mes_table in ('carton', 'sheet'))
);
--> statement-breakpoint
CREATE TABLE "mes_settings" (
	"id" integer PRIMARY KEY DEFAULT 1 NOT NULL,
	"interval_s" integer DEFAULT 300 NOT NULL,
	"is_paused" boolean DEFAULT false NOT NULL,
	"revision" integer DEFAULT 1 NOT NULL,
	"changed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"changed_by" text DEFAULT 'system' NOT NULL,
	CONSTRAINT "mes_settings_one_row" CHECK (id = 1),
	CONSTRAINT "mes_settings_interval" CHECK (interval_s between 10 and 86400)
);
--> statement-breakpoint
CREATE TABLE "mes_sheets" (
	"imei1" text COLLATE "C" PRIMARY KEY NOT NULL,
	"sn" text COLLATE "C",
	"imei2" text COLLATE "C",
	"imei3" text,
	"imei4" text COLLATE "C",
	"imei5" text,
	"imei6" text,
	"imei7" text,
	"imei8" text,
	"imei9" text,
	"imei10" text,
	"imei11" text,
	"imei12" text,
	"zhidan" text,
	"test_time" timestamp with time zone,
	"row_hash" uuid NOT NULL,
	"cycle_id" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "mes_shipped" (
	"imei" text COLLATE "C" PRIMARY KEY NOT NULL,
	"shipment_id" bigint,
	"department_id" integer NOT NULL,
	"shipped_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "mes_cycle_counts" ADD CONSTRAINT "mes_cycle_counts_cycle_id_mes_cycles_id_fk" FOREIGN KEY ("cycle_id") REFERENCES "public"."mes_cycles"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "mes_shipped" ADD CONSTRAINT "mes_shipped_department_id_departments_id_fk" FOREIGN KEY ("department_id") REFERENCES "public"."departments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "mes_cartons_imei" ON "mes_cartons" USING btree ("imei");--> statement-breakpoint
CREATE INDEX "mes_cartons_box" ON "mes_cartons" USING btree ("box_no");--> statement-breakpoint
CREATE INDEX "mes_cartons_order" ON "mes_cartons" USING btree ("zhidan","test_time","id");--> statement-breakpoint
CREATE INDEX "mes_cartons_model" ON "mes_cartons" USING btree ("soft_model","test_time","id");--> statement-breakpoint
CREATE INDEX "mes_cartons_company" ON "mes_cartons" USING btree ("company_name","test_time","id");--> statement-breakpoint
CREATE INDEX "mes_cartons_time" ON "mes_cartons" USING btree ("test_time","id");--> statement-breakpoint
CREATE INDEX "mes_cartons_cycle" ON "mes_cartons" USING brin ("cycle_id");--> statement-breakpoint
CREATE INDEX "mes_changes_imei" ON "mes_changes" USING btree ("imei","id");--> statement-breakpoint
CREATE INDEX "mes_changes_cycle" ON "mes_changes" USING btree ("cycle_id","mes_table");--> statement-breakpoint
CREATE INDEX "mes_cycles_running" ON "mes_cycles" USING btree ("id") WHERE status = 'running';--> statement-breakpoint
CREATE INDEX "mes_rejected_cycle" ON "mes_rejected" USING btree ("last_cycle_id");--> statement-breakpoint
CREATE INDEX "mes_sheets_sn" ON "mes_sheets" USING btree ("sn");--> statement-breakpoint
CREATE INDEX "mes_sheets_imei2" ON "mes_sheets" USING btree ("imei2");--> statement-breakpoint
CREATE INDEX "mes_sheets_iccid" ON "mes_sheets" USING btree ("imei4");--> statement-breakpoint
CREATE INDEX "mes_sheets_cycle" ON "mes_sheets" USING brin ("cycle_id");--> statement-breakpoint
INSERT INTO "mes_settings" DEFAULT VALUES;--> statement-breakpoint
INSERT INTO "mes_cursors" ("mes_table", "lane") VALUES ('carton', 'new'), ('carton', 'review'), ('sheet', 'new'), ('sheet', 'review');--> statement-breakpoint
CREATE FUNCTION refuse_mes_write() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('slipway.mes_sync', true) IS DISTINCT FROM 'on' THEN
    RAISE EXCEPTION '% belongs to MES and is read-only', TG_TABLE_NAME;
  END IF;
  RETURN NULL;
END
$$;--> statement-breakpoint
CREATE TRIGGER mes_cartons_read_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON "mes_cartons" FOR EACH STATEMENT EXECUTE FUNCTION refuse_mes_write();--> statement-breakpoint
CREATE TRIGGER mes_sheets_read_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON "mes_sheets" FOR EACH STATEMENT EXECUTE FUNCTION refuse_mes_write();--> statement-breakpoint
CREATE TRIGGER mes_changes_append_only BEFORE UPDATE OR DELETE ON "mes_changes" FOR EACH ROW EXECUTE FUNCTION refuse_change();
