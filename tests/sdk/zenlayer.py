"""Zenlayer's own SDK against the sandbox: zenlayer.py SANDBOX-LINE-FILE."""

import sys
from importlib.metadata import version

from cases import Cases, Sandbox, holds, same, until
from zenlayercloud.bmc.v20221120 import bmc_client as old_bmc_client, models as old_bmc
from zenlayercloud.bmc.v20260201 import bmc_client, models as bmc
from zenlayercloud.ccs.v20250901 import ccs_client, models as ccs
from zenlayercloud.common.config import Config
from zenlayercloud.common.credential import Credential, TokenCredential
from zenlayercloud.common.excpetion.zenlayer_cloud_sdk_exception import ZenlayerCloudSdkException
from zenlayercloud.zec.v20240401 import models as old_zec, zec_client as old_zec_client
from zenlayercloud.zec.v20250901 import models as zec, zec_client

sandbox = Sandbox.of_file(sys.argv[1])
cases = Cases(f"zenlayer {version('zenlayercloud-sdk-python')}")
key = sandbox.credentials["ZENLAYER_ACCESS_KEY_ID"]
secret = sandbox.credentials["ZENLAYER_ACCESS_KEY_SECRET"]
# The ready-made token and objects of the sandbox's account.
TOKEN = "pat_5a4db0c55a4db0c55a4db0c5"
UBUNTU_24 = "5ab1c0de-0002-4bbf-a5c8-b95a193b1602"
WINDOWS = "5ab1c0de-0005-4bbf-a5c8-b95a193b1605"
PASSWORD = "Test-Pw_2026"
config = Config(scheme="http", domain=sandbox.authority, rate_limit_max_retries=0)
metal = bmc_client.BmcClient(Credential(key, secret), config)
elastic = zec_client.ZecClient(Credential(key, secret), config)
keys = ccs_client.CcsClient(Credential(key, secret), config)


def send(client, models, action, **fields):
    """Sends one call by its SDK classes."""
    request = getattr(models, f"{action}Request")()
    for name, value in fields.items():
        holds(hasattr(request, name), f"the SDK's {action} has no {name}")
        setattr(request, name, value)
    answer = getattr(client, action)(request)
    holds(answer.requestId, "there is no requestId")
    return answer


def refused(code, client, models, action, **fields):
    try:
        answer = send(client, models, action, **fields)
    except ZenlayerCloudSdkException as why:
        same(why.get_code(), code)
        holds(why.get_request_id(), "there is no requestId")
        return
    raise AssertionError(f"{action} {fields} is not refused: {answer}")


def metal_row(instance):
    return send(metal, bmc, "DescribeInstances", instanceIds=[instance]).dataSet[0]


def metal_status(instance):
    return metal_row(instance).instanceStatus


def elastic_row(instance):
    return send(elastic, zec, "DescribeInstances", instanceIds=[instance]).dataSet[0]


def elastic_status(instance):
    row = send(elastic, zec, "DescribeInstancesStatus", instanceIds=[instance]).dataSet[0]
    return row.instanceStatus


def part(kind, **fields):
    made = kind()
    for name, value in fields.items():
        holds(hasattr(made, name), f"{kind.__name__} has no {name}")
        setattr(made, name, value)
    return made


sandbox.reset()


@cases.case
def metal_servers_are_listed():
    found = send(metal, bmc, "DescribeInstances")
    same([row.instanceId for row in found.dataSet], ["bmc-demo-1", "bmc-demo-2", "bmc-demo-3"])
    same(found.totalCount, 3)
    same([row.instanceStatus for row in found.dataSet], ["RUNNING", "STOPPED", "RUNNING"])
    same(found.dataSet[0].raidConfig.raidType, 1)


