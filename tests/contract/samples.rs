//! Sensible values for the fields of `--set`, by their documented names.

use reinstall::model::Record;
use reinstall::providers::{Field, FieldKind};
use serde_json::{Value, json};

/// Values that stand for themselves, whatever the server.
fn fixed(name: &str) -> Vec<Value> {
    match name {
        "raidConfig" => vec![json!({"raidType": 1}), json!({"customRaids": [{"raidType": 1, "diskSequence": [1, 2]}]})],
        "partitions" => vec![json!([{"fsPath": "/", "fsType": "ext4", "size": 100}])],
        "nic" => vec![json!({"wanName": "wan0", "lanName": "lan0"})],
        "ipxeUrl" => vec![json!("netboot"), json!("https://boot.example/menu.ipxe")],
        "timezone" => vec![json!("Asia/Singapore")],
        "instanceName" => vec![json!("renamed-1")],
        "userid" => vec![json!("5a0db0c5000040008000000000000e01")],
        "name" | "description" => vec![json!("renamed-1")],
        "accessIPv4" => vec![json!("192.0.2.99")],
        "accessIPv6" => vec![json!("2001:db8::99")],
        "metadata" => vec![json!({"BYOL": "true"}), json!({"__system__encrypted": "0"})],
        "public_keys" => vec![json!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIsandbox ops")],
        "meta_data" => vec![json!({"role": "web"})],
        "network_data" => vec![json!({"links": [], "networks": [], "services": []})],
        "vendor_data" => vec![json!({"rack": "r1"})],
        "deploy_steps" => vec![json!([{"interface": "deploy", "step": "deploy", "args": {}, "priority": 100}])],
        "image_checksum" | "image_os_hash_value" => vec![json!("5a4db0c55a4db0c55a4db0c55a4db0c6")],
        "kernel" | "ramdisk" => vec![json!("https://images.example/part")],
        _ => Vec::new(),
    }
}

/// Values to try for a field on this server.
pub(crate) fn values(field: &Field, record: &Record) -> Vec<Value> {
    match field.kind {
        FieldKind::Flag => vec![json!(true), json!(false)],
        FieldKind::OneOf(words) => words.iter().map(|word| json!(word)).collect(),
        FieldKind::Secret => vec![json!("marker-field-0123456789")],
        FieldKind::Text | FieldKind::Lines | FieldKind::Json => match record.attributes.get(field.name) {
            Some(present) => vec![json!(present)],
            None => fixed(field.name),
        },
    }
}
