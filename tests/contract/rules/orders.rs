//! What an order is made of, and which servers may be ordered.

use crate::stage::Stage;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reinstall::client::Outcome;
use reinstall::model::{FaultClass, Order, OrderSecrets, Prepared, ServerId, Verdict, Wish};
use reinstall::providers::{Admission, FieldKind};
use reinstall::sandbox::Operation;
use reinstall::secret::{MASK, Reveal, Secret, SharedSecret};
use reinstall::wire::WireRequest;
use serde_json::Value;

/// An order with every secret that the product can carry.
fn full(stage: &Stage) -> (Prepared, OrderSecrets) {
    let wish = Wish { user_data: stage.facts().user_data.is_some(), ..stage.wish() };
    let record = stage.ready().remove(0);
    let prepared = stage.prepare(&record, &wish).expect("it is prepared");
    let mut secrets = stage.secrets(&wish);
    for field in stage.entry.fields.iter().filter(|field| field.kind == FieldKind::Secret) {
        secrets.fields.insert(field.name.to_owned(), Secret::from("marker-secret-field".to_owned()).shared());
    }
    (prepared, secrets)
}

fn all(secrets: &OrderSecrets) -> Vec<SharedSecret> {
    let given = [&secrets.password, &secrets.user_data];
    given.into_iter().flatten().chain(secrets.fields.values()).cloned().collect()
}

pub(crate) fn batches(stage: &Stage) {
    let ids: Vec<ServerId> = stage.ready().into_iter().map(|record| record.id).collect();
    let told = stage.run(&ids, &stage.wish());
    assert!(told.targets.iter().all(|target| target.verdict == Some(Verdict::Succeeded)), "{}", told.story());
    let orders = stage.logged(Operation::Reinstall);
    let most = stage.facts().order_batch;
    for order in &orders {
        assert!(!order.servers.is_empty(), "an order that names no server");
        assert!(order.servers.len() <= most, "{} servers in one call", order.servers.len());
    }
    let named: usize = orders.iter().map(|order| order.servers.len()).sum();
    assert_eq!(named, ids.len(), "every server is named once");
    if most == 1 {
        assert_eq!(orders.len(), ids.len());
    } else {
        assert!(ids.len() < 2 || orders.len() < ids.len(), "{} calls for {} servers", orders.len(), ids.len());
    }
}

fn same(one: &WireRequest, other: &WireRequest) -> bool {
    one.method == other.method && one.url == other.url && one.headers == other.headers && one.body == other.body
}

pub(crate) fn is_pure(stage: &Stage) {
    let (prepared, secrets) = full(stage);
    for reveal in [Reveal::Real, Reveal::Masked] {
        let first = stage.request(&prepared, &secrets, reveal);
        let again = stage.request(&prepared, &secrets, reveal);
        assert!(same(&first, &again), "the same order gave other bytes");
    }
    if let Some(token) = stage.token() {
        let real = stage.request(&prepared, &secrets, Reveal::Real);
        let body = String::from_utf8(real.body.to_vec()).expect("text");
        assert!(body.contains(&token) || real.url.as_str().contains(&token), "the token is not in the order");
        let batch = [&prepared];
        let order = |token| Order { batch: &batch, secrets: &secrets, token: Some(token), reveal: Reveal::Real };
        assert!(
            !same(&stage.product.order(&order("a")), &stage.product.order(&order("b"))),
            "the token changes nothing"
        );
    }
}

/// Everything that is on a request, as text.
fn text(request: &WireRequest) -> String {
    let headers: Vec<String> = request
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    format!("{}\n{}\n{}", request.url, headers.join("\n"), String::from_utf8_lossy(&request.body))
}