@cases.case
def metal_lists_are_filtered_and_paged():
    ids = [row.instanceId for row in send(metal, bmc, "DescribeInstances", instanceName="web*").dataSet]
    same(ids, ["bmc-demo-1"])
    found = send(metal, bmc, "DescribeInstances", instanceStatus="RUNNING", pageSize=1, pageNum=2)
    same(([row.instanceId for row in found.dataSet], found.totalCount), (["bmc-demo-3"], 2))
    same(send(metal, bmc, "DescribeInstances", instanceIds=["bmc-unknown"]).dataSet, [])
    refused("INVALID_PARAMETER_EXCEED_MAXIMUM", metal, bmc, "DescribeInstances", pageSize=1001)
    refused("INVALID_PARAMETER_LESS_MINIMUM", metal, bmc, "DescribeInstances", pageNum=0)
    refused("INVALID_PARAMETER_TYPE", metal, bmc, "DescribeInstances", instanceIds="bmc-demo-1")
    refused("INVALID_PARAMETER_EXCEED_LENGTH", metal, bmc, "DescribeInstances", instanceIds=["x"] * 101)


@cases.case
def metal_images_and_models_are_listed():
    model = metal_row("bmc-demo-1").instanceTypeId
    found = send(metal, bmc, "DescribeImages", instanceTypeId=model, catalog="ubuntu").images
    holds(UBUNTU_24 in [image.imageId for image in found], found)
    refused("INVALID_INSTANCE_TYPE_NOT_FOUND", metal, bmc, "DescribeImages", instanceTypeId="unknown")
    found = send(metal, bmc, "DescribeInstanceTypes", instanceTypeIds=[model]).instanceTypes
    same(([row.instanceTypeId for row in found], found[0].supportRaids), ([model], [0, 1, 5, 10]))


@cases.case
def key_pairs_are_listed():
    found = send(keys, ccs, "DescribeKeyPairs", keyName="deploy", pageSize=1, pageNum=2)
    same(([row.keyName for row in found.dataSet], found.totalCount), (["deploy-old"], 2))
    same(send(keys, ccs, "DescribeKeyPairs", keyIds=["key-SbxOps01"]).dataSet[0].keyName, "ops")


@cases.case
def bad_metal_orders_have_their_documented_codes():
    raid = lambda **fields: {"raidConfig": part(bmc.RaidConfig, **fields)}
    custom = lambda level, *disks: part(bmc.CustomRaid, raidType=level, diskSequence=list(disks))
    cut = lambda *rows: {
        "partitions": [part(bmc.Partition, fsPath=path, fsType=kind, size=size) for path, kind, size in rows]
    }
    nic = lambda wan, lan: {"nic": part(bmc.Nic, wanName=wan, lanName=lan)}
    bad = [
        ("MISSING_PARAMETER", {"instanceId": None}),
        ("INVALID_INSTANCE_NOT_FOUND", {"instanceId": "bmc-unknown"}),
        ("INVALID_PARAMETER_TYPE", {"instanceId": 7}),
        ("INVALID_IMAGE_NOT_FOUND", {"imageId": "unknown"}),
        ("INVALID_PARAMETER_HOSTNAME_EXCEED", {"hostname": "h" * 65}),
        ("INVALID_PARAMETER_HOSTNAME_MALFORMED", {"hostname": "no_underscore"}),
        ("INVALID_PARAMETER_VALUE_PASSWORD_MALFORMED", {"password": "short"}),
        ("INVALID_PARAMETER_INSTANCE_LOGIN_CONFLICT", {"password": PASSWORD, "keyId": "key-SbxOps01"}),
        ("INVALID_KEY_PAIR_NOT_FOUND", {"keyId": "key-unknown"}),
        ("INVALID_KEY_PAIR_NOT_SUPPORT", {"imageId": WINDOWS, "keyId": "key-SbxOps01"}),
        ("INVALID_RAID_CONFIG_FAST_CUSTOM_CONFLICT", raid(raidType=1, customRaids=[custom(1, 1, 2)])),
        ("INVALID_INSTANCE_TYPE_RAID_NOT_SUPPORT", raid(raidType=6)),
        ("INVALID_PARAMETER_VALUE_RAID_DISK_MISMATCH", raid(customRaids=[custom(5, 1, 2)])),
        ("INVALID_PARAMETER_VALUE_RAID_DISK_DISORDER", raid(customRaids=[custom(1, 2, 1)])),
        ("INVALID_PARAMETER_VALUE_RAID_DISK_SEQUENCE_RANGE", raid(customRaids=[custom(1, 4, 5)])),
        (
            "INVALID_PARAMETER_VALUE_RAID_DISK_SEQUENCE_DUPLICATE",
            raid(customRaids=[custom(1, 1, 2), custom(1, 2, 3)]),
        ),
        ("INVALID_PARTITION_MISSING_REQUIRED_FILE_PATH", cut(("/data", "ext4", 10))),
        ("INVALID_PARTITION_DUPLICATE_FILE_PATH", cut(("/", "ext4", 10), ("/", "ext4", 10))),
        ("INVALID_PARTITION_INVALID_ORDER", cut(("/data", "ext4", 10), ("/", "ext4", 10))),
        ("INVALID_PARTITION_NO_TYPE", cut(("/", "NTFS", 10))),
        ("INVALID_PARAMETER_NIC_NAME_CONFLICT", nic("same0", "same0")),
        ("INVALID_PARAMETER_NIC_NAME_MALFORMED", nic("lan0", None)),
    ]
    for code, fields in bad:
        refused(code, metal, bmc, "ReinstallInstance", **{"instanceId": "bmc-demo-1", **fields})
    same(metal_status("bmc-demo-1"), "RUNNING")


