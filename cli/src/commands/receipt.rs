//! `sealift receipt`: what was accepted here and what a registry or layout holds, signed for the connected side.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{ArgGroup, Args};
use sealift_core::import::Destination;
use sealift_core::layout::LayoutSource;
use sealift_core::receipt;
use sealift_core::transfer::Source;

use crate::context::Context;
use crate::failure::{Attempt as _, Failure, Reason};
use crate::options::network::NetworkArguments;
use crate::options::receipt::{SiteArguments, WrittenReceipt};
use crate::options::registry_name::{self, RegistryName};
use crate::terminal::text::Text;

/// What to confirm, and by which key.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("held_by").args(["registry", "layout"]).required(true),
    after_long_help = "Examples:\n  sealift receipt --registry registry.internal:5000/mirror \\\n      --site plant-7 --key plant-7.pem -o plant-7.receipt\n  sealift receipt --layout /srv/images \\\n      --site plant-7 --key plant-7.pem -o plant-7.receipt\n  sealift receipt --registry registry.internal:5000/mirror --brief \\\n      --site plant-7 --key plant-7.pem -o plant-7.receipt\n\nThe receipt lists the archives that were accepted here, and the layers of every tag that was set here and is there now. Carry it back: the connected side then exports only what is missing here, with sealift export --since. import --receipt writes one right after an import."
)]
pub(crate) struct ReceiptArguments {
    /// The registry, with the path that is before every repository
    #[arg(long, value_name = "HOST[/PREFIX]", value_parser = registry_name::target, help_heading = "Held by")]
    registry: Option<RegistryName>,

    /// The folder of an OCI image layout
    #[arg(long, value_name = "DIR", help_heading = "Held by")]
    layout: Option<PathBuf>,

    /// Write one line, for a phone or an email: it confirms the archive that was exported last of those that were imported there, and
    /// lists no layers; nothing is asked there
    #[arg(long, help_heading = "Receipt")]
    brief: bool,

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
    let site = arguments.site.read(&arguments.output)?;
    let place = arguments.place()?;
    if arguments.brief {
        let written = site.write_brief(&store, &place, context.now())?;
        return context.result(&written, || text(&written));
    }
    let deliveries = store.deliveries().attempt(attempt)?;
    let source = arguments.source()?;
    let progress = context.progress();
    progress.begin("asking what is there", None);
    let held = receipt::survey(&place, &deliveries, &*source);
    progress.finish();
    let written = site.write(&store, &place, held.attempt(attempt)?, context.now())?;
    context.result(&written, || text(&written))
}

fn text(written: &WrittenReceipt) -> Text {
    let mut text = Text::default();
    written.lines().into_iter().for_each(|line| text.line(line));
    text
}

fn unread(folder: &Path) -> String {
    format!("cannot read the layout {}", folder.display())
}

impl ReceiptArguments {
    /// What it is called in what is remembered.
    fn place(&self) -> Result<String, Failure> {
        let Some(folder) = &self.layout else {
            return Ok(self.registry.as_ref().map(|it| it.name.to_string()).unwrap_or_default());
        };
        let failed = |source| Reason::File { path: folder.clone(), source };
        let place = Destination::layout(folder).map_err(failed).attempt(|| unread(folder))?;
        Ok(place.remembered().unwrap_or_default())
    }

    /// What is asked.
    fn source(&self) -> Result<Arc<dyn Source>, Failure> {
        match &self.layout {
            Some(folder) => Ok(Arc::new(LayoutSource::open(folder).attempt(|| unread(folder))?)),
            None => self.network.asked_registry(self.registry.as_ref().and_then(|it| it.https_only.as_ref())),
        }
    }
}
