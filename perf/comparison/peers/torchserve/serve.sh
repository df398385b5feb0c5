#!/bin/sh
# serve.sh CHECKPOINT PORT WORK
set -eu
command -v java >/dev/null || { echo "TorchServe needs Java 17 on PATH, such as Debian's openjdk-17-jre-headless." >&2; exit 2; }
export CHECKPOINT="$1" HF_HUB_OFFLINE=1 DO_NOT_TRACK=1 TOKENIZERS_PARALLELISM=false OMP_NUM_THREADS=1
export TMPDIR="$3" TEMP="$3" LOG_LOCATION="$3/logs" METRICS_LOCATION="$3/logs"
mkdir "$3/store"
torch-model-archiver --model-name classifier --version 1.0 --handler handler.py --config-file model-config.yaml \
  --export-path "$3/store"
# Only inference is needed: what else cannot be switched off gets any port.
cat > "$3/config.properties" <<END
inference_address=http://127.0.0.1:$2
management_address=http://127.0.0.1:0
metrics_address=http://127.0.0.1:0
grpc_inference_port=0
grpc_management_port=0
disable_system_metrics=true
job_queue_size=1000
END
log_config="$PWD/log4j2.xml"
cd "$3"
exec torchserve --start --foreground --ncs --disable-token-auth --ts-config config.properties --model-store store \
  --models classifier=classifier.mar --log-config "$log_config"
