//! OpenStack's part of the sandbox.

mod ironic;

use crate::sandbox::machine::Machine;
use crate::sandbox::{Emulator, Inbound, Injected, Outbound, Route, World};

/// Makes the emulator.
pub(super) fn emulator() -> Box<dyn Emulator> {
    Box::new(OpenStack)
}

/// Emulates the services.
struct OpenStack;

impl Emulator for OpenStack {
    fn route(&self, request: &Inbound) -> Option<Route> {
        ironic::route(request)
    }

    fn verify(&mut self, request: &Inbound, _world: &mut World) -> Result<(), Outbound> {
        ironic::verify(request).unwrap_or_else(|| Err(ironic::unauthorized()))
    }

    fn answer(&mut self, request: &Inbound, route: &Route, world: &mut World) -> Outbound {
        ironic::answer(request, route, world)
    }

    fn inject(&mut self, what: Injected, route: &Route, world: &mut World) -> Outbound {
        ironic::inject(what, route, world)
    }

    fn credentials(&self) -> Vec<(&'static str, String)> {
        vec![
            ("OS_AUTH_TYPE", "http_basic".to_owned()),
            ("OS_USERNAME", ironic::USER.to_owned()),
            ("OS_PASSWORD", ironic::PASSWORD.to_owned()),
        ]
    }

    fn machines(&self) -> Vec<Machine> {
        ironic::machines()
    }
}