@cases.case
def a_metal_server_is_reinstalled_with_every_field():
    send(
        metal,
        bmc,
        "ReinstallInstance",
        instanceId="bmc-demo-1",
        imageId=UBUNTU_24,
        hostname="web-1.example",
        keyId="key-SbxOps01",
        raidConfig=part(bmc.RaidConfig, customRaids=[part(bmc.CustomRaid, raidType=1, diskSequence=[1, 2])]),
        partitions=[
            part(bmc.Partition, fsPath="/", fsType="ext4", size=100),
            part(bmc.Partition, fsPath="/data", fsType="ext4", size=500),
        ],
        nic=part(bmc.Nic, wanName="wan0", lanName="lan0"),
        userData="#!/bin/sh\necho 'grüße & <b>' > /tmp/x\n",
    )
    refused(
        "OPERATION_DENIED_INSTANCE_STATUS_INSTALLING",
        metal,
        bmc,
        "ReinstallInstance",
        instanceId="bmc-demo-1",
        password=PASSWORD,
    )
    # For a moment the old status still shows.
    until(lambda: metal_status("bmc-demo-1"), "INSTALLING")
    same(until(lambda: metal_status("bmc-demo-1"), "RUNNING"), ["INSTALLING", "RUNNING"])
    row = metal_row("bmc-demo-1")
    same((row.imageId, row.hostname, row.keyId), (UBUNTU_24, "web-1.example", "key-SbxOps01"))
    same(([cut.fsPath for cut in row.partitions], row.nic.wanName), (["/", "/data"], "wan0"))


@cases.case
def a_stopped_metal_server_is_reinstalled_by_ipxe():
    send(metal, bmc, "ReinstallInstance", instanceId="bmc-demo-2", ipxeUrl="http://boot.example/menu.ipxe")
    until(lambda: metal_status("bmc-demo-2"), "RUNNING")
    same((metal_row("bmc-demo-2").ipxeUrl, metal_row("bmc-demo-2").imageId), ("http://boot.example/menu.ipxe", None))


@cases.case
def metal_servers_stop_and_start():
    refused("OPERATION_DENIED_INSTANCE_NOT_STOPPED", metal, bmc, "StartInstances", instanceIds=["bmc-demo-3"])
    send(metal, bmc, "StopInstances", instanceIds=["bmc-demo-3"])
    until(lambda: metal_status("bmc-demo-3"), "STOPPED")
    refused("OPERATION_DENIED_INSTANCE_NOT_RUNNING", metal, bmc, "StopInstances", instanceIds=["bmc-demo-3"])
    send(metal, bmc, "StartInstances", instanceIds=["bmc-demo-3"])
    until(lambda: metal_status("bmc-demo-3"), "RUNNING")
    refused("INVALID_INSTANCE_NOT_FOUND", metal, bmc, "StopInstances", instanceIds=["bmc-unknown"])
    refused("MISSING_PARAMETER", metal, bmc, "StopInstances")
    refused("INVALID_PARAMETER_LESS_LENGTH", metal, bmc, "StopInstances", instanceIds=[])


