//! Huawei's part of the sandbox: the gateway with its routes; signatures, services and servers in the folder beside.

mod answers;
mod auth;
mod clouddc;
mod demo;
mod ecs;
mod iam;
mod images;
mod jobs;
mod order;

use crate::sandbox::machine::Machine;
use crate::sandbox::{Emulator, Inbound, Injected, Operation, Outbound, Route, World};
use auth::Tokens;
use http::Method;
use jobs::Jobs;
use serde_json::Value;

/// The product names of the registry, and the name for calls that both share.
const ECS: &str = "huawei-ecs";
const CLOUDDC: &str = "huawei-clouddc";
const SHARED: &str = "huawei";

/// Makes the emulator.
pub(super) fn emulator() -> Box<dyn Emulator> {
    Box::new(Huawei { tokens: Tokens::default(), jobs: Jobs::default() })
}

struct Huawei {
    tokens: Tokens,
    jobs: Jobs,
}

fn route(provider: &'static str, operation: Operation, action: &str, servers: Vec<String>) -> Option<Route> {
    Some(Route { provider, operation, action: action.to_owned(), servers })
}

/// Texts of a list in the body, or of the `id` fields of a list of objects.
fn texts(list: &Value) -> Vec<String> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| item.as_str().or_else(|| item["id"].as_str()))
        .map(str::to_owned)
        .collect()
}

fn listed(request: &Inbound, name: &str) -> Vec<String> {
    request.parameter(name).map(|ids| ids.split(',').map(str::to_owned).collect()).unwrap_or_default()
}

impl Emulator for Huawei {
    fn route(&self, request: &Inbound) -> Option<Route> {
        use Operation::{Read, Reinstall, SignIn, Start, Stop};
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let method = request.method.as_str();
        let one = |id: &str| vec![id.to_owned()];
        match (method, segments.as_slice()) {
            ("POST", ["v3", "auth", "tokens"]) => route(SHARED, SignIn, "KeystoneCreateToken", Vec::new()),
            ("GET", ["v3", "auth", "tokens"]) => route(SHARED, Read, "KeystoneValidateToken", Vec::new()),
            ("GET", ["v3", "projects"] | ["v3", "auth", "projects"]) => {
                route(SHARED, Read, "KeystoneListProjects", Vec::new())
            }
            ("GET", ["v3", "auth", "domains"]) => route(SHARED, Read, "KeystoneListAuthDomains", Vec::new()),
            ("GET", ["v3.0", "OS-CREDENTIAL", "credentials", _]) => {
                route(SHARED, Read, "ShowPermanentAccessKey", Vec::new())
            }
            ("GET", ["v2", "cloudimages"]) => route(SHARED, Read, "ListImages", Vec::new()),
            ("GET", ["v3", _, "keypairs"]) => route(SHARED, Read, "ListKeypairs", Vec::new()),
            ("GET", ["v2" | "v2.1", _, "os-keypairs"]) => route(ECS, Read, "NovaListKeypairs", Vec::new()),
            ("GET", ["v1", _, "cloudservers", "detail"]) => {
                route(ECS, Read, "ListServersDetails", listed(request, "server_id"))
            }
            ("POST", ["v1", _, "cloudservers", "action"]) => {
                let body = request.json().unwrap_or_default();
                match (&body["os-stop"], &body["os-start"]) {
                    (Value::Null, Value::Null) => route(ECS, Stop, "BadAction", Vec::new()),
                    (Value::Null, start) => route(ECS, Start, "BatchStartServers", texts(&start["servers"])),
                    (stop, _) => route(ECS, Stop, "BatchStopServers", texts(&stop["servers"])),
                }
            }
            ("GET", ["v1", _, "cloudservers", id]) => route(ECS, Read, "ShowServer", one(id)),
            ("GET", ["v1", _, "jobs", id]) => route(ECS, Read, "ShowJob", self.jobs.server(id)),
            ("POST", ["v1" | "v2", _, "cloudservers", id, "reinstallos"]) => {
                route(ECS, Reinstall, "ReinstallServer", one(id))
            }
            ("POST", ["v1" | "v2", _, "cloudservers", id, "changeos"]) => {
                route(ECS, Reinstall, "ChangeServerOs", one(id))
            }
            // Another provider has a fixed word in this place.
            ("GET", ["v1", project, "instances"]) if *project != "regions" => {
                route(CLOUDDC, Read, "ListInstances", listed(request, "instance_id"))
            }
            ("GET", ["v1", _, "instances", id, "status"]) => route(CLOUDDC, Read, "ShowInstanceStatus", one(id)),
            ("PUT", ["v1", _, "instances", "reinstall"]) => {
                let body = request.json().unwrap_or_default();
                route(CLOUDDC, Reinstall, "ReinstallOS", texts(&body["instance_id_set"]))
            }
            ("GET", ["v1", _, "physicalservers"]) => route(CLOUDDC, Read, "ListServers", Vec::new()),
            ("GET", ["v1", _, "physicalservers", id]) => {
                route(CLOUDDC, Read, "ShowServer", demo::instances_on(&one(id)))
            }
            ("PUT", ["v1", _, "physicalservers", "power-state"]) => {
                let body = request.json().unwrap_or_default();
                let servers = demo::instances_on(&texts(&body["server_id_set"]));
                let operation = if body["action"] == "power on" { Start } else { Stop };
                route(CLOUDDC, operation, "ChangeServerPowerState", servers)
            }
            _ => {
                let ours = request.header("authorization").starts_with(crate::providers::huawei::sign::SCHEME)
                    || (!request.header("x-auth-token").is_empty() && request.path.starts_with("/v"));
                let operation = if request.method == Method::GET { Read } else { Stop };
                ours.then(|| route(SHARED, operation, "Unknown", Vec::new())).flatten()
            }
        }
    }

