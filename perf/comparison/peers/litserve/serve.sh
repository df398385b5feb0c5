#!/bin/sh
# serve.sh CHECKPOINT PORT WORK; DTYPE is float32, unless told otherwise.
set -eu
export CHECKPOINT="$1" DTYPE="${DTYPE:-float32}" HF_HUB_OFFLINE=1 DO_NOT_TRACK=1 TOKENIZERS_PARALLELISM=false OMP_NUM_THREADS=1
exec python server.py "$2"
