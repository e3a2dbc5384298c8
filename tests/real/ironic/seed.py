# Enrols fake machines and brings them to known states (called by up.sh).
# usage: seed.py STATE_DIR     environment: PORT, AUTH
import base64
import json
import os
import sys
import time
import urllib.error
import urllib.request

URL = "http://127.0.0.1:" + os.environ["PORT"]
HDR = {"X-OpenStack-Ironic-API-Version": "1.94", "Content-Type": "application/json",
       "Accept": "application/json"}
if os.environ.get("AUTH") == "basic":
    HDR["Authorization"] = "Basic " + base64.b64encode(b"operator:Op3rator!").decode()


def call(method, path, body=None):
    req = urllib.request.Request(URL + path, method=method, headers=HDR,
                                 data=None if body is None else json.dumps(body).encode())
    try:
        with urllib.request.urlopen(req, timeout=60) as r:
            t = r.read()
            return json.loads(t) if t else None
    except urllib.error.HTTPError as e:
        sys.exit("%s %s -> %s %s" % (method, path, e.code, e.read()[:400]))


def to(node, verb, goal, extra=None):
    call("PUT", "/v1/nodes/%s/states/provision" % node, dict({"target": verb}, **(extra or {})))
    for _ in range(200):
        n = call("GET", "/v1/nodes/" + node)
        if n["provision_state"] == goal and not n["reservation"]:
            return
        time.sleep(0.25)
    sys.exit("%s stuck in %s" % (node, n["provision_state"]))


out = {}
FLEET = ["fleet-%d" % number for number in range(10)]
for name in ["n1", "n2", "n3-available", "n4-maintenance", "mute"] + FLEET:
    body = {"driver": "fake-hardware", "name": name, "resource_class": "lab",
            "instance_info": {"image_source": "http://127.0.0.1:9/debian-12.qcow2",
                              "image_checksum": "0" * 32, "root_gb": 10}}
    if name == "mute":
        body["deploy_interface"] = "custom-agent"
    n = call("POST", "/v1/nodes", body)["uuid"]
    out[name] = n
    call("POST", "/v1/ports", {"node_uuid": n, "address": "52:54:00:00:00:%02x" % len(out)})
    to(n, "manage", "manageable")
    if name == "mute" or name in FLEET:
        to(n, "adopt", "active")
        continue
    to(n, "provide", "available")
    if name != "n3-available":
        to(n, "active", "active")
call("PUT", "/v1/nodes/%s/maintenance" % out["n4-maintenance"], {"reason": "disk swap"})
json.dump({"url": URL, "auth": os.environ.get("AUTH", "none"), "user": "operator",
           "password": "Op3rator!", "nodes": out},
          open(os.path.join(sys.argv[1], "lab.json"), "w"), indent=1)
