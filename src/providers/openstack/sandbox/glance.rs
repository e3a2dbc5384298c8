//! The image service.

use super::answers::good;
use super::demo::{self, DemoImage, IMAGES};
use crate::sandbox::{Inbound, Outbound, World};
use serde_json::{Value, json};

fn row(image: &DemoImage) -> Value {
    json!({"id": image.id, "name": image.name, "status": image.status, "visibility": "public", "os_distro": image.distro,
        "os_version": image.version, "container_format": "bare", "disk_format": "qcow2", "min_disk": 0, "min_ram": 0,
        "protected": false, "os_hidden": false, "owner": demo::PROJECT, "tags": [], "size": 1024,
        "self": format!("/v2/images/{}", image.id), "file": format!("/v2/images/{}/file", image.id),
        "schema": "/v2/schemas/image"})
}

fn error(status: u16, title: &str, message: &str, world: &mut World) -> Outbound {
    good(status, &json!({"code": format!("{status} {title}"), "title": title, "message": message}), world)
}

/// `GET /v2/images`.
pub(super) fn list(request: &Inbound, world: &mut World) -> Outbound {
    let limit = match request.parameter("limit").map(|text| text.parse::<usize>()) {
        None => 25,
        Some(Ok(limit)) => limit.min(1000),
        Some(Err(_)) => return error(400, "Bad Request", "limit param must be an integer", world),
    };
    let ids = request.parameter("id");
    let fits = |image: &&DemoImage| {
        request.parameter("name").is_none_or(|name| image.name == name)
            && request.parameter("status").is_none_or(|status| image.status == status)
            && ids
                .as_deref()
                .is_none_or(|ids| ids.strip_prefix("in:").unwrap_or(ids).split(',').any(|id| id == image.id))
    };
    let all: Vec<&DemoImage> = IMAGES.iter().filter(fits).collect();
    let from = match request.parameter("marker") {
        None => 0,
        Some(marker) => match all.iter().position(|image| image.id == marker) {
            Some(place) => place + 1,
            None => return error(400, "Bad Request", "The marker is not an image of this list.", world),
        },
    };
    let page: Vec<Value> = all.iter().skip(from).take(limit).map(|image| row(image)).collect();
    let mut document = json!({"images": page, "first": "/v2/images", "schema": "/v2/schemas/images"});
    if let (true, Some(last)) = (from + limit < all.len() && limit > 0, all.get((from + limit).saturating_sub(1))) {
        document["next"] = format!("/v2/images?limit={limit}&marker={}", last.id).into();
    }
    good(200, &document, world)
}

/// `GET /v2/images/{image_id}`.
pub(super) fn show(id: &str, world: &mut World) -> Outbound {
    match demo::image_of(id) {
        Some(image) => good(200, &row(image), world),
        None => error(404, "Not Found", &format!("No image found with ID {id}"), world),
    }
}

/// `GET /`.
pub(super) fn versions(request: &Inbound) -> Outbound {
    let href = format!("{}/v2/", demo::service(request, "image"));
    let row = json!({"id": "v2.17", "status": "CURRENT", "links": [{"rel": "self", "href": href}]});
    Outbound::json(300, &json!({"versions": [row]}))
}
