#!/usr/bin/env bash
# Real OpenStack on the loopback, without containers, message broker or root.
#
# What runs: the published keystone, glance, placement and nova packages
# (identity, image, placement, and compute API + conductor + scheduler +
# compute in one process with nova's own fake hypervisor driver), each on
# sqlite. Only the network service is a 20-line stand-in (netstub.py), because
# servers are booted with no network at all.
#
# Start:   ./up.sh [STATE_DIR]        (default: target/real/openstack)
# Stop:    ./down.sh [STATE_DIR]
# Use:     . STATE_DIR/rc             (OS_* variables of a plain project member)
#          STATE_DIR/lab.json      (endpoints, server and image ids, an
#                                      application credential)
# Needs:   python 3.10+ with venv, the Python package index; about 500 MB of
#          disk, about 700 MB of memory. First start about 2-4 minutes (the
#          install), later starts about 30 s. Measured with 2 cores.
# Knobs (environment):
#   PORT_KEYSTONE/PORT_NOVA/PORT_GLANCE/PORT_PLACEMENT/PORT_NEUTRON
#   SPAWN_SECONDS   how long the fake hypervisor takes to lay an image (1.5)
#   TOKEN_SECONDS   life of a keystone token (3600); tokens.sh changes it later
#   PYTHON          interpreter for the venv (python3)
# Images whose name starts with "broken" make the hypervisor fail, so the
# server ends in ERROR with a fault; "slow" ones take 10 x SPAWN_SECONDS; after
# "lost" ones (ERROR too) the next rebuild is accepted and never ends.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
ST=${1:-$(dirname "$0")/../../../target/real/openstack}
: "${PORT_KEYSTONE:=15000}" "${PORT_NOVA:=18774}" "${PORT_GLANCE:=19292}"
: "${PORT_PLACEMENT:=18778}" "${PORT_NEUTRON:=19696}"
: "${SPAWN_SECONDS:=1.5}" "${TOKEN_SECONDS:=3600}" "${PYTHON:=python3}"
export PORT_KEYSTONE PORT_NOVA PORT_GLANCE PORT_PLACEMENT PORT_NEUTRON SPAWN_SECONDS
mkdir -p "$ST"; ST=$(cd "$ST" && pwd); cd "$ST"

V=$ST/venv
if [ ! -e "$V/ok" ]; then
  "$PYTHON" -m venv "$V"
  "$V/bin/pip" install -q -U pip 'setuptools<81' wheel
  "$V/bin/pip" install -q 'nova==34.0.0' 'keystone==30.0.0' 'glance==33.0.0' \
      'openstack-placement==16.0.0' 'cheroot>=11,<12' python-memcached
  touch "$V/ok"
fi

"$HERE/down.sh" "$ST" >/dev/null 2>&1 || true
rm -rf keystone glance nova placement neutron logs lab.json rc
mkdir -p keystone/fernet keystone/credential glance/images glance/staging \
         glance/tasks nova/state placement neutron logs
KS=http://127.0.0.1:$PORT_KEYSTONE/v3
AUTH="auth_type = password
auth_url = $KS
username = admin
password = secret
project_name = admin
user_domain_name = Default
project_domain_name = Default
region_name = RegionOne"

