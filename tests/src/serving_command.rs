//! `sealift serve`, as a person would run it, until it is told to end.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

/// A command that serves.
pub struct ServingCommand {
    child: Child,
    lines: BufReader<ChildStdout>,
    /// What it said first: what is served, and where.
    pub serving: Value,
}

impl ServingCommand {
    /// Runs a command with `--json`, which serves at any free port, and waits until it listens.
    ///
    /// # Panics
    /// When it does not serve.
    pub fn start(mut command: Command) -> Self {
        command.args(["--listen", "127.0.0.1:0"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        lines.read_line(&mut first).unwrap();
        if first.is_empty() {
            let output = child.wait_with_output().unwrap();
            panic!("{:?}: {}", output.status.code(), String::from_utf8_lossy(&output.stderr));
        }
        Self { serving: serde_json::from_str(&first).unwrap(), child, lines }
    }

    /// Where it serves, without the protocol.
    ///
    /// # Panics
    /// When it did not say so.
    pub fn host(&self) -> &str {
        self.serving["url"].as_str().unwrap().split_once("://").unwrap().1
    }

    /// Sends a signal, and returns the exit code, the lines of requests, and what was said to a person.
    ///
    /// # Panics
    /// When the signal cannot be sent.
    pub fn end(mut self, signal: &str) -> (Option<i32>, Vec<Value>, String) {
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
        let code = self.child.wait().unwrap().code();
        let (mut rest, mut said) = (String::new(), String::new());
        self.lines.read_to_string(&mut rest).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (code, rest.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), said)
    }
}

impl Drop for ServingCommand {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
