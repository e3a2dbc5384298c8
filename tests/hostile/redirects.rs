//! No redirect is followed, and no address from an answer is used.

use crate::http::{answer, message};
use crate::scene::{Scene, patient, product};
use crate::server::Server;
use reinstall::client::Outcome;
use reinstall::model::FaultClass;

const CODES: [&str; 5] =
    ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"];

/// What is true of each kind of request: how many reach the first server, and what they come to.
fn each_redirect(hold: impl Fn(&Scene, &dyn Fn(), &str), scene: &Scene) {
    let second = Server::start(|talk| talk.hold());
    let port = second.port();
    let own = scene.front.server.port();
    let places = [
        "/elsewhere".to_owned(),
        format!("http://127.0.0.1:{own}/elsewhere"),
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        format!("//127.0.0.1:{port}/"),
    ];
    for code in CODES {
        for place in &places {
            let told = format!("{code} to {place}");
            let bytes = answer(code, &[("location", place), ("content-type", "application/json")], b"{}");
            let turn = || {
                let bytes = bytes.clone();
                scene.front.server.forget();
                scene.front.does(move |talk| {
                    if message(talk).is_some() {
                        talk.say(&bytes);
                        talk.close();
                    }
                });
            };
            hold(scene, &turn, &told);
            assert_eq!(scene.front.server.connections(), 1, "{told}: the first server hears of it once");
            assert_eq!(second.connections(), 0, "{told}: the second server hears of it");
            scene.front.passes();
        }
    }
}

#[test]
fn a_read_follows_no_redirect() {
    crate::scene::every_product(|scene| {
        each_redirect(
            |scene, turn, told| {
                turn();
                let found = scene.block(scene.product.list(&scene.client.patient()));
                assert_eq!(found.expect_err(told).class, FaultClass::Redirected, "{told}");
            },
            scene,
        );
    });
}

#[test]
fn an_order_follows_no_redirect_and_ends_the_run() {
    crate::scene::every_product(|scene| {
        let settled = scene.settled();
        each_redirect(
            |scene, turn, told| {
                turn();
                let (outcome, halt) = scene.block(scene.order(&settled));
                assert!(matches!(outcome, Outcome::Maybe(_)), "{told}: {outcome:?}");
                assert!(halt.is_some_and(|why| why.contains("redirect")), "{told}");
            },
            scene,
        );
    });
}

#[test]
fn a_sign_in_follows_no_redirect_and_nothing_is_sent_without_it() {
    let (vendor, entry) = product("huawei-ecs");
    let user = [
        ("OS_USERNAME", "sandbox-user"),
        ("OS_PASSWORD", "Sandbox-0nly!"),
        ("OS_USER_DOMAIN_NAME", "sandbox"),
        ("OS_PROJECT_NAME", "ap-southeast-3"),
    ];
    // Settled by one that may sign in, ordered by one that may not.
    let calm = Scene::with(vendor, entry, patient(), Some(&user)).connected();
    let settled = calm.settled();
    let scene = Scene::with(vendor, entry, patient(), Some(&user));
    each_redirect(
        |scene, turn, told| {
            turn();
            let (outcome, _) = scene.block(scene.order(&settled));
            assert!(matches!(outcome, Outcome::Unsent { .. }), "{told}: {outcome:?}");
            let asked = String::from_utf8_lossy(&scene.front.server.received()[0]).into_owned();
            assert!(asked.starts_with("POST /v3/auth/tokens"), "{told}: {asked}");
        },
        &scene,
    );
}
