//! What a look may say: what the answers say of this very server, in its provider's words. They stand here once more,
//! so that no word gets another meaning by a mistake in the product.

use super::documents::{Object, Said, once, text};
use super::line::Answer;
use reinstall::model::{HandleState, Observation, Phase, Watch};
use serde_json::Value;

/// Values of marks that no answer has: a flag, and what stands for a reason or a rebuild that is not there.
const OWN_MARKS: [&str; 3] = ["true", "no reason is given", "none"];

/// The words that each provider has for a phase, in small letters.
fn words(product: &str, phase: Phase) -> &'static [&'static str] {
    use Phase::{Changing, Failed, Gone, Installing, Running, Stopped, Unknown};
    match (product, phase) {
        ("huawei-ecs" | "openstack" | "openstack-ironic", Running) => &["active"],
        (_, Running) => &["running"],
        ("huawei-ecs" | "openstack", Stopped) => &["shutoff"],
        ("openstack-ironic", Stopped) => &["active"],
        ("hetzner", Stopped) => &["off"],
        (_, Stopped) => &["stopped"],
        ("jdcloud-cps" | "huawei-ecs" | "openstack", Failed) => &["error"],
        ("zenlayer-bmc", Failed) => &["install_failed", "create_failed"],
        ("zenlayer-zec", Failed) => &["reinstall_failed", "create_failed"],
        ("huawei-clouddc", Failed) => &["failed", "error"],
        ("openstack-ironic", Failed) => &["deploy failed", "error"],
        ("jdcloud-cps", Installing) => &["reinstalling"],
        ("zenlayer-bmc", Installing) => &["installing"],
        ("zenlayer-zec", Installing) => &["deploying", "rebuilding"],
        ("huawei-ecs" | "openstack", Installing) => &["rebuild"],
        ("huawei-clouddc", Installing) => &["pending", "reinstalling"],
        ("openstack-ironic", Installing) => &["deploying", "wait call-back", "deploy hold"],
        ("hetzner", Installing) => &["rebuilding"],
        ("jdcloud-cps" | "hetzner", Gone) => &["deleting"],
        ("zenlayer-bmc", Gone) => &["recycle", "recycling"],
        ("zenlayer-zec", Gone) => &["releasing", "recycle", "recycling"],
        ("huawei-ecs", Gone) => &["deleted"],
        ("huawei-clouddc", Gone) => &["shutting-down", "terminated", "teminated"],
        ("openstack", Gone) => &["deleted", "soft_deleted"],
        ("openstack-ironic", Gone) => {
            &["deleting", "deleted", "undeploying", "cleaning", "clean wait", "clean hold", "clean failed", "available"]
        }
        // Whatever is not named has no such word: a server of Hetzner never says that it failed.
        (_, Failed | Installing | Gone | Changing | Unknown) => &[],
    }
}

/// Whether the provider calls it so: by its status, and by the task or operation that the look has beside it.
fn called(product: &str, look: &Observation) -> bool {
    let plain = words(product, look.phase).iter().any(|word| match product {
        "openstack" => look.status == word.to_ascii_uppercase(),
        "openstack-ironic" => look.status == *word,
        _ => look.status.trim().eq_ignore_ascii_case(word),
    });
    let operation = look.operation.as_ref().map(|operation| operation.word.to_ascii_lowercase()).unwrap_or_default();
    let task = look.marks.get("task_state").map(|task| task.to_ascii_lowercase()).unwrap_or_default();
    match (product, look.phase) {
        (_, Phase::Changing | Phase::Unknown) => true,
        ("huawei-clouddc", Phase::Failed) => plain || operation == "reinstall-failed",
        ("huawei-clouddc", Phase::Installing) => plain || operation == "reinstall-processing",
        ("huawei-ecs" | "openstack", Phase::Installing) => plain || task.starts_with("rebuild"),
        // A task is about to change the status.
        ("huawei-ecs", Phase::Running | Phase::Stopped)
        | ("openstack", Phase::Running | Phase::Stopped | Phase::Failed) => plain && task.is_empty(),
        _ => plain,
    }
}

