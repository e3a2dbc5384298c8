"""Huawei's own SDKs against the sandbox, all but CloudDC's: huawei.py SANDBOX-LINE-FILE."""

import base64

import huaweicloudsdkclouddc.v1 as clouddc
import huaweicloudsdkecs.v2 as ecs
import huaweicloudsdkiam.v3 as iam
import huaweicloudsdkims.v2 as ims
import huaweicloudsdkkps.v3 as kps
import requests
from cases import holds, same, until
from huawei_account import (
    DEBIAN,
    IMAGE,
    LEGACY,
    METAL,
    PASSWORD,
    SECURITY_TOKEN,
    SERVER,
    TEMPORARY,
    USER,
    USER_ID,
    ak,
    cases,
    client_of,
    identity,
    images,
    keys,
    project,
    refused,
    region,
    sandbox,
    servers,
    sk,
)
from huaweicloudsdkcore.auth.credentials import BasicCredentials, GlobalCredentials
from huaweicloudsdkcore.exceptions.exceptions import ServiceResponseException
from huaweicloudsdkcore.region.region import Region


def server(number):
    return servers.show_server(ecs.ShowServerRequest(server_id=SERVER(number))).server


def reinstall(number, to=servers, cloud_init=True, **fields):
    """Orders by version 2 of the call, or by version 1 for images without Cloud-Init."""
    kind = "With" if cloud_init else "Without"
    option = getattr(ecs, f"ReinstallServer{kind}CloudInitOption")(**fields)
    body = getattr(ecs, f"ReinstallServer{kind}CloudInitRequestBody")(os_reinstall=option)
    request = getattr(ecs, f"ReinstallServer{kind}CloudInitRequest")(server_id=SERVER(number), body=body)
    call = to.reinstall_server_with_cloud_init if cloud_init else to.reinstall_server_without_cloud_init
    return call(request).job_id


def change(number, cloud_init=True, **fields):
    kind = "With" if cloud_init else "Without"
    option = getattr(ecs, f"ChangeServerOs{kind}CloudInitOption")(**fields)
    body = getattr(ecs, f"ChangeServerOs{kind}CloudInitRequestBody")(os_change=option)
    request = getattr(ecs, f"ChangeServerOs{kind}CloudInitRequest")(server_id=SERVER(number), body=body)
    call = servers.change_server_os_with_cloud_init if cloud_init else servers.change_server_os_without_cloud_init
    return call(request).job_id


def job(job_id):
    return servers.show_job(ecs.ShowJobRequest(job_id=job_id))


def finish(job_id, wanted="SUCCESS"):
    return until(lambda: job(job_id).status, wanted)


def stop(number, kind="SOFT"):
    option = ecs.BatchStopServersOption(servers=[ecs.ServerId(SERVER(number))], type=kind)
    body = ecs.BatchStopServersRequestBody(os_stop=option)
    return servers.batch_stop_servers(ecs.BatchStopServersRequest(body=body)).job_id


def start(number):
    option = ecs.BatchStartServersOption(servers=[ecs.ServerId(SERVER(number))])
    body = ecs.BatchStartServersRequestBody(os_start=option)
    return servers.batch_start_servers(ecs.BatchStartServersRequest(body=body)).job_id


sandbox.reset()


@cases.case
def servers_are_listed():
    found = servers.list_servers_details(ecs.ListServersDetailsRequest())
    same([row.id for row in found.servers], [SERVER(1), SERVER(2), SERVER(3)])
    same(([row.status for row in found.servers], found.count), (["ACTIVE", "SHUTOFF", "ACTIVE"], 3))
    row = server(1)
    same((row.name, row.status, row.os_ext_st_spower_state, row.locked), ("web-1", "ACTIVE", 1, False))
    same((row.image.id, row.key_name, row.user_id), (IMAGE("01"), "KeyPair-demo", USER_ID))


