//! Docker's credential helpers: programs that print one secret.
//!
//! Promise: only a program named `docker-credential-NAME` is run, its output has a limit, and it is stopped when it
//! takes too long.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use zeroize::Zeroizing;

/// The longest output, in bytes.
const OUTPUT_LIMIT: u64 = 64 * 1024;
/// How long a helper may take: it may have to ask a person.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// How long what a helper complained of is waited for, once it has ended.
const COMPLAINT_TIME: Duration = Duration::from_secs(2);
/// What helpers print when they have no credentials for a registry.
const NOT_FOUND: &str = "credentials not found";

/// Why a helper gave no credential.
#[derive(Debug, thiserror::Error)]
pub enum HelperError {
    /// The name cannot be part of a program's name.
    #[error("the name has characters other than letters, digits, '.', '_' and '-'")]
    Name,
    /// The program cannot be run.
    #[error("docker-credential-{name} cannot be run")]
    Run {
        /// The name of the helper.
        name: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It took too long.
    #[error("it did not answer within {} seconds", TIME_LIMIT.as_secs())]
    Time,
    /// It reported a failure.
    #[error("it failed: {0}")]
    Reported(String),
    /// It failed, and did not say why.
    #[error("it failed ({status}) and did not say why")]
    Silent {
        /// How it ended.
        status: String,
    },
    /// Its answer cannot be read.
    #[error("its answer does not contain a user name and a secret{}", complained(.complaint))]
    Answer {
        /// The beginning of what it says on standard error; may be empty.
        complaint: String,
    },
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperAnswer {
    username: String,
    secret: Zeroizing<String>,
}

/// Asks the helper `name` for the user name and the secret at `key`; `None` when it has none.
pub(super) fn run(
    name: &str,
    folder: Option<&Path>,
    key: &str,
) -> Result<Option<(String, Zeroizing<String>)>, HelperError> {
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
        return Err(HelperError::Name);
    }
    let program = format!("docker-credential-{name}");
    let program = folder.map_or_else(|| PathBuf::from(&program), |folder| folder.join(&program));
    let failed = |source| HelperError::Run { name: name.to_owned(), source };
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let complaint = complaint(&mut child);
    let output = exchange(&mut child, key);
    if output.is_err() {
        // It may have ended already; what matters is that nobody waits for it.
        let _ = child.kill();
    }
    let status = child.wait().map_err(failed)?;
    let output = output?;
    if status.success() {
        if output.trim_ascii().is_empty() {
            return Ok(None);
        }
        let unread = |_| HelperError::Answer {
            complaint: shown(&String::from_utf8_lossy(&complaint.recv_timeout(COMPLAINT_TIME).unwrap_or_default())),
        };
        let answer: HelperAnswer = serde_json::from_slice(&output).map_err(unread)?;
        let is_empty = answer.username.is_empty() && answer.secret.is_empty();
        return Ok(Some((answer.username, answer.secret)).filter(|_| !is_empty));
    }
    let complaint = complaint.recv_timeout(COMPLAINT_TIME).unwrap_or_default();
    let said = [&output, complaint.as_slice()].map(|said| String::from_utf8_lossy(said).trim().to_owned());
    if said.iter().any(|said| said.to_ascii_lowercase().contains(NOT_FOUND)) {
        return Ok(None);
    }
    let said = said.iter().filter(|said| !said.is_empty()).map(String::as_str).collect::<Vec<_>>().join(": ");
    if said.is_empty() {
        return Err(HelperError::Silent { status: status.to_string() });
    }
    Err(HelperError::Reported(shown(&said)))
}

/// The beginning of what a program says, on one line.
fn shown(said: &str) -> String {
    said.trim().chars().map(|character| if character.is_control() { ' ' } else { character }).take(200).collect()
}

/// What a program complained of, as the end of a sentence; empty if there is nothing.
fn complained(complaint: &str) -> String {
    if complaint.is_empty() { String::new() } else { format!(", and it says: {complaint}") }
}

/// Reads what the program says on its standard error, on another thread.
fn complaint(child: &mut Child) -> mpsc::Receiver<Vec<u8>> {
    let (stderr, (sender, receiver)) = (child.stderr.take(), mpsc::channel());
    thread::spawn(move || {
        let Some(mut stderr) = stderr else { return };
        let mut said = Vec::new();
        // What cannot be read is not shown, and what is too long is shown in part: nothing depends on it.
        let _ = stderr.by_ref().take(OUTPUT_LIMIT).read_to_end(&mut said);
        let _ = io::copy(&mut stderr, &mut io::sink());
        let _ = sender.send(said);
    });
    receiver
}

/// Writes the key and reads the output, on another thread, so that the wait can end.
fn exchange(child: &mut Child, key: &str) -> Result<Zeroizing<Vec<u8>>, HelperError> {
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let (sender, receiver) = mpsc::channel();
    let key = key.to_owned();
    thread::spawn(move || {
        if let Some(mut stdin) = stdin {
            // A helper that does not read its input may still write an answer.
            let _ = stdin.write_all(key.as_bytes());
        }
        let mut output = Zeroizing::new(Vec::new());
        let complete = stdout.is_some_and(|stdout| {
            stdout.take(OUTPUT_LIMIT + 1).read_to_end(&mut output).is_ok_and(|length| length as u64 <= OUTPUT_LIMIT)
        });
        // When the time is up, nobody reads the result any more.
        let _ = sender.send(complete.then_some(output));
    });
    match receiver.recv_timeout(TIME_LIMIT) {
        Ok(output) => output.ok_or_else(|| HelperError::Answer { complaint: String::new() }),
        Err(_) => Err(HelperError::Time),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A folder with one helper, a shell script.
    fn helper(script: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker-credential-test");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        folder
    }

    fn ask(script: &str) -> Result<Option<(String, Zeroizing<String>)>, HelperError> {
        run("test", Some(helper(script).path()), "r.example")
    }

    #[test]
    fn a_helper_is_asked_for_the_registry() {
        let answer = ask(r#"[ "$1" = get ] && printf '{"Username":"u","Secret":"%s"}' "$(cat)""#).unwrap().unwrap();
        assert_eq!((answer.0.as_str(), answer.1.as_str()), ("u", "r.example"));
    }

    #[test]
    fn a_helper_without_credentials_is_no_error() {
        for script in [
            "echo 'credentials not found in native keychain'; exit 1",
            "echo 'Credentials not found in native keychain'; exit 1",
            "echo 'credentials not found in native keychain' >&2; exit 1",
            "exit 0",
            "echo",
            r#"echo '{"ServerURL":"","Username":"","Secret":""}'"#,
        ] {
            assert_eq!(ask(script).unwrap(), None, "{script}");
        }
    }

    #[test]
    fn what_a_helper_complains_of_is_shown() {
        for (script, expected) in [
            ("echo broken; exit 1", "broken"),
            ("echo 'the keychain is locked' >&2; exit 1", "the keychain is locked"),
            ("echo one; printf 'two\nlines' >&2; exit 1", "one: two lines"),
            ("head -c 1000000 /dev/zero | tr '\\0' x >&2; exit 1", &"x".repeat(200)),
        ] {
            let refused = ask(script).unwrap_err();
            assert!(matches!(&refused, HelperError::Reported(said) if said == expected), "{script}: {refused}");
        }
        assert!(matches!(ask("exit 3"), Err(HelperError::Silent { status }) if status.contains('3')));
    }

    #[test]
    fn output_and_name_have_limits() {
        assert!(matches!(ask("head -c 100000 /dev/zero"), Err(HelperError::Answer { .. })));
        assert!(matches!(ask("echo '{}'"), Err(HelperError::Answer { complaint }) if complaint.is_empty()));
        let refused = ask("echo whoops; echo 'no agent' >&2").unwrap_err();
        assert!(refused.to_string().ends_with("and a secret, and it says: no agent"), "{refused}");
        for name in ["", "../evil", "a b", "a/b"] {
            assert!(matches!(run(name, None, "r.example"), Err(HelperError::Name)), "{name}");
        }
    }
}
