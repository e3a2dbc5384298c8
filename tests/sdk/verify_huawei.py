"""Huawei's requests, checked with the signer of its Python SDK core."""

import os
import re
from urllib.parse import parse_qsl

from cases import holds, same
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer

SECRET = "HUAWEICLOUD_SDK_SK"
AUTHORIZATION = re.compile(r"SDK-HMAC-SHA256 Access=([^,]+), SignedHeaders=([^,]+), Signature=[0-9a-f]{64}")


def sign(key, secret, method, path, query, headers, body):
    """The authorization that the official signer makes of these; all of `headers` are signed."""
    request = SdkRequest(
        method=method,
        schema="http",
        host=headers["host"],
        resource_path=path,
        query_params=parse_qsl(query, keep_blank_values=True),
        header_params=dict(headers),
        body=body,
    )
    return Signer(BasicCredentials(key, secret)).sign(request).header_params["Authorization"]


def check(credentials, method, path, query, headers, body):
    found = AUTHORIZATION.fullmatch(headers["authorization"])
    holds(found, f"malformed: {headers['authorization']}")
    key, names = found.group(1), found.group(2).split(";")
    holds({"host", "x-sdk-date"} <= set(names), f"unsigned: {names}")
    for name in ("x-project-id", "x-security-token", "content-type"):
        holds(name in names or name not in headers, f"{name} is not signed")
    secrets = {
        credentials["HUAWEICLOUD_SDK_AK"]: credentials[SECRET],
        "SANDBOXHUAWEITEMP001": "sandbox-huawei-temporary-key-not-real-01",
    }
    signed = sign(key, secrets[key], method, path, query, {name: headers[name] for name in names}, body)
    same(headers["authorization"], signed)
    return f"{method} " + re.sub("[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}", "ID", path)


def cases(case, run, reinstalled, sandbox, home):
    sandbox.reset()
    server = "5a0db0c5-ec50-4000-8000-00000000000{}".format
    instance = "5a0db0c5-dc00-7000-8000-00000000000{}".format

    @case
    def lists_images_and_keys():
        for product, first in [("huawei-ecs", server(1)), ("huawei-clouddc", instance(1))]:
            run("list", "-p", product)
            run("images", "-p", product, "-i", first)
        run("keys", "-p", "huawei-ecs")

    @case
    def a_family_looks_everywhere():
        chosen = ["-i", f"{server(1)},ip=198.51.100.61", "--generate-password", f"{home}/pw"]
        _, calls = run("-p", "huawei", *chosen, "--dry-run")
        holds({"GET /v1/ID/instances", "GET /v1/ID/cloudservers/detail"} <= set(calls), set(calls))

    @case
    def dry_runs():
        for product, first in [("huawei-ecs", server(1)), ("huawei-clouddc", instance(1))]:
            _, calls = run("-p", product, "-i", first, "--generate-password", f"{home}/pw", "--dry-run")
            holds(all(call.startswith("GET") for call in calls), calls)

    @case
    def a_reinstall_with_key_and_user_data():
        with open(f"{home}/data.sh", "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\necho 'grüße'\n")
        report, calls = run(
            *("-p", "huawei-ecs", "-i", server(1), "--ssh-key", "KeyPair-ops", "--user-data", f"{home}/data.sh"),
            *("--poll-interval", "300ms", "--yes"),
        )
        reinstalled(report)
        holds("POST /v2/ID/cloudservers/ID/reinstallos" in calls, set(calls))
        holds("GET /v1/ID/jobs/ID" in calls, set(calls))

    @case
    def another_image():
        report, calls = run(
            *("-p", "huawei-ecs", "-i", server(2), "--image", "name=legacy-app", "--generate-password", f"{home}/pw"),
            *("--poll-interval", "300ms", "--yes"),
        )
        reinstalled(report)
        holds("POST /v1/ID/cloudservers/ID/changeos" in calls, set(calls))

    @case
    def a_batch_of_metal_by_one_call():
        with open(f"{home}/one", "w", encoding="utf-8") as file:
            file.write("Example-0nly!\n")
        os.chmod(f"{home}/one", 0o600)
        report, calls = run(
            *("-p", "huawei-clouddc", "-i", f"{instance(1)},{instance(3)}", "--password-file", f"{home}/one"),
            *("--image", "name=metal-euler-22.03", "--poll-interval", "300ms", "--yes"),
        )
        reinstalled(report, 2)
        same(calls.count("PUT /v1/ID/instances/reinstall"), 1)

    @case
    def a_temporary_key_and_an_unknown_project():
        credentials = {
            "HUAWEICLOUD_SDK_AK": "SANDBOXHUAWEITEMP001",
            "HUAWEICLOUD_SDK_SK": "sandbox-huawei-temporary-key-not-real-01",
            "HUAWEICLOUD_SDK_SECURITY_TOKEN": "SANDBOXHUAWEISECURITYTOKENNOTREAL",
            "HUAWEICLOUD_REGION": "ap-southeast-3",
        }
        _, calls = run("list", "-p", "huawei-ecs", credentials=credentials)
        holds("GET /v3/projects" in calls, calls)