@cases.case
def lists_are_filtered_and_paged():
    ask = lambda **fields: servers.list_servers_details(ecs.ListServersDetailsRequest(**fields))
    same(([row.id for row in ask(limit=1, offset=2).servers], ask(limit=1, offset=2).count), ([SERVER(2)], 3))
    same([row.id for row in ask(limit=2, offset=2).servers], [SERVER(3)])
    same(ask(limit=2, offset=3).servers, [])
    same([row.id for row in ask(name="db", status="SHUTOFF").servers], [SERVER(2)])
    unknown = "00000000-0000-4000-8000-000000000000"
    rows = ask(server_id=f"{SERVER(3)},{unknown}").servers
    same([(row.id, row.status) for row in rows], [(SERVER(3), "ACTIVE"), (unknown, None)])
    refused(400, "Ecs.0005", lambda: ask(limit=1001))
    refused(400, "Ecs.0005", lambda: ask(server_id=",".join([unknown] * 101)))


@cases.case
def an_unknown_server_or_job_is_not_found():
    refused(404, "Ecs.0114", server, 9)
    refused(404, "Ecs.0114", lambda: reinstall(9, adminpass=PASSWORD))
    refused(404, "Ecs.0114", job, "f" * 32)
    refused(404, "Ecs.0114", stop, 9)


@cases.case
def images_are_listed_and_paged():
    ask = lambda **fields: images.list_images(ims.ListImagesRequest(**fields))
    gold = ask(imagetype="gold", status="active").images
    holds(DEBIAN in [row.id for row in gold] and LEGACY not in [row.id for row in gold], gold)
    same(ask(id=LEGACY).images[0].support_fc_inject, "true")
    same(ask(id=DEBIAN).images[0].support_fc_inject, None)
    seen, marker = [], None
    while True:
        page = ask(limit=3, marker=marker)
        seen += [row.id for row in page.images]
        if not (page.page_info and page.page_info.next_marker):
            break
        marker = page.page_info.next_marker
    same(seen, [row.id for row in ask().images])
    same(len(ask(name="twin").images), 2)


@cases.case
def key_pairs_are_listed_by_both_calls():
    found = servers.nova_list_keypairs(ecs.NovaListKeypairsRequest()).keypairs
    same([row.keypair.name for row in found], ["KeyPair-demo", "KeyPair-ops", "KeyPair-old"])
    page = keys.list_keypairs(kps.ListKeypairsRequest(limit="2"))
    same(([row.keypair.name for row in page.keypairs], page.page_info.next_marker), (["KeyPair-demo", "KeyPair-ops"], "KeyPair-ops"))
    page = keys.list_keypairs(kps.ListKeypairsRequest(limit="2", marker=page.page_info.next_marker))
    same(([row.keypair.name for row in page.keypairs], page.page_info.next_marker), (["KeyPair-old"], None))


@cases.case
def bad_orders_have_their_documented_codes():
    login = {"adminpass": PASSWORD}
    user_data = lambda text: ecs.ReinstallSeverMetadata(user_data=text)
    encrypted = lambda key: ecs.ReinstallSeverMetadata(system__encrypted="1", system__cmkid=key)
    bad = [
        ("Ecs.0005", {}),
        ("Ecs.0005", {"adminpass": PASSWORD, "keyname": "KeyPair-demo", "userid": USER_ID}),
        ("Ecs.0005", {"keyname": "KeyPair-demo"}),
        ("Ecs.0011", {"adminpass": "short"}),
        ("Ecs.0314", {"keyname": "KeyPair-unknown", "userid": USER_ID}),
        ("Ecs.0314", {"keyname": "KeyPair-demo", "userid": "0" * 32}),
        ("Ecs.0005", {**login, "mode": "stopServer"}),
        ("Ecs.0005", {**login, "metadata": user_data("not base64!")}),
        ("Ecs.0005", {**login, "metadata": user_data(base64.b64encode(b"x" * 32769).decode())}),
        ("Ecs.0025", {**login, "metadata": encrypted("short")}),
        ("Ecs.0100", login),
    ]
    for code, fields in bad:
        refused(400, code, lambda: reinstall(1, **fields))
    refused(400, "Ecs.0005", lambda: change(2, **login))
    refused(400, "Ecs.0031", lambda: change(2, imageid="unknown", **login))
    refused(400, "Ecs.0007", lambda: change(2, imageid=METAL, **login))
    refused(400, "Ecs.0005", lambda: change(2, imageid=DEBIAN, is_auto_pay="yes", **login))
    same((server(1).status, server(2).status), ("ACTIVE", "SHUTOFF"))


