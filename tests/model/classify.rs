//! What became of an order: over answers that nobody foresaw, the careful reading wins.

use crate::cases::cases;
use crate::properties::orders::{careful, ids};
use crate::properties::products::products;
use http::{HeaderMap, StatusCode};
use proptest::prelude::*;
use reinstall::client::{Outcome, TransportFault, classify};
use reinstall::model::FaultClass;
use reinstall::wire::WireResponse;

/// Documents with the words of the providers' own formats, in every arrangement.
fn document() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "error",
        "error_code",
        "error_msg",
        "code",
        "message",
        "status",
        "result",
        "success",
        "response",
        "requestId",
        "request_id",
        "instances",
        "id",
        "job_id",
        "badRequest",
        "itemNotFound",
        "taskId",
        "instanceId",
        "errors",
        "type",
    ]);
    let text = prop::sample::select(vec![
        "",
        "true",
        "RUNNING",
        "INTERNAL_SERVER_ERROR",
        "APIGW.0301",
        "Ecs.0114",
        "UNAUTHENTICATED",
        "401",
        "i-1",
        "AUTHFAILURE_SIGNATURE_FAILURE",
        "REQUEST_LIMIT_EXCEEDED",
        "RESOURCE_EXHAUSTED",
        "5a0db0c5-dc00-7000-8000-000000000003",
    ]);
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        (0_i64..600).prop_map(Into::into),
        text.prop_map(Into::into),
    ];
    let value = leaf.prop_recursive(3, 16, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Into::into),
            prop::collection::btree_map(word.clone().prop_map(str::to_owned), inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    });
    value.prop_map(|value| value.to_string())
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        any::<String>().prop_map(String::into_bytes),
        document().prop_map(String::into_bytes),
        document().prop_map(String::into_bytes),
        Just(b"<html><body>portal</body></html>".to_vec()),
    ]
}

fn answer(status: u16, body: &[u8], html: bool) -> WireResponse {
    let mut headers = HeaderMap::new();
    let kind = if html { "text/html" } else { "application/json" };
    headers.insert("content-type", kind.parse().expect("a header"));
    let status = StatusCode::from_u16(status).expect("a status");
    WireResponse { status, headers, body: bytes::Bytes::copy_from_slice(body) }
}

fn transport_faults() -> impl Strategy<Value = TransportFault> {
    let classes = vec![FaultClass::Unreachable, FaultClass::Untrusted, FaultClass::Broken, FaultClass::Malformed];
    (prop::sample::select(classes), prop::option::of(100_u16..600)).prop_map(|(class, status)| TransportFault {
        class,
        message: "gone".to_owned(),
        status,
    })
}

proptest! {
    #![proptest_config(cases(4000))]

    #[test]
    fn every_server_gets_one_outcome_and_unsent_is_proven(status in 200_u16..600, body in body(), html in any::<bool>()) {
        let (ids, answer) = (ids(), answer(status, &body, html));
        for (entry, product) in products() {
            careful(entry, &**product, &ids, &answer);
        }
    }

    #[test]
    fn a_server_that_an_answer_for_several_does_not_name_is_never_accepted(body in document()) {
        let (ids, answer) = (ids(), answer(200, body.as_bytes(), false));
        for (entry, product) in products().iter().filter(|(entry, _)| entry.facts.order_batch > 1) {
            for (id, outcome) in ids.iter().zip(classify(&**product, &ids, &Ok(answer.clone())).outcomes) {
                let named = body.contains(id.as_str());
                let accepted = matches!(outcome, Outcome::Accepted { .. });
                prop_assert!(named || !accepted, "{}: {id} is accepted by {body}", entry.id);
            }
        }
    }

    #[test]
    fn noise_is_never_taken_for_an_acceptance(bytes in prop::collection::vec(any::<u8>(), 0..100), status in 200_u16..300) {
        prop_assume!(serde_json::from_slice::<serde_json::Value>(&bytes).is_err());
        let (ids, answer) = (ids(), answer(status, &bytes, false));
        for (entry, product) in products() {
            for outcome in classify(&**product, &ids, &Ok(answer.clone())).outcomes {
                prop_assert!(matches!(outcome, Outcome::Maybe(_)), "{}: {outcome:?}", entry.id);
            }
        }
    }

    #[test]
    fn without_an_answer_only_a_connection_that_never_stood_is_unsent(fault in transport_faults()) {
        let ids = ids();
        let proven = matches!(fault.class, FaultClass::Unreachable | FaultClass::Untrusted);
        for (entry, product) in products() {
            for outcome in classify(&**product, &ids, &Err(fault.clone())).outcomes {
                let unsent = matches!(outcome, Outcome::Unsent { .. });
                let maybe = matches!(outcome, Outcome::Maybe(_));
                prop_assert!(unsent == proven && maybe != proven, "{}: {outcome:?}", entry.id);
            }
        }
    }

    #[test]
    fn no_message_quotes_a_strangers_answer(marker in "marker[a-z]{8}", status in 200_u16..600) {
        let page = format!("<html>{marker}</html>");
        let (ids, answer) = (ids(), answer(status, page.as_bytes(), true));
        for (entry, product) in products() {
            for outcome in classify(&**product, &ids, &Ok(answer.clone())).outcomes {
                prop_assert!(!format!("{outcome:?}").contains(&marker), "{}: {outcome:?}", entry.id);
            }
        }
    }
}
