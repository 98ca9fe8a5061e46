//! The inspection sandbox against commands that mean harm: each is contained, and none of them passes.
//!
//! Where the system allows no unprivileged namespaces, the tests hold that the sandbox refuses and says why.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use sealift_archive_format::Digest;
use sealift_proof::in_toto::{InspectionRequest, InspectionRunner, ProductContent, ProductFile};
use sealift_sandbox::{Facility, Limit, Outcome, Sandbox, SandboxError, SandboxLimits};
use sealift_tests::outside_programs;

const LAUNCHER: &str = env!("CARGO_BIN_EXE_inspection-launcher");
const BUNDLE: &[u8] = b"{\"name\":\"shop\"}";
const MEBIBYTE: u64 = 1024 * 1024;

fn limits() -> SandboxLimits {
    SandboxLimits { wall_clock: Duration::from_secs(60), ..SandboxLimits::default() }
}

fn bundle() -> ProductFile<'static> {
    let digests = vec![Digest::sha256(BUNDLE)];
    ProductFile { name: "bundle.json".to_owned(), digests, content: ProductContent::Bytes(BUNDLE) }
}

fn run_with(limits: SandboxLimits, script: &str) -> Result<Outcome, SandboxError> {
    let command = ["sh", "-c", script].map(str::to_owned);
    Sandbox::new(LAUNCHER.into(), limits).run(&command, &[bundle()])
}

fn run(script: &str) -> Result<Outcome, SandboxError> {
    run_with(limits(), script)
}

/// Whether there can be a sandbox here. If not, the refusal must be typed, and it is loud.
fn available() -> bool {
    match run("true") {
        Ok(outcome) => {
            assert_eq!(outcome.exit_status, 0);
            true
        }
        Err(error @ SandboxError::Unavailable { .. }) => {
            outside_programs::skip(&error.to_string());
            false
        }
        Err(error) => panic!("{error}"),
    }
}

/// The exit status of a script that ran to its end.
#[track_caller]
fn status(script: &str) -> i32 {
    run(script).unwrap().exit_status
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

/// A command that sleeps for hours, and is told from every other by a number and by this process, of which others may run
/// beside it on this machine.
fn sleeper(number: u32) -> String {
    format!("sleep {}.{}", 4320 + number, std::process::id())
}

/// Waits for a state, however busy the machine is.
#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(120), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn is_running(marker: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap();
    processes.flatten().any(|entry| {
        let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&command).replace('\0', " ").trim() == marker
    })
}

#[test]
fn a_well_behaved_inspection_passes_and_its_artifacts_are_recorded() {
    if !available() {
        return;
    }
    let outcome = run("cat bundle.json; echo done >&2; mkdir sub; cp bundle.json sub/copy; rm bundle.json").unwrap();
    assert_eq!(outcome.exit_status, 0);
    assert_eq!(outcome.stdout, BUNDLE);
    assert_eq!(outcome.stderr, b"done\n");
    let hash = format!("sha256:{}", Digest::sha256(BUNDLE).hex());
    let recorded = |artifacts: &sealift_proof::in_toto::Artifacts| -> Vec<_> {
        artifacts.iter().map(|(name, hashes)| (name.to_owned(), hashes.to_string())).collect()
    };
    assert_eq!(recorded(&outcome.materials), [("bundle.json".to_owned(), hash.clone())]);
    assert_eq!(recorded(&outcome.products), [("sub/copy".to_owned(), hash)]);
}

#[test]
fn as_an_inspection_runner_it_reports_status_materials_and_products() {
    if !available() {
        return;
    }
    let (command, product) = (["sh", "-c", ": > new; exit 7"].map(str::to_owned), [bundle()]);
    let request = InspectionRequest { name: "look", command: &command, product: &product };
    let outcome = InspectionRunner::run(&Sandbox::new(LAUNCHER.into(), limits()), &request).unwrap();
    assert_eq!(outcome.exit_status, 7);
    assert_eq!(outcome.materials.names().into_iter().collect::<Vec<_>>(), ["bundle.json"]);
    assert_eq!(outcome.products.names().into_iter().collect::<Vec<_>>(), ["bundle.json", "new"]);
}

