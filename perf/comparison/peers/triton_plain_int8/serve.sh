#!/bin/sh
# serve.sh CHECKPOINT PORT WORK
set -eu
cd ../triton_plain
EXPORT=--int8 exec ./serve.sh "$@"
