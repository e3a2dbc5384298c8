#!/usr/bin/env bash
# Stops what up.sh started, by recorded process id only.
ST=${1:-$(dirname "$0")/../../../target/real/ironic}
if [ -s "$ST/pid" ]; then
  P=$(cat "$ST/pid"); kill "$P" 2>/dev/null
  for _ in $(seq 1 40); do kill -0 "$P" 2>/dev/null || break; sleep 0.25; done
  rm -f "$ST/pid"
fi
exit 0