@cases.case
def a_running_server_is_stopped_and_reinstalled_with_every_field():
    metadata = ecs.ReinstallSeverMetadata(
        system__encrypted="1",
        system__cmkid="5a0db0c5-0000-4000-8000-00000000000a",
        user_data=base64.b64encode(b"#!/bin/sh\necho hi\n").decode(),
        byol="true",
    )
    ordered = reinstall(1, keyname="KeyPair-ops", userid=USER_ID, mode="withStopServer", metadata=metadata)
    refused(400, "Ecs.1002", lambda: reinstall(1, adminpass=PASSWORD, mode="withStopServer"))
    seen = finish(ordered)
    holds(set(seen) <= {"INIT", "RUNNING", "SUCCESS"} and len(seen) > 1, seen)
    found = job(ordered)
    same((found.job_id, found.entities.server_id, found.entities.sub_jobs[0].status), (ordered, SERVER(1), "SUCCESS"))
    holds(found.begin_time and found.end_time, "the job has no times")
    same((server(1).status, server(1).key_name), ("ACTIVE", "KeyPair-ops"))


@cases.case
def a_stopped_server_takes_another_image():
    finish(change(2, imageid=LEGACY, cloud_init=False, adminpass=PASSWORD))
    same((server(2).status, server(2).image.id), ("ACTIVE", LEGACY))
    finish(stop(2))
    byol = ecs.ReinstallSeverMetadataWithoutCloudInitOption(byol="true")
    finish(reinstall(2, cloud_init=False, adminpass=PASSWORD, metadata=byol))
    finish(stop(2, "HARD"))
    until(lambda: server(2).status, "SHUTOFF")
    user_data = ecs.ChangeSeversOsMetadata(user_data=base64.b64encode(b"#!/bin/sh\n").decode())
    ordered = change(2, imageid=DEBIAN, keyname="KeyPair-demo", userid=USER_ID, metadata=user_data, is_auto_pay="true")
    finish(ordered)
    same(server(2).image.id, DEBIAN)


@cases.case
def servers_stop_and_start():
    finish(stop(3))
    until(lambda: server(3).status, "SHUTOFF")
    finish(start(3))
    until(lambda: server(3).status, "ACTIVE")


@cases.case
def a_failed_job_tells_why_in_its_part():
    sandbox.fault(operation="reinstall", instance=SERVER(3), fault="fail_install")
    ordered = reinstall(3, adminpass=PASSWORD, mode="withStopServer")
    finish(ordered, "FAIL")
    part = job(ordered).entities.sub_jobs[0]
    same((part.status, part.error_code), ("FAIL", "Ecs.0202"))
    until(lambda: server(3).status, "ERROR")
    finish(reinstall(3, adminpass=PASSWORD))
    same(server(3).status, "ACTIVE")


@cases.case
def projects_and_the_owner_of_a_key_are_found():
    found = identity.keystone_list_projects(iam.KeystoneListProjectsRequest(name=region)).projects
    same([(row.id, row.name) for row in found], [(project, region)])
    found = identity.keystone_list_auth_projects(iam.KeystoneListAuthProjectsRequest()).projects
    holds(project in [row.id for row in found], found)
    found = identity.show_permanent_access_key(iam.ShowPermanentAccessKeyRequest(access_key=ak)).credential
    same((found.access, found.user_id), (ak, USER_ID))


@cases.case
def the_sdk_finds_project_and_account_by_itself():
    credentials = BasicCredentials(ak, sk).with_iam_endpoint(sandbox.url)
    client = ecs.EcsClient.new_builder().with_credentials(credentials).with_region(Region(region, sandbox.url)).build()
    same(client.list_servers_details(ecs.ListServersDetailsRequest()).count, 3)
    same(credentials.project_id, project)
    credentials = GlobalCredentials(ak, sk).with_iam_endpoint(sandbox.url)
    iam.IamClient.new_builder().with_credentials(credentials).with_region(Region(region, sandbox.url)).build()
    same(credentials.domain_id, "5a0db0c5000040008000000000000d01")


