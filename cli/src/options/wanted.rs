//! What is to be exported, and where the proof about it is: as options and files say.
//!
//! Promise: the options and the files become one value, and only here. What is in a file is read in the notation of its option.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgGroup, Args, ValueEnum};
use jiff::Timestamp;
use sealift_core::export::Shard;
use sealift_core::oci::{ForeignLayers, PlatformWish};
use sealift_core::place::https_host;
use sealift_core::shipment_file::{self, ShipmentFile, ShipmentFileError, WrittenText};
use sealift_core::trust_store::period::Period;

use crate::failure::{Attempt as _, Failure, FilePurpose, Reason};
use crate::files::input::{read_file, read_input};
use crate::options::place::{Named, NamedFile, NotaryPlace, TufPlace};
use crate::options::referrers::Referrers;
use crate::options::tags::RuledItem;

/// What is to be exported, and where the proof about it is.
#[derive(Debug, Clone, Args)]
#[command(
    group = ArgGroup::new("bundles").multiple(true),
    group = ArgGroup::new("what").args(["bundle", "thick_bundle", "image", "file", "shipment", "from_file"]).multiple(true).required(true)
)]
pub(crate) struct WantedArguments {
    /// A file that lists what to export (shipment.toml): each of its keys stands for an option here. `sealift shipment init` makes one
    ///
    /// What is named here is added to its lists. An option here counts instead of the same in the file; a repository instead of the one with
    /// the same name.
    #[arg(short = 'f', long, value_name = "FILE.toml", group = "bundles", help_heading = "What")]
    pub(crate) shipment: Option<PathBuf>,

    /// A file with the name of an image in each line, in any form of --image; - for standard input. What follows a # is a comment
    #[arg(long, value_name = "LIST", help_heading = "What")]
    pub(crate) from_file: Vec<PathBuf>,

    /// A CNAB bundle, with all its images
    #[arg(long, value_name = "NAME[=WHERE]", group = "bundles", help_heading = "What")]
    pub(crate) bundle: Vec<Named>,

    /// A thick bundle that travels as it is, because its makers vouch for the file itself (CNAB-Sec 303)
    ///
    /// --bundle takes such a file too, and carries what is in it: for that, its makers have to vouch for its bundle.json.
    #[arg(long, value_name = "NAME=FILE.tgz", group = "bundles", conflicts_with = "platform", help_heading = "What")]
    pub(crate) thick_bundle: Vec<Named>,

    /// An image that belongs to no bundle
    #[arg(long, value_name = "NAME[=WHERE]", help_heading = "What")]
    pub(crate) image: Vec<Named>,

    /// The images of a shipment whose tags rules choose.
    #[arg(skip)]
    pub(crate) tags: Vec<RuledItem>,

    /// A plain file that is a TUF target of this name: a wheel, a chart, an installer, a policy
    ///
    /// It is taken from the targets of the TUF repository that lists it, or from PATH, which must be what the repository lists. On the far
    /// side its name is file:/NAME.
    #[arg(long, value_name = "NAME[=PATH]", help_heading = "What")]
    pub(crate) file: Vec<NamedFile>,

    /// Where to find the images of a bundle.json by the digests that it states: a repository, a layout, or a file, in any form of WHERE
    #[arg(long, value_name = "WHERE", help_heading = "What")]
    pub(crate) images_from: Option<String>,

    /// Carry the bundles that bundles need, and those that these need, from their registries
    ///
    /// A bundle says which versions will do; the newest of these is carried. One that is named with --bundle is carried from where that
    /// says. Without this option they are named, and left behind.
    #[arg(long, requires = "bundles", help_heading = "What")]
    pub(crate) with_dependencies: bool,

    /// Carry one of several parts of what is listed, so that several machines can share the work: 2/5 is the second of five
    ///
    /// Every item is in exactly one part, and the parts are about equally long. Machines that list the same agree about the parts, so a
    /// shipment has to be locked. Give all of them the same SOURCE_DATE_EPOCH: then the parts may arrive in any order.
    #[arg(long, value_name = "NUMBER/COUNT", help_heading = "What")]
    pub(crate) shard: Option<Shard>,

