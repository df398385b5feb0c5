#!/bin/sh
# serve.sh CHECKPOINT PORT WORK; VARIANT is torch (unless told otherwise), onnx or int8.
set -eu
export INFINITY_ANONYMOUS_USAGE_STATS=0 DO_NOT_TRACK=1 HF_HUB_OFFLINE=1 HF_HOME="$3/huggingface" INFINITY_HOME="$3"
export ORT_DISABLE_TELEMETRY=1
engine=optimum
python prepare.py "$1" "$3/model"
case "${VARIANT:-torch}" in
  torch) engine=torch ;;
  onnx) python ../export_onnx.py "$1" "$3/model/model.onnx" ;;
  int8) python ../export_onnx.py "$1" "$3/model/model.onnx" --int8 ;;
esac
# optimum finds an ONNX file by its bare name, and Infinity gives it the path below the model: they agree only inside it.
server="$PWD/serve.py"
cd "$3/model"
exec python "$server" "$engine" . "$2"
