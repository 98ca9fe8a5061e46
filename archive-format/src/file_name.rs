//! Names of plain files: `file:/` and the path of the TUF target that the file is.
//!
//! Promise: a [`FileName`] leads to one place below a folder, and never out of it; and [`FileName::folded`] is equal for two names that
//! a file system without regard to case could take for one.

use std::fmt;
use std::str::FromStr;

use unicase::UniCase;

use crate::entry_name::MAXIMUM_SEGMENT_LENGTH;

/// What a file's name begins with. No reference of an image does: a domain's port is not empty.
pub const PREFIX: &str = "file:/";
/// The longest name, in bytes: that of every text in an inventory.
pub const MAXIMUM_LENGTH: usize = 1_024;

/// The name of a plain file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName(String);

/// Why a text is not the name of a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path:?} cannot be the name of a file: {flaw}")]
pub struct FileNameError {
    /// The beginning of the path.
    pub path: String,
    /// What is wrong with it.
    pub flaw: FileNameFlaw,
}

/// What is wrong with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FileNameFlaw {
    /// It does not begin with [`PREFIX`].
    #[error("it does not begin with {PREFIX}")]
    Prefix,
    /// It is too long.
    #[error("with {PREFIX} it has {0} bytes; the limit is {MAXIMUM_LENGTH}")]
    Length(usize),
    /// A part between slashes is too long.
    #[error("a part of it has {0} bytes; the limit is {MAXIMUM_SEGMENT_LENGTH}")]
    SegmentLength(usize),
    /// A part between slashes is empty: it begins or ends with a slash, or has two in a row, or is empty.
    #[error("a part of it is empty, as in an absolute path")]
    EmptySegment,
    /// A part between slashes is `.` or `..`.
    #[error("a part of it is \".\" or \"..\"")]
    Dots,
    /// It has a control character.
    #[error("it has a control character")]
    Control,
    /// It has a backslash, which separates folders elsewhere.
    #[error("it has a backslash, which separates folders on some systems")]
    Backslash,
}

impl FileName {
    /// The name of the file that the TUF target with this path is.
    ///
    /// # Errors
    /// [`FileNameError`].
    pub fn of_target(path: &str) -> Result<Self, FileNameError> {
        match flaw(path) {
            None => Ok(Self(format!("{PREFIX}{path}"))),
            Some(flaw) => Err(FileNameError { path: path.chars().take(80).collect(), flaw }),
        }
    }

    /// The name, with `file:/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path of the TUF target, and of the file below a folder.
    pub fn path(&self) -> &str {
        self.0.strip_prefix(PREFIX).unwrap_or_default()
    }

    /// The folder of the path, if it has one.
    pub fn folder(&self) -> Option<&str> {
        self.path().rsplit_once('/').map(|(folder, _)| folder)
    }

    /// The last part of the path.
    pub fn last_part(&self) -> &str {
        self.path().rsplit_once('/').map_or(self.path(), |(_, last)| last)
    }

    /// What is compared to tell whether two names lead to one place, without regard to case.
    pub fn folded(&self) -> String {
        UniCase::unicode(self.path()).to_folded_case()
    }
}

fn flaw(path: &str) -> Option<FileNameFlaw> {
    let length = path.len().saturating_add(PREFIX.len());
    if length > MAXIMUM_LENGTH {
        return Some(FileNameFlaw::Length(length));
    }
    if path.chars().any(char::is_control) {
        return Some(FileNameFlaw::Control);
    }
    if path.contains('\\') {
        return Some(FileNameFlaw::Backslash);
    }
    path.split('/').find_map(|segment| match segment {
        "" => Some(FileNameFlaw::EmptySegment),
        "." | ".." => Some(FileNameFlaw::Dots),
        long if long.len() > MAXIMUM_SEGMENT_LENGTH => Some(FileNameFlaw::SegmentLength(long.len())),
        _ => None,
    })
}

impl FromStr for FileName {
    type Err = FileNameError;

    /// Reads a name, with `file:/`.
    fn from_str(text: &str) -> Result<Self, FileNameError> {
        match text.strip_prefix(PREFIX) {
            Some(path) => Self::of_target(path),
            None => Err(FileNameError { path: text.chars().take(80).collect(), flaw: FileNameFlaw::Prefix }),
        }
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_the_path_of_its_target() {
        for path in
            ["a", "simple/a-1.0-py3-none-any.whl", "2024/report.pdf", "a b/ü:c@d", "...", "a=b", "e.example/shop:1"]
        {
            let name = FileName::of_target(path).unwrap();
            assert_eq!((name.path(), name.as_str()), (path, format!("file:/{path}").as_str()));
            assert_eq!(name.as_str().parse::<FileName>().unwrap(), name);
        }
        let name = FileName::of_target("a/b/c").unwrap();
        assert_eq!((name.folder(), name.last_part()), (Some("a/b"), "c"));
        assert_eq!(FileName::of_target("c").unwrap().folder(), None);
    }

    #[test]
    fn a_name_that_leaves_the_folder_or_could_be_read_in_two_ways_is_refused() {
        let long = "n".repeat(256);
        for (path, flaw) in [
            ("", FileNameFlaw::EmptySegment),
            ("/etc/passwd", FileNameFlaw::EmptySegment),
            ("a//b", FileNameFlaw::EmptySegment),
            ("a/", FileNameFlaw::EmptySegment),
            ("..", FileNameFlaw::Dots),
            ("a/../../b", FileNameFlaw::Dots),
            ("./a", FileNameFlaw::Dots),
            ("a\\..\\b", FileNameFlaw::Backslash),
            ("a\nb", FileNameFlaw::Control),
            ("a\u{85}", FileNameFlaw::Control),
            (&long, FileNameFlaw::SegmentLength(256)),
            (&"a/".repeat(600), FileNameFlaw::Length(1_206)),
        ] {
            assert_eq!(FileName::of_target(path).unwrap_err().flaw, flaw, "{path:?}");
        }
        assert_eq!("simple/a.whl".parse::<FileName>().unwrap_err().flaw, FileNameFlaw::Prefix);
    }

    #[test]
    fn names_that_differ_in_case_alone_have_one_folded_form() {
        let folded = |path: &str| FileName::of_target(path).unwrap().folded();
        assert_eq!(folded("Simple/Stra\u{df}e.whl"), folded("simple/STRASSE.whl"));
        assert_ne!(folded("a"), folded("b"));
    }
}
