"""JD Cloud's requests, checked with the signer of its Python SDK.

1.6.94 signs JDCLOUD2, the generation that the program speaks, and takes the time from the clock: it is given the time
and the nonce of the request.
"""

import datetime
import re
from unittest import mock
from urllib.parse import unquote

from cases import holds, same
from jdcloud_sdk.core import signer
from jdcloud_sdk.core.credential import Credential
from jdcloud_sdk.core.logger import FATAL, Logger

SECRET = "JDCLOUD_SECRET_ACCESS_KEY"
AUTHORIZATION = re.compile(
    r"JDCLOUD2-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/jdcloud2_request, "
    r"SignedHeaders=([^,]+), Signature=[0-9a-f]{64}"
)


def sign(key, secret, date, nonce, region, service, method, url, headers, body):
    """The headers that the official signer makes of these; `headers` without host, date and nonce."""
    at = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc).timestamp()
    signed = dict(headers)
    with mock.patch.object(signer.time, "time", return_value=at), mock.patch.object(
        signer.uuid, "uuid4", return_value=nonce
    ):
        signer.Signer(Logger(FATAL)).sign(
            method=method,
            service=service,
            region=region,
            uri=url,
            headers=signed,
            data=body,
            credential=Credential(key, secret),
            security_token="",
        )
    return {name.lower(): value for name, value in signed.items()}


def check(credentials, method, path, query, headers, body):
    found = AUTHORIZATION.fullmatch(headers["authorization"])
    holds(found, f"malformed: {headers['authorization']}")
    key, _, region, service, names = found.groups()
    names = names.split(";")
    same(key, credentials["JDCLOUD_ACCESS_KEY_ID"])
    holds({"host", "x-jdcloud-date", "x-jdcloud-nonce"} <= set(names), f"unsigned: {names}")
    # The signer encodes the path itself; where it is escaped already, that would be done twice.
    url = f"http://{headers['host']}{unquote(path)}" + (f"?{query}" if query else "")
    made = {"host", "x-jdcloud-date", "x-jdcloud-nonce"}
    signed = sign(
        key,
        credentials[SECRET],
        headers["x-jdcloud-date"],
        headers["x-jdcloud-nonce"],
        region,
        service,
        method,
        url,
        {name: headers[name] for name in names if name not in made},
        body.decode(),
    )
    same(headers["authorization"], signed["authorization"])
    return f"{method} " + re.sub("cps-demo-\\d", "ID", unquote(path))


def cases(case, run, reinstalled, sandbox, home):
    sandbox.reset()
    here = ["-p", "jdcloud-cps"]

    @case
    def list_and_each_kind_of_reference():
        run("list", *here)
        for chosen in ["name=web-1", "cps-demo-1,cps-demo-2,ip=10.32.0.13"]:
            run(*here, "-i", chosen, "--generate-password", f"{home}/pw", "--dry-run")

    @case
    def images_and_keys():
        run("images", *here, "-i", "cps-demo-1")
        run("keys", *here)

    @case
    def a_dry_run():
        _, calls = run(*here, "-i", "cps-demo-1", "--generate-password", f"{home}/pw", "--dry-run")
        holds(all(call.startswith("GET") for call in calls), calls)

    @case
    def a_reinstall_of_a_stopped_server_with_many_fields():
        with open(f"{home}/data.sh", "w", encoding="utf-8") as file:
            file.write("#!/bin/bash\necho 'grüße + % & ='\n")
        report, calls = run(
            *here,
            *("-i", "cps-demo-1", "--image", "name=Ubuntu 22.04(x86_64)", "--ssh-key", "name=ops", "--wipe-data"),
            *("--generate-password", f"{home}/pw", "--hostname", "web-1", "--user-data", f"{home}/data.sh"),
            *("--poll-interval", "300ms", "--yes"),
        )
        reinstalled(report)
        holds("PUT /v1/regions/cn-north-1/instances/ID:reinstallInstance" in calls, set(calls))

    @case
    def a_reinstall_that_stops_a_running_server():
        report, calls = run(
            *here, "-i", "cps-demo-3", "--generate-password", f"{home}/pw", "--poll-interval", "300ms", "--yes"
        )
        reinstalled(report)
        holds("PUT /v1/regions/cn-north-1/instances/ID:stopInstance" in calls, set(calls))

    @case
    def a_session_token_is_signed():
        run("list", *here, credentials={**sandbox.credentials, "JDCLOUD_SESSION_TOKEN": "sts/token+1=="})
