//! `openstack` against a real Nova with its fake hypervisor, Keystone and Glance.

use crate::program::Program;
use crate::{Row, service, state};
use serde_json::{Value, json};
use std::fs;

/// What `openstack/up.sh` wrote down.
fn lab() -> Value {
    let text = fs::read_to_string(state().join("openstack/lab.json")).expect("./check real starts the services");
    serde_json::from_str(&text).expect("JSON")
}

/// An administrator's view of the cloud.
struct Cloud {
    lab: Value,
    token: String,
}

impl Cloud {
    fn open() -> Self {
        let lab = lab();
        let identity = lab["auth_url"].as_str().expect("an address");
        let domain = json!({ "id": "default" });
        let user = json!({ "name": "admin", "domain": domain, "password": "secret" });
        let body = json!({ "auth": {
            "identity": { "methods": ["password"], "password": { "user": user } },
            "scope": { "project": { "name": "admin", "domain": domain } },
        } });
        let answer = service::call("POST", &format!("{identity}/auth/tokens"), &[], Some(&body)).good();
        let token = answer.header("x-subject-token").expect("a token").to_owned();
        Self { lab, token }
    }

    fn text(&self, key: &str) -> &str {
        self.lab[key].as_str().expect("a text")
    }

    fn id(&self, name: &str) -> String {
        self.lab["servers"][name].as_str().expect("a server").to_owned()
    }

    fn nova(&self, method: &str, path: &str, body: Option<&Value>) -> service::Answer {
        let headers = [("x-auth-token", self.token.as_str()), ("openstack-api-version", "compute 2.90")];
        service::call(method, &format!("{}{path}", self.text("compute")), &headers, body)
    }

    fn server(&self, id: &str) -> Value {
        self.nova("GET", &format!("/servers/{id}"), None).good().body["server"].clone()
    }

    /// How many rebuilds of a server Nova has taken.
    fn wipes(&self, id: &str) -> usize {
        let actions = self.nova("GET", &format!("/servers/{id}/os-instance-actions"), None).good().body;
        let actions = actions["instanceActions"].as_array().expect("actions").clone();
        actions.iter().filter(|action| action["action"] == "rebuild").count()
    }

    /// The program with the variables of the plain user.
    fn program(&self) -> Program {
        Program::new(&[
            ("OS_AUTH_URL", self.text("auth_url")),
            ("OS_USERNAME", self.text("user")),
            ("OS_PASSWORD", self.text("password")),
            ("OS_PROJECT_NAME", self.text("project")),
            ("OS_USER_DOMAIN_NAME", "Default"),
            ("OS_PROJECT_DOMAIN_NAME", "Default"),
            ("OS_REGION_NAME", "RegionOne"),
        ])
    }
}

#[test]
#[ignore = "needs a real Nova: ./check real openstack"]
fn a_running_server_is_running_again() {
    let mut row = Row::begin("nova: success from ACTIVE");
    let cloud = Cloud::open();
    let (id, program) = (cloud.id("web1"), cloud.program());
    let before = cloud.wipes(&id);
    let ran =
        program.run(&["-p", "openstack", "-i", &id, "--image", "name=ubuntu-24.04", "--no-login", "-y", "-o", "json"]);
    row.verdict(&ran);
    assert_eq!(ran.ended(0).verdict(&id), "succeeded");
    assert_eq!(cloud.wipes(&id) - before, 1);
    row.truth(format!("{}, 1 wipe", cloud.server(&id)["status"].as_str().expect("a status")));
}
