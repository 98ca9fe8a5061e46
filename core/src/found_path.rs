//! What is at a path where something else was expected: why the system did not open or make a file, in terms of what is there.

use std::ffi::OsStr;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::nearness;
use crate::remedy::Remedy;

/// The most entries of a folder that are looked at.
const MAXIMUM_ENTRIES: usize = 1_000;

/// What was found at a path, or above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundPath {
    /// A folder, where a file is needed.
    Folder(PathBuf),
    /// Nothing, and it can only be the name of a folder: it ends with a slash.
    FolderName(PathBuf),
    /// A file, where a folder is needed: at the path or above it.
    File(PathBuf),
    /// Nothing, and what it would be in is not there either: the first folder that is missing.
    NoFolder(PathBuf),
    /// A symbolic link to something that is not there.
    DanglingLink {
        /// The link.
        link: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
}

impl fmt::Display for FoundPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{} is a folder, not a file", path.display()),
            Self::FolderName(path) => {
                write!(f, "{} is the name of a folder, because of the / at its end", path.display())
            }
            Self::File(path) => write!(f, "{} is a file, not a folder", path.display()),
            Self::NoFolder(path) => write!(f, "there is no folder {}", path.display()),
            Self::DanglingLink { link, target } => {
                let target = target.display();
                write!(f, "{} is a symbolic link to {target}, which does not exist", link.display())
            }
        }
    }
}

impl FoundPath {
    /// Looks at what is there, after the system said this about a path; `None` where that says more than what is there.
    pub fn at(path: &Path, said: ErrorKind) -> Option<Self> {
        let above = || path.ancestors().skip(1).filter(|it| !it.as_os_str().is_empty());
        if let Ok(target) = path.read_link()
            && !path.exists()
        {
            return Some(Self::DanglingLink { link: path.to_owned(), target });
        }
        match said {
            ErrorKind::IsADirectory if path.is_dir() => Some(Self::Folder(path.to_owned())),
            ErrorKind::IsADirectory => Some(Self::FolderName(path.to_owned())),
            ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
                let mut there = path.ancestors().filter(|it| it.symlink_metadata().is_ok());
                there.next().filter(|it| !it.is_dir()).map(|it| Self::File(it.to_owned()))
            }
            ErrorKind::NotFound => {
                let missing = above().filter(|it| it.symlink_metadata().is_err()).last();
                missing.map(|it| Self::NoFolder(it.to_owned()))
            }
            _ => None,
        }
    }

    /// What can be done about it, where this was the path.
    pub fn remedy(&self, path: &Path) -> Remedy {
        match self {
            Self::Folder(folder) | Self::FolderName(folder) => Remedy::GiveFile { folder: folder.clone() },
            Self::File(file) if file == path => Remedy::GiveFolder { file: file.clone() },
            Self::File(_) | Self::NoFolder(_) | Self::DanglingLink { .. } => {
                Remedy::CheckPath { path: path.to_owned(), meant: None }
            }
        }
    }
}

/// The path that was probably meant by one that is not there: something in the same folder is called much like it, or the folder is called
/// otherwise.
pub fn meant(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let folder = path.parent()?;
    if path.symlink_metadata().is_ok() {
        return None;
    }
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if !here.is_dir() {
        return meant(folder).map(|folder| folder.join(name)).filter(|path| path.exists());
    }
    let entries = here.read_dir().ok()?.take(MAXIMUM_ENTRIES).filter_map(Result::ok);
    // An ending alone makes no two names alike.
    let is_alike = |entry: &String| match (path.file_stem().and_then(OsStr::to_str), Path::new(entry).file_stem()) {
        (Some(looked_for), Some(stem)) => nearness::meant(looked_for, stem.to_str()).is_some(),
        _ => false,
    };
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(is_alike).collect();
    names.sort();
    nearness::meant(name, names).map(|name| folder.join(name))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_there_is_said_instead_of_what_the_system_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("folder")).unwrap();
        fs::write(path("file"), "").unwrap();
        symlink("nowhere", path("link")).unwrap();
        let said = |error: std::io::Error, at: &str| {
            let found = FoundPath::at(&path(at), error.kind());
            found.map(|found| found.to_string().replace(&*folder.path().to_string_lossy(), "."))
        };
        let opened = |at: &str| said(fs::read(path(at)).unwrap_err(), at);
        let made = |at: &str| said(File::create(path(at)).unwrap_err(), at);
        let folder_made = |at: &str| said(fs::create_dir_all(path(at)).unwrap_err(), at);
        assert_eq!(opened("folder").unwrap(), "./folder is a folder, not a file");
        assert_eq!(made("folder").unwrap(), "./folder is a folder, not a file");
        assert_eq!(made("new/").unwrap(), "./new/ is the name of a folder, because of the / at its end");
        for at in ["file/a", "file/a/b"] {
            assert_eq!(opened(at).unwrap(), "./file is a file, not a folder");
        }
        for at in ["file", "file/a"] {
            assert_eq!(folder_made(at).unwrap(), "./file is a file, not a folder");
        }
        assert_eq!(made("new/a/b").unwrap(), "there is no folder ./new");
        assert_eq!(opened("link").unwrap(), "./link is a symbolic link to nowhere, which does not exist");
        assert_eq!(opened("nowhere"), None);
    }

    #[test]
    fn what_is_called_much_like_it_was_meant() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("discs")).unwrap();
        for name in ["shop.sealift", "exporter.pem", "discs/shop.sealift", "a.sealift"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let meant = |name: &str| {
            let found = meant(&folder.path().join(name))?;
            found.strip_prefix(folder.path()).ok().map(|it| it.display().to_string())
        };
        for (typed, is) in [
            ("shop.sealif", Some("shop.sealift")),
            ("exporter.pen", Some("exporter.pem")),
            ("disks/shop.sealift", Some("discs/shop.sealift")),
            ("discs/ship.sealift", Some("discs/shop.sealift")),
            ("disks/other", None),
            ("other", None),
            ("b.sealift", None),
            ("a.sealif", Some("a.sealift")),
            ("exporter.pub", Some("exporter.pem")),
            ("shop.sealift", None),
        ] {
            assert_eq!(meant(typed).as_deref(), is, "{typed}");
        }
    }
}
