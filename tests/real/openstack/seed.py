# Fills the freshly started services (called by up.sh).
# usage: seed.py catalog            service catalogue entries
#        seed.py lab STATE_DIR      images, flavor, a plain user, servers
# Talks plain HTTP with the standard library only, so that it is itself a
# second, independent reading of the wire format.
import json
import os
import sqlite3
import sys
import time
import urllib.error
import urllib.request

P = {k: os.environ["PORT_" + k.upper()] for k in
     ("keystone", "nova", "glance", "placement", "neutron")}
KS = "http://127.0.0.1:%s/v3" % P["keystone"]
NOVA = "http://127.0.0.1:%s/v2.1" % P["nova"]
GLANCE = "http://127.0.0.1:%s" % P["glance"]
MV = "compute 2.90"
ADMIN = ("admin", "secret", "admin")
OPER = ("operator", "Op3rator!", "lab")
fresh = {}


def call(method, url, body=None, token=None, headers=None, raw=None):
    h = {"Accept": "application/json"}
    data = raw
    if body is not None:
        data = json.dumps(body).encode()
        h["Content-Type"] = "application/json"
    if isinstance(token, tuple):            # (user, password, project): log in, anew every 8 s
        made, value = fresh.get(token, (0, None))
        if time.time() - made > 8:
            value = login(*token)[0]
            fresh[token] = (time.time(), value)
        token = value
    if token:
        h["X-Auth-Token"] = token
    if ":%s/" % P["nova"] in url:
        h["OpenStack-API-Version"] = MV
    h.update(headers or {})
    req = urllib.request.Request(url, data=data, method=method, headers=h)
    try:
        with urllib.request.urlopen(req, timeout=120) as r:
            text = r.read()
            return json.loads(text) if text[:1] in (b"{", b"[") else text, r.headers
    except urllib.error.HTTPError as e:
        sys.exit("%s %s -> %s %s" % (method, url, e.code, e.read()[:500]))


def login(user, password, project):
    body = {"auth": {
        "identity": {"methods": ["password"], "password": {"user": {
            "name": user, "domain": {"id": "default"}, "password": password}}},
        "scope": {"project": {"name": project, "domain": {"id": "default"}}}}}
    out, headers = call("POST", KS + "/auth/tokens", body)
    return headers["X-Subject-Token"], out["token"]


def catalog():
    token, _ = login("admin", "secret", "admin")
    for kind, name, url in (
            ("compute", "nova", NOVA), ("image", "glance", GLANCE),
            ("placement", "placement", "http://127.0.0.1:" + P["placement"]),
            ("network", "neutron", "http://127.0.0.1:" + P["neutron"])):
        s, _ = call("POST", KS + "/services", {"service": {"type": kind, "name": name}}, token)
        for iface in ("public", "internal", "admin"):
            call("POST", KS + "/endpoints", {"endpoint": {
                "service_id": s["service"]["id"], "interface": iface,
                "region_id": "RegionOne", "url": url}}, token)


