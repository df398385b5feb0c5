#!/bin/sh
# serve.sh CHECKPOINT PORT WORK
set -eu
export CHECKPOINT="$1" BENTOML_HOME="$3/bentoml" BENTOML_DO_NOT_TRACK=True DO_NOT_TRACK=1
export HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false OMP_NUM_THREADS=1
exec bentoml serve service:Classifier --host 127.0.0.1 --port "$2"
