//! containerd, a real one, with its files in a folder of its own, and `ctr`, which asks it.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::outside_programs;

/// How long it may take to answer.
const START: Duration = Duration::from_secs(30);

/// A daemon that runs until it is dropped.
pub struct Containerd {
    child: Child,
    ctr: PathBuf,
    folder: tempfile::TempDir,
}

impl Containerd {
    /// Starts one; `None`, after saying so, where the programs are missing, or this is not root.
    ///
    /// # Panics
    /// When it does not start, or a program is missing and `SEALIFT_REQUIRE_TOOLS` is 1.
    pub fn start() -> Option<Self> {
        let (program, ctr) = (outside_programs::find("containerd")?, outside_programs::find("ctr")?);
        if fs::metadata("/proc/self").is_ok_and(|process| process.uid() != 0) {
            outside_programs::skip("containerd needs root");
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = |name: &str| folder.path().join(name);
        let configuration = format!(
            "version = 2\nroot = {:?}\nstate = {:?}\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = {:?}\n",
            path("root"),
            path("state"),
            path("socket")
        );
        fs::write(path("config.toml"), configuration).expect("its configuration");
        let log = fs::File::create(path("log")).expect("its log");
        let mut command = Command::new(program);
        command.arg("-c").arg(path("config.toml")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().expect("containerd runs");
        let started = Self { child, ctr, folder };
        let begun = Instant::now();
        while !started.command(Path::new("/"), &["version"]).output().is_ok_and(|output| output.status.success()) {
            assert!(
                begun.elapsed() < START,
                "{}",
                fs::read_to_string(started.folder.path().join("log")).unwrap_or_default()
            );
            thread::sleep(Duration::from_millis(100));
        }
        Some(started)
    }

    fn command(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.ctr);
        command.current_dir(folder).arg("-a").arg(self.folder.path().join("socket")).args(arguments);
        command
    }

    /// Runs `ctr` in a folder, and returns what it prints.
    ///
    /// # Panics
    /// When it fails.
    pub fn ctr(&self, folder: &Path, arguments: &[&str]) -> String {
        let output = self.command(folder, arguments).output().expect("ctr runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
