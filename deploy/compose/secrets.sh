#!/bin/sh
# Makes the secrets of split.yaml where they are missing.
set -eu
cd "$(dirname "$0")"

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

# Compose mounts files as they are, and each container has a user of its own: the folder keeps others out, not the files.
mkdir -p -m 700 secrets
keep() { [ -s "secrets/$1" ] || printf %s "$2" > "secrets/$1"; chmod 644 "secrets/$1"; }

keep contracts "$(random)"
keep postgres "$(random)"
for module in user product order payment; do
    keep "${module}_database" "postgres://cleave_$module:$(random)@postgres/cleave_$module"
done
