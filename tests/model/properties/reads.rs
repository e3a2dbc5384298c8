//! Answers to reads, whatever they hold: nothing is seen that the answer does not say, and about nobody else.
//!
//! An input is the name of a read, then answers that begin with a line `%% STATUS`; the last answer repeats for ever.

use super::documents::{Said, is_json, reversed};
use super::line::{Answer, Line};
use super::products::{self, names};
use super::truth::{is_gone, truthful};
use super::written;
use futures_util::FutureExt;
use reinstall::model::{
    Choice, Image, KeyPair, LoginWish, Observation, Order, OrderSecrets, Phase, PowerPlan, Prepared, Record, Ref, Seen,
    ServerId, Watch, Wish,
};
use reinstall::secret::{Reveal, Secret};
use std::collections::{BTreeMap, BTreeSet};

const PASSWORD: &str = "Kx4-pT7-mW2_qz";

/// Reads the input's answers as the input's read.
pub(crate) fn check(product: &str, bytes: &[u8]) {
    let Some((read, answers)) = parse(bytes) else { return };
    match read {
        "observe" | "observe-one" => observe(product, read, &answers),
        "list" | "find" | "find-one" => records(product, read, answers),
        "images" => images(product, answers),
        "keys" => keys(product, answers),
        "prepare" | "prepare-named" => prepare(product, read, answers),
        _ => {}
    }
}

fn parse(bytes: &[u8]) -> Option<(&str, Vec<Answer>)> {
    const MARK: &[u8] = b"\n%% ";
    let mut places: Vec<usize> = Vec::new();
    for at in 0..bytes.len().saturating_sub(MARK.len() - 1) {
        if bytes[at..].starts_with(MARK) {
            places.push(at);
        }
    }
    let read = std::str::from_utf8(&bytes[..*places.first()?]).ok()?;
    let mut answers = Vec::new();
    for (index, at) in places.iter().enumerate() {
        let piece = &bytes[at + MARK.len()..places.get(index + 1).copied().unwrap_or(bytes.len())];
        let line = piece.iter().position(|&byte| byte == b'\n').unwrap_or(piece.len());
        let status = written::status(std::str::from_utf8(&piece[..line]).ok()?)?;
        answers.push((status, piece.get(line + 1..).unwrap_or_default().to_vec()));
    }
    Some((read, answers))
}

fn id(text: &str) -> ServerId {
    ServerId::new(text).expect("an id")
}

fn watch(server: &str, ticket: Option<&str>) -> Watch {
    Watch { id: id(server), ticket: ticket.map(str::to_owned) }
}

/// Looks at two servers, of which the first has a job and is asked for twice; or at the first alone.
fn look(product: &str, read: &str, line: &Line) -> Vec<(ServerId, Seen)> {
    let names = names(product);
    let first = watch(names.servers[0], Some(names.job));
    let watches = match read {
        "observe-one" => vec![first],
        _ => vec![first.clone(), watch(names.servers[1], None), first],
    };
    line.ask(|reader| line.product().observe(&reader, &watches).now_or_never())
}

fn observe(product: &str, read: &str, answers: &[Answer]) {
    let line = Line::new(product, answers.to_vec());
    let names = names(product);
    let seen = look(product, read, &line);
    let mut ids: Vec<&str> = seen.iter().map(|(id, _)| id.as_str()).collect();
    ids.sort_unstable();
    let asked = if read == "observe-one" { &names.servers[..1] } else { &names.servers[..] };
    assert_eq!(ids, asked, "each server that was asked for, once");
    let said = line.said();
    let spoke = answers.iter().any(|(_, body)| is_json(body));
    for (id, seen) in &seen {
        let ticket = (id.as_str() == names.servers[0]).then_some(names.job);
        match seen {
            Seen::Here(look) => {
                assert!(said.holds(id.as_str()), "{id} is seen and not named");
                truthful(product, &watch(id.as_str(), ticket), look, &said);
            }
            Seen::Absent => {
                assert!(spoke, "{id} is gone by an answer that cannot be read");
                assert!(is_gone(product, id.as_str(), &line.given()), "{id} is gone and no answer says so");
            }
            Seen::Fault(fault) => assert!(!fault.error.message.is_empty(), "{id}: a fault without a word"),
        }
    }
    order_of_fields(product, read, answers, &seen);
}

/// Fields have no order: the same document turned around shows the same.
fn order_of_fields(product: &str, read: &str, answers: &[Answer], seen: &[(ServerId, Seen)]) {
    let turned: Option<Vec<_>> = answers.iter().map(|(status, body)| Some((*status, reversed(body)?))).collect();
    let Some(turned) = turned else { return };
    let again = look(product, read, &Line::new(product, turned));
    for ((id, seen), (_, again)) in seen.iter().zip(&again) {
        match (seen, again) {
            (Seen::Here(seen), Seen::Here(again)) => assert!(seen.same_state(again), "{id}: {seen:?}, then {again:?}"),
            (Seen::Absent, Seen::Absent) | (Seen::Fault(_), Seen::Fault(_)) => {}
            other => panic!("{id}: the order of fields decides: {other:?}"),
        }
    }
}

