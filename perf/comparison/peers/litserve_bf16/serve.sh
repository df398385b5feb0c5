#!/bin/sh
# serve.sh CHECKPOINT PORT WORK
set -eu
cd ../litserve
DTYPE=bfloat16 exec ./serve.sh "$@"
