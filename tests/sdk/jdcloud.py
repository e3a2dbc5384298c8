"""JD Cloud's own SDK against the sandbox: jdcloud.py SANDBOX-LINE-FILE.

Runs with both generations of the SDK: 1.6.94 signs JDCLOUD2, newer ones sign JDCLOUD3.
"""

import base64
import sys
import uuid
from importlib.metadata import version

from cases import Cases, Sandbox, holds, same, until
from jdcloud_sdk.core.config import Config
from jdcloud_sdk.core.credential import Credential
from jdcloud_sdk.core.logger import FATAL, Logger
from jdcloud_sdk.services.common.models.Filter import Filter
from jdcloud_sdk.services.cps.apis import (
    DescribeDeviceRaidsRequest as raids,
    DescribeDeviceTypesRequest as models,
    DescribeInstanceNameRequest as name_of,
    DescribeInstanceRaidRequest as raid_of,
    DescribeInstanceRequest as one,
    DescribeInstancesRequest as many,
    DescribeInstanceStatusRequest as health,
    DescribeKeypairRequest as keypair,
    DescribeKeypairsRequest as keypairs,
    DescribeOSRequest as images,
    DescribeRegionesRequest as regions,
    ReinstallInstanceRequest as reinstall,
    ResetPasswordRequest as reset_password,
    StartInstanceRequest as start,
    StopInstanceRequest as stop,
)
from jdcloud_sdk.services.cps.client.CpsClient import CpsClient
from jdcloud_sdk.services.cps.models.ReinstallInstanceSpec import ReinstallInstanceSpec

sandbox = Sandbox.of_file(sys.argv[1])
cases = Cases(f"jdcloud {version('jdcloud_sdk')}")
key = sandbox.credentials["JDCLOUD_ACCESS_KEY_ID"]
secret = sandbox.credentials["JDCLOUD_SECRET_ACCESS_KEY"]
region = sandbox.credentials["JDCLOUD_REGION"]
PASSWORD = "Sx7#kQ92zmWv"


def client_of(key, secret):
    config = Config(endpoint=sandbox.authority, scheme="http")
    return CpsClient(Credential(key, secret), config, Logger(FATAL))


client = client_of(key, secret)


def send(module, action, *values, header=None, to=client, **more):
    """Sends one call by its SDK classes; the rest of the parameters by their setters."""
    parameters = getattr(module, f"{action}Parameters")(*values)
    for name, value in more.items():
        getattr(parameters, f"set{name[0].upper()}{name[1:]}")(value)
    return to.send(getattr(module, f"{action}Request")(parameters, header))


def result(answer):
    if answer.error:
        raise AssertionError(f"{answer.error.code} {answer.error.status}: {answer.error.message}")
    holds(answer.request_id, "there is no requestId")
    return answer.result


def refused(answer, code, status, word=""):
    holds(answer.error, f"not refused: {answer.result}")
    same((answer.error.code, answer.error.status), (code, status))
    holds(word in answer.error.message, f"{word!r} is not in {answer.error.message!r}")


def status(instance):
    return result(send(one, "DescribeInstance", region, instance))["instance"]["status"]


def spec(**changes):
    wanted = {
        "az": "cn-north-1a",
        "imageType": "standard",
        "osTypeId": "os-demo-ubuntu2204",
        "sysRaidTypeId": "raid-demo-sys1",
        "keepData": "yes",
        "password": PASSWORD,
    }
    wanted.update(changes)
    required = ["az", "imageType", "osTypeId", "sysRaidTypeId", "keepData", "password"]
    made = ReinstallInstanceSpec(*(wanted.pop(name) for name in required))
    for name, value in wanted.items():
        holds(hasattr(made, name), f"the SDK has no {name}")
        setattr(made, name, value)
    return made


def order(instance, wanted, **more):
    return send(reinstall, "ReinstallInstance", region, instance, wanted, **more)


sandbox.reset()


@cases.case
def regions_are_listed():
    found = result(send(regions, "DescribeRegiones"))["regions"]
    same([place["region"] for place in found], [region])
    same(found[0]["azs"][0]["az"], "cn-north-1a")


@cases.case
def models_are_listed():
    found = result(send(models, "DescribeDeviceTypes", region))["deviceTypes"]
    holds("cps.c.normal" in [model["deviceType"] for model in found], found)


