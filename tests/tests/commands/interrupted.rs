//! What a person is told who interrupts a command.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use sealift_tests::outside_programs;
use sealift_tests::sealift_command::sealift;

/// Whether a process has handlers for signals by now.
fn is_listening(process: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or_default().trim().to_owned();
    const TERM: u32 = 15;
    u64::from_str_radix(&caught, 16).is_ok_and(|caught| caught >> (TERM - 1) & 1 == 1)
}

#[test]
fn a_terminal_that_is_gone_ends_a_command_unless_that_is_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let sealift = sealift();
    let mut demo = Command::new(&sealift);
    assert!(demo.current_dir(folder.path()).args(["demo", "--quiet", "--keep", "demo"]).status().unwrap().success());
    if !Command::new("env").args(["--default-signal=HUP", "true"]).status().is_ok_and(|status| status.success()) {
        return outside_programs::skip("env cannot say which signals are ignored (GNU coreutils 8.31)");
    }
    for (disposition, ending, expected) in
        [("--default-signal=HUP", "-HUP", 129), ("--ignore-signal=HUP", "-TERM", 143)]
    {
        let mut command = Command::new("env");
        // It waits for an archive that does not come.
        command.arg(disposition).arg(&sealift).args(["--trust", "demo/far", "verify", "-"]);
        command.current_dir(folder.path()).stdin(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        while !is_listening(child.id()) && begun.elapsed() < Duration::from_secs(60) {
            thread::sleep(Duration::from_millis(5));
        }
        let id = child.id().to_string();
        let send = |signal: &str| Command::new("kill").args([signal, id.as_str()]).status().unwrap();
        if ending != "-HUP" {
            (0..3).for_each(|_| assert!(send("-HUP").success()));
        }
        let ended = loop {
            send(ending);
            thread::sleep(Duration::from_millis(20));
            if let Some(ended) = child.try_wait().unwrap() {
                break ended;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{ending} is not heard");
        };
        assert_eq!(ended.code(), Some(expected));
    }
}

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
