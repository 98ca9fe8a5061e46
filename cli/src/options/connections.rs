//! How much is moved at once.

use std::num::NonZeroUsize;

use clap::Args;
use sealift_core::transfer::Workers;

/// How many connections there are.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct ConnectionArguments {
    /// How many blobs are moved at once, at most; of those of a MiB or more, at most three
    #[arg(long, value_name = "N", default_value_t = Workers::USUAL_CONNECTIONS, help_heading = "Network")]
    connections: NonZeroUsize,
}

impl ConnectionArguments {
    /// The threads that move things.
    pub(crate) fn workers(self) -> Workers {
        Workers::connections(self.connections)
    }
}
