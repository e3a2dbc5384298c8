//! A server in front of an emulator: it passes everything on, until it is told to do something else.

use crate::http::{body_at, message};
use crate::server::{Server, Talk};
use std::io::Write;
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

type Deed = Arc<dyn Fn(&mut Talk) + Send + Sync>;

/// The front. Each request takes a connection of its own, so that a new deed counts from the next request on.
pub(crate) struct Front {
    pub(crate) server: Server,
    deed: Arc<Mutex<Deed>>,
    behind: String,
}

impl Front {
    /// Passes everything on to `HOST:PORT`.
    pub(crate) fn of(behind: &str) -> Self {
        let behind = behind.to_owned();
        let deed: Arc<Mutex<Deed>> = Arc::new(Mutex::new(passing(behind.clone(), |_, _| {})));
        let present = deed.clone();
        let server = Server::start(move |talk| {
            let deed = present.lock().expect("the deed").clone();
            deed(talk);
        });
        Self { server, deed, behind }
    }

    /// Does this with every connection from now on.
    pub(crate) fn does(&self, deed: impl Fn(&mut Talk) + Send + Sync + 'static) {
        *self.deed.lock().expect("the deed") = Arc::new(deed);
    }

    /// Passes everything on, and changes the answers: the request is beside each.
    pub(crate) fn changes(&self, change: impl Fn(&[u8], &mut Vec<u8>) + Send + Sync + 'static) {
        *self.deed.lock().expect("the deed") = passing(self.behind.clone(), change);
    }

    /// Passes everything on as it is.
    pub(crate) fn passes(&self) {
        self.changes(|_, _| {});
    }
}

fn passing(behind: String, change: impl Fn(&[u8], &mut Vec<u8>) + Send + Sync + 'static) -> Deed {
    Arc::new(move |talk: &mut Talk| {
        let Some(request) = message(talk) else { return };
        let Some(mut answer) = forward(&behind, &request) else { return };
        change(&request, &mut answer);
        talk.say(&answer);
        talk.close();
    })
}

/// Sends a request on and returns the answer, marked as the last one of its connection.
pub(crate) fn forward(behind: &str, request: &[u8]) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(behind).ok()?;
    stream.write_all(request).ok()?;
    let mut answer = message(&mut stream)?;
    let line = answer.windows(2).position(|two| two == b"\r\n")? + 2;
    answer.splice(line..line, *b"connection: close\r\n");
    Some(answer)
}

/// Replaces the body of an answer, and its length.
pub(crate) fn rebody(answer: &mut Vec<u8>, body: &[u8]) {
    let place = body_at(answer);
    let head = String::from_utf8_lossy(&answer[..place - 2]).into_owned();
    let lines = head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("content-length:"));
    let mut text: String = lines.map(|line| format!("{line}\r\n")).collect();
    text.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    *answer = [text.as_bytes(), body].concat();
}