cat > keystone/keystone.conf <<C
[DEFAULT]
log_file = $ST/logs/keystone.log
[database]
connection = sqlite:///$ST/keystone/keystone.sqlite?timeout=60
[fernet_tokens]
key_repository = $ST/keystone/fernet
[credential]
key_repository = $ST/keystone/credential
[token]
provider = fernet
expiration = $TOKEN_SECONDS
allow_expired_window = 0
[identity]
password_hash_rounds = 4
[cache]
enabled = false
C
cat > placement/placement.conf <<C
[DEFAULT]
log_file = $ST/logs/placement.log
[api]
auth_strategy = keystone
[placement_database]
connection = sqlite:///$ST/placement/placement.sqlite?timeout=60
sync_on_startup = True
[keystone_authtoken]
www_authenticate_uri = $KS
token_cache_time = 30
$AUTH
C
cat > glance/glance-api.conf <<C
[DEFAULT]
log_file = $ST/logs/glance.log
enabled_backends = fs:file
[database]
connection = sqlite:///$ST/glance/glance.sqlite?timeout=60
[glance_store]
default_backend = fs
[fs]
filesystem_store_datadir = $ST/glance/images/
[os_glance_staging_store]
filesystem_store_datadir = $ST/glance/staging/
[os_glance_tasks_store]
filesystem_store_datadir = $ST/glance/tasks/
[paste_deploy]
flavor = keystone
config_file = $V/etc/glance/glance-api-paste.ini
[keystone_authtoken]
www_authenticate_uri = $KS
token_cache_time = 30
$AUTH
[oslo_messaging_notifications]
driver = noop
C
cat > nova/nova.conf <<C
[DEFAULT]
log_file = $ST/logs/nova.log
host = fakehost
my_ip = 127.0.0.1
state_path = $ST/nova/state
transport_url = fake:/
compute_driver = fake.SmallFakeDriver
initial_cpu_allocation_ratio = 32.0
concurrency_backend = threading
[oslo_concurrency]
lock_path = $ST/nova/state
[api]
auth_strategy = keystone
[api_database]
connection = sqlite:///$ST/nova/api.sqlite?timeout=60
[database]
connection = sqlite:///$ST/nova/cell1.sqlite?timeout=60
[wsgi]
api_paste_config = $V/etc/nova/api-paste.ini
[keystone_authtoken]
www_authenticate_uri = $KS
token_cache_time = 5
$AUTH
[placement]
$AUTH
[glance]
$AUTH
[neutron]
$AUTH
[cinder]
$AUTH
[service_user]
send_service_user_token = false
$AUTH
[oslo_messaging_notifications]
driver = noop
[quota]
instances = 50
cores = 50
[vnc]
enabled = false
[filter_scheduler]
track_instance_changes = false
C

run() { "$@" >> logs/setup.log 2>&1; }
KM="$V/bin/keystone-manage --config-file keystone/keystone.conf"
U=$(id -un); G=$(id -gn)
run $KM db_sync
run $KM fernet_setup --keystone-user "$U" --keystone-group "$G"
run $KM credential_setup --keystone-user "$U" --keystone-group "$G"
run $KM bootstrap --bootstrap-password secret --bootstrap-username admin \
    --bootstrap-project-name admin --bootstrap-role-name admin \
    --bootstrap-service-name keystone --bootstrap-region-id RegionOne \
    --bootstrap-admin-url "$KS" --bootstrap-public-url "$KS" --bootstrap-internal-url "$KS"
NM="$V/bin/nova-manage --config-file nova/nova.conf"
run $NM api_db sync
run $NM cell_v2 map_cell0 --database_connection "sqlite:///$ST/nova/cell0.sqlite?timeout=60"
run $NM db sync
run $NM cell_v2 create_cell --name cell1 --transport-url fake:/ \
    --database_connection "sqlite:///$ST/nova/cell1.sqlite?timeout=60"
run "$V/bin/glance-manage" --config-file glance/glance-api.conf db_sync
run "$V/bin/placement-manage" --config-file placement/placement.conf db sync

export OS_KEYSTONE_CONFIG_FILES=$ST/keystone/keystone.conf
export OS_PLACEMENT_CONFIG_DIR=$ST/placement OS_GLANCE_CONFIG_DIR=$ST/glance
start() { # name command...
  local n=$1; shift
  setsid "$@" > "logs/$n.out" 2>&1 < /dev/null & echo $! > "$n/pid"
}
up() { # name url
  for _ in $(seq 1 120); do
    curl -s -o /dev/null "$2" && return 0
    kill -0 "$(cat "$1/pid")" 2>/dev/null || { echo "$1 died, see $ST/logs" >&2; return 1; }
    sleep 0.5
  done
  echo "$1 did not come up" >&2; return 1
}
start neutron   "$V/bin/python" "$HERE/netstub.py" "$PORT_NEUTRON"
start keystone  "$V/bin/python" "$HERE/wsgi_host.py" keystone.wsgi.api "$PORT_KEYSTONE"
# One thread: two claims at once lock each other out of its database.
start placement "$V/bin/python" "$HERE/wsgi_host.py" placement.wsgi.api "$PORT_PLACEMENT" 1
start glance    "$V/bin/python" "$HERE/wsgi_host.py" glance.wsgi.api "$PORT_GLANCE"
up keystone "$KS"; up placement "http://127.0.0.1:$PORT_PLACEMENT/"; up glance "http://127.0.0.1:$PORT_GLANCE/"
"$V/bin/python" "$HERE/seed.py" catalog
start nova      "$V/bin/python" "$HERE/nova_allinone.py" "$ST/nova/nova.conf" "$PORT_NOVA"
up nova "http://127.0.0.1:$PORT_NOVA/"
run $NM cell_v2 discover_hosts
"$V/bin/python" "$HERE/seed.py" lab "$ST"
echo "OpenStack is up: . $ST/rc ; ids in $ST/lab.json"