@cases.case
def the_older_version_of_metal_is_served():
    client = old_bmc_client.BmcClient(Credential(key, secret), config)
    send(client, old_bmc, "ReinstallInstance", instanceId="bmc-demo-3", imageId=UBUNTU_24, sshKeys=["ssh-rsa AAAA"])
    look = lambda: send(client, old_bmc, "DescribeInstances", instanceIds=["bmc-demo-3"]).dataSet[0].instanceStatus
    until(look, "INSTALLING")
    until(look, "RUNNING")
    same(sandbox.log()["reinstalls"]["bmc-demo-3"], 1)


@cases.case
def a_failed_metal_installation_shows():
    sandbox.fault(operation="reinstall", instance="bmc-demo-3", fault="fail_install")
    send(metal, bmc, "ReinstallInstance", instanceId="bmc-demo-3", password=PASSWORD)
    until(lambda: metal_status("bmc-demo-3"), "INSTALL_FAILED")


@cases.case
def elastic_servers_are_listed():
    found = send(elastic, zec, "DescribeInstances", name="-1", pageSize=2, pageNum=2)
    same(([row.instanceId for row in found.dataSet], found.totalCount), (["zec-demo-3"], 3))
    row = elastic_row("zec-demo-1")
    same((row.status, row.timeZone, row.systemDisk.diskSize), ("RUNNING", "Asia/Hong_Kong", 60))
    found = send(elastic, zec, "DescribeInstancesStatus", instanceIds=["zec-demo-2", "zec-demo-1", "zec-unknown"])
    same({row.instanceId: row.instanceStatus for row in found.dataSet}, {"zec-demo-1": "RUNNING", "zec-demo-2": "STOPPED"})


@cases.case
def elastic_images_and_time_zones_are_listed():
    zone = elastic_row("zec-demo-1").zoneId
    found = send(elastic, zec, "DescribeImages", zoneId=zone, imageStatus="AVAILABLE", osType="linux", pageSize=1000)
    holds("ubuntu2404_20250601" in [image.imageId for image in found.dataSet], found)
    refused("MISSING_PARAMETER", elastic, zec, "DescribeImages")
    refused("INVALID_ZONE_NOT_FOUND", elastic, zec, "DescribeImages", zoneId="nowhere-1a")
    holds("Europe/Berlin" in send(elastic, zec, "DescribeTimeZones").timeZones, "no Berlin")


@cases.case
def a_running_elastic_server_is_not_reset():
    refused(
        "UNSUPPORTED_OPERATION_INSTANCE_STATUS",
        elastic,
        zec,
        "ResetInstance",
        instanceId="zec-demo-1",
        imageId="ubuntu2404_20250601",
        password=PASSWORD,
    )


@cases.case
def bad_elastic_orders_have_their_documented_codes():
    bad = [
        ("MISSING_PARAMETER", {"instanceId": None}),
        ("INVALID_INSTANCE_NOT_FOUND", {"instanceId": "zec-unknown"}),
        ("INVALID_IMAGE_NOT_FOUND", {"imageId": "unknown"}),
        ("INVALID_IMAGE_STATUS", {"imageId": "golden_20261120"}),
        ("INVALID_IMAGE_SIZE_EXCEED", {"imageId": "large_20250601"}),
        ("INVALID_OS_TYPE_NOT_SAME", {"imageId": "windows2022_20250601"}),
        ("INVALID_IMAGE_AGENT_NOT_SUPPORT", {"imageId": "tiny_20250601", "enableAgent": True}),
        ("INVALID_IMAGE_PASSWORD_NOT_SUPPORT", {"imageId": "generic_20250601"}),
        ("INVALID_IMAGE_KEY_PAIR_NOT_SUPPORT", {"imageId": "generic_20250601", "password": None, "keyId": "key-SbxOps01"}),
        ("INVALID_KEY_PAIR_NOT_FOUND", {"password": None, "keyId": "key-unknown"}),
        ("INVALID_LOGIN_SETTING_CONFLICT", {"keyId": "key-SbxOps01"}),
        ("INVALID_LOGIN_SETTING_CONFLICT", {"password": None}),
        ("INVALID_PASSWORD_MALFORMED", {"password": "nospecial1A"}),
        ("INVALID_PARAMETER_USER_DATA_EXCEED", {"userData": "x" * 32769}),
        ("INVALID_PARAMETER_PATTERN_ERROR", {"instanceName": "a b"}),
        ("INVALID_PARAMETER_TYPE", {"enableAgent": "yes"}),
    ]
    for code, fields in bad:
        whole = {"instanceId": "zec-demo-2", "password": PASSWORD, **fields}
        refused(code, elastic, zec, "ResetInstance", **whole)
    same(elastic_status("zec-demo-2"), "STOPPED")


