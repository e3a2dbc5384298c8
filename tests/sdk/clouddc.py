"""Huawei's own CloudDC SDK against the sandbox: clouddc.py SANDBOX-LINE-FILE."""

import huaweicloudsdkclouddc.v1 as clouddc
from cases import holds, same, until
from huawei_account import EULER, HARDWARE, INSTANCE, METAL, PASSWORD, cases, metal, refused, sandbox


def reinstall_metal(ids, password=PASSWORD, image=None):
    body = clouddc.ReinstallOSOptions(image_id=image, password=password, instance_id_set=ids)
    return metal.reinstall_os(clouddc.ReinstallOsRequest(body=body))


def state(number):
    answer = metal.show_instance_status(clouddc.ShowInstanceStatusRequest(id=INSTANCE(number)))
    return answer.state, answer.operation_state


def power(action, *ids):
    body = clouddc.PowerAction(action=action, server_id_set=list(ids))
    return metal.change_server_power_state(clouddc.ChangeServerPowerStateRequest(body=body))


def power_state(number):
    return metal.show_server(clouddc.ShowServerRequest(id=HARDWARE(number))).power_state


sandbox.reset()


@cases.case
def metal_is_listed():
    found = metal.list_instances(clouddc.ListInstancesRequest())
    same([row.id for row in found.instances], [INSTANCE(1), INSTANCE(2), INSTANCE(3)])
    row = found.instances[0]
    same((row.state, row.operation_state, row.server_id, row.image.id), ("running", "install-succeed", HARDWARE(1), METAL))
    asked = clouddc.ListInstancesRequest(instance_id=f"{INSTANCE(3)},{INSTANCE(2)}")
    same(sorted(row.id for row in metal.list_instances(asked).instances), [INSTANCE(2), INSTANCE(3)])
    asked = clouddc.ListInstancesRequest(server_id=HARDWARE(2), limit="10")
    same([row.id for row in metal.list_instances(asked).instances], [INSTANCE(2)])
    same(state(2), ("stopped", "install-succeed"))
    refused(404, "iMetal.0200", state, 9)


@cases.case
def bad_metal_orders_have_their_documented_codes():
    refused(400, "iMetal.0002", lambda: reinstall_metal([INSTANCE(1)], password=None))
    refused(400, "iMetal.0001", lambda: reinstall_metal([INSTANCE(1)], password="short"))
    refused(400, "iMetal.0001", lambda: reinstall_metal([INSTANCE(1)], image="unknown"))
    refused(400, "iMetal.0002", lambda: reinstall_metal([]))
    refused(400, "iMetal.0002", lambda: reinstall_metal(None))
    refused(400, "iMetal.0001", lambda: reinstall_metal([INSTANCE(1)] * 51))
    text = refused(404, "iMetal.0200", lambda: reinstall_metal([INSTANCE(1), INSTANCE(9)]))
    holds(INSTANCE(9) in text and INSTANCE(1) not in text, text)
    text = refused(400, "iMetal.0201", lambda: reinstall_metal([INSTANCE(1), INSTANCE(2)]))
    holds(INSTANCE(2) in text and INSTANCE(1) not in text, text)
    same(state(1), ("running", "install-succeed"))


@cases.case
def a_batch_of_metal_is_reinstalled():
    answer = reinstall_metal([INSTANCE(1), INSTANCE(3)], image=EULER)
    same(answer.status_code, 202)
    same([row.id for row in answer.instances], [INSTANCE(1), INSTANCE(3)])
    refused(400, "iMetal.0201", lambda: reinstall_metal([INSTANCE(1)]))
    for number in (1, 3):
        until(lambda: state(number), ("running", "reinstall-succeed"))
    asked = clouddc.ListInstancesRequest(instance_id=INSTANCE(1))
    row = metal.list_instances(asked).instances[0]
    same(row.image.id, EULER)
    holds(row.launched_at > row.created_at, "launched_at has not moved")
    log = sandbox.log()["reinstalls"]
    same((log[INSTANCE(1)], log[INSTANCE(3)]), (1, 1))


@cases.case
def a_failed_metal_installation_shows_its_error():
    sandbox.fault(operation="reinstall", instance=INSTANCE(3), fault="fail_install")
    reinstall_metal([INSTANCE(3)], image="")
    until(lambda: state(3)[1], "reinstall-failed")
    answer = metal.show_instance_status(clouddc.ShowInstanceStatusRequest(id=INSTANCE(3)))
    same((answer.state, answer.error.error_type), ("error", "reinstall_error"))


@cases.case
def metal_is_switched_off_and_on():
    found = metal.list_servers(clouddc.ListServersRequest()).servers
    same([row.id for row in found], [HARDWARE(1), HARDWARE(2), HARDWARE(3)])
    same([row.id for row in power("power off", HARDWARE(1)).physical_servers], [HARDWARE(1)])
    until(lambda: power_state(1), "off")
    until(lambda: state(1)[0], "stopped")
    power("power on", HARDWARE(1))
    until(lambda: state(1)[0], "running")
    refused(400, "iMetal.0001", lambda: power("explode", HARDWARE(1)))
    refused(400, "iMetal.0002", lambda: power("power off"))
    refused(404, "iMetal.0100", lambda: power("power off", HARDWARE(9)))


cases.end()
