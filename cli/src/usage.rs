//! A mistake on the command line, as a person reads it: clap's message around what was typed and, where something is missing, a command
//! that can be pasted.
//!
//! Promise: what was typed stays as it was typed; what is missing is taken from an example in the help of the same command.

use std::ffi::{OsStr, OsString};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgMatches, Command, CommandFactory as _};

use crate::arguments::Arguments;
use crate::failure::{ERROR, Failure};
use crate::terminal::shell::quoted;
use crate::terminal::text::{Line, Text, escaped};

/// What is wrong with the command line, without the usage that follows for people.
pub(crate) fn failure(error: &clap::Error, typed: &[OsString]) -> Failure {
    Failure::command_line(error, hint(error, typed))
}

/// The message, followed by the usage. Arguments may come from outside too, through a script, and clap quotes them; so clap is given escaped
/// arguments to describe.
pub(crate) fn text(error: &clap::Error, typed: &[OsString]) -> Text {
    let shown = typed.iter().map(|argument| escaped(argument.display()));
    let Some(shown) = Arguments::read(shown).err().filter(|shown| shown.kind() == error.kind()) else {
        // Here the acting character is itself the mistake.
        return failure(error, typed).text();
    };
    let words = shown.render().to_string();
    let mut text = Text::default();
    match words.strip_prefix("error:") {
        Some(words) => {
            let (first, others) = words.split_once('\n').unwrap_or((words, ""));
            text.line(Line::default().styled(ERROR, "error:").then(first));
            text.block(others);
        }
        None => text.block(&words),
    }
    if let Some(hint) = hint(error, typed) {
        text.line(format_args!("  hint:  {hint}"));
    }
    text
}

/// What helps where an argument is missing: the command as it was typed, with what an example has in that place.
fn hint(error: &clap::Error, typed: &[OsString]) -> Option<String> {
    let (ErrorKind::MissingRequiredArgument, Some(ContextValue::Strings(missing))) =
        (error.kind(), error.get(ContextKind::InvalidArg))
    else {
        return None;
    };
    let interface = built();
    let path = path_of(error, &interface);
    let command = path.iter().try_fold(&interface, |command, name| command.find_subcommand(name))?;
    let mut pasted = vec!["sealift".to_owned()];
    pasted.extend(typed.iter().skip(1).map(quoted));
    let mut key = None;
    for shown in missing {
        let (argument, values) = example_of(shown, command, &path)?;
        if argument.get_long() == Some("key") {
            key = values.first().cloned();
        }
        pasted.extend(argument.get_long().map(|long| format!("--{long}")));
        pasted.extend(values.iter().map(quoted));
    }
    let pasted = pasted.join(" ");
    Some(match key {
        None => format!("for example: {pasted}"),
        Some(key) => {
            let key = quoted(key);
            format!("if there is no key yet, make one: sealift key generate --out {key}; then: {pasted}")
        }
    })
}

/// The names of the subcommands in what was typed.
pub(crate) fn command(typed: &[OsString]) -> String {
    let interface = built();
    let (mut path, mut command) = (Vec::new(), &interface);
    for word in typed.iter().skip(1).take_while(|word| *word != "--") {
        let Some(found) = word.to_str().and_then(|word| command.find_subcommand(word)) else { continue };
        path.push(found.get_name().to_owned());
        command = found;
    }
    path.join(" ")
}

fn built() -> Command {
    let mut interface = Arguments::command();
    interface.build();
    interface
}

/// The names of the subcommands that lead to the one whose arguments are wrong, as its usage says.
fn path_of(error: &clap::Error, interface: &Command) -> Vec<String> {
    let usage = error.get(ContextKind::Usage).map(ToString::to_string).unwrap_or_default();
    let mut path = Vec::new();
    let mut command = interface;
    for word in usage.split_whitespace().skip_while(|word| *word != "sealift").skip(1) {
        let Some(found) = command.find_subcommand(word) else { break };
        path.push(word.to_owned());
        command = found;
    }
    path
}

/// The missing argument, with its values in an example. Where any of several would do, it is the first that an example has.
fn example_of<'c>(shown: &str, command: &'c Command, path: &[String]) -> Option<(&'c Arg, Vec<OsString>)> {
    let bare = |text: &str| text.trim_matches(['<', '>', '[', ']', '.']).to_owned();
    let meant: Vec<String> = shown.split('|').map(bare).collect();
    let examples: Vec<ArgMatches> = examples(command).filter_map(|words| parsed(&words, path)).collect();
    let arguments = command.get_arguments().filter(|argument| meant.contains(&bare(&argument.to_string())));
    let arguments: Vec<&Arg> = arguments.collect();
    let mut found = examples.iter().flat_map(|example| arguments.iter().map(move |argument| (*argument, example)));
    found.find_map(|(argument, example)| {
        let values = example.get_raw(argument.get_id().as_str())?;
        Some((argument, values.map(OsStr::to_owned).collect()))
    })
}

/// What an example passes to its command.
fn parsed(words: &[String], path: &[String]) -> Option<ArgMatches> {
    let matches = Arguments::command().try_get_matches_from(words).ok()?;
    path.iter().try_fold(matches, |mut matches, name| {
        let (found, below) = matches.remove_subcommand()?;
        (found == *name).then_some(below)
    })
}