#[test]
fn it_is_nobody_with_a_bare_environment_and_no_files_but_the_standard_ones() {
    if !available() {
        return;
    }
    let outcome = run("id -u; hostname; env | cut -d= -f1 | sort; pwd").unwrap();
    let said = String::from_utf8(outcome.stdout).unwrap();
    assert_eq!(said, "65534\ninspection\nHOME\nLANG\nPATH\nPWD\nTMPDIR\n/work\n");
    // A file that the caller's own parent had left open must not be inherited.
    let secret = tempfile::NamedTempFile::new().unwrap();
    let script = format!("exec 9>{}; {LAUNCHER} sh -c 'echo leaked >&9'", secret.path().display());
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("Bad file descriptor"), "{output:?}");
    assert_eq!(std::fs::read(secret.path()).unwrap(), b"");
}

#[test]
fn a_fork_bomb_runs_out_of_processes() {
    if !available() {
        return;
    }
    let small = || SandboxLimits { processes: 16, ..limits() };
    let script = "sh -c 'i=0; while [ $i -lt 40 ]; do sleep 50 & i=$((i+1)); done'; s=$?; kill -9 -1; exit $s";
    let outcome = run_with(small(), script).unwrap();
    assert_ne!(outcome.exit_status, 0);
    assert!(String::from_utf8_lossy(&outcome.stderr).contains("fork"), "{outcome:?}");
    let short = SandboxLimits { wall_clock: Duration::from_secs(5), ..small() };
    let bomb = run_with(short, "f() { f | f & f; }; f");
    assert!(!matches!(&bomb, Ok(outcome) if outcome.exit_status == 0), "{bomb:?}");
}

#[test]
fn a_memory_hog_is_stopped_alone_and_in_company() {
    if !available() {
        return;
    }
    let small = || SandboxLimits { memory: 256 * MEBIBYTE, ..limits() };
    let alone = run_with(small(), "head -c 1000000000 /dev/zero | tail -c 900000000 > /dev/null");
    assert!(!matches!(&alone, Ok(outcome) if outcome.exit_status == 0), "{alone:?}");
    let together = "for i in 1 2 3 4 5 6 7 8; do
        { head -c 90000000 /dev/zero; sleep 50; } | tail -c 90000000 > /dev/null &
    done; wait";
    let together = run_with(small(), together);
    assert!(
        matches!(&together, Err(SandboxError::Limit(Limit::Memory(limit))) if *limit == 256 * MEBIBYTE),
        "{together:?}"
    );
}

#[test]
fn a_file_filler_and_an_inode_filler_run_out_of_room() {
    if !available() {
        return;
    }
    let small = || SandboxLimits { storage: 4 * MEBIBYTE, files: 100, ..limits() };
    let one = run_with(small(), "head -c 100000000 /dev/zero > big").unwrap();
    assert_ne!(one.exit_status, 0);
    let many = run_with(small(), "for i in 1 2 3 4 5 6 7 8; do head -c 1000000 /dev/zero > /tmp/$i || exit 3; done");
    assert_eq!(many.unwrap().exit_status, 3);
    let inodes = run_with(small(), "i=0; while [ $i -lt 1000 ]; do : > f$i; i=$((i+1)); done").unwrap();
    assert_ne!(inodes.exit_status, 0);
    assert!(inodes.products.len() <= 101, "{}", inodes.products.len());
}

