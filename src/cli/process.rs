//! What the process owes the secrets in its memory, and what it was started with.

use std::io;

/// Switches core files off and keeps other processes of the same user from this one's memory and environment.
pub fn keep_memory_private() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Whether standard output is the null device, open for reading too: what the language's runtime puts in the place of
/// a standard output that was closed (`>&-`). Some callers throw output away like that on purpose, and the two cannot
/// be told apart, so this is no reason to refuse; but nobody must be left without the result. A plain `>/dev/null` is
/// open for writing alone.
pub(super) fn leads_nowhere() -> bool {
    use rustix::fs::{FileType, OFlags, fcntl_getfl, fstat, stat};
    let stdout = rustix::stdio::stdout();
    let (Ok(own), Ok(null)) = (fstat(stdout), stat("/dev/null")) else { return false };
    FileType::from_raw_mode(own.st_mode) == FileType::CharacterDevice
        && own.st_rdev == null.st_rdev
        && fcntl_getfl(stdout).is_ok_and(|flags| flags & OFlags::RWMODE == OFlags::RDWR)
}
