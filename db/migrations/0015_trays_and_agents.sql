CREATE TABLE "agent_calls" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "agent_calls_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"agent_id" integer NOT NULL,
	"name" text NOT NULL,
	"session_id" text NOT NULL,
	"request" jsonb NOT NULL,
	"status" text DEFAULT 'queued' NOT NULL,
	"created_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"created_by" text NOT NULL,
	"expires_at" timestamp with time zone,
	"attempts" integer DEFAULT 0 NOT NULL,
	"tried_at" timestamp with time zone,
	"trouble" text DEFAULT '' NOT NULL,
	"answered_at" timestamp with time zone,
	"answer" jsonb,
	"message" text DEFAULT '' NOT NULL,
	"reason" text,
	"redrive_of" bigint,
	"decided_at" timestamp with time zone,
	"decided_by" text,
	"cause" text DEFAULT '' NOT NULL,
	CONSTRAINT "agent_calls_name_known" CHECK (name in ('EqptStatus', 'EqptAlert', 'TrayBind', 'TrayUnbind', 'CellState', 'TrayCellsStatus', 'AgingInput', 'MaterialUpLoad', 'MaterialDownLoad', 'WaterContent')),
	CONSTRAINT "agent_calls_status_known" CHECK (status in ('queued', 'delivered', 'quarantined', 'redriven', 'written_off', 'expired')),
	CONSTRAINT "agent_calls_reason_known" CHECK (reason is null or reason in ('refused', 'rejected', 'unsendable'))
);
--> statement-breakpoint
CREATE TABLE "agent_edges" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "agent_edges_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"agent_id" integer NOT NULL,
	"at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"edge" text NOT NULL,
	"from_state" text NOT NULL,
	"to_state" text NOT NULL,
	"cause" text DEFAULT '' NOT NULL,
	CONSTRAINT "agent_edges_from_known" CHECK (from_state in ('never', 'online', 'alive', 'suspect', 'offline')),
	CONSTRAINT "agent_edges_to_known" CHECK (to_state in ('never', 'online', 'alive', 'suspect', 'offline'))
);
--> statement-breakpoint
CREATE TABLE "agent_flags" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "agent_flags_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"agent_id" integer NOT NULL,
	"action" text NOT NULL,
	"status" text DEFAULT 'new' NOT NULL,
	"raised_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"call_id" bigint,
	"ended_at" timestamp with time zone,
	CONSTRAINT "agent_flags_action_known" CHECK (action in ('material_up', 'material_down', 'water_content')),
	CONSTRAINT "agent_flags_status_known" CHECK (status in ('new', 'waiting', 'sending', 'followed', 'ignored'))
);
--> statement-breakpoint
CREATE TABLE "agent_sessions" (
	"agent_id" integer PRIMARY KEY NOT NULL,
	"line" integer DEFAULT 0 NOT NULL,
	"state" text DEFAULT 'never' NOT NULL,
	"state_since" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"online_at" timestamp with time zone,
	"beat_at" timestamp with time zone,
	"good_at" timestamp with time zone,
	"trouble" text DEFAULT '' NOT NULL,
	"offset_ms" double precision DEFAULT 0 NOT NULL,
	"param_version" text,
	"parameters" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"product" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"parameters_at" timestamp with time zone,
	CONSTRAINT "agent_sessions_state_known" CHECK (state in ('never', 'online', 'alive', 'suspect', 'offline'))
);
--> statement-breakpoint
CREATE TABLE "agents" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "agents_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"department_id" integer NOT NULL,
	"code" text NOT NULL,
	"name" text DEFAULT '' NOT NULL,
	"url" text NOT NULL,
	"token" text,
	"software" text NOT NULL,
	"employee_no" text DEFAULT '' NOT NULL,
	"password" text,
	"period_ms" integer DEFAULT 30000 NOT NULL,
	"key_flags" jsonb,
	"flag_plans" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"is_active" boolean DEFAULT true NOT NULL,
	"remark" text DEFAULT '' NOT NULL,
	"revision" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"created_by" text NOT NULL,
	"updated_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	CONSTRAINT "agents_period_sensible" CHECK (period_ms between 200 and 3600000)
);
--> statement-breakpoint
CREATE TABLE "aging_limits" (
	"department_id" integer NOT NULL,
	"bind_code" text NOT NULL,
	"lower_minutes" integer NOT NULL,
	"upper_minutes" integer NOT NULL,
	"set_by" text NOT NULL,
	"set_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	CONSTRAINT "aging_limits_department_id_bind_code_pk" PRIMARY KEY("department_id","bind_code"),
	CONSTRAINT "aging_limits_sensible" CHECK (lower_minutes >= 0 and upper_minutes >= lower_minutes)
);
--> statement-breakpoint
CREATE TABLE "cells" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "cells_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"department_id" integer NOT NULL,
	"serial_no" text NOT NULL,
	"status" smallint NOT NULL,
	"status_by" text NOT NULL,
	"status_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"bind_code" text NOT NULL,
	"filled_at" timestamp with time zone,
	"remark" text DEFAULT '' NOT NULL,
	"tray_id" bigint,
	"position_no" integer,
	"bound_at" timestamp with time zone,
	"revision" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"created_by" text NOT NULL,
	"updated_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	CONSTRAINT "cells_status_known" CHECK (status between 1 and 5),
	CONSTRAINT "cells_place_whole" CHECK ((tray_id is null) = (position_no is null) and (tray_id is null) = (bound_at is null))
);
--> statement-breakpoint
CREATE TABLE "tray_log" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "tray_log_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"department_id" integer NOT NULL,
	"tray_id" bigint NOT NULL,
	"operation" text NOT NULL,
	"at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"equipment_id" integer,
	"author" text DEFAULT '' NOT NULL,
	"cause" text DEFAULT '' NOT NULL,
	"session_id" text,
	"cells" jsonb NOT NULL,
	"details" jsonb DEFAULT '{}'::jsonb NOT NULL,
	CONSTRAINT "tray_log_operation_known" CHECK (operation in ('bound', 'unbound', 'taken_out', 'aging'))
);
--> statement-breakpoint
CREATE TABLE "trays" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "trays_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"department_id" integer NOT NULL,
	"barcode" text NOT NULL,
	"property" text,
	"created_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"used_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "events" DROP CONSTRAINT "events_kind_known";--> statement-breakpoint
