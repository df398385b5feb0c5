#!/bin/sh
# serve.sh CHECKPOINT PORT WORK
set -eu
cd ../infinity
VARIANT=onnx exec ./serve.sh "$@"
