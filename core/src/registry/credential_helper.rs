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
    /// Its answer cannot be read.
    #[error("its answer does not contain a user name and a secret")]
    Answer,
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
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    let output = exchange(&mut child, key);
    if output.is_err() {
        // It may have ended already; what matters is that nobody waits for it.
        let _ = child.kill();
    }
    let status = child.wait().map_err(failed)?;
    let output = output?;
    if status.success() {
        let answer: HelperAnswer = serde_json::from_slice(&output).map_err(|_| HelperError::Answer)?;
        return Ok(Some((answer.username, answer.secret)));
    }
    let said = String::from_utf8_lossy(&output).trim().to_owned();
    if said.contains(NOT_FOUND) {
        return Ok(None);
    }
    Err(HelperError::Reported(said.chars().filter(|character| !character.is_control()).take(200).collect()))
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
        Ok(output) => output.ok_or(HelperError::Answer),
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
        assert_eq!(ask("echo 'credentials not found in native keychain'; exit 1").unwrap(), None);
        assert!(matches!(ask("echo broken; exit 1"), Err(HelperError::Reported(said)) if said == "broken"));
    }

    #[test]
    fn output_and_name_have_limits() {
        assert!(matches!(ask("head -c 100000 /dev/zero"), Err(HelperError::Answer)));
        assert!(matches!(ask("echo '{}'"), Err(HelperError::Answer)));
        for name in ["", "../evil", "a b", "a/b"] {
            assert!(matches!(run(name, None, "r.example"), Err(HelperError::Name)), "{name}");
        }
    }
}