    fn verify(&mut self, request: &Inbound, world: &mut World) -> Result<(), Outbound> {
        let sign_in = request.method == Method::POST && request.path.trim_end_matches('/') == "/v3/auth/tokens";
        if sign_in {
            return Ok(());
        }
        auth::verify(&self.tokens, request).map_err(|why| answers::unauthorized(&why, world))
    }

    fn answer(&mut self, request: &Inbound, route: &Route, world: &mut World) -> Outbound {
        let segments = request.segments();
        let with_project = matches!(segments.first().map(String::as_str), Some("v1" | "v2" | "v2.1" | "v3"))
            && !matches!(segments.get(1).map(String::as_str), Some("auth" | "projects" | "cloudimages"));
        if with_project && route.action != "Unknown" && segments.get(1).is_none_or(|id| id != demo::PROJECT) {
            return answers::foreign_project(route.provider, world);
        }
        let id = segments.get(3).cloned().unwrap_or_default();
        match (route.provider, route.action.as_str()) {
            (_, "KeystoneCreateToken") => iam::create_token(&mut self.tokens, request, world),
            (_, "KeystoneValidateToken") => iam::validate_token(&self.tokens, request, world),
            (_, "KeystoneListProjects") => iam::projects(request, world),
            (_, "KeystoneListAuthDomains") => iam::domains(world),
            (_, "ShowPermanentAccessKey") => iam::access_key(&id, world),
            (_, "ListImages") => images::list(request, world),
            (_, "ListKeypairs" | "NovaListKeypairs") => ecs::keypairs(request, world),
            (ECS, "ListServersDetails") => ecs::list(request, world),
            (ECS, "ShowServer") => ecs::show(&id, world),
            (ECS, "ShowJob") => self.jobs.show(&id, world),
            (ECS, "BatchStopServers" | "BatchStartServers" | "BadAction") => ecs::power(&mut self.jobs, request, world),
            (ECS, "ReinstallServer" | "ChangeServerOs") => order::carry_out(&mut self.jobs, request, &id, world),
            (CLOUDDC, "ListInstances") => clouddc::list(request, world),
            (CLOUDDC, "ShowInstanceStatus") => clouddc::status(&id, world),
            (CLOUDDC, "ReinstallOS") => clouddc::reinstall(request, world),
            (CLOUDDC, "ListServers") => clouddc::servers(None, world),
            (CLOUDDC, "ShowServer") => clouddc::servers(Some(&id), world),
            (CLOUDDC, "ChangeServerPowerState") => clouddc::power(request, world),
            _ => answers::no_such_call(world),
        }
    }

    fn inject(&mut self, what: Injected, route: &Route, world: &mut World) -> Outbound {
        answers::inject(what, route, world)
    }

    fn credentials(&self) -> Vec<(&'static str, String)> {
        vec![
            ("HUAWEICLOUD_SDK_AK", demo::KEY_ID.to_owned()),
            ("HUAWEICLOUD_SDK_SK", demo::KEY_SECRET.to_owned()),
            ("HUAWEICLOUD_REGION", demo::REGION.to_owned()),
            ("HUAWEICLOUD_SDK_PROJECT_ID", demo::PROJECT.to_owned()),
        ]
    }

    fn reset(&mut self) {
        self.jobs = Jobs::default();
    }

    fn machines(&self) -> Vec<Machine> {
        demo::machines()
    }
}
