CREATE TABLE "device_command_log" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "device_command_log_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"command_id" bigint NOT NULL,
	"at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"author" text NOT NULL,
	"event" text NOT NULL,
	"status" text NOT NULL,
	"attempt" integer NOT NULL,
	"cause" text DEFAULT '' NOT NULL,
	"details" jsonb DEFAULT '{}'::jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "device_commands" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "device_commands_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"device_id" text NOT NULL,
	"department_id" integer NOT NULL,
	"kind" text NOT NULL,
	"params" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"status" text DEFAULT 'waiting' NOT NULL,
	"reason" text,
	"stage" text DEFAULT 'order' NOT NULL,
	"attempt" integer DEFAULT 0 NOT NULL,
	"stage_attempt" smallint DEFAULT 0 NOT NULL,
	"sends" smallint DEFAULT 0 NOT NULL,
	"sent_at" timestamp with time zone,
	"awaits_contact" boolean DEFAULT false NOT NULL,
	"answer" jsonb,
	"answered_at" timestamp with time zone,
	"accepted_at" timestamp with time zone,
	"proven_at" timestamp with time zone,
	"result" jsonb,
	"edge_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"created_by" text NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"finished_at" timestamp with time zone,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "device_commands_kind_known" CHECK (kind in ('set_sleep', 'read_sleep', 'restart', 'query_version')),
	CONSTRAINT "device_commands_status_known" CHECK (status in ('waiting', 'sent', 'accepted', 'succeeded', 'failed', 'expired', 'cancelled')),
	CONSTRAINT "device_commands_stage_known" CHECK (stage in ('order', 'check'))
);
--> statement-breakpoint
ALTER TABLE "events" DROP CONSTRAINT "events_kind_known";--> statement-breakpoint
ALTER TABLE "device_command_log" ADD CONSTRAINT "device_command_log_command_id_device_commands_id_fk" FOREIGN KEY ("command_id") REFERENCES "public"."device_commands"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "device_commands" ADD CONSTRAINT "device_commands_device_id_devices_id_fk" FOREIGN KEY ("device_id") REFERENCES "public"."devices"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "device_command_log_command" ON "device_command_log" USING btree ("command_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "device_commands_no_doubles" ON "device_commands" USING btree ("device_id","kind","params") WHERE finished_at is null;--> statement-breakpoint
CREATE INDEX "device_commands_device" ON "device_commands" USING btree ("device_id","id");--> statement-breakpoint
CREATE INDEX "device_commands_department" ON "device_commands" USING btree ("department_id","id");--> statement-breakpoint
CREATE INDEX "device_commands_status" ON "device_commands" USING btree ("department_id","status","id");--> statement-breakpoint
CREATE INDEX "device_commands_open" ON "device_commands" USING btree ("device_id","id") WHERE status in ('waiting', 'sent');--> statement-breakpoint
CREATE INDEX "device_commands_live" ON "device_commands" USING btree ("expires_at") WHERE finished_at is null;--> statement-breakpoint
CREATE INDEX "device_commands_untaken" ON "device_commands" USING btree ("id") WHERE attempt = 0 and finished_at is null;--> statement-breakpoint
CREATE INDEX "device_commands_edges" ON "device_commands" USING btree ("edge_at") WHERE edge_at is not null;--> statement-breakpoint
ALTER TABLE "events" ADD CONSTRAINT "events_kind_known" CHECK (kind in ('task.started', 'task.paused', 'task.finished', 'task.cancelled', 'task.approval_needed', 'device.failed', 'device.reverted', 'device.needs_person', 'command.finished'));
--> statement-breakpoint
CREATE TRIGGER device_command_log_append_only BEFORE UPDATE OR DELETE ON "device_command_log" FOR EACH ROW EXECUTE FUNCTION refuse_change();
