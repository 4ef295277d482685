#!/bin/sh
# Run once by the PostgreSQL image, on an empty volume: a database and a role for each module, which no other role may
# connect to. The password is the one in the module's url.
set -eu

for module in user product order payment; do
    url=$(cat "${SECRETS:-/run/secrets}/${module}_database")
    password=${url#*://*:}
    psql --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres \
        --set role="cleave_$module" --set password="${password%%@*}" <<'SQL'
CREATE ROLE :"role" LOGIN PASSWORD :'password';
CREATE DATABASE :"role" OWNER :"role";
REVOKE CONNECT ON DATABASE :"role" FROM PUBLIC;
SQL
done
