//! The folder of the results of an import: its own, made before anything is delivered.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sealift_archive_format::Digest;
use sealift_core::whole_file;
use walkdir::WalkDir;

use crate::failure::Reason;

/// The files of results.
pub(crate) const MAPPING_FILE: &str = "relocation-mapping.json";
pub(crate) const REPORT_FILE: &str = "report.json";

/// The folder of what each bundle has for itself.
const BUNDLES: &str = "bundles";
/// The longest name of a file that file systems take, in bytes, and what is kept of a longer one. References are in ASCII.
const LONGEST_NAME: usize = 255;
const KEPT_OF_LONG_NAMES: usize = 200;

/// The link to the results of the last import.
const LATEST: &str = "latest";

/// How many imports within one second have a folder of their own.
const MAXIMUM_IMPORTS_A_SECOND: u32 = 1_000;

/// The folder that the results of an import will be in. If nothing is imported, nothing of it is left.
pub(crate) struct ResultsFolder {
    folder: PathBuf,
    /// The folder that it is in, if it is named after the time of the import.
    around: Option<PathBuf>,
    made: MadeFolders,
}

/// The folders that were made for results, the innermost last.
#[derive(Debug, Clone, Default)]
pub(crate) struct MadeFolders(Vec<PathBuf>);

impl MadeFolders {
    /// Removes those that are empty; others are somebody else's too.
    pub(crate) fn remove(&self) {
        for folder in self.0.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }

    /// Makes a folder that was not there.
    fn make_new(&mut self, folder: &Path) -> io::Result<()> {
        fs::create_dir(folder)?;
        self.0.push(folder.to_owned());
        Ok(())
    }

    /// Makes a folder and those around it, as far as they are not there.
    fn make(&mut self, folder: &Path) -> io::Result<()> {
        let is_missing = |it: &&Path| !it.as_os_str().is_empty() && it.symlink_metadata().is_err();
        let missing: Vec<&Path> = folder.ancestors().take_while(is_missing).collect();
        for folder in missing.into_iter().rev() {
            match self.make_new(folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                outcome => outcome?,
            }
        }
        Ok(())
    }
}

impl ResultsFolder {
    /// Makes the folder, and shows that files can be made in it: the one that was asked for, or one that is named after `now` in
    /// `STEM.imported` in the current folder.
    ///
    /// # Errors
    /// [`Reason::Results`].
    pub(crate) fn make(asked: Option<&Path>, stem: &OsStr, now: Timestamp) -> Result<Self, Reason> {
        let results = match asked {
            Some(folder) => {
                let mut results = Self { folder: folder.to_owned(), around: None, made: MadeFolders::default() };
                results.made.make(folder).map_err(|source| results.failed(source))?;
                results
            }
            None => {
                let mut around = stem.to_owned();
                around.push(".imported");
                Self::make_dated(around.into(), now)?
            }
        };
        whole_file::check_folder(&results.folder).map_err(|source| results.failed(source))?;
        Ok(results)
    }

    /// Makes a folder that nobody else has made, `TIME`, or `TIME-2` and so on.
    fn make_dated(around: PathBuf, now: Timestamp) -> Result<Self, Reason> {
        // Not every file system takes colons in names.
        let time = now.to_string().replace(':', "");
        let mut results = Self { folder: around.join(&time), around: None, made: MadeFolders::default() };
        for number in 1..=MAXIMUM_IMPORTS_A_SECOND {
            if around.is_symlink() {
                let source = io::Error::other("a symbolic link, and the results would be written where it leads");
                return Err(Reason::Results { path: around, source });
            }
            if number > 1 {
                results.folder = around.join(format!("{time}-{number}"));
            }
            let made = results.made.make(&around).and_then(|()| results.made.make_new(&results.folder));
            match made {
                Ok(()) => {
                    results.around = Some(around);
                    return Ok(results);
                }
                // Another import has this one.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(results.failed(source)),
            }
        }
        Err(results.failed(io::ErrorKind::AlreadyExists.into()))
    }

