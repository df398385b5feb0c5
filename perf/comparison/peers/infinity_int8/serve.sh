#!/bin/sh
# serve.sh CHECKPOINT PORT WORK
set -eu
cd ../infinity
VARIANT=int8 exec ./serve.sh "$@"
