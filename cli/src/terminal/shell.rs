//! Words of a command line that a person can paste into a shell.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::OnceLock;

use crate::terminal::text::acts;

/// The trust store that was named on the command line, as it is repeated there.
static TRUST_STORE: OnceLock<String> = OnceLock::new();

/// The command that was typed: `trust pin-root`.
static COMMAND: OnceLock<String> = OnceLock::new();

/// From now on, [`help`] is about this command.
pub(crate) fn remember_command(command: String) {
    let _ = COMMAND.set(command);
}

/// The command that explains the one that was typed.
pub(crate) fn help() -> String {
    match COMMAND.get().filter(|command| !command.is_empty()) {
        Some(command) => format!("sealift help {command}"),
        None => "sealift help".to_owned(),
    }
}

/// From now on, [`sealift`] names this trust store.
pub(crate) fn repeat_trust_store(folder: &Path) {
    let _ = TRUST_STORE.set(quoted_path(folder));
}

/// A command of this program that works with the trust store, which it names where the person did.
pub(crate) fn sealift(command: impl std::fmt::Display) -> String {
    match TRUST_STORE.get() {
        Some(folder) => format!("sealift --trust {folder} {command}"),
        None => format!("sealift {command}"),
    }
}

/// A word, quoted as far as a shell needs it: pasted, it is these bytes again.
pub(crate) fn quoted(word: impl AsRef<OsStr>) -> String {
    let word = word.as_ref();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-:@%+=,".contains(byte);
    match word.to_str() {
        Some(text) if !text.is_empty() && text.bytes().all(|byte| is_plain(&byte)) => text.to_owned(),
        Some(text) if !text.chars().any(acts) => format!("'{}'", text.replace('\'', "'\\''")),
        _ => {
            let mut quoted = "$'".to_owned();
            for byte in word.as_bytes() {
                match byte {
                    b'\'' | b'\\' => quoted.extend(['\\', char::from(*byte)]),
                    b' '..=b'~' => quoted.push(char::from(*byte)),
                    other => {
                        let _ = write!(quoted, "\\x{other:02x}");
                    }
                }
            }
            quoted + "'"
        }
    }
}

/// A path as an argument: one that begins with a dash is not an option.
pub(crate) fn quoted_path(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    if path.as_os_str() != "-" && path.as_os_str().as_bytes().starts_with(b"-") {
        return quoted(Path::new(".").join(path));
    }
    quoted(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        for word in ["shop.sealift", "", "a b", "it's", "$HOME", "-x", "a\nb", "\u{1b}[31m", "a\\b", "é", "\u{202e}x"]
        {
            let script = format!("printf %s {}", quoted(word));
            let output = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout), word, "{script}");
            assert!(!script.chars().any(acts), "{script}");
        }
        let bytes = OsStr::from_bytes(b"a\xffb");
        let output = std::process::Command::new("bash").args(["-c", &format!("printf %s {}", quoted(bytes))]).output();
        assert_eq!(output.unwrap().stdout, b"a\xffb");
    }

    #[test]
    fn a_path_is_not_an_option() {
        assert_eq!(quoted_path("-x"), "./-x");
        assert_eq!(quoted_path("-"), "-");
        assert_eq!(quoted_path("a/-x"), "a/-x");
    }
}
