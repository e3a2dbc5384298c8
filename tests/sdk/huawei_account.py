"""Clients of the ready-made Huawei account, for the scripts that use it."""

import sys
from importlib.metadata import version

import huaweicloudsdkclouddc.v1 as clouddc
import huaweicloudsdkecs.v2 as ecs
import huaweicloudsdkiam.v3 as iam
import huaweicloudsdkims.v2 as ims
import huaweicloudsdkkps.v3 as kps
from cases import Cases, Sandbox, holds, same
from huaweicloudsdkcore.auth.credentials import BasicCredentials, GlobalCredentials
from huaweicloudsdkcore.exceptions.exceptions import ServiceResponseException

sandbox = Sandbox.of_file(sys.argv[1])
cases = Cases(f"huawei {version('huaweicloudsdkcore')}")
ak = sandbox.credentials["HUAWEICLOUD_SDK_AK"]
sk = sandbox.credentials["HUAWEICLOUD_SDK_SK"]
region = sandbox.credentials["HUAWEICLOUD_REGION"]
project = sandbox.credentials["HUAWEICLOUD_SDK_PROJECT_ID"]
# The ready-made account of the sandbox.
TEMPORARY = ("SANDBOXHUAWEITEMP001", "sandbox-huawei-temporary-key-not-real-01")
SECURITY_TOKEN = "SANDBOXHUAWEISECURITYTOKENNOTREAL"
USER_ID = "5a0db0c5000040008000000000000e01"
USER = ("sandbox-user", "Sandbox-0nly!", "sandbox")
SERVER = "5a0db0c5-ec50-4000-8000-00000000000{}".format
INSTANCE = "5a0db0c5-dc00-7000-8000-00000000000{}".format
HARDWARE = "5a0db0c5-dc50-7000-8000-00000000000{}".format
IMAGE = "5a0db0c5-1a6e-4000-8000-0000000000{}".format
DEBIAN, LEGACY, METAL, EULER = IMAGE("02"), IMAGE("03"), IMAGE("11"), IMAGE("12")
PASSWORD = "Example-0nly!"


def client_of(kind, credentials):
    return kind.new_builder().with_credentials(credentials).with_endpoint(sandbox.url).build()


own = BasicCredentials(ak, sk, project)
servers = client_of(ecs.EcsClient, own)
metal = client_of(clouddc.CloudDCClient, own)
images = client_of(ims.ImsClient, own)
keys = client_of(kps.KpsClient, own)
identity = client_of(iam.IamClient, GlobalCredentials(ak, sk, "5a0db0c5000040008000000000000d01"))


def refused(status, code, call, *arguments):
    """Fails unless the call ends in the SDK's own exception with this status and code."""
    try:
        answer = call(*arguments)
    except ServiceResponseException as why:
        same((why.status_code, why.error_code), (status, code))
        # Of the identity service, whose id has another header, the SDK shows none.
        holds(why.request_id or code == 401, "there is no request id")
        return why.error_msg
    raise AssertionError(f"not refused: {answer}")
