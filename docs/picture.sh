#!/bin/sh
# Makes the pictures of README.md and docs/page.md again: a simulated day, what explain draws of one of its alerts, and pages.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
npm run -s build
node dist/src/cli/balde.js demo --seed 7 --data-dir "$folder/demo"
node dist/src/cli/balde.js explain 42e6083d --data-dir "$folder/demo" --svg docs/alert.svg
node dist/tools/page-pictures/main.js "$folder/demo" docs
