#!/bin/sh
# Builds checkout.jar, which is committed: the demo runs on a JRE, and a JRE has no compiler. The same sources give the
# same bytes under the same JDK 17; the hash of the sources is in the manifest and checkout.test.ts compares it.
set -eu
cd "$(dirname "$0")"
classes=$(mktemp -d)
trap 'rm -rf "$classes"' EXIT
sources='Checkout.java Control.java'
printf 'Main-Class: Checkout\nSources-SHA-256: %s\n' "$(cat $sources | sha256sum | cut -c1-64)" >"$classes/manifest"
javac --release 17 -g:none -d "$classes/out" $sources
jar --create --no-compress --file checkout.jar --date=2024-01-01T00:00:00Z --manifest "$classes/manifest" -C "$classes/out" .
