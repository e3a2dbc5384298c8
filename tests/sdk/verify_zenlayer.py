"""Zenlayer's requests, checked with the signer of its Python SDK."""

import re

from cases import holds, same
from zenlayercloud.common.abstract_client import AbstractClient
from zenlayercloud.common.credential import Credential
from zenlayercloud.common.request import BaseRequest

SECRET = "ZENLAYER_ACCESS_KEY_SECRET"
METHOD = "ZC2-HMAC-SHA256"


def sign(key, secret, timestamp, method, host, content_type, body):
    """The authorization that the official client makes of these."""
    client = AbstractClient(Credential(key, secret))
    request = BaseRequest(host=host, method=method, uri="/unsigned", header={"x-zc-timestamp": timestamp}, data=body)
    request.set_host(host)
    request.set_content_type(content_type)
    return client._build_zc2_authorization(request)


def check(credentials, method, path, query, headers, body):
    same((method, query, headers["x-zc-signature-method"]), ("POST", "", METHOD))
    holds(re.fullmatch("/api/v2/(bmc|zec|ccs)", path), path)
    holds(headers["x-zc-timestamp"].isdigit() and headers["x-zc-version"], "timestamp or version is wrong")
    signed = sign(
        credentials["ZENLAYER_ACCESS_KEY_ID"],
        credentials[SECRET],
        headers["x-zc-timestamp"],
        method,
        headers["host"],
        headers["content-type"],
        body.decode(),
    )
    same(headers["authorization"], signed)
    return f"{path} {headers['x-zc-action']}"


def cases(case, run, reinstalled, sandbox, home):
    sandbox.reset()

    @case
    def lists_images_and_keys():
        for product, first in [("zenlayer-bmc", "bmc-demo-1"), ("zenlayer-zec", "zec-demo-1")]:
            run("list", "-p", product)
            run("images", "-p", product, "-i", first)
            run("keys", "-p", product)

    @case
    def a_family_looks_everywhere():
        chosen = ["-i", "bmc-demo-1,ip=203.0.113.12", "--generate-password", f"{home}/pw"]
        _, calls = run("-p", "zenlayer", *chosen, "--dry-run")
        holds({call.split()[0] for call in calls} == {"/api/v2/bmc", "/api/v2/zec"}, set(calls))

    @case
    def dry_runs():
        for product, first in [("zenlayer-bmc", "bmc-demo-1"), ("zenlayer-zec", "zec-demo-2")]:
            _, calls = run("-p", product, "-i", first, "--generate-password", f"{home}/pw", "--dry-run")
            holds(all(call.split()[1].startswith("Describe") for call in calls), calls)

    @case
    def a_reinstall_of_metal_with_many_fields():
        with open(f"{home}/data.sh", "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\necho 'grüße <&> \\u00e9 %'\n")
        report, calls = run(
            *("-p", "zenlayer-bmc", "-i", "bmc-demo-1", "--image", "name=Ubuntu 24.04 LTS", "--hostname", "web-1"),
            *("--ssh-key", "name=ops", "--user-data", f"{home}/data.sh", "--set", 'raidConfig={"raidType": 10}'),
            *("--poll-interval", "300ms", "--yes"),
        )
        reinstalled(report)
        holds("/api/v2/bmc ReinstallInstance" in calls, set(calls))

    @case
    def a_reset_that_stops_a_running_server():
        report, calls = run(
            *("-p", "zenlayer-zec", "-i", "zec-demo-1", "--generate-password", f"{home}/pw"),
            *("--set", "timezone=Europe/Berlin", "--poll-interval", "300ms", "--yes"),
        )
        reinstalled(report)
        holds({"/api/v2/zec StopInstances", "/api/v2/zec ResetInstance"} <= set(calls), set(calls))
