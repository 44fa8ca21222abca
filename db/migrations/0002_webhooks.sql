DROP INDEX "webhook_deliveries_unstarted";--> statement-breakpoint
ALTER TABLE "webhooks" ADD COLUMN "previous_secret" text;--> statement-breakpoint
ALTER TABLE "webhooks" ADD COLUMN "previous_secret_until" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "webhooks" ADD COLUMN "failing_since" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "webhooks" ADD COLUMN "off_reason" text;--> statement-breakpoint
CREATE UNIQUE INDEX "webhook_deliveries_once" ON "webhook_deliveries" USING btree ("webhook_id","event_id");--> statement-breakpoint
CREATE INDEX "webhook_deliveries_in_flight" ON "webhook_deliveries" USING btree ("webhook_id") WHERE started_at is not null and finished_at is null;--> statement-breakpoint
CREATE INDEX "webhook_deliveries_unstarted" ON "webhook_deliveries" USING btree ("webhook_id","id") WHERE started_at is null and finished_at is null;