@cases.case
def servers_are_listed():
    found = result(send(many, "DescribeInstances", region))
    same([row["instanceId"] for row in found["instances"]], ["cps-demo-1", "cps-demo-2", "cps-demo-3"])
    same(found["totalCount"], 3)


@cases.case
def a_list_takes_the_filters_of_the_sdk():
    wanted = [Filter("instanceId", ["cps-demo-1", "cps-demo-3", "cps-unknown"]), Filter("status", ["running"], "eq")]
    found = result(send(many, "DescribeInstances", region, filters=wanted))
    same([row["instanceId"] for row in found["instances"]], ["cps-demo-3"])
    found = result(send(many, "DescribeInstances", region, name="web", az="cn-north-1a"))
    same([row["name"] for row in found["instances"]], ["web-1"])
    found = result(send(many, "DescribeInstances", region, name="a b+c%/é"))
    same(found["totalCount"], 0)


@cases.case
def pages_follow_one_another():
    found = result(send(many, "DescribeInstances", region, pageNumber=2, pageSize=20))
    same((found["instances"], found["pageNumber"], found["pageSize"], found["totalCount"]), ([], 2, 20, 3))
    refused(send(many, "DescribeInstances", region, pageSize=101), 400, "INVALID_ARGUMENT", "pageSize")
    refused(send(many, "DescribeInstances", region, pageNumber=0), 400, "INVALID_ARGUMENT", "pageNumber")


@cases.case
def a_server_is_described():
    found = result(send(one, "DescribeInstance", region, "cps-demo-1"))["instance"]
    same((found["name"], found["status"], found["az"]), ("web-1", "stopped", "cn-north-1a"))
    same(result(send(raid_of, "DescribeInstanceRaid", region, "cps-demo-1"))["sysRaidTypeId"], "raid-demo-sys1")
    same(result(send(name_of, "DescribeInstanceName", region, "cps-demo-1"))["name"], "web-1")
    same(result(send(health, "DescribeInstanceStatus", region, "cps-demo-1"))["disks"], True)


@cases.case
def an_unknown_server_is_not_found():
    refused(send(one, "DescribeInstance", region, "cps-unknown"), 404, "NOT_FOUND")
    refused(order("cps-unknown", spec()), 404, "NOT_FOUND")
    refused(send(one, "DescribeInstance", "cn-south-1", "cps-demo-1"), 404, "NOT_FOUND")


@cases.case
def images_are_listed_for_a_model():
    found = result(send(images, "DescribeOS", region, "cps.c.normal", osType="Ubuntu"))["oss"]
    same([row["osTypeId"] for row in found], ["os-demo-ubuntu2204"])
    refused(send(images, "DescribeOS", region, "cps.unknown"), 404, "NOT_FOUND")
    refused(send(images, "DescribeOS", region, ""), 400, "INVALID_ARGUMENT", "deviceType")


@cases.case
def raid_levels_are_listed_for_a_model():
    found = result(send(raids, "DescribeDeviceRaids", region, "cps.c.normal", volumeType="system"))["raids"]
    same({row["volumeType"] for row in found}, {"system"})
    holds("raid-demo-sys1" in [row["raidTypeId"] for row in found], found)


@cases.case
def key_pairs_are_listed():
    found = result(send(keypairs, "DescribeKeypairs", region, name="ci"))
    same([row["keypairId"] for row in found["keypairs"]], ["key-demo-ci", "key-demo-ci-old"])
    found = result(send(keypairs, "DescribeKeypairs", region, filters=[Filter("keypairId", ["key-demo-ops"])]))
    same([row["name"] for row in found["keypairs"]], ["ops"])
    same(result(send(keypair, "DescribeKeypair", region, "key-demo-ops"))["keypair"]["name"], "ops")


@cases.case
def every_required_field_is_required():
    for field in ["az", "imageType", "osTypeId", "sysRaidTypeId", "keepData", "password"]:
        refused(order("cps-demo-1", spec(**{field: None})), 400, "INVALID_ARGUMENT", field)
    refused(order("cps-demo-1", None), 400, "INVALID_ARGUMENT", "instanceSpec")


