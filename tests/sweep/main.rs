//! The sweep: no secret of any test stands in anything that the program wrote, in any usual spelling.
//!
//! It reads the folder that `REINSTALL_ARTEFACTS` names, which every suite filled (`tests/artefacts`), and is the last
//! step of `./check`.

#[path = "../artefacts/mod.rs"]
mod artefacts;
mod folder;
mod proof;
mod spelling;
