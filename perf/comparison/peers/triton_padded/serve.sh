#!/bin/sh
# serve.sh CHECKPOINT PORT WORK
set -eu
models="$PWD/models"
cd ../triton_plain
MODELS="$models" exec ./serve.sh "$@"
