//! `sealift demo`: the whole process from end to end, on a sample made on the spot, with no network.
//!
//! It runs this very program for each step, with the commands that a person would type, so it shows what really
//! happens.

use std::cell::RefCell;
use std::ffi::OsString;
use std::fmt::Display;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process;

use clap::Args;
use sealift_sample_publisher::{Published, Sample};
use serde::Serialize;

use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::failure::{Attempt as _, Failure, Reason};
use crate::terminal;
use crate::terminal::text::{Line, Text};

/// How long a line of an explanation is, in characters, behind two spaces.
const WIDTH: usize = 76;

/// Where the demo works.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Example:\n  sealift demo --keep ./demo\n\nEverything happens in one folder; no network is used, and no trust store of yours is touched."
)]
pub(crate) struct DemoArguments {
    /// Work in this folder, which must not exist yet, and leave it there to look at
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// Shows the whole process.
pub(crate) fn run(arguments: &DemoArguments, context: &Context) -> Result<(), Failure> {
    let attempt = || "the demo cannot run".to_owned();
    let temporary;
    let folder = match &arguments.keep {
        Some(folder) => {
            fs::create_dir(folder)
                .map_err(|source| match source.kind() {
                    io::ErrorKind::AlreadyExists => Reason::FileExists(folder.clone()),
                    _ => Reason::File { path: folder.clone(), source },
                })
                .attempt(attempt)?;
            fs::canonicalize(folder).map_err(|source| Reason::File { path: folder.clone(), source }).attempt(attempt)?
        }
        None => {
            let failed = |source| Reason::TemporaryFolder { path: std::env::temp_dir(), source };
            temporary = tempfile::tempdir().map_err(failed).attempt(attempt)?;
            temporary.path().to_owned()
        }
    };
    let demo = Demo { folder, context, commands: RefCell::default() };
    demo.run()?;
    if let Some(folder) = &arguments.keep {
        demo.say(["", &format!("Everything is still in {}.", folder.display())])?;
    }
    if !context.is_json() {
        return Ok(());
    }
    let folder = arguments.keep.as_ref().map(|folder| folder.display().to_string());
    context.result(&DemoReport { folder, commands: demo.commands.into_inner() }, Text::default)
}

struct Demo<'a> {
    folder: PathBuf,
    context: &'a Context,
    commands: RefCell<Vec<DemoCommand>>,
}

/// What the demo did, as `--json` shows it.
#[derive(Serialize)]
struct DemoReport {
    /// The folder that was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<String>,
    /// What was run, in order; each ended as it should.
    commands: Vec<DemoCommand>,
}

/// A command that the demo ran.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DemoCommand {
    arguments: Vec<String>,
    exit_code: u8,
    class: &'static str,
}

