#!/bin/sh
# Makes Temporal's two databases and brings their schema up to date; doing it again does nothing.
# SQL_HOST, SQL_USER and SQL_PASSWORD come from the environment.
set -eu
for part in temporal visibility; do
    database=temporal
    [ "$part" = visibility ] && database=temporal_visibility
    tool="temporal-sql-tool --plugin postgres12 --endpoint $SQL_HOST --port 5432 --user $SQL_USER --database $database"
    $tool create
    $tool setup-schema --version 0.0
    $tool update-schema --schema-dir "/etc/temporal/schema/postgresql/v12/$part/versioned"
done
