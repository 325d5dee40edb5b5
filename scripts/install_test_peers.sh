#!/usr/bin/env bash
# Installs what only the tests talk to: servers and clients that others wrote. Each test that needs one names it when it is
# missing; nothing here is needed to run Heliograph.
set -euo pipefail

debian_packages=(
    activemq # brings a Java runtime with it
)
command -v node >/dev/null && command -v npm >/dev/null || debian_packages+=(nodejs npm)

node_packages=(
    smpp@0.5.1 # an SMSC
)
node_directory=${HELIOGRAPH_TEST_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/heliograph/test-peers}

install_debian_packages() {
    local missing=()
    for package in "${debian_packages[@]}"; do
        dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        echo "test peers: please install ${missing[*]}" >&2
        exit 1
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends "${missing[@]}" >/dev/null
}

install_node_packages() {
    mkdir -p "$node_directory"
    npm install --prefix "$node_directory" --silent --no-audit --no-fund --ignore-scripts "${node_packages[@]}"
}

install_debian_packages
install_node_packages
