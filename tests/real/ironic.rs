//! `openstack-ironic` against a real Ironic with its fake hardware.

use crate::program::Program;
use crate::{Row, service, state};
use serde_json::Value;
use std::fs;

/// What `ironic/up.sh` wrote down: `url`, `auth`, `user`, `password`, `nodes` by name.
fn lab() -> Value {
    let text = fs::read_to_string(state().join("ironic/lab.json")).expect("./check real starts the services");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
#[ignore = "needs a real Ironic: ./check real ironic"]
fn the_nodes_are_listed() {
    let mut row = Row::begin("ironic: list");
    let lab = lab();
    let url = lab["url"].as_str().expect("an address");
    let program = Program::new(&[("OS_AUTH_TYPE", "none"), ("OS_ENDPOINT", url)]);
    let ran = program.run(&["list", "-p", "openstack-ironic", "-o", "json"]).ended(0);
    row.verdict(&ran);
    let truth = service::call("GET", &format!("{url}/v1/nodes"), &[], None).good();
    let nodes = truth.body["nodes"].as_array().expect("nodes").len();
    for (name, id) in lab["nodes"].as_object().expect("nodes") {
        assert!(ran.out.contains(id.as_str().expect("an id")), "{name}: {ran:#?}");
    }
    row.truth(format!("{nodes} nodes"));
}
