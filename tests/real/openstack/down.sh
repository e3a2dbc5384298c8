#!/usr/bin/env bash
# Stops what up.sh started, by recorded process id only.
ST=${1:-$(dirname "$0")/../../../target/real/openstack}
for n in nova glance placement keystone neutron; do
  [ -s "$ST/$n/pid" ] && kill "$(cat "$ST/$n/pid")" 2>/dev/null
  rm -f "$ST/$n/pid"
done
exit 0
