//! What takes the place of `registry` in a build without the network.

use super::ServeArguments;
use crate::context::Context;
use crate::failure::{Attempt as _, Failure, Reason};

/// Serves nothing.
pub(crate) fn run(arguments: &ServeArguments, _: &Context) -> Result<(), Failure> {
    let ServeArguments { archives, listen, tls_cert: _, tls_key: _, selection: _, names: _, verdict: _ } = arguments;
    Err(Reason::NoNetwork).attempt(|| format!("cannot serve {} archives at {listen}", archives.len()))
}
