//! The program against real services that `./check real` starts on the loopback: its verdicts, held against what the
//! services tell by themselves. Each case adds a row to one table, which `tests/real/run` prints at the end.
#![expect(clippy::disallowed_methods, reason = "real services are waited for in real time")]

mod cloud;
mod ironic;
mod nova;
mod program;
mod service;
mod sign_in;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

/// The folder with what the services wrote down about themselves: `openstack/lab.json`, `ironic/lab.json`.
fn state() -> PathBuf {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/real");
    std::env::var_os("REAL_STATE").map_or(default, PathBuf::from)
}

/// A row of the table. One that is dropped without its truth says that the case failed.
struct Row {
    case: String,
    verdict: String,
    truth: Option<String>,
    began: Instant,
}

impl Row {
    /// Begins a case.
    fn begin(case: &str) -> Self {
        Self { case: case.to_owned(), verdict: "-".to_owned(), truth: None, began: Instant::now() }
    }

    /// What the program said.
    fn verdict(&mut self, ran: &program::Ran) {
        self.verdict = ran.told();
    }

    /// What the program said, called several times.
    fn verdicts(&mut self, rans: &[program::Ran]) {
        self.verdict = rans.iter().map(program::Ran::told).collect::<Vec<_>>().join("; ");
    }

    /// What the service says. To be called once everything was held to be true.
    fn truth(mut self, truth: impl Into<String>) {
        self.truth = Some(truth.into());
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        let truth = self.truth.as_deref().unwrap_or("THE CASE FAILED");
        let seconds = self.began.elapsed().as_secs_f64();
        let line = format!("{}\t{}\t{truth}\t{seconds:.1} s\n", self.case, self.verdict);
        let file = OpenOptions::new().create(true).append(true).open(state().join("rows"));
        let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
        assert!(written.is_ok() || std::thread::panicking(), "the table cannot be written");
    }
}
