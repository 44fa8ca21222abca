DROP INDEX "equipment_status_changes_once";--> statement-breakpoint
CREATE INDEX "equipment_status_changes_told" ON "equipment_status_changes" USING btree ("equipment_id","changed_at","id");