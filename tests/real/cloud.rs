//! What the real OpenStack says of itself, asked as its administrator.

use crate::program::Program;
use crate::{service, state};
use serde_json::{Value, json};
use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The services, and what `openstack/up.sh` wrote down about them.
pub(crate) struct Cloud {
    pub(crate) lab: Value,
}

impl Cloud {
    /// The running one.
    pub(crate) fn open() -> Self {
        let text = fs::read_to_string(state().join("openstack/lab.json")).expect("./check real starts the services");
        Self { lab: serde_json::from_str(&text).expect("JSON") }
    }

    /// A text of `lab.json`.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.lab[key].as_str().expect("a text")
    }

    /// A server's id.
    pub(crate) fn id(&self, name: &str) -> String {
        self.lab["servers"][name].as_str().expect("a server").to_owned()
    }

    /// An image's id.
    pub(crate) fn image(&self, name: &str) -> String {
        self.lab["images"][name].as_str().expect("an image").to_owned()
    }

    /// A token of this user, for one use.
    pub(crate) fn token(&self, user: &str, password: &str, project: &str) -> String {
        let domain = json!({ "id": "default" });
        let user = json!({ "name": user, "domain": domain, "password": password });
        let body = json!({ "auth": {
            "identity": { "methods": ["password"], "password": { "user": user } },
            "scope": { "project": { "name": project, "domain": domain } },
        } });
        let answer = service::call("POST", &format!("{}/auth/tokens", self.text("auth_url")), &[], Some(&body)).good();
        answer.header("x-subject-token").expect("a token").to_owned()
    }

    fn admin(&self) -> String {
        self.token("admin", "secret", "admin")
    }

    /// The identity service, asked as its administrator.
    pub(crate) fn keystone(&self, method: &str, path: &str, body: Option<&Value>) -> service::Answer {
        let token = self.admin();
        service::call(method, &format!("{}{path}", self.text("auth_url")), &[("x-auth-token", &token)], body)
    }

    /// The compute service, asked as its administrator.
    pub(crate) fn nova(&self, method: &str, path: &str, body: Option<&Value>) -> service::Answer {
        let token = self.admin();
        let headers = [("x-auth-token", token.as_str()), ("openstack-api-version", "compute 2.90")];
        service::call(method, &format!("{}{path}", self.text("compute")), &headers, body)
    }

    /// A server as Nova shows it.
    pub(crate) fn server(&self, id: &str) -> Value {
        self.nova("GET", &format!("/servers/{id}"), None).good().body["server"].clone()
    }

    /// Status and task of a server: `ACTIVE`, `REBUILD/rebuilding`.
    pub(crate) fn status(&self, id: &str) -> String {
        let server = self.server(id);
        let status = server["status"].as_str().expect("a status");
        server["OS-EXT-STS:task_state"].as_str().map_or_else(|| status.to_owned(), |task| format!("{status}/{task}"))
    }

    /// How many rebuilds of a server Nova has taken.
    pub(crate) fn wipes(&self, id: &str) -> usize {
        let actions = self.nova("GET", &format!("/servers/{id}/os-instance-actions"), None).good().body;
        let actions = actions["instanceActions"].as_array().expect("actions").clone();
        actions.iter().filter(|action| action["action"] == "rebuild").count()
    }

    /// The versions that the calls about a server's rebuild asked for, as Nova's own log has them.
    pub(crate) fn versions_asked(&self, id: &str) -> Vec<String> {
        let log = fs::read_to_string(state().join("openstack/logs/nova.log")).expect("Nova's log");
        let call = format!("\"POST /v2.1/servers/{id}/action\" status: 202");
        let version = |line: &str| Some(line.split_once("microversion: ")?.1.split(' ').next()?.to_owned());
        log.lines().filter(|line| line.contains(&call)).filter_map(version).collect()
    }

    /// Has a server rebuilt by somebody else.
    pub(crate) fn rebuild(&self, id: &str, image: &str) {
        let body = json!({ "rebuild": { "imageRef": self.image(image) } });
        self.nova("POST", &format!("/servers/{id}/action"), Some(&body)).good();
    }

    /// Waits until a server rests in one of these states.
    #[track_caller]
    pub(crate) fn rests(&self, id: &str, states: &[&str]) {
        let began = Instant::now();
        while !states.contains(&self.status(id).as_str()) {
            assert!(began.elapsed() < Duration::from_secs(120), "{id} is {}", self.status(id));
            sleep(Duration::from_millis(500));
        }
    }

    /// Gives tokens another life, until the guard is dropped.
    pub(crate) fn tokens_of(&self, seconds: u32) -> ShortTokens {
        tokens_live(seconds);
        ShortTokens
    }

    /// The program with the variables of the plain user.
    pub(crate) fn program(&self) -> Program {
        let mut program = self.nobody();
        for (name, value) in [
            ("OS_USERNAME", self.text("user")),
            ("OS_PASSWORD", self.text("password")),
            ("OS_PROJECT_NAME", self.text("project")),
            ("OS_USER_DOMAIN_NAME", "Default"),
            ("OS_PROJECT_DOMAIN_NAME", "Default"),
        ] {
            program.set(name, value);
        }
        program
    }

    /// The program with the cloud's address and region and no credentials.
    pub(crate) fn nobody(&self) -> Program {
        Program::new(&[("OS_AUTH_URL", self.text("auth_url")), ("OS_REGION_NAME", "RegionOne")])
    }
}

/// Tokens live for an hour again once it is dropped.
pub(crate) struct ShortTokens;

impl Drop for ShortTokens {
    fn drop(&mut self) {
        tokens_live(3600);
    }
}

fn tokens_live(seconds: u32) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/openstack/tokens.sh");
    let ended = Command::new(script).arg(seconds.to_string()).arg(state().join("openstack")).status();
    assert!(ended.is_ok_and(|status| status.success()), "{script}");
}
