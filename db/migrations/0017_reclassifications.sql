CREATE TABLE "reclassifications" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "reclassifications_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"department_id" integer NOT NULL,
	"imei" text NOT NULL,
	"shipment_id" bigint,
	"platform_shipment_id" integer,
	"company" text DEFAULT '' NOT NULL,
	"customer_before" text,
	"customer" text,
	"rule" jsonb,
	"rules_revision" integer NOT NULL,
	"author" text NOT NULL,
	"note" text DEFAULT '' NOT NULL
);
--> statement-breakpoint
ALTER TABLE "reclassifications" ADD CONSTRAINT "reclassifications_department_id_departments_id_fk" FOREIGN KEY ("department_id") REFERENCES "public"."departments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "reclassifications" ADD CONSTRAINT "reclassifications_shipment_id_shipments_id_fk" FOREIGN KEY ("shipment_id") REFERENCES "public"."shipments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "reclassifications" ADD CONSTRAINT "reclassifications_platform_shipment_id_platform_shipments_id_fk" FOREIGN KEY ("platform_shipment_id") REFERENCES "public"."platform_shipments"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "reclassifications_device" ON "reclassifications" USING btree ("department_id","imei","id");--> statement-breakpoint
CREATE TRIGGER reclassifications_append_only BEFORE UPDATE OR DELETE ON "reclassifications" FOR EACH ROW EXECUTE FUNCTION refuse_change();
