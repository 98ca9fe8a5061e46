//! A live pipe: the far side is started before the archive is made.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sealift_tests::crossing::Crossing;
use sealift_tests::sealift_command::sealift;

/// Starts a command on the far side, waits, exports, and passes the archive to it.
fn exported_after_the_start_of(sides: &mut Crossing, arguments: &[&str], pause: Duration) -> (Option<i32>, String) {
    let mut command = Command::new(sealift());
    command.args(["--quiet", "--trust", "far"]).args(arguments).current_dir(sides.path("."));
    let mut far = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(pause);
    sides.now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
    // It closes the pipe early where it refuses.
    let _ = far.stdin.take().unwrap().write_all(&sides.archive());
    let output = far.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn an_archive_that_is_made_after_its_import_began_does_not_come_from_the_future() {
    let mut sides = Crossing::new();
    let pause = Duration::from_millis(2100);
    for arguments in [&["verify", "-"][..], &["import", "-", "--to-layout", "delivered"]] {
        let (exit_code, failure) = exported_after_the_start_of(&mut sides, arguments, pause);
        assert_eq!(exit_code, Some(0), "{failure}");
    }
}

#[test]
#[cfg(unix)]
fn a_named_pipe_is_waited_for_as_standard_input_is() {
    let mut sides = Crossing::new();
    let (exit_code, failure) =
        exported_after_the_start_of(&mut sides, &["verify", "/dev/stdin"], Duration::from_millis(2100));
    assert_eq!(exit_code, Some(0), "{failure}");
}

#[test]
fn an_archive_that_was_there_and_comes_from_the_future_is_refused_all_the_same() {
    let mut sides = Crossing::new();
    sides.wait(SignedDuration::from_hours(1));
    let early = sides.archive();
    std::fs::write(sides.path("early.sealift"), early).unwrap();
    let mut command = Command::new(sealift());
    command.args(["--quiet", "--trust", "far", "verify", "early.sealift"]).current_dir(sides.path("."));
    let output = command.output().unwrap();
    let failure = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(14), "{failure}");
    assert!(failure.contains("later than now"), "{failure}");
}
