//! `sealift serve`: verify archives, then serve what they hold.

#[cfg(feature = "network")]
mod access_lines;
#[cfg_attr(not(feature = "network"), path = "no_network.rs")]
mod registry;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

pub(crate) use registry::run;

use crate::options::naming::NamingArguments;
use crate::options::selection::SelectionArguments;
use crate::options::verdict::VerdictArguments;

/// What to serve, and where.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  sealift serve shop.sealift\n  sealift serve shop.sealift tools.sealift --listen 0.0.0.0:5000 \\\n      --tls-cert registry.pem --tls-key registry.key\n  sealift serve week-48.sealift week-49.sealift\n  sealift serve shop.sealift --select nginx:1 --names flat\n\nEach archive is judged and verified as by import, and refused for the same reasons, before anything is served; nothing is remembered. Then its images, bundles and files are served from the archive's file, without a copy, under the names that import --to-registry gives them: HOST:PORT/example.com/org/shop:1.4 for example.com/org/shop:1.4, unless --names says otherwise. With --select, only what is named is served. The TUF repositories are at /tuf/NAME/. What a delta leaves out has to be in another of the archives, in any order; otherwise nothing is served. Nothing can be changed by clients, and everyone who reaches the address can read everything: it is this machine alone unless --listen says otherwise.\n\nEvery piece of a blob is compared with what was verified before it is sent. If the file was changed in the meantime, the connection is cut, and the log says so. SIGINT and SIGTERM end the server, with exit code 0."
)]
pub(crate) struct ServeArguments {
    /// The archives: files that are not compressed, or folders of volumes
    #[arg(value_name = "ARCHIVE", required = true)]
    archives: Vec<PathBuf>,

    /// The address and port to listen on; port 0 is any that is free
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:5000", help_heading = "Where")]
    listen: SocketAddr,

    /// The certificate to serve with, in PEM, followed by its chain; without it, the server uses plain HTTP
    #[arg(long, value_name = "FILE", requires = "tls_key", help_heading = "Where")]
    tls_cert: Option<PathBuf>,

    /// The private key of the certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert", help_heading = "Where")]
    tls_key: Option<PathBuf>,

    #[command(flatten)]
    selection: SelectionArguments,

    #[command(flatten)]
    names: NamingArguments,

    #[command(flatten)]
    verdict: VerdictArguments,
}
