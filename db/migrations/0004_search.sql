ALTER TABLE "devices" drop column "search";--> statement-breakpoint
ALTER TABLE "devices" ADD COLUMN "search" "tsvector" GENERATED ALWAYS AS (to_tsvector('simple', regexp_replace(model || ' ' || order_no || ' ' || remark, '[\x01-/:-@[-`{-\x7f，。；：、（）]+', ' ', 'g'))) STORED;--> statement-breakpoint
CREATE INDEX "audit_log_author" ON "audit_log" USING btree ("department_id","author","id");--> statement-breakpoint
CREATE INDEX "device_versions_version" ON "device_versions" USING btree ("component","version","device_id");--> statement-breakpoint
CREATE INDEX "devices_identity_reversed" ON "devices" USING btree (reverse(identity));--> statement-breakpoint
CREATE INDEX "devices_imei_reversed" ON "devices" USING btree (reverse(imei)) WHERE imei is not null;--> statement-breakpoint
CREATE INDEX "devices_dates" ON "devices" USING brin ("production_date","ship_date");--> statement-breakpoint
CREATE INDEX "devices_search" ON "devices" USING gin ("search");