/// The commands in the examples of a command's help, each as a shell splits it, as far as the next program.
fn examples(command: &Command) -> impl Iterator<Item = Vec<String>> {
    let help = command.get_after_long_help().map(ToString::to_string).unwrap_or_default().replace("\\\n", " ");
    let lines: Vec<String> =
        help.lines().map(str::trim).filter(|line| line.starts_with("sealift ")).map(str::to_owned).collect();
    lines.into_iter().map(|line| {
        let words = line.split_whitespace().take_while(|word| !["|", ">", "#"].contains(word));
        words.map(|word| word.trim_matches('\'').to_owned()).collect()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Each command without subcommands, or that takes arguments of its own, with the way to it.
    fn commands<'c>(command: &'c Command, path: &[String], found: &mut Vec<(Vec<String>, &'c Command)>) {
        if !path.is_empty() && command.get_arguments().any(|it| it.is_required_set()) {
            found.push((path.to_vec(), command));
        }
        for below in command.get_subcommands().filter(|it| it.get_name() != "help") {
            commands(below, &[path, &[below.get_name().to_owned()]].concat(), found);
        }
    }

    /// The words of an example without an argument.
    fn without(words: &[String], argument: &Arg, example: &ArgMatches) -> Vec<String> {
        let Some(values) = example.get_raw(argument.get_id().as_str()) else { return words.to_vec() };
        let values: Vec<_> = values.map(|value| value.to_string_lossy().into_owned()).collect();
        let names = [argument.get_long().map(|it| format!("--{it}")), argument.get_short().map(|it| format!("-{it}"))];
        let dropped = |word: &&String| !values.contains(word) && !names.iter().flatten().any(|name| name == *word);
        words.iter().filter(dropped).cloned().collect()
    }

    fn refused(words: &[String]) -> (clap::Error, Vec<OsString>) {
        let error = Arguments::read(words).unwrap_err();
        (error, words.iter().map(OsString::from).collect())
    }

    #[test]
    fn whatever_is_missing_is_shown_in_a_command_that_can_be_pasted() {
        let interface = built();
        let mut all = Vec::new();
        commands(&interface, &[], &mut all);
        let mut tried = 0;
        for (path, command) in all {
            let words = examples(command).find(|words| parsed(words, &path).is_some());
            let words = words.unwrap_or_else(|| unreachable!("{path:?} has no example that can be read"));
            let example = parsed(&words, &path).unwrap();
            let alone = command.get_arguments().filter(|it| it.is_required_set()).map(|it| vec![it]);
            let groups = command.get_groups().filter(|it| it.is_required_set());
            let groups = groups.map(|group| {
                command.get_arguments().filter(|it| group.get_args().any(|id| id == it.get_id())).collect()
            });
            for missing in alone.chain(groups) {
                let left = missing.iter().fold(words.clone(), |words, argument| without(&words, argument, &example));
                let (error, typed) = refused(&left);
                let hint = hint(&error, &typed).unwrap_or_else(|| unreachable!("{left:?}: {error}"));
                let (_, pasted) = hint.rsplit_once(": ").unwrap();
                let pasted = pasted.split(' ').map(|word| word.trim_matches('\''));
                assert!(Arguments::read(pasted).is_ok(), "{hint}");
                let of_a_key = missing.iter().any(|argument| argument.get_long() == Some("key"));
                assert_eq!(hint.contains("sealift key generate --out "), of_a_key, "{hint}");
                tried += 1;
            }
        }
        assert!(tried > 25, "{tried}");
    }

    #[test]
    fn a_password_that_was_typed_is_not_repeated() {
        let typed = "docker://user:s3cret@r.example/a:1";
        let interface = built();
        let mut all = Vec::new();
        commands(&interface, &[], &mut all);
        let mut tried = 0;
        for (path, command) in all {
            let words = |options: &[String]| [&["sealift".to_owned()], &*path, options].concat();
            let options = command.get_arguments().filter_map(|it| it.get_long().map(|name| format!("--{name}")));
            let each = options.map(|option| [option, format!("r={typed}")].to_vec());
            for options in each.chain([vec![typed.to_owned()], vec!["-x".to_owned(), typed.to_owned()]]) {
                let words = words(&options);
                let Err(error) = Arguments::read(&words) else { continue };
                let typed: Vec<_> = words.iter().map(OsString::from).collect();
                let said: String = text(&error, &typed).lines().map(Line::as_str).collect();
                let failed: String = failure(&error, &typed).text().lines().map(Line::as_str).collect();
                assert!(!said.contains("s3cret") && !failed.contains("s3cret"), "{said}\n{failed}");
                tried += 1;
            }
        }
        assert!(tried > 100, "{tried}");
    }

    #[test]
    fn what_was_typed_is_in_the_hint_as_it_was_typed() {
        let words = ["sealift", "export", "--image", "nginx:1", "-o", "my images.sealift"].map(str::to_owned);
        let (error, typed) = refused(&words);
        assert_eq!(
            hint(&error, &typed).unwrap(),
            "if there is no key yet, make one: sealift key generate --out exporter.pem; then: sealift export --image nginx:1 -o 'my images.sealift' --key exporter.pem"
        );
    }
}
