CREATE TABLE "equipment" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "equipment_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"code" text NOT NULL,
	"department_id" integer NOT NULL,
	"name" text DEFAULT '' NOT NULL,
	"model" text DEFAULT '' NOT NULL,
	"location" text DEFAULT '' NOT NULL,
	"period_s" integer DEFAULT 30 NOT NULL,
	"allowed_addresses" text[] DEFAULT '{}' NOT NULL,
	"is_hold_listed" boolean DEFAULT false NOT NULL,
	"is_active" boolean DEFAULT true NOT NULL,
	"remark" text DEFAULT '' NOT NULL,
	"revision" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"created_by" text NOT NULL,
	"updated_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	CONSTRAINT "equipment_period_sensible" CHECK (period_s between 1 and 3600)
);
--> statement-breakpoint
CREATE TABLE "equipment_alarm_log" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "equipment_alarm_log_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"equipment_id" integer NOT NULL,
	"alarm_id" bigint,
	"alert_code" text NOT NULL,
	"event" text NOT NULL,
	"at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"author" text NOT NULL,
	"cause" text DEFAULT '' NOT NULL,
	CONSTRAINT "equipment_alarm_log_event_known" CHECK (event in ('raised', 'described', 'cleared', 'clear_unknown', 'acknowledged'))
);
--> statement-breakpoint
CREATE TABLE "equipment_alarms" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "equipment_alarms_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"equipment_id" integer NOT NULL,
	"alert_code" text NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"level" text DEFAULT '' NOT NULL,
	"part_code" text DEFAULT '' NOT NULL,
	"product_type" text DEFAULT '' NOT NULL,
	"raised_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"raises" integer DEFAULT 1 NOT NULL,
	"last_raised_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"cleared_at" timestamp with time zone,
	"acknowledged_at" timestamp with time zone,
	"acknowledged_by" text
);
--> statement-breakpoint
CREATE TABLE "equipment_calls" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "equipment_calls_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"equipment_id" integer NOT NULL,
	"name" text,
	"called_as" text NOT NULL,
	"address" text NOT NULL,
	"session_id" text,
	"received_at" timestamp with time zone NOT NULL,
	"took_ms" integer NOT NULL,
	"result_flag" boolean NOT NULL,
	"success" boolean NOT NULL,
	"failure" text,
	"message" text NOT NULL,
	"is_repeated" boolean NOT NULL,
	"warnings" text[] NOT NULL,
	"raw" text
);
--> statement-breakpoint
CREATE TABLE "equipment_edges" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "equipment_edges_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"equipment_id" integer NOT NULL,
	"at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"edge" text NOT NULL,
	"from_state" text NOT NULL,
	"to_state" text NOT NULL,
	"cause" text DEFAULT '' NOT NULL,
	CONSTRAINT "equipment_edges_from_known" CHECK (from_state in ('never', 'online', 'alive', 'suspect', 'offline')),
	CONSTRAINT "equipment_edges_to_known" CHECK (to_state in ('never', 'online', 'alive', 'suspect', 'offline'))
);
--> statement-breakpoint
CREATE TABLE "equipment_employees" (
	"department_id" integer NOT NULL,
	"number" text NOT NULL,
	"name" text DEFAULT '' NOT NULL,
	"password_hash" text,
	"is_active" boolean DEFAULT true NOT NULL,
	"created_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"created_by" text NOT NULL,
	"updated_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	CONSTRAINT "equipment_employees_department_id_number_pk" PRIMARY KEY("department_id","number")
);
--> statement-breakpoint
CREATE TABLE "equipment_flags" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "equipment_flags_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"equipment_id" integer NOT NULL,
	"action" text NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"raised_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"raised_by" text NOT NULL,
	"cause" text DEFAULT '' NOT NULL,
	"serves" integer DEFAULT 0 NOT NULL,
	"served_at" timestamp with time zone,
	"ended_at" timestamp with time zone,
	"ended_by" text,
	CONSTRAINT "equipment_flags_action_known" CHECK (action in ('material_up', 'material_down', 'water_content', 'parameters')),
	CONSTRAINT "equipment_flags_status_known" CHECK (status in ('pending', 'followed', 'cancelled'))
);
--> statement-breakpoint
CREATE TABLE "equipment_follow_ups" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "equipment_follow_ups_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"equipment_id" integer NOT NULL,
	"flag_id" bigint,
	"name" text NOT NULL,
	"employee_no" text DEFAULT '' NOT NULL,
	"received_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"data" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "equipment_listening" (
	"id" smallint PRIMARY KEY DEFAULT 1 NOT NULL,
	"since" timestamp with time zone NOT NULL,
	"until" timestamp with time zone NOT NULL,
	CONSTRAINT "equipment_listening_once" CHECK (id = 1)
);
--> statement-breakpoint
CREATE TABLE "equipment_parameter_fetches" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "equipment_parameter_fetches_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"equipment_id" integer NOT NULL,
	"version" integer NOT NULL,
	"at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"employee_no" text DEFAULT '' NOT NULL,
	"software" text DEFAULT '' NOT NULL,
	"address" text DEFAULT '' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "equipment_parameters" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "equipment_parameters_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"equipment_id" integer NOT NULL,
	"version" integer NOT NULL,
	"label" text NOT NULL,
	"product_desc" text,
	"first_article_num" text,
	"debug_num" text,
	"parameters" jsonb NOT NULL,
	"set_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"set_by" text NOT NULL,
	"cause" text DEFAULT '' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "equipment_replies" (
	"equipment_id" integer NOT NULL,
	"name" text NOT NULL,
	"session_id" text NOT NULL,
	"fingerprint" text NOT NULL,
	"at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"reply" jsonb,
	CONSTRAINT "equipment_replies_equipment_id_name_session_id_fingerprint_pk" PRIMARY KEY("equipment_id","name","session_id","fingerprint")
);
--> statement-breakpoint
CREATE TABLE "equipment_sessions" (
	"equipment_id" integer PRIMARY KEY NOT NULL,
	"state" text DEFAULT 'never' NOT NULL,
	"state_since" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"online_at" timestamp with time zone,
	"last_seen_at" timestamp with time zone,
	"last_address" text DEFAULT '' NOT NULL,
	"software" text DEFAULT '' NOT NULL,
	"employee_no" text DEFAULT '' NOT NULL,
	"operating_mode" smallint,
	"skew_ms" double precision,
	"skew_at" timestamp with time zone,
	"is_skewed" boolean DEFAULT false NOT NULL,
	"status" text,
	"status_since" timestamp with time zone,
	"status_change_id" bigint,
	"parameters_version" integer DEFAULT 0 NOT NULL,
	"fetched_version" integer DEFAULT 0 NOT NULL,
	"fetched_at" timestamp with time zone,
	"edge_at" timestamp with time zone,
	CONSTRAINT "equipment_sessions_state_known" CHECK (state in ('never', 'online', 'alive', 'suspect', 'offline')),
	CONSTRAINT "equipment_sessions_status_known" CHECK (status is null or status in ('Running', 'Waiting', 'Down', 'Maintenance', 'Alerting'))
);
--> statement-breakpoint
CREATE TABLE "equipment_status_changes" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "equipment_status_changes_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"equipment_id" integer NOT NULL,
	"status" text NOT NULL,
	"reason_code" text NOT NULL,
	"description" text,
	"location_id" text,
	"status_code" text NOT NULL,
	"changed_at" timestamp with time zone NOT NULL,
	"effective_at" timestamp with time zone NOT NULL,
	"received_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"is_late" boolean NOT NULL,
	CONSTRAINT "equipment_status_changes_status_known" CHECK (status in ('Running', 'Waiting', 'Down', 'Maintenance', 'Alerting'))
);
--> statement-breakpoint
CREATE TABLE "equipment_strangers" (
	"address" text NOT NULL,
	"code" text NOT NULL,
	"failure" text NOT NULL,
	"calls" bigint NOT NULL,
	"first_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"last_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"last_name" text DEFAULT '' NOT NULL,
	CONSTRAINT "equipment_strangers_address_code_failure_pk" PRIMARY KEY("address","code","failure")
);
--> statement-breakpoint
ALTER TABLE "events" DROP CONSTRAINT "events_kind_known";--> statement-breakpoint
ALTER TABLE "equipment" ADD CONSTRAINT "equipment_department_id_departments_id_fk" FOREIGN KEY ("department_id") REFERENCES "public"."departments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "equipment_alarm_log" ADD CONSTRAINT "equipment_alarm_log_equipment_id_equipment_id_fk" FOREIGN KEY ("equipment_id") REFERENCES "public"."equipment"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "equipment_alarm_log" ADD CONSTRAINT "equipment_alarm_log_alarm_id_equipment_alarms_id_fk" FOREIGN KEY ("alarm_id") REFERENCES "public"."equipment_alarms"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "equipment_alarms" ADD CONSTRAINT "equipment_alarms_equipment_id_equipment_id_fk" FOREIGN KEY ("equipment_id") REFERENCES "public"."equipment"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "equipment_edges" ADD CONSTRAINT "equipment_edges_equipment_id_equipment_id_fk" FOREIGN KEY ("equipment_id") REFERENCES "public"."equipment"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "equipment_employees" ADD CONSTRAINT "equipment_employees_department_id_departments_id_fk" FOREIGN KEY ("department_id") REFERENCES "public"."departments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "equipment_flags" ADD CONSTRAINT "equipment_flags_equipment_id_equipment_id_fk" FOREIGN KEY ("equipment_id") REFERENCES "public"."equipment"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "equipment_follow_ups" ADD CONSTRAINT "equipment_follow_ups_equipment_id_equipment_id_fk" FOREIGN KEY ("equipment_id") REFERENCES "public"."equipment"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "equipment_follow_ups" ADD CONSTRAINT "equipment_follow_ups_flag_id_equipment_flags_id_fk" FOREIGN KEY ("flag_id") REFERENCES "public"."equipment_flags"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "equipment_parameter_fetches" ADD CONSTRAINT "equipment_parameter_fetches_equipment_id_equipment_id_fk" FOREIGN KEY ("equipment_id") REFERENCES "public"."equipment"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "equipment_parameters" ADD CONSTRAINT "equipment_parameters_equipment_id_equipment_id_fk" FOREIGN KEY ("equipment_id") REFERENCES "public"."equipment"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "equipment_sessions" ADD CONSTRAINT "equipment_sessions_equipment_id_equipment_id_fk" FOREIGN KEY ("equipment_id") REFERENCES "public"."equipment"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "equipment_status_changes" ADD CONSTRAINT "equipment_status_changes_equipment_id_equipment_id_fk" FOREIGN KEY ("equipment_id") REFERENCES "public"."equipment"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "equipment_code" ON "equipment" USING btree ("code");--> statement-breakpoint
CREATE INDEX "equipment_department" ON "equipment" USING btree ("department_id","code");--> statement-breakpoint
CREATE INDEX "equipment_alarm_log_alarm" ON "equipment_alarm_log" USING btree ("alarm_id","id");--> statement-breakpoint
CREATE INDEX "equipment_alarm_log_equipment" ON "equipment_alarm_log" USING btree ("equipment_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "equipment_alarms_open" ON "equipment_alarms" USING btree ("equipment_id","alert_code") WHERE cleared_at is null;--> statement-breakpoint
CREATE INDEX "equipment_alarms_equipment" ON "equipment_alarms" USING btree ("equipment_id","id");--> statement-breakpoint
CREATE INDEX "equipment_calls_equipment" ON "equipment_calls" USING btree ("equipment_id","id");--> statement-breakpoint
CREATE INDEX "equipment_edges_equipment" ON "equipment_edges" USING btree ("equipment_id","id");--> statement-breakpoint
CREATE INDEX "equipment_edges_time" ON "equipment_edges" USING btree ("equipment_id","at");--> statement-breakpoint
CREATE UNIQUE INDEX "equipment_flags_pending" ON "equipment_flags" USING btree ("equipment_id","action") WHERE status = 'pending';--> statement-breakpoint
CREATE INDEX "equipment_flags_equipment" ON "equipment_flags" USING btree ("equipment_id","id");--> statement-breakpoint
CREATE INDEX "equipment_follow_ups_equipment" ON "equipment_follow_ups" USING btree ("equipment_id","id");--> statement-breakpoint
CREATE INDEX "equipment_parameter_fetches_equipment" ON "equipment_parameter_fetches" USING btree ("equipment_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "equipment_parameters_version" ON "equipment_parameters" USING btree ("equipment_id","version");--> statement-breakpoint
CREATE INDEX "equipment_replies_age" ON "equipment_replies" USING brin ("at");--> statement-breakpoint
CREATE INDEX "equipment_sessions_edges" ON "equipment_sessions" USING btree ("edge_at") WHERE edge_at is not null;--> statement-breakpoint
CREATE INDEX "equipment_status_changes_time" ON "equipment_status_changes" USING btree ("equipment_id","effective_at","id");--> statement-breakpoint
CREATE INDEX "equipment_status_changes_equipment" ON "equipment_status_changes" USING btree ("equipment_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "equipment_status_changes_once" ON "equipment_status_changes" USING btree ("equipment_id","changed_at","status");--> statement-breakpoint
CREATE INDEX "equipment_strangers_seen" ON "equipment_strangers" USING btree ("last_at");--> statement-breakpoint
ALTER TABLE "events" ADD CONSTRAINT "events_kind_known" CHECK (kind in ('task.started', 'task.paused', 'task.finished', 'task.cancelled', 'task.approval_needed', 'device.failed', 'device.reverted', 'device.needs_person', 'command.finished', 'shipment.finished', 'platform_shipment.finished', 'equipment.offline', 'equipment.back', 'equipment.alarm', 'equipment.alarm_cleared', 'equipment.clock_skew'));--> statement-breakpoint
ALTER TABLE "equipment_sessions" SET (fillfactor = 50);--> statement-breakpoint
CREATE TRIGGER equipment_edges_append_only BEFORE UPDATE OR DELETE ON "equipment_edges" FOR EACH ROW EXECUTE FUNCTION refuse_change();--> statement-breakpoint
CREATE TRIGGER equipment_status_changes_append_only BEFORE UPDATE OR DELETE ON "equipment_status_changes" FOR EACH ROW EXECUTE FUNCTION refuse_change();--> statement-breakpoint
CREATE TRIGGER equipment_alarm_log_append_only BEFORE UPDATE OR DELETE ON "equipment_alarm_log" FOR EACH ROW EXECUTE FUNCTION refuse_change();--> statement-breakpoint
CREATE TRIGGER equipment_parameters_append_only BEFORE UPDATE OR DELETE ON "equipment_parameters" FOR EACH ROW EXECUTE FUNCTION refuse_change();