/// Whether the server's own object agrees with everything else in the look: its task or power, and each guard that
/// somebody or something put on it.
fn agrees(product: &str, look: &Observation, server: &Object) -> bool {
    let is = |field: &str| server.get(field) == Some(&Value::Bool(true));
    let mark = |name: &str| look.marks.contains_key(name);
    match product {
        "openstack" => {
            let task = server.get("OS-EXT-STS:task_state").and_then(Value::as_str).unwrap_or_default();
            task == look.marks.get("task_state").map_or("", String::as_str) && is("locked") == mark("locked")
        }
        "openstack-ironic" => {
            let power = server.get("power_state").and_then(Value::as_str);
            let powered = match look.phase {
                Phase::Running => power.is_none_or(|power| power == "power on"),
                Phase::Stopped => power == Some("power off"),
                _ => true,
            };
            let reserved = server.get("reservation").and_then(Value::as_str).is_some_and(|host| !host.is_empty());
            powered
                && is("maintenance") == mark("maintenance")
                && is("protected") == mark("protected")
                && reserved == mark("reservation")
        }
        "hetzner" => {
            let protected = server.get("protection").is_some_and(|protection| protection["rebuild"] == true);
            protected == mark("protection.rebuild") && is("locked") == look.operation.is_some()
        }
        _ => true,
    }
}

/// Whether the text stands in one of the object's own fields.
fn has(object: &Object, wanted: &str) -> bool {
    object.values().any(|value| text(value).is_some_and(|text| text == wanted))
}

/// A look says what the answers say of this server, and calls nothing running, failed, gone or done that the provider
/// does not.
pub(crate) fn truthful(product: &str, watch: &Watch, look: &Observation, said: &Said) {
    let id = watch.id.as_str();
    // An absent status is an empty word.
    assert!(look.status.is_empty() || said.holds(&look.status), "status {:?} out of nothing", look.status);
    assert!(called(product, look), "{:?} by {look:?}", look.phase);
    for value in look.image.iter().chain(look.marks.values()) {
        assert!(OWN_MARKS.contains(&value.as_str()) || said.holds(value), "{value:?} out of nothing");
    }
    let failed = look.phase == Phase::Failed || look.handle == Some(HandleState::Failed);
    // The others show errors of their own kind beside any state.
    let told_beside = !["openstack", "openstack-ironic", "hetzner"].contains(&product);
    assert!(look.error.is_none() || failed || told_beside, "an old error beside another state: {look:?}");
    let objects = said.objects();
    if let Some(objects) = &objects {
        let server = |object: &&&Object| has(object, id) && (look.status.is_empty() || has(object, &look.status));
        let told = objects.iter().filter(server).any(|object| agrees(product, look, object));
        assert!(told, "no answer says this of {id}: {look:?}");
    }
    let Some(state) = &look.handle else { return };
    let newest = look.marks.get("rebuild");
    assert!(watch.ticket.is_some() || newest.is_some(), "a job for a server that has none");
    let held = match (product, &objects) {
        ("hetzner", Some(objects)) => {
            let number = watch.ticket.as_ref().or(newest).map_or("", String::as_str);
            objects.iter().any(|object| action(object, number, id).as_ref() == Some(state))
        }
        ("openstack", Some(objects)) => {
            let ticket = watch.ticket.as_deref().unwrap_or_default();
            objects.iter().any(|object| request(object, ticket, id, look.phase).as_ref() == Some(state))
        }
        _ if *state == HandleState::Working => true,
        // A cloud that hides the steps of a request says nothing of success.
        ("openstack", None) => true,
        _ if *state == HandleState::Failed => said.holds_word("fail") || said.holds_word("error"),
        _ => said.holds_word("success"),
    };
    assert!(held, "no answer says this of the job: {look:?}");
}

