#!/bin/sh
# Runs once, on an empty PostgreSQL: a role and databases for Slipway, and for Temporal, each with its own password.
set -eu
: "${SLIPWAY_DB_PASSWORD:?}" "${TEMPORAL_DB_PASSWORD:?}"

psql --set=ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres \
  --set=slipway_password="$SLIPWAY_DB_PASSWORD" --set=temporal_password="$TEMPORAL_DB_PASSWORD" <<'SQL'
create role slipway login password :'slipway_password';
create role temporal login password :'temporal_password';
create database slipway owner slipway;
create database temporal owner temporal;
create database temporal_visibility owner temporal;
revoke connect on database slipway, temporal, temporal_visibility from public;
SQL

# Where the write-ahead log is kept for backups.
if [ -d /backup ]; then mkdir -p /backup/wal && chmod 700 /backup/wal; fi

# pg_basebackup of the service `backup` comes over the inner network.
echo 'host replication postgres samenet scram-sha-256' >> "$PGDATA/pg_hba.conf"
