//! How an answer reaches the caller: whole through the HTTP server, or byte by byte past it.

use super::Outbound;
use super::faults::{Cut, Fault, Foreign, ForeignAnswer};
use bytes::{BufMut, Bytes, BytesMut};
use chrono::{DateTime, Utc};
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What follows one request.
pub(super) enum Delivery {
    /// The answer, after a pause if there is one.
    Whole(Answer, Option<Duration>),
    /// Bytes written past the HTTP server; the connection ends with them.
    Raw(Script),
}

impl Delivery {
    /// Sends the answer as the fault bends it.
    pub(super) fn of(answer: Answer, fault: Option<&Fault>) -> Self {
        Self::Raw(match fault {
            Some(Fault::DropAnswer) => Script::nothing(End::Close),
            Some(Fault::ResetAnswer(cut)) => Script::cut(&answer, *cut, End::Reset),
            Some(Fault::Truncate(cut)) => Script::cut(&answer, *cut, End::Close),
            Some(Fault::Stall(cut)) => Script::cut(&answer, *cut, End::Silence),
            Some(Fault::Drip(pace)) => Script::drip(&answer, *pace),
            Some(Fault::Foreign(Foreign { answer: ForeignAnswer::Huge { bytes }, .. })) => {
                Script::huge(&answer, *bytes)
            }
            Some(Fault::Delay(pause)) => return Self::Whole(answer, Some(*pause)),
            _ => return Self::Whole(answer, None),
        })
    }

    /// The HTTP status that reaches the caller, if one does.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Whole(answer, _) => Some(answer.status.as_u16()),
            Self::Raw(script) => script.status,
        }
    }
}

/// A complete answer.
#[derive(Clone)]
pub(super) struct Answer {
    /// HTTP status.
    pub(super) status: StatusCode,
    /// Headers, `content-type` and `date` among them.
    pub(super) headers: HeaderMap,
    /// Body.
    pub(super) body: Bytes,
}

impl Answer {
    /// Completes a vendor's answer. The date is the sandbox's own, so that a test's clock is the server's too.
    pub(super) fn new(outbound: Outbound, at: DateTime<Utc>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Ok(date) = HeaderValue::from_str(&at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()) {
            headers.insert(DATE, date);
        }
        for (name, value) in outbound.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(&value)) {
                headers.insert(name, value);
            }
        }
        let status = StatusCode::from_u16(outbound.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, headers, body: outbound.body }
    }

    /// Status line and headers as they go on the wire; the connection closes after the body.
    fn head(&self, length: u64) -> BytesMut {
        let mut head = BytesMut::new();
        let reason = self.status.canonical_reason().unwrap_or("Status");
        head.put_slice(format!("HTTP/1.1 {} {reason}\r\n", self.status.as_u16()).as_bytes());
        for (name, value) in &self.headers {
            if name == CONTENT_LENGTH || name == CONNECTION {
                continue;
            }
            head.put_slice(name.as_str().as_bytes());
            head.put_slice(b": ");
            head.put_slice(value.as_bytes());
            head.put_slice(b"\r\n");
        }
        head.put_slice(format!("content-length: {length}\r\nconnection: close\r\n\r\n").as_bytes());
        head
    }
}

/// Bytes for the socket, their pace, and what comes after them.
pub(super) struct Script {
    status: Option<u16>,
    bytes: Bytes,
    padding: u64,
    pace: Option<Duration>,
    end: End,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// In order.
    Close,
    /// With a reset.
    Reset,
    /// Not until the caller or the sandbox goes.
    Silence,
}

/// Bytes of a status line up to its number.
const STATUS_END: usize = "HTTP/1.1 200".len();

const BLOCK: [u8; 16 << 10] = [b'a'; 16 << 10];

impl Script {
    /// Not a byte, then this end.
    pub(super) fn nothing(end: End) -> Self {
        Self { status: None, bytes: Bytes::new(), padding: 0, pace: None, end }
    }

    /// The answer up to a cut.
    pub(super) fn cut(answer: &Answer, cut: Cut, end: End) -> Self {
        let mut bytes = answer.head(answer.body.len() as u64);
        let keep = if cut.after_head { bytes.len().saturating_add(cut.bytes) } else { cut.bytes };
        bytes.put_slice(&answer.body);
        bytes.truncate(keep);
        let status = (bytes.len() >= STATUS_END).then_some(answer.status.as_u16());
        Self { status, bytes: bytes.freeze(), padding: 0, pace: None, end }
    }

    /// The whole answer with a pause between any two bytes.
    pub(super) fn drip(answer: &Answer, pace: Duration) -> Self {
        let whole = Cut { bytes: usize::MAX, after_head: false };
        Self { pace: Some(pace), ..Self::cut(answer, whole, End::Close) }
    }

    /// The answer's head and a JSON text of that many bytes that never closes.
    pub(super) fn huge(answer: &Answer, length: u64) -> Self {
        let mut bytes = answer.head(length);
        if length > 0 {
            bytes.put_slice(b"\"");
        }
        let status = Some(answer.status.as_u16());
        Self { status, bytes: bytes.freeze(), padding: length.saturating_sub(1), pace: None, end: End::Close }
    }

    /// Plays it on the socket. Errors mean that the caller went away, which ends it as well.
    pub(super) async fn play(self, mut stream: TcpStream, clock: &dyn crate::clock::Clock) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        match self.pace {
            None => stream.write_all(&self.bytes).await?,
            Some(pace) => {
                for byte in self.bytes {
                    stream.write_all(&[byte]).await?;
                    clock.sleep(pace).await;
                }
            }
        }
        let mut left = self.padding;
        while left > 0 {
            let block = &BLOCK[..usize::try_from(left).unwrap_or(usize::MAX).min(BLOCK.len())];
            stream.write_all(block).await?;
            left -= block.len() as u64;
        }
        match self.end {
            End::Close => stream.shutdown().await,
            End::Reset => stream.set_zero_linger(),
            End::Silence => {
                let mut ignored = [0; 1024];
                while stream.read(&mut ignored).await? > 0 {}
                Ok(())
            }
        }
    }
}