impl Demo<'_> {
    fn run(&self) -> Result<(), Failure> {
        self.step(
            "A publisher releases a bundle",
            "It makes keys, two images for two platforms, a CNAB bundle over them, an in-toto layout with two steps \
             (author, release), and a TUF repository whose root has been renewed once.",
        )?;
        let published = self.publish()?;
        self.say([&format!("  bundle {}, root to pin: {}", published.bundle, self.short(&published.root))])?;

        self.step(
            "Connected side: make an exporter key, and pin the publisher's root",
            "The exporter signs what they pack. Pinning a root is the one act of trust: do it by hand.",
        )?;
        self.expect(&["key", "generate", "--out", "exporter.pem"], ExitCode::Success)?;
        self.pin("connected")?;

        self.step(
            "Connected side: export",
            "Everything that the far side will check is checked here first; then each byte is written once.",
        )?;
        let bundle = format!("{}=oci:layout", published.bundle);
        let export = ["export", "--trust", "connected", "--bundle", &bundle, "--tuf", "demo=tuf"];
        self.expect(&[&export[..], &["--key", "exporter.pem", "-o", "shop.sealift"]].concat(), ExitCode::Success)?;

        self.step(
            "Far side: pin the same root, and accept the exporter",
            "This side has no network. It trusts what was pinned, and nothing that an archive says about itself.",
        )?;
        self.pin("far")?;
        self.expect(&["trust", "--trust", "far", "add-exporter", "alice", "exporter.pem.pub"], ExitCode::Success)?;

        self.step(
            "Far side: verify what was carried across",
            "Seal, TUF, in-toto, level, and every digest; read once, nothing written. A level says how much is proven: \
             0, only who packed it; 1 and 2, its makers released it (TUF: 1a the images, 1b the bundle, 2 both); 3 and 4, and it \
             was made by the steps and people that its makers planned (in-toto: 3a the images, 3b the bundle, 4 both).",
        )?;
        self.expect(&["verify", "--trust", "far", "shop.sealift"], ExitCode::Success)?;

        self.step(
            "Far side: import",
            "Verified first; then blobs, then manifests, then tags, and the trusted state last.",
        )?;
        self.expect(&["import", "--trust", "far", "shop.sealift", "--to-layout", "delivered"], ExitCode::Success)?;

        self.step(
            "On the way, someone flips one bit in the last layer",
            "The import of the tampered archive must be refused, and nothing may change.",
        )?;
        let (at, before, after) = self.tamper()?;
        self.say([&format!("  byte {at} of tampered.sealift was {before:#04x} and is now {after:#04x}")])?;
        let import = ["import", "--trust", "far", "tampered.sealift", "--to-layout", "never"];
        self.expect(&import, ExitCode::Content)?;
        let delivered = fs::read_to_string(self.folder.join("never/index.json")).unwrap_or_default();
        if delivered.contains(&published.bundle) {
            return Err(Reason::Demo("the tampered bundle was tagged")).attempt(|| "the demo failed".to_owned());
        }
        self.say([
            "",
            "Refused, as it must be: nothing was tagged. That is the whole job.",
            "Next: README.md, or `sealift help export`.",
        ])
    }

    fn publish(&self) -> Result<Published, Failure> {
        let attempt = || "the sample cannot be published".to_owned();
        Sample::new(self.context.now()).and_then(|sample| sample.write(&self.folder)).attempt(attempt)
    }

    fn pin(&self, trust: &str) -> Result<(), Failure> {
        self.expect(&["trust", "--trust", trust, "pin-root", "demo", "tuf/metadata/1.root.json"], ExitCode::Success)
    }

    /// Copies the archive and flips one bit in the middle of its last entry that has content.
    fn tamper(&self) -> Result<(u64, u8, u8), Failure> {
        let path = self.folder.join("tampered.sealift");
        let flip = || {
            fs::copy(self.folder.join("shop.sealift"), &path)?;
            let mut file = OpenOptions::new().read(true).write(true).open(&path)?;
            // The archive ends with two blocks of zeros, and the last layer is padded to a block before them.
            let at = file.seek(SeekFrom::End(-1024 - 512))?;
            let mut byte = [0];
            file.read_exact(&mut byte)?;
            let [before] = byte;
            let after = before ^ 1;
            file.seek(SeekFrom::Start(at))?;
            file.write_all(&[after])?;
            Ok((at, before, after))
        };
        flip().map_err(|source| Reason::File { path: path.clone(), source }).attempt(|| "cannot tamper".to_owned())
    }

    /// Runs this program with arguments, as a person would, and expects an exit code.
    fn expect(&self, arguments: &[&str], expected: ExitCode) -> Result<(), Failure> {
        let attempt = || "the demo failed".to_owned();
        self.say(["", &format!("$ sealift {}", arguments.join(" "))])?;
        self.commands.borrow_mut().push(DemoCommand {
            arguments: arguments.iter().map(ToString::to_string).collect(),
            exit_code: expected.number(),
            class: expected.name(),
        });
        let program = this_program()
            .map_err(|source| Reason::File { path: PathBuf::from("sealift"), source })
            .attempt(attempt)?;
        let arguments: Vec<OsString> = arguments.iter().map(Into::into).collect();
        let mut command = process::Command::new(&program);
        command
            .args(&arguments)
            .current_dir(&self.folder)
            .env_remove("SEALIFT_TRUST")
            .env_remove("SOURCE_DATE_EPOCH")
            // It is closed before anything reads it, and needs no /dev.
            .stdin(process::Stdio::piped());
        let failed = |source| Reason::File { path: program.clone(), source };
        let status = if terminal::is_shown() && terminal::is_watched() && !self.context.is_json() {
            // Its bar and its colours are part of what there is to see.
            command.status().map_err(failed).attempt(attempt)?
        } else {
            let output = command.output().map_err(failed).attempt(attempt)?;
            for stream in [&output.stderr, &output.stdout] {
                self.say(String::from_utf8_lossy(stream).lines().map(|line| format!("  {line}")))?;
            }
            output.status
        };
        if status.code() == Some(expected.number().into()) {
            return Ok(());
        }
        Err(Reason::Demo("a command did not end as it should")).attempt(attempt)
    }

    fn step(&self, title: &str, explanation: &str) -> Result<(), Failure> {
        let mut text = Text::from("");
        text.line(Line::default().styled(anstyle::Style::new().bold(), format_args!("== {title}")));
        for line in folded(explanation) {
            text.line(format_args!("  {line}"));
        }
        self.tell(text)
    }

    /// Tells something, unless a program reads the result.
    fn tell(&self, text: Text) -> Result<(), Failure> {
        if self.context.is_json() { Ok(()) } else { self.context.print(text) }
    }

    /// Says something, line by line.
    fn say(&self, lines: impl IntoIterator<Item: Display>) -> Result<(), Failure> {
        let mut text = Text::default();
        for line in lines {
            text.line(line);
        }
        self.tell(text)
    }

    /// A path as seen from the demo's folder.
    fn short(&self, path: &Path) -> String {
        path.strip_prefix(&self.folder).unwrap_or(path).display().to_string()
    }
}

/// This program: as the system says, or as it was called by a path. A root that is nearly empty has no /proc to look it up in.
fn this_program() -> io::Result<PathBuf> {
    std::env::current_exe().or_else(|unknown| {
        let called = std::env::args_os().next().map(PathBuf::from);
        match called.filter(|path| path.components().count() > 1) {
            Some(path) => fs::canonicalize(path),
            None => Err(unknown),
        }
    })
}

/// The lines of an explanation, between words, so that they fit into a terminal of the usual width.
fn folded(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::folded;

    #[test]
    fn words_are_folded_and_never_cut() {
        let text = format!("{} {} end", "a".repeat(70), "b".repeat(90));
        assert_eq!(folded(&text), ["a".repeat(70), "b".repeat(90), "end".to_owned()]);
        assert_eq!(folded("one  two\nthree"), ["one two three"]);
        assert_eq!(folded(""), Vec::<String>::new());
    }
}
