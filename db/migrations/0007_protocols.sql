CREATE TABLE "business_messages" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "business_messages_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"device_id" text NOT NULL,
	"received_at" timestamp with time zone DEFAULT now() NOT NULL,
	"reason" text NOT NULL,
	"payload" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "device_frame_errors" (
	"device_id" text NOT NULL,
	"kind" text NOT NULL,
	"count" bigint NOT NULL,
	"last_at" timestamp with time zone NOT NULL,
	"last_excerpt" text NOT NULL,
	CONSTRAINT "device_frame_errors_device_id_kind_pk" PRIMARY KEY("device_id","kind")
);
--> statement-breakpoint
ALTER TABLE "firmware" DROP CONSTRAINT "firmware_protocol_known";--> statement-breakpoint
ALTER TABLE "devices" DROP CONSTRAINT "devices_protocol_known";--> statement-breakpoint
ALTER TABLE "firmware" ADD COLUMN "power_kw" integer;--> statement-breakpoint
ALTER TABLE "devices" ADD COLUMN "power_kw" integer;--> statement-breakpoint
ALTER TABLE "business_messages" ADD CONSTRAINT "business_messages_device_id_devices_id_fk" FOREIGN KEY ("device_id") REFERENCES "public"."devices"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "device_frame_errors" ADD CONSTRAINT "device_frame_errors_device_id_devices_id_fk" FOREIGN KEY ("device_id") REFERENCES "public"."devices"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "business_messages_device" ON "business_messages" USING btree ("device_id","id");--> statement-breakpoint
ALTER TABLE "firmware" ADD CONSTRAINT "firmware_protocol_known" CHECK (protocol in ('terminal', 'ams', 'pcp', 'pile'));--> statement-breakpoint
ALTER TABLE "devices" ADD CONSTRAINT "devices_protocol_known" CHECK (protocol in ('terminal', 'ams', 'pcp', 'pile'));