//! The two streams of the program.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// A stream with several writers; each write is whole.
#[derive(Clone)]
pub struct Sink(Arc<Mutex<Box<dyn Write + Send>>>);

impl Sink {
    /// Wraps a stream.
    pub fn new(stream: Box<dyn Write + Send>) -> Self {
        Self(Arc::new(Mutex::new(stream)))
    }

    /// Writes one line and hands it on at once, so that nothing told is lost with the process.
    pub fn line(&self, text: &str) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(text.len() + 1);
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(b'\n');
        self.all(&bytes)
    }

    /// Writes these bytes and hands them on at once.
    pub fn all(&self, bytes: &[u8]) -> io::Result<()> {
        let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stream.write_all(bytes)?;
        stream.flush()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}

/// Standard output for results, standard error for everything else. Made once, from writers.
#[derive(Clone)]
pub struct Out {
    /// Results only.
    pub stdout: Sink,
    /// Progress, questions, warnings, errors.
    pub stderr: Sink,
}

impl Out {
    /// Takes the two streams.
    pub fn new(stdout: Box<dyn Write + Send>, stderr: Box<dyn Write + Send>) -> Self {
        Self { stdout: Sink::new(stdout), stderr: Sink::new(stderr) }
    }
}
