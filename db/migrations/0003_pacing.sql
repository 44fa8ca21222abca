DROP INDEX "device_upgrades_active";--> statement-breakpoint
ALTER TABLE "upgrade_tasks" ADD COLUMN "abort_counted_from" timestamp with time zone;--> statement-breakpoint
CREATE INDEX "device_upgrades_held" ON "device_upgrades" USING btree ("task_id","reason","updated_at") WHERE finished_at is null and reason in ('paced', 'busy');--> statement-breakpoint
CREATE INDEX "device_upgrades_active" ON "device_upgrades" USING btree ("department_id","task_id") WHERE dispatched_at is not null and finished_at is null and status <> 'waiting' and coalesce(reason, '') not in ('offline', 'paced');--> statement-breakpoint
CREATE FUNCTION upgrade_may_proceed(wanted bigint) RETURNS boolean LANGUAGE plpgsql AS $$
-- May a device that waited, or was away, become active now? True only while the transaction that asks lasts: it holds
-- the locks under which devices are started, so whoever asks or starts next sees what became of this one. The lock of
-- the department comes first, that of the task second, as in the dispatcher; rows of devices may be locked before.
DECLARE
  u record;
  pacing jsonb;
  wish jsonb;
  taken integer;
BEGIN
  SELECT d.task_id, d.department_id, d.device_id,
    d.dispatched_at is not null and d.finished_at is null and d.status <> 'waiting'
      and coalesce(d.reason, '') not in ('offline', 'paced') AS is_active
    INTO u FROM device_upgrades d WHERE d.id = wanted;
  IF NOT FOUND THEN RETURN false; END IF;
  IF u.is_active THEN RETURN true; END IF;

  SELECT t.options->'pacing' INTO pacing FROM upgrade_tasks t WHERE t.id = u.task_id;
  IF jsonb_array_length(coalesce(pacing->'limits', '[]')) > 0 THEN
    PERFORM pg_advisory_xact_lock(7244002, u.department_id);
  END IF;
  SELECT t.options->'pacing' INTO pacing FROM upgrade_tasks t WHERE t.id = u.task_id FOR NO KEY UPDATE;

  SELECT count(*) INTO taken FROM device_upgrades d
    WHERE d.department_id = u.department_id AND d.task_id = u.task_id AND d.dispatched_at is not null
      and d.finished_at is null and d.status <> 'waiting' and coalesce(d.reason, '') not in ('offline', 'paced');
  IF taken >= (pacing->>'maxConcurrent')::int THEN RETURN false; END IF;

  FOR wish IN SELECT * FROM jsonb_array_elements(coalesce(pacing->'limits', '[]')) LOOP
    SELECT count(*) INTO taken FROM device_upgrades d
      JOIN devices v ON v.id = d.device_id LEFT JOIN device_contacts c ON c.device_id = d.device_id
      WHERE d.department_id = u.department_id AND d.dispatched_at is not null and d.finished_at is null
        and d.status <> 'waiting' and coalesce(d.reason, '') not in ('offline', 'paced')
        AND pacing_key(wish->>'key', d.department_id, v.model, v.order_no, c.gateway)
          = (SELECT pacing_key(wish->>'key', me.department_id, me.model, me.order_no, contact.gateway)
             FROM devices me LEFT JOIN device_contacts contact ON contact.device_id = me.id WHERE me.id = u.device_id);
    IF taken >= (wish->>'max')::int THEN RETURN false; END IF;
  END LOOP;
  RETURN true;
END
$$;--> statement-breakpoint
CREATE FUNCTION pacing_key(kind text, department integer, model text, order_no text, gateway text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  -- Null where a device has no such key: limits do not hold for it.
  SELECT CASE kind WHEN 'department' THEN department::text WHEN 'model' THEN nullif(model, '')
    WHEN 'order' THEN nullif(order_no, '') WHEN 'gateway' THEN nullif(gateway, '') END
$$;