@cases.case
def bad_values_are_refused():
    for field, value in {
        "az": "cn-north-1z",
        "imageType": "custom",
        "osTypeId": "os-unknown",
        "sysRaidTypeId": "raid-demo-data1",
        "dataRaidTypeId": "raid-demo-sys1",
        "keepData": "maybe",
        "password": "short",
        "hostname": "-bad-",
        "userData": "not base64!",
        "keypairId": 7,
    }.items():
        refused(order("cps-demo-1", spec(**{field: value})), 400, "INVALID_ARGUMENT", field)
    refused(order("cps-demo-1", spec(keypairId="key-unknown")), 404, "NOT_FOUND", "key pair")
    refused(order("cps-demo-1", spec(), clientToken="x" * 37), 400, "INVALID_ARGUMENT", "clientToken")


@cases.case
def a_running_server_is_not_reinstalled():
    refused(order("cps-demo-3", spec()), 400, "FAILED_PRECONDITION")
    refused(send(start, "StartInstance", region, "cps-demo-3"), 400, "FAILED_PRECONDITION")
    refused(send(stop, "StopInstance", region, "cps-demo-1"), 400, "FAILED_PRECONDITION")


@cases.case
def a_stopped_server_is_reinstalled_with_every_field():
    script = base64.b64encode(b"#!/bin/bash\necho hello\n").decode()
    wanted = spec(
        dataRaidTypeId="raid-demo-data10",
        keepData="no",
        hostname="ci-node-07",
        userData=script,
        keypairId="key-demo-ci",
    )
    same(result(order("cps-demo-1", wanted, clientToken=str(uuid.uuid4()))), {"success": True})
    refused(order("cps-demo-1", wanted), 400, "FAILED_PRECONDITION")
    seen = until(lambda: status("cps-demo-1"), "running")
    holds("reinstalling" in seen, seen)
    found = result(send(one, "DescribeInstance", region, "cps-demo-1"))["instance"]
    same((found["osTypeId"], found["dataRaidTypeId"]), ("os-demo-ubuntu2204", "raid-demo-data10"))
    same(found["keypairId"], "key-demo-ci")


@cases.case
def a_repeated_client_token_is_answered_and_not_carried_out():
    token = str(uuid.uuid4())
    first = order("cps-demo-2", spec(osTypeId="os-demo-ubuntu2404"), clientToken=token)
    second = order("cps-demo-2", spec(osTypeId="os-demo-ubuntu2404"), clientToken=token)
    same((result(first), result(second)), ({"success": True}, {"success": True}))
    same(second.request_id, first.request_id)
    until(lambda: status("cps-demo-2"), "running")
    same(sandbox.log()["reinstalls"]["cps-demo-2"], 1)


@cases.case
def stop_reset_password_and_start():
    same(result(send(stop, "StopInstance", region, "cps-demo-3")), {"success": True})
    until(lambda: status("cps-demo-3"), "stopped")
    refused(send(stop, "StopInstance", region, "cps-demo-3"), 400, "FAILED_PRECONDITION")
    same(result(send(reset_password, "ResetPassword", region, "cps-demo-3", PASSWORD)), {"success": True})
    same(result(send(start, "StartInstance", region, "cps-demo-3")), {"success": True})
    until(lambda: status("cps-demo-3"), "running")
    refused(send(start, "StartInstance", region, "cps-demo-3"), 400, "FAILED_PRECONDITION")


@cases.case
def a_failed_installation_shows_as_error():
    sandbox.reset()
    sandbox.fault(operation="reinstall", instance="cps-demo-1", fault="fail_install")
    same(result(order("cps-demo-1", spec())), {"success": True})
    until(lambda: status("cps-demo-1"), "error")


@cases.case
def wrong_credentials_are_refused():
    for pair in [(key, "wrong"), ("WRONG", secret)]:
        answer = send(many, "DescribeInstances", region, to=client_of(*pair))
        refused(answer, 401, "ACCESS_ERROR")


@cases.case
def a_security_token_is_signed_and_taken():
    header = {"x-jdcloud-security-token": "123456"}
    same(result(send(one, "DescribeInstance", region, "cps-demo-2", header=header))["instance"]["name"], "db-1")
    same(result(order("cps-demo-2", spec(osTypeId="os-demo-ubuntu2404"), header=header)), {"success": True})


@cases.case
def a_throttled_call_has_its_code():
    sandbox.fault(operation="read", provider="jdcloud-cps", fault="throttle", times=1)
    refused(send(one, "DescribeInstance", region, "cps-demo-2"), 429, "RATE_LIMIT")


cases.end()
