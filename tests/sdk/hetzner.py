"""Hetzner's own Python client against the sandbox: hetzner.py SANDBOX-LINE-FILE."""

import sys
import time

from cases import Cases, Sandbox, holds, same, until
from hcloud import APIException, Client, __version__
from hcloud.actions import ActionFailedException
from hcloud.images import Image
from hcloud.servers import Server

sandbox = Sandbox.of_file(sys.argv[1])
cases = Cases(f"hcloud {__version__}")
TOKEN = sandbox.credentials["HCLOUD_TOKEN"]
READS_ALONE = "SANDBOXhetznerReads0123456789abcdefSANDBOXhetznerReads0123456789"
WEB, DB, CACHE = 471101, 471102, 471103
UBUNTU, DEBIAN, DEBIAN_ARM = 67794396, 114690387, 114690389
answers = []


def client_of(token):
    made = Client(token, api_endpoint=f"{sandbox.url}/v1", poll_interval=0.2, timeout=10)
    made._client._session.hooks["response"].append(lambda answer, **_: answers.append(answer))
    return made


client = client_of(TOKEN)


def refused(code, action):
    try:
        answer = action()
    except APIException as why:
        same(why.code, code)
        holds(why.message, "there is no message")
        holds(why.correlation_id, "there is no correlation id")
        return why
    raise AssertionError(f"it is not refused: {answer}")


def wiped(server):
    return sandbox.log()["reinstalls"][str(server)]


def status(server):
    return client.servers.get_by_id(server).status


sandbox.reset()


@cases.case
def servers_are_listed_found_and_described():
    rows = client.servers.get_all()
    same([row.name for row in rows], ["web-1", "db-1", "cache-1"])
    same([row.status for row in rows], ["running", "off", "running"])
    web = client.servers.get_by_name("web-1")
    same((web.id, web.image.id, web.image.name), (WEB, UBUNTU, "ubuntu-22.04"))
    same((web.server_type.architecture, web.locked), ("x86", False))
    same(web.protection, {"delete": False, "rebuild": False})
    same(web.location.name, "fsn1")
    same(web.public_net.ipv4.ip, "192.0.2.101")
    same([row.id for row in client.servers.get_all(status=["off"])], [DB])
    same(client.servers.get_by_name("web-9"), None)


@cases.case
def images_come_by_pages():
    every = client.images.get_all(include_deprecated=True)
    holds(len(every) > 50, "one page is enough")
    same(len({row.id for row in every}), len(every))
    page = client.images.get_list(page=2, per_page=20, include_deprecated=True)
    same([row.id for row in page.images], [row.id for row in every[20:40]])
    same((page.meta.pagination.page, page.meta.pagination.total_entries), (2, len(every)))
    same(page.meta.pagination.next_page, 3)
    last = client.images.get_list(page=page.meta.pagination.last_page, per_page=20, include_deprecated=True)
    same((last.images[-1].id, last.meta.pagination.next_page), (every[-1].id, None))


@cases.case
def images_are_filtered():
    debian = client.images.get_by_name_and_architecture("debian-12", "arm")
    same((debian.id, debian.os_flavor, debian.os_version), (DEBIAN_ARM, "debian", "12"))
    arm = client.images.get_all(architecture=["arm"])
    same({row.architecture for row in arm}, {"arm"})
    same(client.images.get_by_id(DEBIAN).name, "debian-12")
    # Its filter by status sends the size of the page in the status's place.
    shots = client.images.get_all(type=["snapshot"])
    same([(row.description, row.status) for row in shots][:2], [("golden", "available"), ("nightly", "creating")])
    old = client.images.get_all(name="debian-11", include_deprecated=True)
    holds(len(old) == 1 and old[0].deprecation.unavailable_after, "the deprecated image is not told as such")
    same(client.images.get_all(name="debian-11"), [])


@cases.case
def keys_are_listed():
    same([key.name for key in client.ssh_keys.get_all()], ["ops", "deploy"])
    same(client.ssh_keys.get_by_id(2323001).name, "ops")