    /// A TUF repository whose root is pinned here: a folder or a URL (http, https, file) with metadata/ and
    /// targets/ in it
    #[arg(long, value_name = "REPOSITORY=LOCATION[,TARGETS]", help_heading = "Proof")]
    pub(crate) tuf: Vec<TufPlace>,

    /// A collection of Docker Content Trust (Notary v1) whose root is pinned here with its GUN: the URL of its server, or a
    /// folder of its files, as a client keeps them
    ///
    /// The credentials are those for the server or, if there are none, those for the registry that the GUN names, as with docker. A name
    /// is GUN:TAG. Without REPOSITORY= it is about every collection pinned here that something exported belongs to: they are behind one
    /// server, or in one folder, each in LOCATION/GUN or LOCATION/GUN/metadata.
    #[arg(long, value_name = "[REPOSITORY=]LOCATION", help_heading = "Proof")]
    pub(crate) notary: Vec<NotaryPlace>,

    /// Carry the metadata of every role of the TUF repositories, for a mirror on the far side, instead of only what
    /// proves the chosen names
    #[arg(long, help_heading = "Proof")]
    pub(crate) whole_metadata: bool,

    /// Carry only these platforms of images, for example linux/amd64 or windows/amd64:10.0.17763.1; all by default
    ///
    /// One variant of an architecture is chosen. Where you name none, it is the usual one: amd64/v1, arm/v7, arm64/v8, or none, as the
    /// index writes it. linux/arm/v6 is another one, and linux/arm/* is every variant.
    #[arg(long, value_name = "PLATFORM", help_heading = "What")]
    pub(crate) platform: Vec<PlatformWish>,

    /// Refuse to export if anything that proves it expires sooner than so long from now: 30d, 12h, 90m
    ///
    /// It is about the metadata of every TUF repository that vouches for something, and about in-toto layouts.
    #[arg(long, value_name = "PERIOD", help_heading = "Proof")]
    pub(crate) valid_for: Option<Period>,

    /// The kinds of referrers of images and bundles to carry, cosign's tags too: attestation, signature, sbom, other, image; or all, or
    /// none. By default all except runnable images
    #[arg(long, value_name = "KIND[,KIND…]", help_heading = "What")]
    pub(crate) referrers: Option<Referrers>,

    /// What to do with layers of images that registries are not meant to distribute (foreign layers, of Windows): carry (the
    /// default), or leave-out
    #[arg(long, value_name = "HOW", hide_possible_values = true, help_heading = "What")]
    pub(crate) foreign_layers: Option<ForeignLayersWish>,
}

/// What to do with layers that registries are not meant to distribute.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ForeignLayersWish {
    Carry,
    LeaveOut,
}

impl From<ForeignLayersWish> for ForeignLayers {
    fn from(foreign_layers: ForeignLayersWish) -> Self {
        match foreign_layers {
            ForeignLayersWish::Carry => Self::Carry,
            ForeignLayersWish::LeaveOut => Self::LeaveOut,
        }
    }
}

impl FromStr for ForeignLayersWish {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        <Self as ValueEnum>::from_str(text, false).map_err(|_| "expected carry or leave-out".to_owned())
    }
}

/// What is to be exported, with what the files list.
pub(crate) struct Wanted {
    /// As if all of it had been given as options.
    pub(crate) options: WantedArguments,
    /// The shipment, where one was given.
    pub(crate) shipment: Option<NamedShipment>,
}

/// A shipment, and the names in it.
pub(crate) struct NamedShipment {
    /// The file.
    pub(crate) path: PathBuf,
    /// The names of its items, but for those that rules choose.
    pub(crate) names: BTreeSet<String>,
}

impl WantedArguments {
    /// The same with what the files list.
    pub(crate) fn with_files(&self) -> Result<Wanted, Failure> {
        let mut wanted = self.clone();
        let mut shipment = None;
        for path in &self.from_file {
            let attempt = || format!("cannot read the list {}", path.display());
            let list = read_input(path, FilePurpose::Shipment, shipment_file::MAXIMUM_LENGTH).attempt(attempt)?;
            let listed = shipment_file::parse_list(&list).attempt(attempt)?;
            wanted.image.extend(read_all::<Named>(&listed).attempt(attempt)?);
        }
        if let Some(path) = &self.shipment {
            let attempt = || format!("cannot read the shipment {}", path.display());
            let bytes = read_file(path, FilePurpose::Shipment, shipment_file::MAXIMUM_LENGTH).attempt(attempt)?;
            let file = ShipmentFile::parse(&bytes).attempt(attempt)?;
            let names = wanted.add(&file).attempt(attempt)?;
            shipment = Some(NamedShipment { path: path.clone(), names });
        }
        wanted.require_consistent()?;
        Ok(Wanted { options: wanted, shipment })
    }

