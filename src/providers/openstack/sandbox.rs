//! OpenStack's part of the sandbox, laid out as DevStack does it: one host, each service below its own path.

mod actions;
mod answers;
mod demo;
mod glance;
mod ironic;
mod keystone;
mod nova;
mod rebuild;

use crate::sandbox::machine::Machine;
use crate::sandbox::{Emulator, Inbound, Injected, Operation, Outbound, Route, World};
use actions::Actions;
use http::Method;
use keystone::Tokens;

/// The product's name in the registry, and the name for services that all products share.
const NOVA: &str = "openstack";
const SHARED: &str = "openstack-identity";

/// Makes the emulator.
pub(super) fn emulator() -> Box<dyn Emulator> {
    Box::new(OpenStack { tokens: Tokens::default(), actions: Actions::default() })
}

struct OpenStack {
    tokens: Tokens,
    actions: Actions,
}

fn route(provider: &'static str, operation: Operation, action: &str, servers: Vec<String>) -> Option<Route> {
    Some(Route { provider, operation, action: action.to_owned(), servers })
}

/// Calls that tell versions need no token.
fn is_open(route: &str) -> bool {
    matches!(route, "issue-token" | "identity-versions" | "identity-v3" | "compute-versions" | "image-versions")
}

impl Emulator for OpenStack {
    fn route(&self, request: &Inbound) -> Option<Route> {
        use Operation::{Read, Reinstall, SignIn, Start, Stop};
        if let Some(route) = ironic::route(request) {
            return Some(route);
        }
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let one = |id: &str| vec![id.to_owned()];
        match (request.method.as_str(), segments.as_slice()) {
            ("POST", ["identity", "v3", "auth", "tokens"]) => route(SHARED, SignIn, "issue-token", Vec::new()),
            ("GET", ["identity", "v3", "auth", "tokens"]) => route(SHARED, Read, "validate-token", Vec::new()),
            ("GET", ["identity"]) => route(SHARED, Read, "identity-versions", Vec::new()),
            ("GET", ["identity", "v3"]) => route(SHARED, Read, "identity-v3", Vec::new()),
            ("GET", ["image"]) => route(SHARED, Read, "image-versions", Vec::new()),
            ("GET", ["image", "v2", "images"]) => route(SHARED, Read, "list-images", Vec::new()),
            ("GET", ["image", "v2", "images", _]) => route(SHARED, Read, "show-image", Vec::new()),
            ("GET", ["compute"] | ["compute", "v2.1"]) => route(SHARED, Read, "compute-versions", Vec::new()),
            ("GET", ["compute", "v2.1", "os-keypairs"]) => route(NOVA, Read, "list-keypairs", Vec::new()),
            ("GET", ["compute", "v2.1", "servers"]) => route(NOVA, Read, "list-servers", Vec::new()),
            ("GET", ["compute", "v2.1", "servers", "detail"]) => route(NOVA, Read, "list-servers-detailed", Vec::new()),
            ("GET", ["compute", "v2.1", "servers", id]) => route(NOVA, Read, "show-server", one(id)),
            ("GET", ["compute", "v2.1", "servers", id, "os-instance-actions"]) => {
                route(NOVA, Read, "list-actions", one(id))
            }
            ("GET", ["compute", "v2.1", "servers", id, "os-instance-actions", _]) => {
                route(NOVA, Read, "show-action", one(id))
            }
            ("POST", ["compute", "v2.1", "servers", id, "action"]) => {
                let body = request.json().unwrap_or_default();
                match body.as_object().and_then(|body| body.keys().next()).map(String::as_str) {
                    Some("rebuild") => route(NOVA, Reinstall, "rebuild", one(id)),
                    Some("os-stop") => route(NOVA, Stop, "os-stop", one(id)),
                    Some("os-start") => route(NOVA, Start, "os-start", one(id)),
                    _ => route(NOVA, Stop, "bad-action", one(id)),
                }
            }
            (_, ["identity" | "compute" | "image", ..]) => {
                let operation = if request.method == Method::GET { Read } else { Stop };
                route(SHARED, operation, "unknown", Vec::new())
            }
            _ => None,
        }
    }