@cases.case
def a_rebuild_is_waited_for_by_its_action_and_returns_a_password():
    web = client.servers.get_by_id(WEB)
    answer = web.rebuild(Image(name="debian-12"), user_data="#cloud-config\n")
    same((answer.action.command, answer.action.status), ("rebuild_server", "running"))
    same(answer.action.resources, [{"id": WEB, "type": "server"}])
    holds(answer.root_password, "there is no root password")
    until(lambda: status(WEB), "rebuilding", 5)
    holds(client.servers.get_by_id(WEB).locked, "it is not locked while it is rebuilt")
    answer.action.wait_until_finished()
    same((answer.action.status, answer.action.progress, answer.action.error), ("success", 100, None))
    holds(answer.action.finished >= answer.action.started, "it ends before it begins")
    web.reload()
    same((web.status, web.image.id, wiped(WEB)), ("running", DEBIAN, 1))
    same(client.actions.get_by_id(answer.action.id).status, "success")
    again = web.rebuild(Image(id=UBUNTU))
    again.action.wait_until_finished()
    holds(again.root_password and again.root_password != answer.root_password, "the password is not a new one")


@cases.case
def a_server_that_was_made_with_keys_gets_no_password():
    answer = client.servers.get_by_id(CACHE).rebuild(Image(id=DEBIAN))
    same(answer.root_password, None)
    answer.action.wait_until_finished()


@cases.case
def the_actions_of_a_server_are_listed_newest_first_if_asked():
    rows = client.servers.get_actions(Server(id=WEB), sort=["id:desc"])
    same([row.command for row in rows], ["rebuild_server", "rebuild_server"])
    holds(rows[0].id > rows[1].id, "the order is another one")
    same(client.servers.get_actions(Server(id=WEB), status=["running"]), [])
    refused("invalid_input", lambda: client.servers.get_actions(Server(id=WEB), sort=["colour"]))


@cases.case
def a_failed_rebuild_is_an_action_in_error():
    sandbox.fault(operation="reinstall", fault="fail_install")
    answer = client.servers.get_by_id(WEB).rebuild(Image(id=DEBIAN))
    try:
        answer.action.wait_until_finished()
    except ActionFailedException as why:
        same(why.action.error["code"], "action_failed")
        return
    raise AssertionError("it does not fail")


@cases.case
def a_second_rebuild_meets_the_lock():
    db = client.servers.get_by_id(DB)
    first = db.rebuild(Image(id=DEBIAN_ARM))
    refused("locked", lambda: db.rebuild(Image(id=DEBIAN_ARM)))
    same(answers[-1].status_code, 423)
    first.action.wait_until_finished()
    same((status(DB), wiped(DB)), ("running", 1))


@cases.case
def a_protected_server_is_not_rebuilt():
    web = client.servers.get_by_id(WEB)
    before = wiped(WEB)
    web.change_protection(delete=True, rebuild=True).wait_until_finished()
    web.reload()
    same(web.protection, {"delete": True, "rebuild": True})
    refused("protected", lambda: web.rebuild(Image(id=DEBIAN)))
    same((answers[-1].status_code, wiped(WEB)), (403, before))
    web.change_protection(delete=False, rebuild=False).wait_until_finished()


@cases.case
def wrong_orders_are_refused_as_documented():
    web = client.servers.get_by_id(WEB)
    before = wiped(WEB)
    refused("not_found", lambda: web.rebuild(Image(name="debian-99")))
    refused("not_found", lambda: client.servers.get_by_id(471199))
    refused("invalid_input", lambda: web.rebuild(Image(id=DEBIAN_ARM)))
    refused("invalid_input", lambda: web.rebuild(Image(id=DEBIAN), user_data="x" * (32 * 1024 + 1)))
    refused("unauthorized", lambda: client_of("x" * 64).servers.get_all())
    refused("token_readonly", lambda: client_of(READS_ALONE).servers.get_by_id(WEB).rebuild(Image(id=DEBIAN)))
    same(wiped(WEB), before)


@cases.case
def power_calls_are_actions_too():
    web = client.servers.get_by_id(WEB)
    web.power_off().wait_until_finished()
    until(lambda: status(WEB), "off", 10)
    web.power_on().wait_until_finished()
    until(lambda: status(WEB), "running", 10)


@cases.case
def every_answer_tells_how_much_of_the_allowance_is_left():
    client.servers.get_all()
    first = answers[-1].headers
    client.servers.get_all()
    second = answers[-1].headers
    same(first["RateLimit-Limit"], "3600")
    holds(int(second["RateLimit-Remaining"]) <= int(first["RateLimit-Remaining"]) <= 3600, "it grows")
    holds(abs(int(second["RateLimit-Reset"]) - time.time()) < 3600, "the reset is no time of now")


@cases.case
def the_client_obeys_a_refusal_for_too_many_requests():
    sandbox.fault(operation="read", fault="throttle")
    count = len(answers)
    same(len(client.servers.get_all()), 3)
    same([answer.status_code for answer in answers[count:]], [429, 200])


sandbox.reset()
cases.end()
