//! A relay before the emulator: it sees every request and answer and kills the program at a chosen one.

use rustix::process::{Pid, Signal, kill_process};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

/// What the relay kills, and when.
#[derive(Default)]
struct Aim {
    victim: Mutex<Option<Pid>>,
    known: Condvar,
    /// The number of the event to kill at; 0 for none.
    at: AtomicUsize,
    events: AtomicUsize,
}

impl Aim {
    /// Counts one event; whether the program was killed at it.
    fn event(&self) -> bool {
        let number = self.events.fetch_add(1, Ordering::SeqCst) + 1;
        if self.at.load(Ordering::SeqCst) != number {
            return false;
        }
        let mut victim = self.victim.lock().expect("the victim");
        while victim.is_none() {
            victim = self.known.wait(victim).expect("the victim");
        }
        victim.is_some_and(|pid| kill_process(pid, Signal::KILL).is_ok())
    }
}

/// The relay.
pub(crate) struct Relay {
    address: SocketAddr,
    aim: Arc<Aim>,
}

impl Relay {
    /// Starts one before this address. It counts four events an exchange: connected (for a new connection), request
    /// arrived and not handed on, carried out and not answered, answered.
    pub(crate) fn start(upstream: SocketAddr, kill_at: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let aim = Arc::new(Aim { at: AtomicUsize::new(kill_at), ..Aim::default() });
        std::thread::spawn({
            let aim = Arc::clone(&aim);
            move || {
                for stream in listener.incoming().flatten() {
                    let aim = Arc::clone(&aim);
                    // A broken connection is what a kill looks like from here.
                    std::thread::spawn(move || relay(stream, upstream, &aim));
                }
            }
        });
        Self { address, aim }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Says which process is meant.
    pub(crate) fn aim_at(&self, process: u32) {
        *self.aim.victim.lock().expect("the victim") = Pid::from_raw(i32::try_from(process).expect("an id"));
        self.aim.known.notify_all();
    }

    /// From now on nothing is killed; returns how many events there were.
    pub(crate) fn disarm(&self) -> usize {
        self.aim.at.store(0, Ordering::SeqCst);
        self.aim.events.load(Ordering::SeqCst)
    }
}

fn relay(stream: TcpStream, upstream: SocketAddr, aim: &Aim) -> io::Result<()> {
    if aim.event() {
        return Ok(());
    }
    stream.set_nodelay(true)?;
    let server = TcpStream::connect(upstream)?;
    server.set_nodelay(true)?;
    let (mut from_program, mut from_server) =
        (BufReader::new(stream.try_clone()?), BufReader::new(server.try_clone()?));
    let (mut to_program, mut to_server) = (stream, server);
    while let Some(request) = message(&mut from_program)? {
        if aim.event() {
            return Ok(());
        }
        to_server.write_all(&request)?;
        let Some(answer) = message(&mut from_server)? else { return Ok(()) };
        if aim.event() {
            return Ok(());
        }
        to_program.write_all(&answer)?;
        aim.event();
    }
    Ok(())
}

/// One request or answer, as its bytes; `None` at the connection's end.
fn message(from: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let (mut bytes, mut length) = (Vec::new(), 0);
    loop {
        let mut line = Vec::new();
        if from.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        bytes.extend_from_slice(&line);
        let text = String::from_utf8_lossy(&line).to_ascii_lowercase();
        if let Some(value) = text.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        if text.trim().is_empty() {
            break;
        }
    }
    let head = bytes.len();
    bytes.resize(head + length, 0);
    from.read_exact(&mut bytes[head..])?;
    Ok(Some(bytes))
}