    fn verify(&mut self, request: &Inbound, world: &mut World) -> Result<(), Outbound> {
        if let Some(verdict) = ironic::verify(request) {
            return verdict;
        }
        let open = self.route(request).is_some_and(|route| is_open(&route.action));
        if open || self.tokens.owner(request.header("x-auth-token"), request.at).is_some() {
            return Ok(());
        }
        Err(answers::unauthorized(request, world))
    }

    fn answer(&mut self, request: &Inbound, route: &Route, world: &mut World) -> Outbound {
        let segments = request.segments();
        let segment = |place: usize| segments.get(place).cloned().unwrap_or_default();
        if route.provider == ironic::PRODUCT {
            return ironic::answer(request, route, world);
        }
        if route.provider == NOVA {
            return match nova::version(request) {
                Ok(version) => self.compute(request, route, version, world),
                Err(refusal) => answers::plain(406, "computeFault", &refusal, world),
            };
        }
        match route.action.as_str() {
            "issue-token" => keystone::issue(&mut self.tokens, request, world),
            "validate-token" => keystone::validate(&self.tokens, request, world),
            "identity-versions" => keystone::versions(request),
            "identity-v3" => keystone::version(request),
            "compute-versions" => nova::versions(request),
            "image-versions" => glance::versions(request),
            "list-images" => glance::list(request, world),
            "show-image" => glance::show(&segment(3), world),
            _ => answers::plain(404, "itemNotFound", "The resource could not be found.", world),
        }
    }

    fn inject(&mut self, what: Injected, route: &Route, world: &mut World) -> Outbound {
        if route.provider == ironic::PRODUCT {
            return ironic::inject(what, route, world);
        }
        answers::inject(what, route, world)
    }

    fn credentials(&self) -> Vec<(&'static str, String)> {
        vec![
            ("OS_USERNAME", demo::USER_NAME.to_owned()),
            ("OS_PASSWORD", demo::USER_PASSWORD.to_owned()),
            ("OS_USER_DOMAIN_NAME", demo::DOMAIN_NAME.to_owned()),
            ("OS_PROJECT_NAME", demo::PROJECT_NAME.to_owned()),
            ("OS_PROJECT_DOMAIN_NAME", demo::DOMAIN_NAME.to_owned()),
            ("OS_REGION_NAME", demo::REGION.to_owned()),
        ]
    }

    fn addresses(&self, base: &str) -> Vec<(&'static str, String)> {
        vec![("OS_AUTH_URL", format!("{base}/identity/v3"))]
    }

    fn reset(&mut self) {
        self.actions = Actions::default();
    }

    fn machines(&self) -> Vec<Machine> {
        demo::machines().into_iter().chain(ironic::machines()).collect()
    }
}

impl OpenStack {
    fn compute(
        &mut self,
        request: &Inbound,
        route: &Route,
        version: super::microversion::Microversion,
        world: &mut World,
    ) -> Outbound {
        let segments = request.segments();
        let id = segments.get(3).cloned().unwrap_or_default();
        let answer = match route.action.as_str() {
            "list-keypairs" => nova::keypairs(request, world),
            "list-servers" => nova::list(request, version, false, world),
            "list-servers-detailed" => nova::list(request, version, true, world),
            "show-server" => nova::show(&id, version, world),
            "list-actions" => self.actions.list(&id, world),
            "show-action" => self.actions.show(&id, &segments.get(5).cloned().unwrap_or_default(), version, world),
            "rebuild" => rebuild::carry_out(&mut self.actions, request, &id, version, world),
            "os-stop" => nova::power(&id, true, world),
            "os-start" => nova::power(&id, false, world),
            _ => answers::plain(400, "badRequest", "There is no such action", world),
        };
        answer.with("openstack-api-version", format!("compute {version}"))
    }
}
