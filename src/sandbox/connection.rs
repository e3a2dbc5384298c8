//! One connection: reads requests, and hands the socket over where a fault needs it bare.

use super::control;
use super::delivery::{Answer, Delivery, Script};
use super::server::Shared;
use super::{Inbound, Outbound};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// Largest request body: above every provider's own limit.
const MOST_BODY: usize = 12 << 20;

/// Why the HTTP server must let go of a connection.
#[derive(Debug, thiserror::Error)]
enum LetGo {
    /// A fault plays on the bare socket.
    #[error("a fault takes the connection over")]
    TakenOver,
    /// The caller broke off within its request.
    #[error("the request broke off")]
    BrokenOff,
}

/// The script that a request left for the bare socket.
type Left = Arc<Mutex<Option<Script>>>;

/// Serves one connection to its end.
pub(super) async fn serve(stream: TcpStream, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    // Small answers must not wait for an acknowledgement.
    let _ = stream.set_nodelay(true);
    let left = Left::default();
    let service = hyper::service::service_fn({
        let (shared, left) = (Arc::clone(&shared), Arc::clone(&left));
        move |request| Box::pin(answer(request, Arc::clone(&shared), Arc::clone(&left)))
    });
    let mut connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    let mut draining = false;
    loop {
        tokio::select! {
            biased;
            _ = stopped.wait_for(|&stop| stop), if !draining => {
                draining = true;
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
            _ = &mut connection => break,
        }
    }
    let script = left.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(script) = script {
        let stream = connection.into_parts().io.into_inner();
        tokio::select! {
            biased;
            _ = stopped.wait_for(|&stop| stop) => {}
            // An error here is the caller going away, which is an end like any other.
            _ = script.play(stream, shared.clock()) => {}
        }
    }
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>, left: Left) -> Result<Response<Full<Bytes>>, LetGo> {
    let (head, body) = request.into_parts();
    // A declared length is refused at once: a caller may wait for an answer before it sends so much.
    if body.size_hint().lower() > MOST_BODY as u64 {
        return Ok(too_large(&shared));
    }
    let body = match Limited::new(body, MOST_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Ok(too_large(&shared)),
        Err(_) => return Err(LetGo::BrokenOff),
    };
    let inbound = Inbound {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body,
        at: shared.clock().now().wall,
    };
    let delivery = {
        let mut host = shared.host();
        let at = inbound.at;
        match control::answer(&inbound, &mut host) {
            Some(outbound) => Delivery::Whole(Answer::new(outbound, at), None),
            None => host.receive(inbound, shared.elapsed()),
        }
    };
    match delivery {
        Delivery::Whole(answer, pause) => {
            if let Some(pause) = pause {
                shared.clock().sleep(pause).await;
            }
            Ok(response(answer))
        }
        Delivery::Raw(script) => {
            *left.lock().unwrap_or_else(PoisonError::into_inner) = Some(script);
            Err(LetGo::TakenOver)
        }
    }
}

fn too_large(shared: &Shared) -> Response<Full<Bytes>> {
    let document = json!({"error": format!("a request body has at most {MOST_BODY} bytes")});
    response(Answer::new(Outbound::json(413, &document), shared.clock().now().wall))
}

fn response(answer: Answer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}