/// What Hetzner's action of this number says of a rebuild of this server.
fn action(object: &Object, number: &str, server: &str) -> Option<HandleState> {
    let field = |name: &str| object.get(name).and_then(text);
    let names = |resource: &Value| resource["type"] == "server" && text(&resource["id"]).as_deref() == Some(server);
    let ours = field("id").as_deref() == Some(number)
        && field("command").as_deref() == Some("rebuild_server")
        && object.get("resources").and_then(Value::as_array).is_some_and(|resources| resources.iter().any(names));
    ours.then(|| match field("status").as_deref() {
        Some("success") => HandleState::Done,
        Some("error") => HandleState::Failed,
        _ => HandleState::Working,
    })
}

/// What Nova's record of this request says of a rebuild of this server, which is in this phase.
fn request(object: &Object, ticket: &str, server: &str, phase: Phase) -> Option<HandleState> {
    let is = |object: &Value, field: &str, word: &str| {
        object[field].as_str().is_some_and(|found| found.eq_ignore_ascii_case(word))
    };
    let fits =
        |field: &str, wanted: &str| object.get(field).and_then(Value::as_str).is_none_or(|found| found == wanted);
    let rebuild = object.get("action").is_some_and(|action| action == "rebuild");
    if !rebuild || !fits("request_id", ticket) || !fits("instance_uuid", server) {
        return None;
    }
    let steps = object.get("events").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let failed = object.get("message").and_then(Value::as_str).is_some_and(|text| text.eq_ignore_ascii_case("error"))
        || steps.iter().any(|step| is(step, "result", "error"));
    let installed = |step: &Value| step["event"] == "compute_rebuild_instance" && is(step, "result", "success");
    let rests = matches!(phase, Phase::Running | Phase::Stopped | Phase::Failed);
    Some(match failed {
        _ if !rests => HandleState::Working,
        true => HandleState::Failed,
        false if steps.is_empty() || steps.iter().any(installed) => HandleState::Done,
        false => HandleState::Working,
    })
}

/// A server is gone by a 404 of its own, or by a list that was read to its end and does not name it.
pub(crate) fn is_gone(product: &str, server: &str, given: &[(String, &Answer)]) -> bool {
    let (rows, id) = match product {
        "openstack" | "hetzner" => ("servers", "id"),
        "openstack-ironic" => ("nodes", "uuid"),
        // The others are asked for servers by their ids, and leave out whom they do not know.
        _ => return true,
    };
    // Nova's own word: a gateway that knows no such path says nothing of the server.
    let own = |body: &[u8]| product != "openstack" || once(body).is_none_or(|said| said.get("itemNotFound").is_some());
    if given.iter().any(|(path, (status, body))| path == server && status.as_u16() == 404 && own(body)) {
        return true;
    }
    let lists = given.iter().filter(|(path, (status, _))| (path == rows || path == "detail") && status.is_success());
    let Some(pages) = lists.map(|(_, (_, body))| once(body)).collect::<Option<Vec<Value>>>() else { return true };
    let names = |page: &Value| {
        page[rows].as_array().is_some_and(|rows| rows.iter().any(|row| text(&row[id]).as_deref() == Some(server)))
    };
    let goes_on = |page: &Value| match product {
        "openstack" => {
            page["servers_links"].as_array().is_some_and(|links| links.iter().any(|link| link["rel"] == "next"))
        }
        "hetzner" => !page["meta"]["pagination"]["next_page"].is_null(),
        _ => !page["next"].is_null(),
    };
    let count: usize = pages.iter().filter_map(|page| Some(page[rows].as_array()?.len())).sum();
    let is_end = |last: &Value| {
        let total = last["meta"]["pagination"]["total_entries"].as_u64().unwrap_or_default();
        !goes_on(last) && (product != "hetzner" || u64::try_from(count).is_ok_and(|count| count >= total))
    };
    pages.last().is_some_and(is_end) && !pages.iter().any(names)
}
