//! The causes of a failure, as a person reads them: one for each error in the chain, and none that repeats the one before.
//!
//! The one place that words what the system said: without its number, as the reason of the cause before it.

use std::error::Error;
use std::io;
use std::path::Path;

use sealift_core::found_path::FoundPath;

/// An error and what it names as its own source, a cause each, but nothing that `attempt` or another cause says already. `file` is
/// what the first error is about, if it says nothing else than that the file cannot be used.
pub(super) fn of(attempt: &str, error: &(dyn Error + 'static), file: Option<&Path>) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    let is_said = file.is_some_and(|file| says(attempt, &file.display().to_string()));
    let mut next = if is_said { error.source() } else { Some(error) };
    while let Some(error) = next {
        let text = without_number(error.to_string());
        let is_new = !says(attempt, &text) && !causes.iter().any(|cause| says(cause, &text));
        match (system(error), causes.last_mut()) {
            (Some(reason), None) => causes.push(reason),
            (Some(reason), Some(cause)) if !says(cause, &reason) => *cause = format!("{cause}: {reason}"),
            (None, _) if is_new => causes.push(text),
            (Some(_), Some(_)) | (None, _) => {}
        }
        next = error.source();
    }
    causes
}

/// An error in one line, with what caused it.
pub(crate) fn in_one_line(error: &(dyn Error + 'static)) -> String {
    of("", error, None).join(": ")
}

/// What the system said, as the last of the reasons.
pub(super) fn system_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e io::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(said) = of_system(error) {
            return Some(said);
        }
        next = error.source();
    }
    None
}

/// The same causes, in which what was found at a path takes the place of what the system said about it.
pub(super) fn with_found(mut causes: Vec<String>, found: &FoundPath, said: &io::Error) -> Vec<String> {
    if let Some(said) = system(said) {
        causes.pop_if(|cause| cause.ends_with(&said));
    }
    causes.push(found.to_string());
    causes
}

fn of_system<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e io::Error> {
    error.downcast_ref::<io::Error>().filter(|error| error.get_ref().is_none())
}

/// What the system said, if that is all that an error is.
fn system(error: &(dyn Error + 'static)) -> Option<String> {
    let error = of_system(error)?;
    let said = without_number(error.to_string());
    let mut characters = said.chars();
    let first = characters.next()?;
    // A word in capitals stays one.
    let is_word = characters.clone().next().is_some_and(char::is_lowercase);
    Some(if is_word { first.to_lowercase().chain(characters).collect() } else { said })
}

/// A text without the numbers that the standard library puts behind what the system said.
fn without_number(mut text: String) -> String {
    while let Some((before, rest)) = text.split_once(" (os error ") {
        let Some((number, after)) = rest.split_once(')') else { break };
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            break;
        }
        text = format!("{before}{after}");
    }
    text
}

/// Whether a line says all of a text, such as the name of a file, and not only within a longer word or path.
fn says(line: &str, text: &str) -> bool {
    let is_end = |character: Option<char>| character.is_none_or(|it| !it.is_alphanumeric() && !"/\\-_.".contains(it));
    !text.is_empty()
        && line.match_indices(text).any(|(at, found)| {
            let (before, after) = (line.get(..at), line.get(at + found.len()..));
            is_end(before.and_then(|before| before.chars().next_back()))
                && is_end(after.and_then(|it| it.chars().next()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read or write {0}")]
    struct Unusable(&'static str, #[source] io::Error);

    fn causes(attempt: &str, path: &'static str) -> Vec<String> {
        let error = Unusable(path, io::Error::from_raw_os_error(2));
        of(attempt, &error, Some(Path::new(path)))
    }

    #[test]
    fn what_has_been_said_is_not_a_cause_again() {
        let reason = "no such file or directory";
        assert_eq!(causes("cannot read shop.sealif", "shop.sealif"), [reason]);
        assert_eq!(causes("cannot verify /srv/shop.sealif: it is not there", "/srv/shop.sealif"), [reason]);
        // The name of another file is.
        for (attempt, path) in
            [("cannot read shop.sealift", "shop.sealif"), ("cannot read in/shop", "shop"), ("no", "o")]
        {
            assert_eq!(causes(attempt, path), [format!("cannot read or write {path}: {reason}")]);
        }
    }

    #[test]
    fn what_the_system_says_has_no_number_wherever_it_is() {
        let inner = io::Error::other(Unusable("a", io::Error::from_raw_os_error(13)));
        assert_eq!(in_one_line(&inner), "cannot read or write a: permission denied");
        let worded = io::Error::other(format!("by the proxy: {}", io::Error::from_raw_os_error(111)));
        assert_eq!(in_one_line(&worded), "by the proxy: Connection refused");
        for kept in ["a (os error x)", "a (os error 2", "is a (file 2)"] {
            assert_eq!(without_number(kept.to_owned()), kept);
        }
        assert_eq!(without_number("x (os error 1) y (os error 2)".to_owned()), "x y");
    }
}
