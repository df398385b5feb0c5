#!/bin/sh
# serve.sh CHECKPOINT PORT WORK
set -eu
export CHECKPOINT="$1" HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false OMP_NUM_THREADS=1
exec uvicorn app:app --host 127.0.0.1 --port "$2" --workers 2 --log-level warning --no-access-log
