#!/bin/sh
# serve.sh CHECKPOINT PORT WORK
set -eu
export HF_HUB_OFFLINE=1 ORT_DISABLE_TELEMETRY=1 MODEL="$3/model"
python ../export_onnx.py "$1" "$MODEL/model.onnx"
cp "$1/config.json" "$1/tokenizer.json" "$MODEL"
# gRPC cannot be switched off, so it gets any port.
export MLSERVER_PARALLEL_WORKERS=2 MLSERVER_HOST=127.0.0.1 MLSERVER_HTTP_PORT="$2" MLSERVER_GRPC_PORT=0
export MLSERVER_METRICS_ENDPOINT= MLSERVER_METRICS_DIR="$3/metrics" MLSERVER_ENVIRONMENTS_DIR="$3/environments"
export MLSERVER_DEBUG=false
exec mlserver start .
