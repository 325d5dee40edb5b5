#!/bin/sh
# Makes our namespace, once. TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE come from the environment, where the command line finds them.
set -eu
temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 && exit 0
exec temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention 72h