@cases.case
def a_stopped_elastic_server_is_reset_with_every_field():
    send(
        elastic,
        zec,
        "ResetInstance",
        instanceId="zec-demo-2",
        imageId="ubuntu2404_20250601",
        keyId="key-SbxDepl1",
        timezone="Europe/Berlin",
        enableAgent=True,
        instanceName="db-2",
        userData="#!/bin/sh\n",
    )
    seen = until(lambda: elastic_status("zec-demo-2"), "RUNNING")
    holds(set(seen) & {"DEPLOYING", "REBUILDING"}, seen)
    row = elastic_row("zec-demo-2")
    same((row.imageId, row.keyId, row.timeZone), ("ubuntu2404_20250601", "key-SbxDepl1", "Europe/Berlin"))
    same((row.enableAgent, row.instanceName), (True, "db-2"))


@cases.case
def elastic_servers_stop_and_start_and_name_what_failed():
    same(send(elastic, zec, "StartInstances", instanceIds=["zec-demo-3"]).instanceIds, ["zec-demo-3"])
    same(send(elastic, zec, "StopInstances", instanceIds=["zec-demo-3"], forceShutdown=False).instanceIds, [])
    until(lambda: elastic_status("zec-demo-3"), "STOPPED")
    same(send(elastic, zec, "StopInstances", instanceIds=["zec-demo-3"]).instanceIds, ["zec-demo-3"])
    same(send(elastic, zec, "StartInstances", instanceIds=["zec-demo-3"]).instanceIds, [])
    until(lambda: elastic_status("zec-demo-3"), "RUNNING")
    refused("INVALID_INSTANCE_NOT_FOUND", elastic, zec, "StopInstances", instanceIds=["zec-unknown"])


@cases.case
def the_older_version_of_elastic_is_served():
    client = old_zec_client.ZecClient(Credential(key, secret), config)
    send(elastic, zec, "StopInstances", instanceIds=["zec-demo-3"])
    until(lambda: elastic_status("zec-demo-3"), "STOPPED")
    send(client, old_zec, "ResetInstance", instanceId="zec-demo-3", password=PASSWORD)
    until(lambda: elastic_status("zec-demo-3"), "RUNNING")


@cases.case
def wrong_credentials_are_refused():
    for pair in [(key, "wrong"), ("WRONG", secret)]:
        client = bmc_client.BmcClient(Credential(*pair), config)
        refused("AUTHFAILURE_SIGNATURE_FAILURE", client, bmc, "DescribeInstances")


@cases.case
def a_token_does_instead_of_a_signature():
    client = zec_client.ZecClient(TokenCredential(TOKEN), config)
    same(send(client, zec, "DescribeInstances").totalCount, 3)
    client = zec_client.ZecClient(TokenCredential("pat_wrong"), config)
    refused("AUTHFAILURE_INVALID_AUTHORIZATION", client, zec, "DescribeInstances")


@cases.case
def an_unknown_action_is_not_allowed():
    refused("AUTHFAILURE_UNAUTHORIZED_OPERATION", metal, bmc, "DescribeVpcs")


@cases.case
def a_throttled_call_has_its_code_and_the_sdk_gets_through():
    sandbox.fault(operation="read", provider="zenlayer-bmc", fault="throttle", times=1)
    refused("REQUEST_LIMIT_EXCEEDED", metal, bmc, "DescribeInstances")
    sandbox.fault(operation="read", provider="zenlayer-bmc", fault="throttle", times=1)
    patient = Config(scheme="http", domain=sandbox.authority, rate_limit_retry_duration=lambda index: 0.1)
    client = bmc_client.BmcClient(Credential(key, secret), patient)
    same(send(client, bmc, "DescribeInstances").totalCount, 3)


cases.end()