#[test]
fn endless_output_ends_at_its_limit_on_either_stream() {
    if !available() {
        return;
    }
    for script in ["yes", "yes >&2"] {
        let result = run_with(SandboxLimits { output: 10_000, ..limits() }, script);
        assert!(matches!(result, Err(SandboxError::Limit(Limit::Output(10_000)))), "{result:?}");
    }
    let result = run_with(SandboxLimits { output: 10_000, ..limits() }, "head -c 10001 /dev/zero");
    assert!(matches!(result, Err(SandboxError::Limit(Limit::Output(10_000)))), "{result:?}");
    assert_eq!(run("head -c 1000000 /dev/zero").unwrap().stdout.len(), 1_000_000);
}

#[test]
fn the_wall_clock_ends_what_does_not_end() {
    if !available() {
        return;
    }
    let short = SandboxLimits { wall_clock: Duration::from_secs(1), ..limits() };
    let sleeper = sleeper(1);
    for script in ["while :; do :; done", &format!("trap '' TERM INT HUP; {sleeper}")] {
        let result = run_with(short.clone(), script);
        assert!(matches!(result, Err(SandboxError::Limit(Limit::WallClock(_)))), "{result:?}");
    }
    // Where the supervisor itself is too late to say so, it is killed, and what it started goes after it.
    wait_until("it is still running", || !is_running(&sleeper));
}

#[test]
fn a_daemon_that_outlives_its_parent_is_ended_and_refused() {
    if !available() {
        return;
    }
    let sleeper = sleeper(2);
    let result = run(&format!("setsid sh -c '{sleeper}; : > late' < /dev/null > /dev/null 2>&1 & exit 0"));
    assert!(matches!(result, Err(SandboxError::LeftRunning)), "{result:?}");
    assert!(!is_running(&sleeper), "it was ended before it was refused");
}

#[test]
fn a_straggler_that_ends_within_a_moment_is_not_left_running() {
    if !available() {
        return;
    }
    // On a busy machine it may get its turn too late, and is refused for that: so it has many moments.
    wait_until("it never ended within a moment", || match run("sleep 0.1 & exit 0") {
        Ok(outcome) => outcome.exit_status == 0,
        Err(SandboxError::LeftRunning) => false,
        Err(other) => panic!("{other:?}"),
    });
}

#[test]
fn it_has_no_network_not_even_the_hosts_loopback() {
    if !available() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let outcome = run(&format!("exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}'")).unwrap();
    assert_ne!(outcome.exit_status, 0);
    assert!(String::from_utf8_lossy(&outcome.stderr).contains("/dev/tcp"), "{outcome:?}");
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn it_reads_nothing_but_programs_and_the_product() {
    if !available() {
        return;
    }
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "secret").unwrap();
    let in_home = std::env::current_exe().unwrap();
    for path in ["/etc/shadow", "/etc/passwd", "/proc/1/environ", "/proc/self/exe", "/dev/kmsg", "/dev/mem"]
        .map(PathBuf::from)
        .iter()
        .map(PathBuf::as_path)
        .chain([secret.path(), in_home.as_path(), Path::new("../tmp/root")])
    {
        assert_ne!(status(&format!("head -c 1 '{}'", path.display())), 0, "{path:?}");
    }
    for directory in ["/", "/root", "/home", "/etc", "/var", "/proc", "/sys", "/run", "..", "/work/../.."] {
        assert_ne!(status(&format!("ls '{directory}'")), 0, "{directory}");
    }
    assert_eq!(status("test -z \"$(ls /tmp)\" && ls /usr/bin > /dev/null && head -c 1 bundle.json"), 0);
}

#[test]
fn it_writes_nothing_but_its_working_directory_and_scratch_space() {
    if !available() {
        return;
    }
    for path in ["/x", "/usr/x", "/bin/x", "/etc/x", "/dev/x", "/lib/x", "/usr/bin/env", "../x", "/etc/alternatives/x"]
    {
        assert_ne!(status(&format!("echo x > {path}")), 0, "{path}");
    }
    assert_ne!(status("mknod device c 1 3"), 0);
    assert_ne!(status("rm -f /usr/bin/env"), 0);
    assert_eq!(status("echo x > here && echo x > /tmp/there && echo x > /dev/null"), 0);
    let outcome = run("mkdir d; : > d/f; chmod 0 d/f d").unwrap();
    assert_eq!(outcome.products.names().into_iter().collect::<Vec<_>>(), ["bundle.json", "d/f"]);
    let outcome = run("mkfifo pipe; ln -s /etc/passwd outside").unwrap_err();
    assert!(matches!(&outcome, SandboxError::Unrecordable { name, .. } if name == "outside"), "{outcome:?}");
}