pub(crate) fn masked_holds_no_secret(stage: &Stage) {
    let (prepared, secrets) = full(stage);
    let mut masked = vec![stage.request(&prepared, &secrets, Reveal::Masked)];
    let journal = serde_json::to_string(&prepared).expect("a record");
    assert!(!masked[0].body.is_empty());
    // The headers of a dry run are shown by name; signing must not put a secret of the order there either.
    let stamp = reinstall::wire::Stamp { at: chrono::DateTime::UNIX_EPOCH, nonce: "n".to_owned() };
    let mut signed = masked[0].clone();
    stage.product.login().authorize(&mut signed, &stamp);
    masked.push(signed);
    let real = text(&stage.request(&prepared, &secrets, Reveal::Real));
    for secret in all(&secrets) {
        let plain = secret.expose();
        let hex: String = plain.bytes().map(|byte| format!("{byte:02x}")).collect();
        let escaped = Value::String(plain.to_owned()).to_string();
        let forms = [
            plain.to_owned(),
            escaped.trim_matches('"').to_owned(),
            STANDARD.encode(plain),
            URL_SAFE_NO_PAD.encode(plain),
            hex,
            plain.chars().rev().collect(),
            reinstall::sign::canonical::encode(plain),
        ];
        assert!(forms.iter().any(|form| real.contains(form)), "a secret that was given is not in the real order");
        for form in &forms {
            assert!(masked.iter().all(|request| !text(request).contains(form)), "a secret is in the masked order");
            assert!(!journal.contains(form), "a secret is in what the journal keeps");
        }
    }
}

/// Names of the places in which two documents differ.
fn differences(masked: &Value, real: &Value, at: &str, found: &mut Vec<String>) {
    match (masked, real) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                let null = Value::Null;
                let (a, b) = (a.get(key).unwrap_or(&null), b.get(key).unwrap_or(&null));
                differences(a, b, &format!("{at}/{key}"), found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (place, (a, b)) in a.iter().zip(b).enumerate() {
                differences(a, b, &format!("{at}/{place}"), found);
            }
        }
        _ if masked == real => {}
        (Value::String(text), Value::String(_)) if text == MASK => found.push(at.to_owned()),
        _ => panic!("{at}: shown is {masked}, sent is another value"),
    }
}

pub(crate) fn masked_is_the_real_one(stage: &Stage) {
    let (prepared, secrets) = full(stage);
    let masked = stage.request(&prepared, &secrets, Reveal::Masked);
    let real = stage.request(&prepared, &secrets, Reveal::Real);
    assert_eq!((&masked.method, &masked.url, masked.label), (&real.method, &real.url, real.label));
    let names = |request: &WireRequest| request.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&masked), names(&real));
    let parse = |request: &WireRequest| serde_json::from_slice::<Value>(&request.body).expect("a JSON body");
    let mut hidden = Vec::new();
    differences(&parse(&masked), &parse(&real), "", &mut hidden);
    let headers = real.headers.iter().filter(|(name, value)| masked.headers.get(*name) != Some(*value)).count();
    assert_eq!(hidden.len() + headers, all(&secrets).len(), "hidden: {hidden:?}");
}

pub(crate) fn admission(stage: &Stage) {
    let wish = stage.wish();
    for record in stage.servers() {
        stage.reset();
        let admission = stage.product.admit(&record.seen, &wish);
        let prepared = match stage.prepare(&record, &wish) {
            Ok(prepared) => prepared,
            Err(refusal) if matches!(admission, Admission::No(_)) => {
                assert!(!refusal.next_step.is_empty());
                continue;
            }
            Err(refusal) => panic!("{} is admitted and not prepared: {refusal}", record.id),
        };
        let outcome = stage.order(&prepared, &stage.secrets(&wish));
        let status = &record.seen.status;
        match admission {
            Admission::Go | Admission::StoppedByOrder => {
                assert!(matches!(outcome, Outcome::Accepted { .. }), "{status} is admitted and came to {outcome:?}");
            }
            Admission::StopFirst | Admission::No(_) | Admission::Busy(_) => match outcome {
                Outcome::Rejected { class: FaultClass::Busy | FaultClass::Invalid | FaultClass::Locked, .. } => {
                    assert_eq!(stage.reinstalls(&record.id), 0);
                }
                other => panic!("{status} is not admitted as it is ({admission:?}), and the emulator said {other:?}"),
            },
        }
        if let Admission::No(refusal) = &admission {
            assert!(!refusal.message.is_empty() && !refusal.next_step.is_empty(), "{refusal:?}");
        }
    }
    // While one reinstall is under way another one must not begin.
    stage.reset();
    let (prepared, secrets) = stage.settled();
    assert!(matches!(stage.order(&prepared, &secrets), Outcome::Accepted { .. }));
    let again = stage.order(&prepared, &secrets);
    let once = stage.token().is_some() && matches!(again, Outcome::Accepted { .. });
    assert!(once || matches!(again, Outcome::Rejected { .. }), "a second order came to {again:?}");
    assert_eq!(stage.reinstalls(&prepared.record.id), 1, "reinstalled by the repeat");
}