    /// Adds what a file lists, as far as the options do not say otherwise. Returns the names of its items.
    fn add(&mut self, file: &ShipmentFile) -> Result<BTreeSet<String>, ShipmentFileError> {
        let ShipmentFile {
            bundles,
            thick_bundles,
            images,
            tags,
            files,
            images_from,
            with_dependencies,
            platforms,
            referrers,
            foreign_layers,
            tuf,
            notary,
            whole_metadata,
            valid_for,
        } = file;
        let (bundles, thick_bundles) = (read_all::<Named>(bundles)?, read_all::<Named>(thick_bundles)?);
        let (images, files) = (read_all::<Named>(images)?, read_all::<NamedFile>(files)?);
        let items = bundles.iter().chain(&thick_bundles).chain(&images).map(|named| named.name.clone());
        let names = items.chain(files.iter().map(|file| file.name.to_string())).collect();
        self.bundle.splice(..0, bundles);
        self.thick_bundle.splice(..0, thick_bundles);
        self.image.splice(..0, images);
        self.file.splice(..0, files);
        self.tags = tags.iter().map(RuledItem::read).collect::<Result<_, _>>()?;
        let platforms = read_all(platforms)?;
        if self.platform.is_empty() {
            self.platform = platforms;
        }
        let (referrers, foreign_layers) = (read_one(referrers)?, read_one(foreign_layers)?);
        self.referrers = self.referrers.take().or(referrers);
        self.foreign_layers = self.foreign_layers.or(foreign_layers);
        self.valid_for = self.valid_for.or(read_one(valid_for)?);
        let images_from = images_from.as_ref().map(|written| written.text().to_owned());
        self.images_from = self.images_from.take().or(images_from);
        self.with_dependencies |= with_dependencies;
        self.whole_metadata |= whole_metadata;
        let mut places: Vec<TufPlace> = read_all(tuf)?;
        places.retain(|place| self.tuf.iter().all(|named| named.repository != place.repository));
        self.tuf.extend(places);
        let mut places: Vec<NotaryPlace> = read_all(notary)?;
        places.retain(|place| self.notary.iter().all(|named| named.repository != place.repository));
        self.notary.extend(places);
        Ok(names)
    }

    /// The registries that are written with `https://`.
    pub(crate) fn https_only(&self) -> impl Iterator<Item = String> {
        let ruled = self.tags.iter().map(|ruled| &ruled.named);
        let named = self.bundle.iter().chain(&self.image).chain(ruled).filter_map(Named::written);
        named.chain(self.images_from.as_deref()).filter_map(https_host).map(str::to_owned)
    }

    /// Until when everything that proves what is wanted has to be valid, if that is asked for.
    pub(crate) fn valid_until(&self, now: Timestamp) -> Option<Timestamp> {
        now.checked_add(self.valid_for?.0).ok()
    }

    /// Refuses what the command line alone would have refused.
    fn require_consistent(&self) -> Result<(), Failure> {
        let Self { bundle, thick_bundle, image, file, tags, platform, .. } = self;
        let names = [bundle, thick_bundle, image];
        let why = if names.iter().all(|it| it.is_empty()) && file.is_empty() && tags.is_empty() {
            "the files list nothing to export"
        } else if !thick_bundle.is_empty() && !platform.is_empty() {
            "a thick bundle travels as it is, so platforms cannot be chosen"
        } else {
            return Ok(());
        };
        Err(Reason::CommandLine(why.to_owned())).attempt(|| "cannot export".to_owned())
    }
}

fn read_all<T: FromStr<Err: Display>>(written: &[WrittenText]) -> Result<Vec<T>, ShipmentFileError> {
    written.iter().map(WrittenText::read).collect()
}

fn read_one<T: FromStr<Err: Display>>(written: &Option<WrittenText>) -> Result<Option<T>, ShipmentFileError> {
    written.as_ref().map(WrittenText::read).transpose()
}
