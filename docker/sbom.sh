#!/bin/sh
# Writes what Python packages an image holds, one a line with its version, as its own pip tells.
#
#   docker/sbom.sh BUILDER IMAGE        BUILDER is docker, podman, or buildah with its options
set -eu

list="python3 -m pip list --format=freeze --disable-pip-version-check"
case $1 in
*buildah*)
  container=$($1 from --pull-never "$2")
  trap '$1 rm "$container" > /dev/null' EXIT
  $1 run --isolation chroot "$container" -- $list
  ;;
*) $1 run --rm --network none --entrypoint sh "$2" -c "$list" ;;
esac