#[test]
fn it_cannot_make_namespaces_mounts_or_another_root() {
    if !available() {
        return;
    }
    for script in [
        "unshare --user true",
        "unshare --net true",
        "unshare --mount true",
        "unshare --user --map-root-user sh -c 'mount -t tmpfs none /tmp'",
        "mount -t tmpfs none /tmp",
        "umount /tmp",
        "chroot / true",
        "hostname other; test $(hostname) = other",
    ] {
        let outcome = run(script).unwrap();
        assert!(!matches!(outcome.exit_status, 0 | 126 | 127), "{script}: {outcome:?}");
    }
}

#[test]
fn calls_that_only_attackers_make_do_not_exist() {
    if !available() {
        return;
    }
    if status("python3 --version") != 0 || std::env::consts::ARCH != "x86_64" {
        outside_programs::skip("python3 on x86-64 is needed to make any system call");
        return;
    }
    // socket, ptrace, process_vm_readv, unshare, setns, mount, keyctl, bpf, perf_event_open, io_uring_setup, memfd_create,
    // userfaultfd, shmget, clone3, init_module, setuid, and socket in the x32 numbering.
    let script = "import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
for call in [41, 101, 310, 272, 308, 165, 250, 321, 298, 425, 319, 323, 29, 435, 175, 105, 0x40000000 + 41]:
    assert libc.syscall(call, 0, 0, 0, 0, 0, 0) == -1, call
    assert ctypes.get_errno() == errno.ENOSYS, (call, ctypes.get_errno())
for flags in [0x10000000, 0x40000000, 0x20000000, 0x00020000, 0x08000000, 0x04000000, 0x02000000]:
    assert libc.syscall(56, flags | 17, 0, 0, 0, 0) == -1, flags
    assert ctypes.get_errno() == errno.ENOSYS, flags
";
    let command = ["python3", "-c", script].map(str::to_owned);
    let outcome = Sandbox::new(LAUNCHER.into(), limits()).run(&command, &[]).unwrap();
    assert_eq!(outcome.exit_status, 0, "{}", String::from_utf8_lossy(&outcome.stderr));
}

#[test]
fn signals_and_missing_commands_are_told_apart_from_exit_statuses() {
    if !available() {
        return;
    }
    let killed = run("kill -9 $$");
    assert!(matches!(killed, Err(SandboxError::Signal(9))), "{killed:?}");
    assert_eq!(status("exit 42"), 42);
    // Init does not fall to what it started.
    assert_eq!(status("kill -9 1; kill -15 1; kill -9 -1 2>/dev/null; exit 3"), 3);
    let missing = Sandbox::new(LAUNCHER.into(), limits()).run(&["no-such-command".to_owned()], &[]);
    assert!(
        matches!(&missing, Err(SandboxError::NotStarted(reason)) if reason.contains("no-such-command")),
        "{missing:?}"
    );
}

#[test]
fn the_product_must_be_what_was_verified_and_have_plain_names() {
    let sandbox = Sandbox::new(LAUNCHER.into(), limits());
    let command = ["true".to_owned()];
    for name in ["../x", "/x", "", "a/../b", ".", "a/", "a\0"] {
        let product = [ProductFile { name: name.to_owned(), ..bundle() }];
        assert!(matches!(sandbox.run(&command, &product), Err(SandboxError::ProductName(_))), "{name:?}");
    }
    assert!(matches!(sandbox.run(&[], &[]), Err(SandboxError::Command)));
    let changed = [ProductFile { digests: vec![Digest::sha256(b"other")], ..bundle() }];
    assert!(matches!(sandbox.run(&command, &changed), Err(SandboxError::ProductChanged { .. })));
    let missing = [ProductFile { content: ProductContent::File(Path::new("/nonexistent")), ..bundle() }];
    assert!(matches!(sandbox.run(&command, &missing), Err(SandboxError::Product { .. })));
    let later = [ProductFile { content: ProductContent::Later, ..bundle() }];
    assert!(matches!(sandbox.run(&command, &later), Err(SandboxError::ProductLater { .. })));
}

