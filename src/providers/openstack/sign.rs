//! What `reinstall sign` does here: a token is put on, and there are no stages of a signature.

use super::account::Account;
use crate::providers::{SetupError, SignScope, Sources};
use crate::sign::Stages;
use crate::wire::{Login, Stamp, WireRequest};

/// Authorizes a request as the credentials in the sources would.
///
/// # Errors
/// As reading credentials and settings.
pub(super) fn request(
    sources: &dyn Sources,
    request: &mut WireRequest,
    stamp: &Stamp,
    _scope: SignScope<'_>,
) -> Result<Option<Stages>, SetupError> {
    Account::read(sources)?.login.authorize(request, stamp);
    Ok(None)
}
