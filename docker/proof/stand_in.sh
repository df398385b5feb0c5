#!/usr/bin/env bash
# Makes an image that stands in for NVIDIA's where that cannot be had: Debian 12, and the tritonserver of NVIDIA's wheel
# where NVIDIA's image has it, in /opt/tritonserver and on PATH. It lacks the native backends; Tritext's take their place.
#
#   docker/proof/stand_in.sh [NAME]     needs root, debootstrap, buildah and PyPI; NAME is localhost/triton-stand-in
#
# MIRROR, PIP_CONFIG_FILE and CERTIFICATES (a bundle) say where Debian and PyPI are, and whom to trust.
set -euo pipefail
cd "$(dirname "$0")/../.."

NAME=${1:-localhost/triton-stand-in}
MIRROR=${MIRROR:-http://deb.debian.org/debian}
BUILDAH="buildah --storage-driver vfs"
WHEEL=nvidia-pytriton==$(sed -n 's/^nvidia-pytriton==\([^ ;]*\).*/\1/p' requirements.lock)

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
root=$place/root

debootstrap --variant=minbase --include=ca-certificates,libpython3.11,python3,python3-pip bookworm "$root" "$MIRROR" >&2

python3 -m pip download --quiet --no-deps --no-binary :none: --only-binary :all: --platform manylinux_2_35_x86_64 \
  --python-version 3.11 --dest "$place" "$WHEEL"
python3 -m zipfile -e "$place"/nvidia_pytriton-*.whl "$place/wheel"

triton=$root/opt/tritonserver
mkdir -p "$triton"
mv "$place"/wheel/pytriton/tritonserver/{bin,backends,caches} "$triton"
mv "$place"/wheel/nvidia_pytriton.libs "$triton/lib"
cp "$place"/wheel/pytriton/tritonserver/python_backend_stubs/3.11/triton_python_backend_stub "$triton/backends/python"
chmod -R a+rX "$triton"
chmod a+x "$triton"/bin/* "$triton"/backends/python/triton_python_backend_stub
# The stub is linked to a libpython of the wheel's; the image's own modules want the image's own.
for alias in "$triton"/lib/libpython3.11*; do
  ln -sf /usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0 "$alias"
done
ln -sf /usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0 "$triton/lib/libpython3.11.so.1.0"
echo /opt/tritonserver/lib > "$root/etc/ld.so.conf.d/tritonserver.conf"
chroot "$root" ldconfig
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*

container=$($BUILDAH from scratch)
$BUILDAH copy --quiet "$container" "$root" /
$BUILDAH config --env PATH=/opt/tritonserver/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
trust=()
[ -z "${CERTIFICATES:-}" ] || trust+=(--volume "$CERTIFICATES:/etc/ssl/certs/ca-certificates.crt:ro")
[ -z "${PIP_CONFIG_FILE:-}" ] || trust+=(--volume "$PIP_CONFIG_FILE:/etc/pip.conf:ro")
$BUILDAH run --isolation chroot "${trust[@]}" --volume "$PWD/requirements.lock:/requirements.lock:ro" "$container" -- \
  python3 -m pip install --quiet --no-cache-dir --break-system-packages --constraint /requirements.lock onnxruntime
$BUILDAH commit --quiet --format docker --rm "$container" "$NAME" >&2
echo "$NAME"
