#!/bin/sh
# Writes .env beside compose.yaml with secrets made up on the spot, and a certificate for a try; changes nothing that is there.
#
#   deploy/new_env.sh [HOST]        HOST is what clients call this machine; localhost if not given
set -eu
cd "$(dirname "$0")/.."

if [ -e .env ]; then
  echo ".env is there already; remove it to have all secrets made anew." >&2
  exit 1
fi
host=${1:-localhost}
umask 077
mkdir -p deploy/tls
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=$host" -addext "subjectAltName=DNS:$host" \
  -keyout deploy/tls/tls.key -out deploy/tls/tls.crt 2>/dev/null
while IFS= read -r line; do
  case $line in
  TRITEXT_TLS_CERTIFICATE=) echo "${line}./deploy/tls/tls.crt" ;;
  TRITEXT_TLS_KEY=) echo "${line}./deploy/tls/tls.key" ;;
  [A-Z]*=) echo "$line$(openssl rand -hex 32)" ;;
  *) echo "$line" ;;
  esac
done < deploy/env.example > .env
echo "Wrote .env and, for 30 days, deploy/tls/tls.crt: replace it by one that your clients trust."
