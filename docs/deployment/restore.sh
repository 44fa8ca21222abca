#!/bin/sh
# Restores what backup.sh has made. Nothing that holds data is ever written over.
#
#   restore.sh base <folder>/base/<time> <new data folder> [<moment>]
#       The whole server. <moment>: `latest` (default; everything in the log), `base` (as the backup was), or a time,
#       '2026-11-22 03:15:00+00'. Then start PostgreSQL on the new folder: it reads the log and opens by itself.
#   restore.sh dump <file> <address of an empty database>
#       Slipway's database alone. Temporal then begins with empty databases: see backup.md.
set -eu
usage() {
  sed -n '4,8s/^# *//p' "$0" >&2
  exit 2
}

restore_base() {
  base=$1 data=$2 moment=${3:-latest}
  [ -f "$base/backup_label" ] || { echo "$base is no backup" >&2; exit 1; }
  if [ -e "$data" ] && [ -n "$(ls -A "$data")" ]; then
    echo "$data is not empty: give it another name first" >&2
    exit 1
  fi
  pg_verifybackup --quiet "$base"
  wal=$(cd "$base/../../wal" && pwd)
  umask 077
  mkdir -p "$data"
  cp -a "$base/." "$data/"
  chmod 700 "$data"
  {
    echo "restore_command = 'cp \"$wal/%f\" \"%p\"'"
    echo "recovery_target_action = 'promote'"
    case $moment in
      latest) ;;
      base) echo "recovery_target = 'immediate'" ;;
      *) echo "recovery_target_time = '$moment'" ;;
    esac
  } >> "$data/postgresql.auto.conf"
  touch "$data/recovery.signal"
  # The owner of the folder above it owns the server's data; only root can be somebody else.
  if [ "$(id -u)" = 0 ]; then chown -R --reference="$base" "$data"; fi
  echo "$data is ready: start PostgreSQL on it"
}

restore_dump() {
  file=$1 address=$2
  tables=$(psql --no-psqlrc --tuples-only --no-align --dbname="$address" \
    --command="select count(*) from pg_tables where schemaname not in ('pg_catalog', 'information_schema')")
  if [ "$tables" != 0 ]; then
    echo "the database has $tables tables: restore into an empty one" >&2
    exit 1
  fi
  pg_restore --no-owner --no-privileges --exit-on-error --single-transaction --dbname="$address" "$file"
}

case ${1:-} in
  base) [ $# -ge 3 ] || usage; restore_base "$2" "$3" "${4:-}" ;;
  dump) [ $# -eq 3 ] || usage; restore_dump "$2" "$3" ;;
  *) usage ;;
esac
