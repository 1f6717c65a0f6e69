#!/usr/bin/env bash
# Builds moec, compiles a small DeepSeek-V3 trained on Shakespeare to one executable, and lets it write.
source "$(dirname "${BASH_SOURCE[0]}")/../cmake/setup.sh"
build_moec moec

app="$MOEC_BUILD/examples/shakespeare"
mkdir -p "$(dirname "$app")"
"$MOEC_BUILD/bin/moec" compile "$MOEC_ROOT/test/data/models/tiny-deepseek-v3" -o "$app"
echo "compiled $(basename "$app"): $(stat -c %s "$app") bytes" >&2
"$app" --prompt "ROMEO:" -n "${1:-200}" --seed 1
