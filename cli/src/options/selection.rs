//! What of an archive is delivered, or served.

use clap::Args;
use sealift_core::oci::{PlatformWish, Platforms};
use sealift_core::verify::{SelectedName, SelectedNames, Selection};

/// What is chosen by name and by platform.
#[derive(Debug, Clone, Args)]
pub(crate) struct SelectionArguments {
    /// Deliver only this bundle, image or file (file:/NAME), or this part of a bundle; may be given more than once
    ///
    /// The archive is verified as a whole all the same. What `import` accepts is remembered as a whole, too.
    #[arg(long, value_name = "NAME", help_heading = "What")]
    select: Vec<SelectedName>,

    #[command(flatten)]
    platforms: PlatformArguments,
}

/// What is chosen by platform.
#[derive(Debug, Clone, Args)]
pub(crate) struct PlatformArguments {
    /// Deliver only these platforms of images, for example linux/amd64
    ///
    /// One variant of an architecture is chosen. Where you name none, it is the usual one: amd64/v1, arm/v7, arm64/v8, or none, as the
    /// index writes it. linux/arm/v6 is another one, and linux/arm/* is every variant.
    #[arg(long, value_name = "PLATFORM", help_heading = "What")]
    platform: Vec<PlatformWish>,
}

impl SelectionArguments {
    /// What is chosen; everything where nothing was named.
    pub(crate) fn selection(&self) -> Selection {
        let names = match self.select.as_slice() {
            [] => SelectedNames::All,
            chosen => SelectedNames::Only(chosen.to_vec()),
        };
        Selection { names, platforms: self.platforms.platforms() }
    }
}

impl PlatformArguments {
    /// The platforms; all where none was named.
    pub(crate) fn platforms(&self) -> Platforms {
        match self.platform.as_slice() {
            [] => Platforms::All,
            chosen => Platforms::Only(chosen.to_vec()),
        }
    }
}