ALTER TABLE "agent_calls" ADD CONSTRAINT "agent_calls_agent_id_agents_id_fk" FOREIGN KEY ("agent_id") REFERENCES "public"."agents"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "agent_edges" ADD CONSTRAINT "agent_edges_agent_id_agents_id_fk" FOREIGN KEY ("agent_id") REFERENCES "public"."agents"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "agent_flags" ADD CONSTRAINT "agent_flags_agent_id_agents_id_fk" FOREIGN KEY ("agent_id") REFERENCES "public"."agents"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "agent_flags" ADD CONSTRAINT "agent_flags_call_id_agent_calls_id_fk" FOREIGN KEY ("call_id") REFERENCES "public"."agent_calls"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "agent_sessions" ADD CONSTRAINT "agent_sessions_agent_id_agents_id_fk" FOREIGN KEY ("agent_id") REFERENCES "public"."agents"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "agents" ADD CONSTRAINT "agents_department_id_departments_id_fk" FOREIGN KEY ("department_id") REFERENCES "public"."departments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "aging_limits" ADD CONSTRAINT "aging_limits_department_id_departments_id_fk" FOREIGN KEY ("department_id") REFERENCES "public"."departments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cells" ADD CONSTRAINT "cells_department_id_departments_id_fk" FOREIGN KEY ("department_id") REFERENCES "public"."departments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cells" ADD CONSTRAINT "cells_tray_id_trays_id_fk" FOREIGN KEY ("tray_id") REFERENCES "public"."trays"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tray_log" ADD CONSTRAINT "tray_log_department_id_departments_id_fk" FOREIGN KEY ("department_id") REFERENCES "public"."departments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tray_log" ADD CONSTRAINT "tray_log_tray_id_trays_id_fk" FOREIGN KEY ("tray_id") REFERENCES "public"."trays"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "tray_log" ADD CONSTRAINT "tray_log_equipment_id_equipment_id_fk" FOREIGN KEY ("equipment_id") REFERENCES "public"."equipment"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trays" ADD CONSTRAINT "trays_department_id_departments_id_fk" FOREIGN KEY ("department_id") REFERENCES "public"."departments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "agent_calls_agent" ON "agent_calls" USING btree ("agent_id","id");--> statement-breakpoint
CREATE INDEX "agent_calls_queued" ON "agent_calls" USING btree ("agent_id","id") WHERE status = 'queued';--> statement-breakpoint
CREATE INDEX "agent_calls_quarantined" ON "agent_calls" USING btree ("agent_id","id") WHERE status = 'quarantined';--> statement-breakpoint
CREATE UNIQUE INDEX "agent_calls_session" ON "agent_calls" USING btree ("agent_id","session_id");--> statement-breakpoint
CREATE UNIQUE INDEX "agent_calls_redriven_once" ON "agent_calls" USING btree ("redrive_of");--> statement-breakpoint
CREATE INDEX "agent_edges_agent" ON "agent_edges" USING btree ("agent_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "agent_flags_open" ON "agent_flags" USING btree ("agent_id","action") WHERE ended_at is null;--> statement-breakpoint
CREATE INDEX "agent_flags_agent" ON "agent_flags" USING btree ("agent_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "agents_code" ON "agents" USING btree ("code");--> statement-breakpoint
CREATE INDEX "agents_department" ON "agents" USING btree ("department_id","code");--> statement-breakpoint
CREATE UNIQUE INDEX "cells_serial" ON "cells" USING btree ("department_id","serial_no");--> statement-breakpoint
CREATE UNIQUE INDEX "cells_position" ON "cells" USING btree ("tray_id","position_no") WHERE tray_id is not null;--> statement-breakpoint
CREATE INDEX "cells_bind_code" ON "cells" USING btree ("department_id","bind_code","serial_no");--> statement-breakpoint
CREATE INDEX "tray_log_tray" ON "tray_log" USING btree ("tray_id","id");--> statement-breakpoint
CREATE INDEX "tray_log_cells" ON "tray_log" USING gin (cells jsonb_path_ops);--> statement-breakpoint
CREATE UNIQUE INDEX "trays_barcode" ON "trays" USING btree ("department_id","barcode");--> statement-breakpoint
ALTER TABLE "events" ADD CONSTRAINT "events_kind_known" CHECK (kind in ('task.started', 'task.paused', 'task.finished', 'task.cancelled', 'task.approval_needed', 'device.failed', 'device.reverted', 'device.needs_person', 'command.finished', 'shipment.finished', 'platform_shipment.finished', 'equipment.offline', 'equipment.back', 'equipment.alarm', 'equipment.alarm_cleared', 'equipment.clock_skew', 'agent.offline', 'agent.back', 'agent.quarantined', 'agent.data_needed'));--> statement-breakpoint
ALTER TABLE "agent_sessions" SET (fillfactor = 50);--> statement-breakpoint
CREATE TRIGGER tray_log_append_only BEFORE UPDATE OR DELETE ON "tray_log" FOR EACH ROW EXECUTE FUNCTION refuse_change();--> statement-breakpoint
CREATE TRIGGER agent_edges_append_only BEFORE UPDATE OR DELETE ON "agent_edges" FOR EACH ROW EXECUTE FUNCTION refuse_change();
