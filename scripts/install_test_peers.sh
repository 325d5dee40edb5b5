#!/usr/bin/env bash
# Installs what only the tests talk to: servers and clients that others wrote. Each test that needs one names it when it is
# missing; nothing here is needed to run Heliograph.
set -euo pipefail

debian_packages=(
    activemq # brings a Java runtime with it
)

missing=()
for package in ${debian_packages[@]+"${debian_packages[@]}"}; do
    dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "test peers: please install ${missing[*]}" >&2
    exit 1
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends "${missing[@]}" >/dev/null
