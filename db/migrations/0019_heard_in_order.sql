ALTER TABLE "device_versions" ADD COLUMN "heard_by" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "device_versions" ADD COLUMN "heard_at_ms" double precision DEFAULT 0 NOT NULL;