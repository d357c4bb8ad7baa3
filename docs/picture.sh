#!/bin/sh
# Makes the picture of README.md again: a simulated day, and what explain draws of one of their alerts.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
npm run -s build
node dist/src/cli/balde.js demo --seed 7 --data-dir "$folder/demo"
node dist/src/cli/balde.js explain 42e6083d --data-dir "$folder/demo" --svg docs/alert.svg