def lab(state):
    admin = ADMIN
    roles, _ = call("GET", KS + "/roles", token=admin)
    role = {r["name"]: r["id"] for r in roles["roles"]}
    proj, _ = call("POST", KS + "/projects", {"project": {"name": "lab", "domain_id": "default"}}, admin)
    pid = proj["project"]["id"]
    user, _ = call("POST", KS + "/users", {"user": {
        "name": "operator", "password": "Op3rator!", "domain_id": "default"}}, admin)
    uid = user["user"]["id"]
    for r in ("member", "reader"):
        call("PUT", "%s/projects/%s/users/%s/roles/%s" % (KS, pid, uid, role[r]), token=admin)
    images = {}
    for name in ("debian-12", "ubuntu-24.04", "slow-rocky-9", "broken-image", "lost-image", "twin", "twin"):
        img, _ = call("POST", GLANCE + "/v2/images", {
            "name": name, "disk_format": "raw", "container_format": "bare",
            "visibility": "public"}, admin)
        call("PUT", GLANCE + "/v2/images/%s/file" % img["id"], token=admin, raw=b"\0" * 4096,
             headers={"Content-Type": "application/octet-stream"})
        images[name] = img["id"]
    fl, _ = call("POST", NOVA + "/flavors", {"flavor": {
        "name": "m1.tiny", "ram": 64, "vcpus": 1, "disk": 1}}, admin)
    token = OPER
    cred, _ = call("POST", "%s/users/%s/application_credentials" % (KS, uid),
                   {"application_credential": {"name": "ci", "unrestricted": False}}, token)
    cred = cred["application_credential"]
    key, _ = call("POST", NOVA + "/os-keypairs", {"keypair": {
        "name": "ops-key", "type": "ssh",
        "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx3Vx0kq9mZ0mE0l4Jv0m1o1Lq7kq3mZ0mE0l4Jv0m1 lab"}}, token)
    servers = {}
    # The farm comes with one call, which numbers its servers.
    for name, count in [("web%d" % n, 1) for n in range(1, 6)] + [("volume", 1), ("farm", 10)]:
        call("POST", NOVA + "/servers", {"server": {
            "name": name, "imageRef": images["debian-12"], "min_count": count,
            "flavorRef": fl["flavor"]["id"], "networks": "none"}}, token)
    rows, _ = call("GET", NOVA + "/servers", token=token)
    servers = {d["name"]: d["id"] for d in rows["servers"]}

    def wait(good, ids):
        for _ in range(600):
            d, _ = call("GET", NOVA + "/servers/detail", token=OPER)
            rows = [d for d in d["servers"] if d["id"] in ids]
            bad = [d for d in rows if d["status"] == "ERROR"]
            if bad:
                sys.exit("a server failed to build: %s" % bad[0].get("fault"))
            if sum(d["status"] == good and not d["OS-EXT-STS:task_state"] for d in rows) == len(ids):
                return
            time.sleep(3)
        sys.exit("the servers never became %s" % good)

    wait("ACTIVE", list(servers.values()))
    call("POST", NOVA + "/servers/%s/action" % servers["web2"], {"os-stop": None}, OPER)
    wait("SHUTOFF", [servers["web2"]])
    call("POST", NOVA + "/servers/%s/action" % servers["web3"],
         {"lock": {"locked_reason": "change freeze"}}, ADMIN)
    # There is no volume service here: the record alone says that this one boots from a volume.
    with sqlite3.connect(os.path.join(state, "nova", "cell1.sqlite"), timeout=60) as cell:
        cell.execute("UPDATE instances SET image_ref = '' WHERE uuid = ?", (servers["volume"],))
    out = {"auth_url": KS, "compute": NOVA, "image": GLANCE, "project_id": pid,
           "user_id": uid,
           "user": "operator", "password": "Op3rator!", "project": "lab",
           "app_credential": {"id": cred["id"], "secret": cred["secret"]},
           "images": images, "servers": servers, "keypair": "ops-key",
           "states": {"web2": "SHUTOFF", "web3": "ACTIVE and locked", "volume": "boots from a volume"}}
    with open(os.path.join(state, "lab.json"), "w") as f:
        json.dump(out, f, indent=1)
    with open(os.path.join(state, "rc"), "w") as f:
        for k, v in (("AUTH_URL", KS), ("USERNAME", "operator"), ("PASSWORD", "Op3rator!"),
                     ("PROJECT_NAME", "lab"), ("USER_DOMAIN_NAME", "Default"),
                     ("PROJECT_DOMAIN_NAME", "Default"), ("REGION_NAME", "RegionOne"),
                     ("IDENTITY_API_VERSION", "3")):
            f.write("export OS_%s='%s'\n" % (k, v))


if sys.argv[1] == "catalog":
    catalog()
else:
    lab(sys.argv[2])
