//! The image service.

use super::answers::good;
use super::demo::{DemoImage, IMAGES};
use crate::sandbox::{Inbound, Outbound, World};
use serde_json::{Value, json};

/// `GET /v2/cloudimages` with the filters that the program and the SDKs use.
pub(super) fn list(request: &Inbound, world: &mut World) -> Outbound {
    let fits = |name: &str, value: &str| request.parameter(name).is_none_or(|wanted| wanted == value);
    let limit = request.parameter("limit").and_then(|limit| limit.parse::<usize>().ok()).unwrap_or(500).max(1);
    let mut found: Vec<&DemoImage> = IMAGES
        .iter()
        .filter(|image| {
            fits("__imagetype", image.kind)
                && fits("status", "active")
                && fits("name", image.name)
                && fits("id", image.id)
                && fits("virtual_env_type", image.virtual_env_type)
        })
        .collect();
    if let Some(marker) = request.parameter("marker") {
        found.retain(|image| image.id > marker.as_str());
    }
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|image| image.id);
    let rows: Vec<Value> = found.into_iter().map(row).collect();
    let mut document = json!({"images": rows});
    if let Some(next) = next {
        document["page_info"] = json!({"next_marker": next});
    }
    good(200, &document, world)
}

fn row(image: &DemoImage) -> Value {
    let mut row = json!({
        "id": image.id,
        "name": image.name,
        "status": "active",
        "visibility": if image.kind == "gold" { "public" } else { "private" },
        "min_disk": 40,
        "min_ram": 0,
        "disk_format": "zvhd2",
        "__imagetype": image.kind,
        "__os_type": image.os_type,
        "__os_version": image.version,
        "__platform": image.platform,
        "virtual_env_type": image.virtual_env_type,
        "created_at": "2026-01-02T03:04:05Z",
        "updated_at": "2026-01-02T03:04:05Z",
    });
    if image.platform_injects {
        row["__support_fc_inject"] = "true".into();
    }
    row
}