#[test]
fn a_product_may_lie_in_files_and_folders() {
    if !available() {
        return;
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    let content = vec![7; 3_000_000];
    std::fs::write(file.path(), &content).unwrap();
    let product = ProductFile {
        name: "a/b/large".to_owned(),
        digests: vec![Digest::sha256(&content)],
        content: ProductContent::File(file.path()),
    };
    let command = ["sh", "-c", "test $(wc -c < a/b/large) = 3000000"].map(str::to_owned);
    let tight = SandboxLimits { storage: 4096, files: 0, ..limits() };
    let outcome = Sandbox::new(LAUNCHER.into(), tight).run(&command, &[product]).unwrap();
    assert_eq!((outcome.exit_status, &outcome.materials), (0, &outcome.products));
}

#[test]
fn a_launcher_that_is_none_is_an_error() {
    let run = |launcher: &str| Sandbox::new(launcher.into(), limits()).run(&["true".to_owned()], &[]);
    assert!(matches!(run("/nonexistent"), Err(SandboxError::Launcher { .. })));
    assert!(matches!(run("/bin/true"), Err(SandboxError::NoReply { .. })));
}

#[test]
fn nothing_survives_the_one_who_asked() {
    if !available() {
        return;
    }
    let sleeper = sleeper(3);
    let mut asking = Command::new(LAUNCHER).args(sleeper.split(' ')).spawn().unwrap();
    wait_until("it never started", || is_running(&sleeper));
    asking.kill().unwrap();
    asking.wait().unwrap();
    wait_until("it is still running", || !is_running(&sleeper));
}

/// Runs the launcher's own command line through another program; `None` where that is not possible here.
fn through(program: &str, arguments: &[&str]) -> Option<Output> {
    if !is_root() {
        outside_programs::skip(&format!("not root, so {program} cannot prepare another user or namespace"));
        return None;
    }
    match Command::new(program).args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) => {
            outside_programs::skip(&format!("{program} does not run: {error}"));
            None
        }
    }
}

#[test]
fn an_ordinary_user_has_a_sandbox_too() {
    if !available() {
        return;
    }
    let user = ["--reuid=65533", "--regid=65533", "--clear-groups", LAUNCHER, "sh", "-c", "id -u; ls"];
    let Some(output) = through("setpriv", &user) else { return };
    assert_eq!(String::from_utf8_lossy(&output.stdout), "exit status 0\n65534\nbundle.json\n", "{output:?}");
}

#[test]
fn without_namespaces_nothing_is_run_and_the_refusal_says_what_to_do() {
    let script = format!("echo 0 > /proc/sys/user/max_user_namespaces && exec {LAUNCHER} true");
    let as_another = ["--reuid=65533", "--regid=65533", "--clear-groups", "unshare", "--user", "--map-current-user"];
    let arguments = [&as_another[..], &["--keep-caps", "sh", "-c", &script]].concat();
    let Some(output) = through("setpriv", &arguments) else { return };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    assert!(said.contains("nothing was run") && said.contains(Facility::Namespaces.name()), "{said}");
    assert!(said.contains(Facility::Namespaces.advice()), "{said}");
}

#[test]
fn root_that_cannot_become_another_user_runs_nothing() {
    let Some(output) = through("unshare", &["--user", "--map-root-user", LAUNCHER, "true"]) else { return };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(Facility::UnprivilegedUser.name()), "{said}");
}
