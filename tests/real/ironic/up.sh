#!/usr/bin/env bash
# Real OpenStack Ironic (bare metal service), standalone, one process, sqlite,
# no message broker, no other service, no root: the published ironic package
# with its own fake-hardware driver.
#
# Start:   ./up.sh [STATE_DIR]      (default: target/real/ironic)
# Stop:    ./down.sh [STATE_DIR]
# Use:     base URL http://127.0.0.1:16385 ; node ids in STATE_DIR/lab.json
# Needs:   python 3.10+ with venv and the Python package index; about 250 MB of
#          disk, 170 MB of memory. First start about 1-2 minutes, later about 15 s.
# Knobs (environment):
#   PORT           16385
#   AUTH           none (default) or basic: user "operator", password
#                  "Op3rator!" (what standalone installers such as bifrost use)
#   DEPLOY_SECONDS how long the fake driver deploys (2)
#   CALLBACK_SECONDS  after how long a node whose ramdisk never calls back is
#                  given up (12); node "mute" has the ramdisk driver and no machine,
#                  so its rebuild goes deploying -> wait call-back -> deploy failed
#   PYTHON         interpreter for the venv (python3)
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
ST=${1:-$(dirname "$0")/../../../target/real/ironic}
: "${PORT:=16385}" "${AUTH:=none}" "${DEPLOY_SECONDS:=2}" "${CALLBACK_SECONDS:=12}" "${PYTHON:=python3}"
export PORT AUTH
mkdir -p "$ST"; ST=$(cd "$ST" && pwd); cd "$ST"
V=$ST/venv
WANTS='ironic==39.0.0 bcrypt python-ironicclient==6.3.0'
if [ "$(cat "$V/ok" 2>/dev/null)" != "$WANTS" ]; then
  "$PYTHON" -m venv "$V"
  "$V/bin/pip" install -q -U pip 'setuptools<81' wheel
  # shellcheck disable=SC2086
  "$V/bin/pip" install -q $WANTS
  echo "$WANTS" > "$V/ok"
fi
"$HERE/down.sh" "$ST" >/dev/null 2>&1 || true
rm -rf state ironic.sqlite* ironic.log out.log lab.json; mkdir -p state
"$V/bin/python" - > htpasswd <<'P'
import bcrypt
print("operator:" + bcrypt.hashpw(b"Op3rator!", bcrypt.gensalt(4)).decode())
P
STRATEGY=noauth; [ "$AUTH" = basic ] && STRATEGY=http_basic
cat > ironic.conf <<C
[DEFAULT]
auth_strategy = $STRATEGY
http_basic_auth_user_file = $ST/htpasswd
host = localhost
my_ip = 127.0.0.1
rpc_transport = none
state_path = $ST/state
log_file = $ST/ironic.log
enabled_hardware_types = fake-hardware
enabled_boot_interfaces = fake
enabled_deploy_interfaces = fake,custom-agent
enabled_management_interfaces = fake
enabled_power_interfaces = fake
enabled_network_interfaces = noop
enabled_storage_interfaces = noop
enabled_bios_interfaces = no-bios
enabled_console_interfaces = no-console
enabled_inspect_interfaces = no-inspect
enabled_raid_interfaces = no-raid
enabled_rescue_interfaces = no-rescue
enabled_vendor_interfaces = no-vendor
enabled_firmware_interfaces = no-firmware
default_deploy_interface = fake
default_network_interface = noop
[api]
host_ip = 127.0.0.1
port = $PORT
[conductor]
automated_clean = false
workers_pool_size = 100
deploy_callback_timeout = $CALLBACK_SECONDS
check_provision_state_interval = 2
sync_power_state_interval = 10
[database]
connection = sqlite:///$ST/ironic.sqlite
[fake]
deploy_delay = $DEPLOY_SECONDS
[service_catalog]
endpoint_override = http://127.0.0.1:$PORT
[oslo_messaging_notifications]
driver = noop
C
"$V/bin/ironic-dbsync" --config-file ironic.conf create_schema >> out.log 2>&1
setsid "$V/bin/ironic" --config-file ironic.conf >> out.log 2>&1 < /dev/null & echo $! > pid
for _ in $(seq 1 120); do
  curl -s -o /dev/null "http://127.0.0.1:$PORT/v1" && break
  kill -0 "$(cat pid)" 2>/dev/null || { echo "ironic died, see $ST/out.log" >&2; exit 1; }
  sleep 0.5
done
"$V/bin/python" "$HERE/seed.py" "$ST"
echo "Ironic is up on http://127.0.0.1:$PORT ; ids in $ST/lab.json"
