//! The folder in which a test lets the program work: temporary, or kept below `REINSTALL_ARTEFACTS` for the sweep.
//!
//! A test names its secrets and the files that hold them by right. The sweep (`tests/sweep`) then looks for every
//! secret of every test in everything else that is kept.
#![expect(clippy::disallowed_methods, reason = "the one variable that says where artefacts are kept")]

use serde_json::{Value, json};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;

/// Names the folder where artefacts are kept. Unset, every test removes its own.
pub(crate) const FOLDER: &str = "REINSTALL_ARTEFACTS";
/// The list of a test's secrets, a JSON object a line: `{"secret": TEXT}`, `{"given": PATH}` or `{"book": PATH}`.
pub(crate) const LIST: &str = ".secrets";

// Each suite uses its own part.
const _: () = {
    let _ = (Artefacts::new, Artefacts::path, Artefacts::secret, Artefacts::given, Artefacts::book, Artefacts::keep);
};

/// One test's folder.
#[derive(Debug)]
pub(crate) struct Artefacts {
    root: PathBuf,
    kept: bool,
    count: AtomicUsize,
    // Removed with the test, unless it is kept.
    _folder: Option<TempDir>,
}

impl Artefacts {
    /// A fresh folder whose name begins with the suite's.
    pub(crate) fn new(suite: &str) -> Self {
        let Some(all) = std::env::var_os(FOLDER).filter(|folder| !folder.is_empty()) else {
            let folder = TempDir::new().expect("a temporary folder");
            let root = folder.path().to_path_buf();
            return Self { root, kept: false, count: AtomicUsize::new(0), _folder: Some(folder) };
        };
        fs::create_dir_all(&all).expect("the folder of artefacts");
        let folder = tempfile::Builder::new().prefix(&format!("{suite}-")).tempdir_in(all).expect("a folder");
        Self { root: folder.keep(), kept: true, count: AtomicUsize::new(0), _folder: None }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.root
    }

    /// A text that no artefact of any test may hold, in any spelling. Texts under eight bytes are left out: they
    /// stand everywhere by chance.
    pub(crate) fn secret(&self, text: &str) {
        if text.len() >= 8 {
            self.list(&json!({ "secret": text }));
        }
    }

    /// A file or folder that the test made itself, so that secrets may stand in it: absolute, or below this folder.
    pub(crate) fn given(&self, path: &Path) {
        self.list(&json!({ "given": self.root.join(path) }));
    }

    /// A file of `--generate-password`: each of its passwords is a secret, and may stand here alone.
    pub(crate) fn book(&self, path: &Path) {
        self.list(&json!({ "book": self.root.join(path) }));
    }

    /// Keeps what the program said, such as its standard output.
    pub(crate) fn keep(&self, name: &str, bytes: &[u8]) {
        if self.kept {
            let folder = self.root.join("said");
            fs::create_dir_all(&folder).expect("a folder");
            let number = self.count.fetch_add(1, Ordering::Relaxed);
            fs::write(folder.join(format!("{number:03}-{name}")), bytes).expect("an artefact");
        }
    }

    fn list(&self, line: &Value) {
        if self.kept {
            let path = self.root.join(LIST);
            let mut file = OpenOptions::new().create(true).append(true).open(path).expect("the list of secrets");
            file.write_all(format!("{line}\n").as_bytes()).expect("the list of secrets");
        }
    }
}
