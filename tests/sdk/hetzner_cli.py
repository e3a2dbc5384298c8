"""`hcloud`, Hetzner's own command line, against the sandbox: hetzner_cli.py SANDBOX-LINE-FILE FOLDER."""

import json
import os
import shutil
import subprocess
import sys

from cases import Cases, Sandbox, holds, same

program = shutil.which("hcloud")
if program is None:
    print("left out: hcloud, which is not installed (Debian: hcloud-cli)")
    sys.exit(0)

sandbox = Sandbox.of_file(sys.argv[1])
ENVIRONMENT = {
    "HCLOUD_TOKEN": sandbox.credentials["HCLOUD_TOKEN"],
    "HCLOUD_ENDPOINT": f"{sandbox.url}/v1",
    "HOME": sys.argv[2],
    "PATH": os.environ["PATH"],
}


def call(*arguments):
    """Calls it; returns exit code, output, errors."""
    done = subprocess.run(
        [program, *arguments], env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout, done.stderr


def good(*arguments):
    code, output, errors = call(*arguments)
    same((code, errors if code else ""), (0, ""))
    return output


def document(*arguments):
    return json.loads(good(*arguments, "-o", "json"))


def refused(text, *arguments):
    code, output, errors = call(*arguments)
    holds(code == 1 and text in errors, f"{code} {output} {errors}")


# Debian's tells no version of its own.
cases = Cases("hcloud command line")


def wiped(server):
    return sandbox.log()["reinstalls"][str(server)]


sandbox.reset()


@cases.case
def servers_are_listed_and_described():
    same([row["name"] for row in document("server", "list")], ["web-1", "db-1", "cache-1"])
    holds("web-1" in good("server", "list"), "the table does not name it")
    web = document("server", "describe", "web-1")
    same((web["id"], web["status"], web["image"]["name"]), (471101, "running", "ubuntu-22.04"))
    holds("Protection:" in good("server", "describe", "471101"), "its protection is not told")
    refused("server not found: web-9", "server", "describe", "web-9")


@cases.case
def images_are_listed_over_all_pages():
    rows = document("image", "list")
    holds(len(rows) > 50, "one page is enough")
    same({row["type"] for row in document("image", "list", "--type", "snapshot")}, {"snapshot"})
    same(document("image", "describe", "114690387")["name"], "debian-12")


@cases.case
def keys_are_listed():
    same([row["name"] for row in document("ssh-key", "list")], ["ops", "deploy"])
    same(document("ssh-key", "describe", "ops")["id"], 2323001)


@cases.case
def a_rebuild_is_waited_for():
    output = good("server", "rebuild", "web-1", "--image", "debian-12")
    holds("471101 rebuilt with image debian-12" in output, output)
    web = document("server", "describe", "471101")
    same((web["status"], web["image"]["id"], wiped(471101)), ("running", 114690387, 1))
    # An old one does not know of architectures, and takes the first image of that name.
    refused("architecture", "server", "rebuild", "db-1", "--image", "debian-12")
    good("server", "rebuild", "db-1", "--image", "114690389")
    same(document("server", "describe", "db-1")["image"]["id"], 114690389)


@cases.case
def an_unknown_image_and_a_failed_rebuild_are_errors():
    refused("image", "server", "rebuild", "web-1", "--image", "debian-99")
    sandbox.fault(operation="reinstall", fault="fail_install")
    refused("action_failed", "server", "rebuild", "web-1", "--image", "debian-12")


@cases.case
def a_protected_server_is_not_rebuilt():
    before = wiped(471103)
    good("server", "enable-protection", "cache-1", "delete", "rebuild")
    same(document("server", "describe", "cache-1")["protection"], {"delete": True, "rebuild": True})
    refused("protected", "server", "rebuild", "cache-1", "--image", "debian-12")
    good("server", "disable-protection", "cache-1", "delete", "rebuild")
    same(wiped(471103), before)
    good("server", "rebuild", "cache-1", "--image", "debian-12")


@cases.case
def power_calls_are_waited_for():
    good("server", "poweroff", "web-1")
    good("server", "poweron", "web-1")


@cases.case
def a_wrong_token_is_refused():
    ENVIRONMENT["HCLOUD_TOKEN"] = "x" * 64
    refused("unauthorized", "server", "list")
    ENVIRONMENT["HCLOUD_TOKEN"] = sandbox.credentials["HCLOUD_TOKEN"]


sandbox.reset()
cases.end()