fn records(product: &str, read: &str, answers: Vec<Answer>) {
    let line = Line::new(product, answers);
    let server = Ref::Id(id(names(product).servers[0]));
    let refs = match read {
        "find-one" => vec![server],
        _ => vec![server, Ref::Name("web-1".to_owned()), "ip=192.0.2.7".parse().expect("a reference")],
    };
    let found = match read {
        "list" => line.ask(|reader| line.product().list(&reader).now_or_never()),
        _ => line.ask(|reader| line.product().find(&reader, &refs).now_or_never()),
    };
    let Ok(found) = found else { return };
    let said = line.said();
    let mut known = BTreeSet::new();
    for record in &found {
        assert!(known.insert(record.id.clone()), "{} stands there twice", record.id);
        assert!(said.holds(record.id.as_str()), "{} out of nothing", record.id);
        let texts = [&record.name, &record.zone, &record.model, &record.image_name];
        for text in texts.into_iter().flatten() {
            assert!(said.holds(text), "{text:?} out of nothing");
        }
        for address in &record.addresses {
            assert!(said.holds_part(address), "{address:?} out of nothing");
        }
        for (name, text) in &record.attributes {
            assert!(is_told(name, text, &said), "{name} {text:?} out of nothing");
        }
        truthful(product, &watch(record.id.as_str(), None), &record.seen, &said);
    }
}

/// Whether an attribute comes from the answers: as it is, or as a list of names.
fn is_told(name: &str, text: &str, said: &Said) -> bool {
    // Nova says it by an empty image.
    let own = name == "boots_from" && text == "volume" && said.holds("");
    own || said.holds(text) || text.split(',').all(|part| part.is_empty() || said.holds(part))
}

fn images(product: &str, answers: Vec<Answer>) {
    let line = Line::new(product, answers);
    let read: Result<Vec<Image>, _> = line.ask(|reader| line.product().images(&reader, None).now_or_never());
    let said = line.said();
    for image in read.iter().flatten() {
        assert!(said.holds(&image.id), "image {:?} out of nothing", image.id);
    }
}

fn keys(product: &str, answers: Vec<Answer>) {
    let line = Line::new(product, answers);
    let read: Result<Vec<KeyPair>, _> = line.ask(|reader| line.product().keys(&reader).now_or_never());
    let said = line.said();
    for key in read.iter().flatten() {
        assert!(said.holds(&key.id), "key pair {:?} out of nothing", key.id);
    }
}

/// Whatever the reads of a plan say, the order is about the server that was asked for, and the same each time.
fn prepare(product: &str, read: &str, answers: Vec<Answer>) {
    let names = names(product);
    let server = names.servers[0];
    let line = Line::new(product, answers.clone());
    let mut seen = Observation::of("stopped", Phase::Stopped);
    seen.image = Some(names.image.to_owned());
    let record = Record {
        id: id(server),
        name: Some("web-1".to_owned()),
        addresses: Vec::new(),
        zone: Some("z-1".to_owned()),
        model: Some("m-1".to_owned()),
        image_name: Some("Debian 12".to_owned()),
        seen,
        attributes: BTreeMap::new(),
    };
    let image = (read == "prepare-named").then(|| Choice::Name("Debian 12".to_owned()));
    let wish = Wish { image, login: LoginWish { password: true, none: false }, ..Wish::default() };
    let settled = line.ask(|reader| line.product().prepare(&reader, record, PowerPlan::Nothing, &wish).now_or_never());
    let prepared = match settled {
        Ok(prepared) => prepared,
        Err(refusal) => return assert!(!refusal.message.is_empty(), "a refusal without a word"),
    };
    assert_eq!(prepared.record.id, id(server), "the plan is about another server");
    if let Some((image, _)) = &prepared.image {
        let known = (image == names.image && wish.image.is_none()) || line.said().holds(image);
        assert!(known, "image {image:?} out of nothing");
    }
    let secrets =
        OrderSecrets { password: Some(Secret::from(PASSWORD.to_owned()).shared()), ..OrderSecrets::default() };
    let build = |reveal| {
        let order = Order { batch: &[&prepared], secrets: &secrets, token: Some("token-1"), reveal };
        line.product().order(&order)
    };
    let (first, second, shown) = (build(Reveal::Real), build(Reveal::Real), build(Reveal::Masked));
    assert!(first.url == second.url && first.body == second.body, "the same order is two requests");
    assert!(first.url.as_str().starts_with(products::ENDPOINT), "the order goes to {}", first.url);
    assert!(is_json(&first.body), "the order's body is no document");
    let whole = format!("{} {}", first.url, String::from_utf8_lossy(&first.body));
    assert!(whole.contains(server), "the order does not name the server");
    assert!(!String::from_utf8_lossy(&shown.body).contains(PASSWORD), "the password is shown");
    arranged(&line, &prepared, answers);
}

/// What goes before an order is about its server too, and only an answer that names server and image says that it was
/// carried out.
fn arranged(line: &Line, prepared: &Prepared, answers: Vec<Answer>) {
    let build = || line.product().arrange(prepared);
    let (Some(first), Some(second)) = (build(), build()) else { return };
    let server = prepared.record.id.as_str();
    assert!(first.url == second.url && first.body == second.body, "the same call is two requests");
    assert!(first.url.as_str().starts_with(products::ENDPOINT), "the call goes to {}", first.url);
    assert!(first.url.path().contains(server), "the call does not name the server");
    for (status, body) in answers {
        let answer = written::json_answer(status, &body);
        let good = status.is_success() && line.product().fault(&answer).is_none();
        if good && line.product().judge_arranged(prepared, &answer).is_ok() {
            let said = Said::by([&body[..]]);
            let image = prepared.image.as_ref().map_or("", |(image, _)| image.as_str());
            assert!(said.holds(server) && said.holds(image), "a change is believed that nothing tells of");
        }
    }
}
