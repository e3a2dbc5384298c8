#!/usr/bin/env bash
# Starts the identity service of a running cloud anew, with tokens of another life.
# usage: tokens.sh SECONDS [STATE_DIR]
# The other services sign in anew 30 s before the end of their own tokens, so short ones slow everything down: they are
# for the one test that waits for the end of one.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
ST=$(cd "${2:-$HERE/../../../target/real/openstack}" && pwd); cd "$ST"
: "${PORT_KEYSTONE:=15000}"
old=$(cat keystone/pid)
kill "$old"
for _ in $(seq 1 40); do kill -0 "$old" 2>/dev/null || break; sleep 0.25; done
sed -i.old "s/^expiration = .*/expiration = $1/" keystone/keystone.conf
export OS_KEYSTONE_CONFIG_FILES=$ST/keystone/keystone.conf
setsid venv/bin/python "$HERE/wsgi_host.py" keystone.wsgi.api "$PORT_KEYSTONE" >> logs/keystone.out 2>&1 < /dev/null &
echo $! > keystone/pid
for _ in $(seq 1 120); do
  curl -s -o /dev/null "http://127.0.0.1:$PORT_KEYSTONE/v3" && exit 0
  sleep 0.25
done
echo 'keystone did not come up again' >&2
exit 1
