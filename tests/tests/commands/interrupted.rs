//! What a person is told who interrupts a command.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use sealift_tests::sealift_command::sealift;

#[test]
fn what_is_done_is_not_said_to_be_undone() {
    let folder = tempfile::tempdir().unwrap();
    let sealift = sealift();
    let command = |arguments: &[&str]| {
        let mut command = Command::new(&sealift);
        command.current_dir(folder.path()).args(arguments);
        command
    };
    assert!(command(&["demo", "--quiet", "--keep", "demo"]).output().unwrap().status.success());
    // Nobody reads what the command prints, so it waits there, after everything was delivered.
    let (reader, printed) = std::io::pipe().unwrap();
    let mut filling = printed.try_clone().unwrap();
    let filling = thread::spawn(move || while filling.write_all(&[b'x'; 4096]).is_ok() {});
    let import = ["--trust", "demo/far", "import", "demo/shop.sealift", "--to-layout-archive", "out.tar"];
    let mut import = command(&import);
    let child = import.args(["--results", "results"]).stdout(printed).stderr(Stdio::piped()).spawn().unwrap();
    drop(import);
    let begun = Instant::now();
    while !folder.path().join("results/report.json").exists() && begun.elapsed() < Duration::from_secs(120) {
        thread::sleep(Duration::from_millis(20));
    }
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("Interrupted: everything was delivered, and is remembered"), "{said}");
    assert!(folder.path().join("out.tar").exists());
    drop(reader);
    filling.join().unwrap();
}
