#!/bin/sh
# serve.sh CHECKPOINT PORT WORK; MODELS is the repository to fill, EXPORT what the export is told besides.
set -eu
export ORT_DISABLE_TELEMETRY=1 HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false
cp -rL "${MODELS:-models}" "$3/models"
python ../export_onnx.py "$1" "$3/models/classifier/1/model.onnx" ${EXPORT:-}
if [ -d "$3/models/ensemble" ]; then
  mkdir "$3/models/ensemble/1"
  cp "$1/tokenizer.json" "$3/models/tokenizer/1"
fi
packages=$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
version=$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
triton="$packages/pytriton/tritonserver"
# The wheel keeps a stub for each Python; Triton wants the one to use in the backend's folder.
mkdir "$3/backends"
cp -r "$triton/backends/python" "$3/backends"
cp "$triton/python_backend_stubs/$version/triton_python_backend_stub" "$3/backends/python"
export LD_LIBRARY_PATH="$packages/nvidia_pytriton.libs"
exec "$triton/bin/tritonserver" --model-repository="$3/models" --backend-directory="$3/backends" \
  --backend-config="python,shm-region-prefix-name=peer-$$-" --http-address=127.0.0.1 --http-port="$2" \
  --allow-grpc=false --allow-metrics=false --exit-timeout-secs=1