    fn failed(&self, source: io::Error) -> Reason {
        Reason::Results { path: self.folder.clone(), source }
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the files are that each bundle has for itself.
    pub(crate) fn bundles(&self) -> PathBuf {
        self.folder.join(BUNDLES)
    }

    /// The folder of a bundle's own files.
    pub(crate) fn of_bundle(&self, reference: &str) -> PathBuf {
        // No name has a plus sign or a tilde: each bundle gets a folder of its own.
        let path = reference.replace(':', "+");
        let short = |part: &str| match part.get(..KEPT_OF_LONG_NAMES) {
            Some(begin) if part.len() > LONGEST_NAME => {
                let digest = Digest::sha256(part.as_bytes());
                format!("{begin}~{}", digest.hex().get(..16).unwrap_or_default())
            }
            _ => part.to_owned(),
        };
        self.bundles().join(path.split('/').map(short).collect::<PathBuf>())
    }

    /// Removes the mappings of bundles that an earlier import wrote into the same folder, and the folders that are empty then.
    pub(crate) fn remove_bundles(&self) {
        for entry in WalkDir::new(self.bundles()).contents_first(true).into_iter().filter_map(Result::ok) {
            let _ = match entry.file_type() {
                kind if kind.is_dir() => fs::remove_dir(entry.path()),
                kind if kind.is_file() && entry.file_name() == MAPPING_FILE => fs::remove_file(entry.path()),
                _ => Ok(()),
            };
        }
    }

    /// What was made for it until now.
    pub(crate) const fn made(&self) -> &MadeFolders {
        &self.made
    }

    /// The folder that stays from now on.
    pub(crate) fn kept(mut self) -> Self {
        self.made = MadeFolders::default();
        self
    }

    /// Lets links beside the folder lead to it and to the files in it, where there can be links. Only links are replaced; what else has
    /// the name of one is left, and returned.
    pub(crate) fn point_to(&self) -> Vec<PathBuf> {
        let mut left = Vec::new();
        let (Some(name), Some(around)) = (self.folder.file_name(), &self.around) else {
            return left;
        };
        for (link, target) in [
            (LATEST, PathBuf::from(name)),
            (MAPPING_FILE, Path::new(LATEST).join(MAPPING_FILE)),
            (REPORT_FILE, Path::new(LATEST).join(REPORT_FILE)),
        ] {
            let (link, new) = (around.join(link), around.join(format!(".{link}.new")));
            if link.symlink_metadata().is_ok_and(|found| !found.is_symlink()) {
                left.push(link);
                continue;
            }
            let _ = fs::remove_file(&new);
            let _ = std::os::unix::fs::symlink(target, &new).and_then(|()| fs::rename(&new, &link));
        }
        left
    }
}

impl Drop for ResultsFolder {
    fn drop(&mut self) {
        self.made.remove();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn imports_within_one_second_have_folders_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let around = folder.path().join("shop.imported");
        let now: Timestamp = "2026-11-25T13:15:28Z".parse().unwrap();
        let begin = Barrier::new(16);
        let make = || {
            begin.wait();
            let results = ResultsFolder::make_dated(around.clone(), now).unwrap().kept();
            results.folder().file_name().unwrap().to_str().unwrap().to_owned()
        };
        let names: BTreeSet<String> = thread::scope(|scope| {
            let imports: Vec<_> = (0..16).map(|_| scope.spawn(make)).collect();
            imports.into_iter().map(|import| import.join().unwrap()).collect()
        });
        let expected = (1..=16).map(|number| match number {
            1 => "2026-11-25T131528Z".to_owned(),
            number => format!("2026-11-25T131528Z-{number}"),
        });
        assert_eq!(names, expected.collect());
    }

    #[test]
    fn each_bundle_has_a_folder_that_any_file_system_takes() {
        let folder = tempfile::tempdir().unwrap();
        let results = ResultsFolder::make(Some(folder.path()), OsStr::new("shop"), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(results.of_bundle("e.x:5000/org/shop:1.0"), folder.path().join("bundles/e.x+5000/org/shop+1.0"));
        let long = |end: char| format!("e.x/{}:{}{end}", "a".repeat(200), "b".repeat(120));
        let folders = ['1', '2'].map(|end| results.of_bundle(&long(end)));
        assert_ne!(folders[0], folders[1]);
        for own in &folders {
            fs::create_dir_all(own).unwrap();
            fs::write(own.join(MAPPING_FILE), "{}").unwrap();
        }
        fs::write(results.bundles().join("mine"), "").unwrap();
        results.remove_bundles();
        let left: Vec<_> = fs::read_dir(results.bundles()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["mine"], "what an import did not write stays");
    }

    #[test]
    fn only_what_was_made_is_removed_and_only_if_it_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        let around = folder.path().join("shop.imported");
        let now: Timestamp = "2026-11-25T13:15:28Z".parse().unwrap();
        let first = ResultsFolder::make_dated(around.clone(), now).unwrap();
        let second = ResultsFolder::make_dated(around.clone(), now).unwrap();
        fs::write(second.folder().join(REPORT_FILE), "").unwrap();
        drop(first);
        drop(second);
        let left: Vec<_> = fs::read_dir(&around).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["2026-11-25T131528Z-2"]);
    }
}
