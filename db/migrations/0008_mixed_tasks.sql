ALTER TABLE "upgrade_tasks" DROP CONSTRAINT "upgrade_tasks_one_or_two_files";--> statement-breakpoint
DROP INDEX "upgrade_tasks_idempotency";--> statement-breakpoint
DROP INDEX "firmware_same";--> statement-breakpoint
ALTER TABLE "device_upgrades" ADD COLUMN "firmware_ids" integer[];--> statement-breakpoint
UPDATE "device_upgrades" u SET "firmware_ids" = t."firmware_ids" FROM "upgrade_tasks" t WHERE t."id" = u."task_id";--> statement-breakpoint
ALTER TABLE "device_upgrades" ALTER COLUMN "firmware_ids" SET NOT NULL;--> statement-breakpoint
-- A process of the version before, which runs while processes are replaced, does not name them: its tasks have one kind of device.
CREATE FUNCTION device_upgrade_files() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  SELECT firmware_ids[1:2] INTO new.firmware_ids FROM upgrade_tasks WHERE id = new.task_id;
  RETURN new;
END $$;--> statement-breakpoint
CREATE TRIGGER device_upgrades_files BEFORE INSERT ON "device_upgrades" FOR EACH ROW WHEN (new.firmware_ids IS NULL) EXECUTE FUNCTION device_upgrade_files();--> statement-breakpoint
CREATE INDEX "devices_department_power" ON "devices" USING btree ("department_id","power_kw","id") WHERE power_kw is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "firmware_same" ON "firmware" USING btree ("department_id","protocol","component","target_version","sha256","packet_size",coalesce(power_kw, 0),(case when protocol = 'pile' then model else '' end));--> statement-breakpoint
ALTER TABLE "upgrade_tasks" DROP COLUMN "idempotency_key";--> statement-breakpoint
ALTER TABLE "upgrade_tasks" DROP COLUMN "request_hash";--> statement-breakpoint
ALTER TABLE "device_upgrades" ADD CONSTRAINT "device_upgrades_one_or_two_files" CHECK (cardinality(firmware_ids) between 1 and 2);--> statement-breakpoint
ALTER TABLE "upgrade_tasks" ADD CONSTRAINT "upgrade_tasks_files" CHECK (cardinality(firmware_ids) between 1 and 8);