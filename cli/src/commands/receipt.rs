//! `sealift receipt`: what was accepted here and what a registry or layout holds, signed for the connected side.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{ArgGroup, Args};
use sealift_core::import::Destination;
use sealift_core::layout::LayoutSource;
use sealift_core::receipt;
use sealift_core::transfer::Source;

use crate::context::Context;
use crate::failure::{Attempt as _, Failure, Reason};
use crate::options::network::NetworkArguments;
use crate::options::receipt::SiteArguments;
use crate::options::registry_name::{self, RegistryName};

/// What to confirm, and by which key.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("held_by").args(["registry", "layout"]).required(true),
    after_long_help = "Examples:\n  sealift receipt --registry registry.internal:5000/mirror \\\n      --site plant-7 --key plant-7.pem -o plant-7.receipt\n  sealift receipt --layout /srv/images \\\n      --site plant-7 --key plant-7.pem -o plant-7.receipt\n\nThe receipt lists the archives that were accepted here, and the layers of every tag that was set here and is there now. Carry it back: the connected side then exports only what is missing here, with sealift export --since. import --receipt writes one right after an import."
)]
pub(crate) struct ReceiptArguments {
    /// The registry, with the path that is before every repository
    #[arg(long, value_name = "HOST[/PREFIX]", value_parser = registry_name::target, help_heading = "Held by")]
    registry: Option<RegistryName>,

    /// The folder of an OCI image layout
    #[arg(long, value_name = "DIR", help_heading = "Held by")]
    layout: Option<PathBuf>,

    /// The file to write; an older receipt there is replaced
    #[arg(short, long, value_name = "FILE", help_heading = "Receipt")]
    output: PathBuf,

    #[command(flatten)]
    site: SiteArguments,

    #[command(flatten)]
    network: NetworkArguments,
}

/// Asks, signs and writes.
pub(crate) fn run(arguments: &ReceiptArguments, context: &Context) -> Result<(), Failure> {
    let attempt = || "cannot make a receipt".to_owned();
    let store = context.trust_store()?;
    let deliveries = store.deliveries().attempt(attempt)?;
    let site = arguments.site.read(&arguments.output)?;
    let (place, source) = arguments.place()?;
    let progress = context.progress();
    progress.begin("asking what is there", None);
    let held = receipt::survey(&place, &deliveries, &*source);
    progress.finish();
    let written = site.write(&store, &place, held.attempt(attempt)?, context.now())?;
    context.result(&written, || written.line())
}

impl ReceiptArguments {
    /// What it is called in what is remembered, and what is asked.
    fn place(&self) -> Result<(String, Arc<dyn Source>), Failure> {
        if let Some(folder) = &self.layout {
            let attempt = || format!("cannot read the layout {}", folder.display());
            let failed = |source| Reason::File { path: folder.clone(), source };
            let place = Destination::layout(folder).map_err(failed).attempt(attempt)?.remembered();
            let source = LayoutSource::open(folder).attempt(attempt)?;
            return Ok((place.unwrap_or_default(), Arc::new(source)));
        }
        let (name, https_only) = self.registry.as_ref().map_or(("", None), |it| (&*it.name, it.https_only.as_ref()));
        Ok((name.to_owned(), self.network.asked_registry(https_only)?))
    }
}
