//! Where things are delivered to that is not a registry: a layout, a folder of files, or a file of another tool.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
use sealift_core::delivery_file::DeliveryForm;
use sealift_core::import::Destination;
use sealift_core::layout::{LayoutError, LayoutSink};
use sealift_core::transfer::Sink;
use sealift_core::verify::{Judged, Selection};

use crate::failure::{Attempt as _, Failure, Reason};
use crate::terminal::shell::quoted;

/// Where things go, and what takes them there.
pub(crate) type OpenedTarget = (Destination, Box<dyn Sink>);

/// The options that make a new file, which has no tag that could move.
pub(crate) const NEW_FILES: [&str; 3] = ["to_layout_archive", "to_docker_archive", "to_thick_bundle"];
/// Those that write what comes in its one order, whatever could be moved at once.
pub(crate) const IN_ORDER: [&str; 2] = ["to_layout_archive", "to_docker_archive"];

/// A layout, a folder of files, or a new file.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct FileTarget {
    /// The folder of an OCI image layout, which is created if necessary
    #[arg(long, value_name = "DIR", help_heading = "Where to")]
    pub(crate) to_layout: Option<PathBuf>,

    /// The folder to put plain files into, each under its path (DIR/simple/app/app-1.4.whl), which is created if necessary
    ///
    /// It takes plain files alone: choose them with --select where an archive has more. A file with other content is replaced only if it
    /// was delivered here before.
    #[arg(long, value_name = "DIR", help_heading = "Where to")]
    pub(crate) to_files: Option<PathBuf>,

    /// A new tar file that holds an OCI image layout, for example for skopeo copy oci-archive:FILE …
    #[arg(long, value_name = "FILE.tar", value_parser = new_file(), help_heading = "Where to")]
    to_layout_archive: Option<PathBuf>,

    /// A new tar file for docker load, podman load or ctr images import, with one platform of each image
    ///
    /// It holds images only: of a bundle, its images, and nothing that refers to them.
    #[arg(long, value_name = "FILE.tar", value_parser = new_file(), help_heading = "Where to")]
    to_docker_archive: Option<PathBuf>,

    /// A new thick bundle (CNAB 104) of the only bundle that is chosen, for example for porter publish --archive
    #[arg(long, value_name = "FILE.tgz", value_parser = new_file(), help_heading = "Where to")]
    to_thick_bundle: Option<PathBuf>,
}

/// The name of a file. Such a file is made whole before it gets its name, so it cannot go to standard output.
fn new_file() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().try_map(|name| match name.as_encoded_bytes() {
        b"-" => Err("this file cannot be written to standard output: give it a name (./- for a file named -)"),
        _ => Ok(PathBuf::from(name)),
    })
}

/// The option that means what other tools write as one word, such as `oci-archive:FILE`.
pub(super) fn option_for(text: &str) -> Option<String> {
    const FORMS: [(&str, &str); 6] = [
        ("oci-archive:", "--to-layout-archive"),
        ("docker-archive:", "--to-docker-archive"),
        ("oci:", "--to-layout"),
        ("oci-layout:", "--to-layout"),
        ("ocidir://", "--to-layout"),
        ("ocidir:", "--to-layout"),
    ];
    let (path, option) = FORMS.iter().find_map(|(prefix, option)| Some((text.strip_prefix(prefix)?, option)))?;
    (!path.is_empty()).then(|| format!("{option} {}", quoted(path)))
}

impl FileTarget {
    /// The file that is made, if one is.
    pub(crate) fn new_file(&self) -> Option<(&Path, DeliveryForm)> {
        let forms = [
            (&self.to_layout_archive, DeliveryForm::LayoutArchive),
            (&self.to_docker_archive, DeliveryForm::DockerArchive),
            (&self.to_thick_bundle, DeliveryForm::ThickBundle),
        ];
        forms.into_iter().find_map(|(file, form)| Some((file.as_deref()?, form)))
    }

    /// Opens it, a layout in this way; `None` if neither a layout nor a file nor a folder of files is named.
    pub(crate) fn open<R: Read>(
        &self,
        judged: &mut Judged<R>,
        selection: &Selection,
        open_layout: impl FnOnce(&Path) -> Result<LayoutSink, LayoutError>,
    ) -> Result<Option<OpenedTarget>, Failure> {
        if let Some((path, form)) = self.new_file() {
            let opened = Destination::new_file(path, form, judged, selection);
            return opened.map(Some).attempt(|| format!("cannot make {}", path.display()));
        }
        if let Some(folder) = &self.to_files {
            let opened = Destination::files(folder, judged, selection);
            return opened.map(Some).attempt(|| format!("cannot write to {}", folder.display()));
        }
        let Some(folder) = &self.to_layout else { return Ok(None) };
        let attempt = || format!("cannot write to {}", folder.display());
        let sink = open_layout(folder).map_err(Reason::Target).attempt(attempt)?;
        let failed = |source| Reason::File { path: folder.clone(), source };
        let destination = Destination::layout(folder).map_err(failed).attempt(attempt)?;
        Ok(Some((destination, Box::new(sink))))
    }
}
