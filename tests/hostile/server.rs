//! A server that does as it is told with every connection, and keeps what it received on each.

use rustix::net::sockopt::set_socket_linger;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Kept = Arc<Mutex<Vec<Vec<u8>>>>;

/// Listens on loopback until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    kept: Kept,
    stop: Arc<AtomicBool>,
}

impl Server {
    /// Serves each connection on a thread of its own.
    pub(crate) fn start(serve: impl Fn(&mut Talk) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let (kept, stop) = (Kept::default(), Arc::new(AtomicBool::new(false)));
        let (shared, ending, serve) = (kept.clone(), stop.clone(), Arc::new(serve));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ending.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let number = {
                    let mut all = shared.lock().expect("what was kept");
                    all.push(Vec::new());
                    all.len() - 1
                };
                // Nobody waits for ever, whatever the other side does.
                stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a limit");
                stream.set_nodelay(true).expect("an option");
                let mut talk = Talk { stream, number, kept: shared.clone() };
                let serve = serve.clone();
                std::thread::spawn(move || serve(&mut talk));
            }
        });
        Self { address, kept, stop }
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Bytes of each connection so far, in the order in which they were accepted.
    pub(crate) fn received(&self) -> Vec<Vec<u8>> {
        self.kept.lock().expect("what was kept").clone()
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.kept.lock().expect("what was kept").len()
    }

    /// Forgets what was received.
    pub(crate) fn forget(&self) {
        self.kept.lock().expect("what was kept").clear();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the listener.
        let _ = TcpStream::connect(self.address);
    }
}

/// One connection.
pub(crate) struct Talk {
    stream: TcpStream,
    /// How many there were before it.
    pub(crate) number: usize,
    kept: Kept,
}

impl Talk {
    /// Reads so many bytes, or fewer where the other side ends.
    pub(crate) fn take(&mut self, count: usize) -> usize {
        let mut bytes = vec![0; count];
        let mut taken = 0;
        while taken < count {
            match self.read(&mut bytes[taken..]) {
                Ok(more @ 1..) => taken += more,
                _ => break,
            }
        }
        taken
    }

    /// Writes; `false` once the other side has gone.
    pub(crate) fn say(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Reads and forgets until the other side ends.
    pub(crate) fn hold(&mut self) {
        let mut bytes = [0; 4096];
        while matches!(self.read(&mut bytes), Ok(1..)) {}
    }

    /// Ends with a reset.
    pub(crate) fn reset(&mut self) {
        set_socket_linger(&self.stream, Some(Duration::ZERO)).expect("an option");
        // The stream is closed when the talk is dropped, which now resets it.
    }

    /// Ends what is said, with everything that was said delivered.
    pub(crate) fn close(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}

impl Read for Talk {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(bytes)?;
        let mut all = self.kept.lock().expect("what was kept");
        if let Some(kept) = all.get_mut(self.number) {
            kept.extend_from_slice(&bytes[..count]);
        }
        Ok(count)
    }
}

impl Write for Talk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
