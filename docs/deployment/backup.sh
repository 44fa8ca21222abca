#!/bin/sh
# A backup while everything runs: backup.sh <folder>
#
#   base/<time>/             the whole PostgreSQL server, Slipway's and Temporal's databases of one moment, verified
#   dump/slipway-<time>.dump Slipway's database alone, readable by any later version of PostgreSQL
#   wal/                     written by PostgreSQL (archive_command), so that any moment since the oldest base can be restored
#
# PGHOST, PGPORT, PGUSER and PGPASSWORD name a superuser, or a role with REPLICATION that may read the database.
# KEEP_DAYS (7): older backups are removed, once this one is complete; the newest is never removed.
set -eu
folder=${1:?"usage: backup.sh <folder>"}
keep_days=${KEEP_DAYS:-7}
database=${SLIPWAY_DATABASE:-slipway}
stamp=$(date -u +%Y%m%dT%H%M%SZ)
umask 077

mkdir -p "$folder/base" "$folder/dump" "$folder/wal"
base="$folder/base/$stamp"
dump="$folder/dump/slipway-$stamp.dump"
# What was cut short never looks like a backup, and goes with the next one.
rm -rf "$folder"/base/*.part "$folder"/dump/*.part

pg_basebackup --pgdata="$base.part" --format=plain --wal-method=stream --checkpoint=fast --no-password
pg_verifybackup --quiet "$base.part"
mv "$base.part" "$base"

pg_dump --format=custom --no-password --file="$dump.part" "$database"
pg_restore --list "$dump.part" >/dev/null
mv "$dump.part" "$dump"

# Removes what is older, and the log that only they needed.
find "$folder/base" -mindepth 1 -maxdepth 1 -type d -mtime +"$keep_days" ! -name "$stamp" -exec rm -rf {} +
find "$folder/dump" -name '*.dump' -mtime +"$keep_days" ! -name "slipway-$stamp.dump" -exec rm -f {} +
oldest=$(find "$folder/base" -mindepth 1 -maxdepth 1 -type d | sort | head -n 1)
first=$(sed -n 's/^START WAL LOCATION: .*(file \([0-9A-F]*\))$/\1/p' "$oldest/backup_label")
pg_archivecleanup "$folder/wal" "$first"

echo "$base"
echo "$dump"
