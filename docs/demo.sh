#!/bin/sh
# The whole way in one go: labelled text -> checkpoint -> model versions -> a running Triton -> answers.
# Run it with `make demo`; every command that it runs is shown, to be typed by hand afterwards.
set -eu
cd "$(dirname "$0")/.."

DATA=training/data/support_tickets
CHECKPOINT=checkpoints/tickets
HTTP=18000 GRPC=18001 METRICS=18002

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
quoted() { case $1 in *[!A-Za-z0-9_./:=,-]*) printf " '%s'" "$1" ;; *) printf ' %s' "$1" ;; esac; }
run() {
  printf '\033[2m$'
  for word in "$@"; do quoted "$word"; done
  printf '\033[0m\n'
  "$@"
}
published() { [ -f "model_repository/$1_tokenizer/1/manifest.json" ]; }

say "1. Train: support tickets, eight labels, a small English encoder"
[ -f "$CHECKPOINT/training_report.json" ] ||
  run tritext train --task text-classification --data $DATA/train.csv --eval-data $DATA/test.csv \
    --base minilm --epochs 6 --output $CHECKPOINT

say "2. Build: export, check against the original, publish in model_repository/"
published tickets || run tritext build $CHECKPOINT --name tickets --version 1 --max-length 256 --eval-data $DATA/test.csv
published tickets_int8 ||
  run tritext build $CHECKPOINT --name tickets_int8 --version 1 --max-length 256 --precision int8 --eval-data $DATA/test.csv

say "3. Serve: a real Triton, for as long as this demo runs"
STATE=$(mktemp -d)
trap 'test ! -f "$STATE/pid" || kill "$(cat "$STATE/pid")"; rm -rf "$STATE"' EXIT
run tritext serve --http-port $HTTP --grpc-port $GRPC --metrics-port $METRICS --detach --pid-file "$STATE/pid"
export TRITEXT_URL=localhost:$GRPC

say "4. Ask: raw strings in, answers out"
run tritext predict tickets \
  "I was charged TWICE for the same order!!" \
  "where is my parcel?? the courier says delivered, it is not" \
  "hi, the lamp arrived with a crack in the glass. new one please" \
  "Someone in another country just signed in with my password 😱" \
  "app crashes every time I open the photo editor since the update" \
  "Please end my plan when the month is over, I only use it at school"
if command -v curl > /dev/null; then
  run curl -s localhost:$HTTP/v2/models/tickets_int8/generate -d '{"TEXT": "does the grinder work with 110 volts?", "top_k": 2}'
  echo
fi

say "5. Measure: macro-F1 through the server, in both precisions"
run tritext evaluate tickets --data $DATA/test.csv
run tritext evaluate tickets_int8 --data $DATA/test.csv

say "From here on:"
cat <<'END'
  source .venv/bin/activate
  tritext serve                                        # keep it running; stop it with Ctrl+C
  tritext status                                       # in another terminal: models, throughput, latency
  tritext predict tickets "your own words" --top-k 3
  tritext bench tickets --data training/data/support_tickets/test.csv --users 1,8,64
  xdg-open checkpoints/tickets/training_report.html    # what the model learnt, and what it gets wrong
  tritext train --help                                 # your own labelled text
END
