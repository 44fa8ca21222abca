#!/bin/sh
# Makes Temporal's tables, or brings them up to this version of the server. May be run again at any time.
# SQL_PLUGIN, SQL_HOST, SQL_PORT, SQL_USER and SQL_PASSWORD say where; the databases must exist.
set -eu
versions="${SCHEMA_DIR:-/etc/temporal/schema}/postgresql/v12"

for name in temporal visibility; do
  database=temporal
  [ "$name" = visibility ] && database=temporal_visibility
  # The first fails when the tables are there; what counts is whether the second does.
  temporal-sql-tool --db "$database" setup-schema -v 0.0 || echo "$database has its tables already"
  temporal-sql-tool --db "$database" update-schema -d "$versions/$name/versioned"
done
