CREATE TABLE "audit_log" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "audit_log_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"department_id" integer NOT NULL,
	"author" text NOT NULL,
	"key_id" integer NOT NULL,
	"action" text NOT NULL,
	"target_kind" text NOT NULL,
	"target_id" text NOT NULL,
	"before" jsonb,
	"after" jsonb,
	"request_id" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "events" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "events_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"department_id" integer NOT NULL,
	"kind" text NOT NULL,
	"task_id" integer,
	"upgrade_id" bigint,
	"device_id" text,
	"data" jsonb DEFAULT '{}'::jsonb NOT NULL,
	CONSTRAINT "events_kind_known" CHECK (kind in ('task.started', 'task.paused', 'task.finished', 'task.cancelled', 'task.approval_needed', 'device.failed', 'device.reverted', 'device.needs_person'))
);
--> statement-breakpoint
CREATE TABLE "idempotency_keys" (
	"department_id" integer NOT NULL,
	"action" text NOT NULL,
	"key" text NOT NULL,
	"request_hash" text NOT NULL,
	"status" smallint NOT NULL,
	"headers" jsonb NOT NULL,
	"body" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idempotency_keys_department_id_action_key_pk" PRIMARY KEY("department_id","action","key")
);
--> statement-breakpoint
CREATE TABLE "news_watchers" (
	"watcher" text PRIMARY KEY NOT NULL,
	"until" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "webhook_deliveries" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "webhook_deliveries_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"webhook_id" integer NOT NULL,
	"event_id" bigint NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"last_status" smallint,
	"last_error" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp with time zone,
	"last_attempt_at" timestamp with time zone,
	"finished_at" timestamp with time zone,
	CONSTRAINT "webhook_deliveries_status_known" CHECK (status in ('pending', 'delivered', 'failed'))
);
--> statement-breakpoint
CREATE TABLE "webhooks" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "webhooks_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"department_id" integer NOT NULL,
	"url" text NOT NULL,
	"secret" text NOT NULL,
	"kinds" text[] NOT NULL,
	"is_active" boolean DEFAULT true NOT NULL,
	"remark" text DEFAULT '' NOT NULL,
	"revision" integer DEFAULT 1 NOT NULL,
	"last_event_id" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"created_by" text NOT NULL,
	"deleted_at" timestamp with time zone
);
--> statement-breakpoint
ALTER TABLE "upgrade_tasks" DROP CONSTRAINT "upgrade_tasks_status_known";--> statement-breakpoint
ALTER TABLE "device_contacts" ADD COLUMN "gateway" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "device_contacts" ADD COLUMN "bytes_per_second" real;--> statement-breakpoint
ALTER TABLE "device_upgrades" ADD COLUMN "decision" text;--> statement-breakpoint
ALTER TABLE "device_upgrades" ADD COLUMN "decided_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "device_upgrades" ADD COLUMN "decided_by" text;--> statement-breakpoint
ALTER TABLE "devices" ADD COLUMN "order_no" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "devices" ADD COLUMN "revision" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "devices" ADD COLUMN "search" "tsvector" GENERATED ALWAYS AS (to_tsvector('simple', identity || ' ' || coalesce(imei, '') || ' ' || model || ' ' || order_no || ' ' || remark)) STORED;--> statement-breakpoint
ALTER TABLE "upgrade_tasks" ADD COLUMN "created_by_key" integer;--> statement-breakpoint
ALTER TABLE "upgrade_tasks" ADD COLUMN "approved_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "upgrade_tasks" ADD COLUMN "approved_by" text;--> statement-breakpoint
ALTER TABLE "upgrade_tasks" ADD COLUMN "approval_deadline_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "upgrade_tasks" ADD COLUMN "revision" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "upgrade_tasks" ADD COLUMN "recent_starts" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "upgrade_tasks" ADD COLUMN "joined_upload_id" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "upgrade_tasks" ADD COLUMN "joined_until" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_webhook_id_webhooks_id_fk" FOREIGN KEY ("webhook_id") REFERENCES "public"."webhooks"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_event_id_events_id_fk" FOREIGN KEY ("event_id") REFERENCES "public"."events"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhooks" ADD CONSTRAINT "webhooks_department_id_departments_id_fk" FOREIGN KEY ("department_id") REFERENCES "public"."departments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "audit_log_department" ON "audit_log" USING btree ("department_id","id");--> statement-breakpoint
CREATE INDEX "audit_log_target" ON "audit_log" USING btree ("department_id","target_kind","target_id","id");--> statement-breakpoint
CREATE INDEX "events_department" ON "events" USING btree ("department_id","id");--> statement-breakpoint
CREATE INDEX "idempotency_keys_age" ON "idempotency_keys" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "webhook_deliveries_webhook" ON "webhook_deliveries" USING btree ("webhook_id","id");--> statement-breakpoint
CREATE INDEX "webhook_deliveries_unstarted" ON "webhook_deliveries" USING btree ("id") WHERE started_at is null and finished_at is null;--> statement-breakpoint
CREATE INDEX "webhooks_department" ON "webhooks" USING btree ("department_id","id");--> statement-breakpoint
CREATE INDEX "device_upgrades_active" ON "device_upgrades" USING btree ("task_id") WHERE dispatched_at is not null and finished_at is null and status <> 'waiting' and reason is distinct from 'offline';--> statement-breakpoint
CREATE INDEX "device_upgrades_needs_person" ON "device_upgrades" USING btree ("department_id","id") WHERE (finished_at is not null and decided_at is null and status in ('failed', 'unproven', 'partial', 'reverted', 'expired')) or reason = 'awaiting_operator';--> statement-breakpoint
CREATE INDEX "devices_search" ON "devices" USING gin ("search");--> statement-breakpoint
CREATE INDEX "devices_department_created" ON "devices" USING btree ("department_id","created_at");--> statement-breakpoint
CREATE INDEX "devices_department_order" ON "devices" USING btree ("department_id","order_no","id") WHERE order_no <> '';--> statement-breakpoint
ALTER TABLE "device_upgrades" ADD CONSTRAINT "device_upgrades_decision_known" CHECK (decision in ('retry', 'give_up', 'confirm'));--> statement-breakpoint
ALTER TABLE "upgrade_tasks" ADD CONSTRAINT "upgrade_tasks_status_known" CHECK (status in ('awaiting_approval', 'scheduled', 'running', 'paused', 'cancelling', 'finished', 'cancelled'));--> statement-breakpoint
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON "audit_log" FOR EACH ROW EXECUTE FUNCTION refuse_change();--> statement-breakpoint
CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON "events" FOR EACH ROW EXECUTE FUNCTION refuse_change();--> statement-breakpoint
CREATE FUNCTION announce_news() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM news_watchers WHERE until > clock_timestamp()) THEN
    -- Without ids: equal announcements of one transaction become one, and whoever listens reads the table.
    PERFORM pg_notify('slipway_news', TG_TABLE_NAME);
  END IF;
  RETURN NULL;
END
$$;--> statement-breakpoint
CREATE TRIGGER events_news AFTER INSERT ON "events" FOR EACH STATEMENT EXECUTE FUNCTION announce_news();--> statement-breakpoint
CREATE TRIGGER task_log_news AFTER INSERT ON "task_log" FOR EACH STATEMENT EXECUTE FUNCTION announce_news();--> statement-breakpoint
CREATE TRIGGER upgrade_log_news AFTER INSERT ON "upgrade_log" FOR EACH STATEMENT EXECUTE FUNCTION announce_news();--> statement-breakpoint
CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON "audit_log" FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();--> statement-breakpoint
CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON "events" FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();--> statement-breakpoint
CREATE TRIGGER task_log_no_truncate BEFORE TRUNCATE ON "task_log" FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();--> statement-breakpoint
CREATE TRIGGER upgrade_log_no_truncate BEFORE TRUNCATE ON "upgrade_log" FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