def sign_in(name, password, account, where):
    user = iam.PwdPasswordUser(iam.PwdPasswordUserDomain(account), name, password)
    one = iam.PwdIdentity(methods=["password"], password=iam.PwdPassword(user))
    auth = iam.PwdAuth(identity=one, scope=iam.AuthScope(project=where))
    body = iam.KeystoneCreateUserTokenByPasswordRequestBody(auth)
    request = iam.KeystoneCreateUserTokenByPasswordRequest(nocatalog="true", body=body)
    return identity.keystone_create_user_token_by_password(request)


@cases.case
def a_user_signs_in_and_the_token_is_good_for_reads():
    for where in [iam.AuthScopeProject(name=region), iam.AuthScopeProject(id=project)]:
        answer = sign_in(*USER, where)
        same((answer.status_code, answer.token.project.id, answer.token.user.id), (201, project, USER_ID))
        url = f"{sandbox.url}/v1/{project}/cloudservers/{SERVER(1)}"
        found = requests.get(url, headers={"X-Auth-Token": answer.x_subject_token}, timeout=10)
        same((found.status_code, found.json()["server"]["id"]), (200, SERVER(1)))
        checked = iam.KeystoneValidateTokenRequest(x_subject_token=answer.x_subject_token)
        same(identity.keystone_validate_token(checked).token.user.name, USER[0])
    found = requests.get(url, headers={"X-Auth-Token": "wrong"}, timeout=10)
    same((found.status_code, found.json()["error_code"]), (401, "APIGW.0301"))


@cases.case
def a_wrong_password_or_project_is_refused():
    region_scope = iam.AuthScopeProject(name=region)
    refused(401, 401, lambda: sign_in(USER[0], "wrong", USER[2], region_scope))
    refused(401, 401, lambda: sign_in(USER[0], USER[1], "elsewhere", region_scope))
    refused(401, 401, lambda: sign_in(*USER, iam.AuthScopeProject(name="eu-nowhere")))


@cases.case
def a_temporary_key_needs_its_token():
    credentials = BasicCredentials(*TEMPORARY, project).with_security_token(SECURITY_TOKEN)
    client = client_of(ecs.EcsClient, credentials)
    same(client.list_servers_details(ecs.ListServersDetailsRequest()).count, 3)
    finish(reinstall(1, to=client, adminpass=PASSWORD, mode="withStopServer"))
    for token in [None, "wrong"]:
        credentials = BasicCredentials(*TEMPORARY, project)
        if token:
            credentials.with_security_token(token)
        client = client_of(ecs.EcsClient, credentials)
        refused(401, "APIGW.0301", lambda: client.list_servers_details(ecs.ListServersDetailsRequest()))


@cases.case
def wrong_credentials_are_refused():
    for pair, word in [((ak, "wrong"), "verify aksk signature fail"), (("WRONG", sk), "not exist")]:
        client = client_of(ecs.EcsClient, BasicCredentials(*pair, project))
        text = refused(401, "APIGW.0301", lambda: client.list_servers_details(ecs.ListServersDetailsRequest()))
        holds(word in text, text)


@cases.case
def a_foreign_project_is_refused():
    credentials = BasicCredentials(ak, sk, "0" * 32)
    client = client_of(ecs.EcsClient, credentials)
    refused(400, "Ecs.0023", lambda: client.list_servers_details(ecs.ListServersDetailsRequest()))
    client = client_of(clouddc.CloudDCClient, credentials)
    refused(403, "iMetal.0004", lambda: client.list_instances(clouddc.ListInstancesRequest()))


@cases.case
def a_throttled_call_has_its_code():
    sandbox.fault(operation="read", provider="huawei-ecs", fault="throttle", times=1)
    try:
        server(1)
    except ServiceResponseException as why:
        # The SDK puts its own text in place of the gateway's.
        same(why.status_code, 429)
    else:
        raise AssertionError("not refused")
    same(sandbox.log()["requests"][-1]["status"], 429)


cases.end()
