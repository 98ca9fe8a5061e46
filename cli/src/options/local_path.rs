//! Paths of files and folders: a URL, or what other tools write before a path, is not the name of a file.
//!
//! Promise: every option and argument that takes a path is looked at, whichever it is, because its type says that it takes one.

use std::any::TypeId;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Command};
use sealift_core::place::{https_host, without_schemes};
use sealift_core::user_info;

use crate::options::target::option_for;
use crate::terminal::shell::quoted;

/// What names a registry where it stands before a name.
const REGISTRIES: [&str; 4] = ["docker", "https", "http", "oci"];

/// Requires that what was given for a path can only be meant as one, in this command and the one below it.
///
/// # Errors
/// An error of the command line that says what to write instead.
pub(crate) fn require(matches: &ArgMatches, command: &mut Command) -> Result<(), clap::Error> {
    let takes_path = |argument: &&Arg| argument.get_value_parser().type_id() == TypeId::of::<PathBuf>();
    let wrong = command.get_arguments().filter(takes_path).find_map(|argument| {
        let mut values = matches.get_raw(argument.get_id().as_str()).into_iter().flatten();
        values.find_map(|value| wrong(value.to_str()?, argument, command))
    });
    if let Some(wrong) = wrong {
        return Err(command.error(ErrorKind::ValueValidation, wrong));
    }
    match matches.subcommand() {
        Some((name, below)) => command.find_subcommand_mut(name).map_or(Ok(()), |command| require(below, command)),
        None => Ok(()),
    }
}

/// Why a value is not a path, if it is not.
fn wrong(value: &str, argument: &Arg, command: &Command) -> Option<String> {
    let why = if Path::new(value).exists() {
        None
    } else if let Some((scheme, rest)) = value.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) {
        Some(format!(
            "this is not the name of a file or folder here; {}",
            instead(value, scheme, rest, argument, command)
        ))
    } else {
        let meant = option_for(value).filter(|_| is_destination(argument));
        meant.map(|option| format!("write {option} (or ./{value} for a name that begins so)"))
    };
    why.map(|why| format!("invalid value '{value}' for '{argument}': {why}"))
}

/// What to write instead of a URL.
fn instead(value: &str, scheme: &str, rest: &str, argument: &Arg, command: &Command) -> String {
    let scheme = scheme.to_ascii_lowercase();
    let delivers = is_destination(argument);
    let has_registry = command.get_arguments().any(|it| it.get_long() == Some("to-registry"));
    match &*scheme {
        "file" => format!("write {}", quoted(rest.strip_prefix("localhost").unwrap_or(rest))),
        "ocidir" if delivers => option_for(value).unwrap_or_default(),
        scheme if delivers && has_registry && REGISTRIES.contains(&scheme) => {
            let registry = user_info::location_after(value).unwrap_or(rest);
            let registry = if https_host(value).is_some() { value } else { without_schemes(registry) };
            let plain = format!(" --plain-http {}", rest.split('/').next().unwrap_or_default());
            let plain = if scheme == "http" { &*plain } else { "" };
            format!("to deliver to a registry, write --to-registry {}{plain}", quoted(registry))
        }
        "http" | "https" if is_read(argument) => {
            format!("fetch it first, for example with curl -fLO {}, and give the file", quoted(value))
        }
        _ => "give a path on this machine".to_owned(),
    }
}

/// Whether an option says where something is delivered to.
fn is_destination(argument: &Arg) -> bool {
    argument.get_long().is_some_and(|name| name.starts_with("to-"))
}

/// Whether a path is that of something that is there and is read.
fn is_read(argument: &Arg) -> bool {
    const WRITTEN: [&str; 8] = ["output", "out", "results", "mirror_config", "tuf_mirror", "keep", "trust", "lock"];
    !is_destination(argument) && !WRITTEN.contains(&argument.get_id().as_str())
}

/// Whether this is the scheme of a URL (RFC 3986 §3.1).
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::CommandFactory as _;

    use super::*;
    use crate::arguments::Arguments;

    /// Each argument that takes a path, with the command that has it.
    fn each(command: &Command, check: &mut impl FnMut(&Arg, &Command)) {
        let paths = command.get_arguments().filter(|it| it.get_value_parser().type_id() == TypeId::of::<PathBuf>());
        paths.for_each(|argument| check(argument, command));
        command.get_subcommands().filter(|it| it.get_name() != "help").for_each(|below| each(below, check));
    }

    #[test]
    fn no_path_is_a_url() {
        let mut all = Arguments::command();
        all.build();
        let mut tried = 0;
        each(&all, &mut |argument, command| {
            let said = |value: &str| wrong(value, argument, command).unwrap();
            for value in ["docker://r.example/a:1", "https://r.example/a", "s3://bucket/a", "FILE:///a"] {
                assert!(said(value).contains("is not the name of a file or folder here; "), "{value}");
            }
            assert!(said("file:///a%20b").ends_with("write /a%20b"));
            for value in ["a", "./https://r.example", "/a://b", "-", "://", "a b://c", "r.example:5000/a", "src"] {
                assert_eq!(wrong(value, argument, command), None, "{value}");
            }
            tried += 1;
        });
        assert!(tried > 50, "{tried}");
    }

    #[test]
    fn what_was_meant_is_said() {
        for (line, meant) in [
            ("import a --to-layout docker://r.example/x", "write --to-registry r.example/x"),
            ("import a --to-files https://r.example/x", "write --to-registry https://r.example/x"),
            ("import a --to-layout http://r.example/x", "write --to-registry r.example/x --plain-http r.example"),
            (
                "import a --to-docker-archive docker-archive:x.tar",
                "write --to-docker-archive x.tar (or ./docker-archive:x.tar for a name that begins so)",
            ),
            ("extract a b --to-layout docker://r.example/x", "give a path on this machine"),
            ("verify https://r.example/a.sealift", "with curl -fLO https://r.example/a.sealift, and give the file"),
            ("repair a -o https://r.example/", "give a path on this machine"),
            ("--trust s3://bucket trust list", "give a path on this machine"),
        ] {
            let words = ["sealift"].into_iter().chain(line.split(' '));
            let mut command = Arguments::command();
            let matches = command.try_get_matches_from_mut(words).unwrap();
            let error = require(&matches, &mut command).unwrap_err().to_string();
            let first = error.lines().next().unwrap();
            assert!(first.ends_with(meant), "{line}: {first}");
        }
    }
}
