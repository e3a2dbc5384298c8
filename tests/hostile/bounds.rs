//! Answers without measure: they end at a limit, and disturb nobody.

use crate::http::{answer, message};
use crate::offsets::long;
use crate::scene::patient;
use crate::server::{Server, Talk};
use futures_util::future::{Either, join_all, select};
use http::Method;
use reinstall::client::{HttpTransport, Limits, Route, Transport, TransportFault};
use reinstall::model::FaultClass;
use reinstall::wire::{WireRequest, WireResponse};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use url::Url;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn request(server: &Server) -> WireRequest {
    WireRequest::new(Method::GET, Url::parse(&server.url()).expect("an address"), "read")
}

/// Asks once, both ways; both come to the same.
#[track_caller]
fn asked(server: &Server, limits: Limits) -> Result<WireResponse, TransportFault> {
    let transport = HttpTransport::within(limits);
    let [read, order] =
        [Route::Pooled, Route::Fresh].map(|route| runtime().block_on(transport.exchange(request(server), route)));
    let class = |told: &Result<WireResponse, TransportFault>| told.as_ref().map(|_| ()).map_err(|f| f.class.clone());
    assert_eq!(class(&read), class(&order));
    assert_eq!(server.connections(), 2, "each is asked once");
    read
}

/// Says something until nobody listens, and tells how much went out.
fn flood(first: &'static [u8], again: Vec<u8>) -> (Server, Arc<AtomicUsize>) {
    let said = Arc::new(AtomicUsize::new(0));
    let count = said.clone();
    let server = Server::start(move |talk| {
        if message(talk).is_none() || !talk.say(first) {
            return;
        }
        while talk.say(&again) {
            // Ten gigabytes nobody has asked for are enough to be sure.
            if count.fetch_add(again.len(), Ordering::SeqCst) > 10 << 30 {
                return;
            }
        }
    });
    (server, said)
}

const MOST_SAID: usize = 64 << 20;

#[test]
fn headers_beyond_64_kib_or_a_hundred_are_no_answer() {
    let fits: Vec<(String, String)> = (0..60).map(|number| (format!("x-{number}"), "y".repeat(900))).collect();
    let large: Vec<(String, String)> = (0..80).map(|number| (format!("x-{number}"), "y".repeat(900))).collect();
    let many: Vec<(String, String)> = (0..101).map(|number| (format!("x-{number}"), "y".to_owned())).collect();
    for (headers, taken) in [(fits, true), (large, false), (many, false)] {
        let count = headers.len();
        let server = Server::start(move |talk| {
            let pairs: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
            message(talk);
            talk.say(&answer("200 OK", &pairs, b"{}"));
            talk.close();
        });
        assert_eq!(asked(&server, patient()).is_ok(), taken, "{count} headers");
    }
}

#[test]
fn headers_without_end_are_cut_off() {
    let (server, said) = flood(b"HTTP/1.1 200 OK\r\n", b"x-more: of the same\r\n".repeat(100));
    assert!(asked(&server, patient()).is_err());
    assert!(said.load(Ordering::SeqCst) < MOST_SAID);
    let (server, said) = flood(b"HTTP/1.1 200 OK\r\nx-long: ", vec![b'y'; 1 << 16]);
    assert!(asked(&server, patient()).is_err());
    assert!(said.load(Ordering::SeqCst) < MOST_SAID);
}

#[test]
fn a_body_beyond_4_mib_is_cut_off_however_it_comes() {
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 1 << 16], b"\r\n"].concat();
    let heads: [(&'static [u8], Vec<u8>); 4] = [
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", chunk),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n", vec![b' '; 1 << 16]),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551615\r\n\r\n", vec![b' '; 1 << 16]),
        (b"HTTP/1.1 200 OK\r\n\r\n", vec![b' '; 1 << 16]),
    ];
    for (head, again) in heads {
        let (server, said) = flood(head, again);
        let fault = asked(&server, patient()).err().expect("a fault");
        assert!(matches!(fault.class, FaultClass::Malformed | FaultClass::Broken), "{fault:?}");
        assert!(said.load(Ordering::SeqCst) < MOST_SAID, "{}", String::from_utf8_lossy(head));
    }
}

#[test]
fn a_packed_answer_is_refused_unopened() {
    for coding in ["gzip", "br", "deflate", "zstd", "GZIP", "gzip, identity", "identity, gzip"] {
        let server = Server::start(move |talk| {
            message(talk);
            talk.say(&answer("200 OK", &[("content-encoding", coding)], b"\x1f\x8b\x08\0\0\0\0\0\0\0"));
            talk.close();
        });
        let fault = asked(&server, patient()).err().expect(coding);
        assert_eq!(fault.class, FaultClass::Malformed, "{coding}");
        let asked = String::from_utf8_lossy(&server.received()[0]).to_ascii_lowercase();
        assert!(asked.contains("accept-encoding: identity"), "{asked}");
    }
}

/// One byte, again and again.
fn drips(talk: &mut Talk) {
    if message(talk).is_some() && talk.say(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n") {
        while talk.say(b" ") {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_drip_ends_at_the_limit_of_the_whole_and_silence_at_the_limit_of_a_pause() {
    let server = Server::start(drips);
    let whole = Duration::from_millis(400);
    let fault = asked(&server, Limits { read_total: whole, send_total: whole, ..patient() }).err().expect("a fault");
    assert_eq!((fault.class, fault.status), (FaultClass::Broken, Some(200)), "{}", fault.message);
    // The limit of the whole is a minute here: only the limit of a pause can end this in time.
    let silent = Server::start(|talk| {
        message(talk);
        talk.say(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{");
        talk.hold();
    });
    let limits = Limits { read_idle: Duration::from_millis(100), ..Limits::default() };
    let transport = HttpTransport::within(Limits { read_total: Duration::from_secs(3600), ..limits });
    let told = runtime().block_on(transport.exchange(request(&silent), Route::Pooled));
    assert_eq!(told.err().expect("a fault").class, FaultClass::Broken);
}

#[test]
fn a_thousand_drips_do_not_hold_up_one_good_answer() {
    let bad = Server::start(drips);
    let good = Server::start(|talk| {
        message(talk);
        talk.say(&answer("200 OK", &[], b"{}"));
        talk.close();
    });
    let transport = HttpTransport::within(patient());
    let drips = if long() { 1000 } else { 200 };
    runtime().block_on(async {
        let slow = join_all((0..drips).map(|_| transport.exchange(request(&bad), Route::Pooled)));
        // Asked once the drips are on their way.
        let quick = async {
            while bad.connections() < drips {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            transport.exchange(request(&good), Route::Pooled).await
        };
        match select(pin!(slow), pin!(quick)).await {
            Either::Right((told, _)) => assert!(told.is_ok(), "{:?}", told.err()),
            Either::Left(_) => panic!("the drips were first"),
        }
    });
}
