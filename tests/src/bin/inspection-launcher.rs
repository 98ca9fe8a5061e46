//! Hosts the inspection sandbox for tests. With arguments it is a user of it too: it runs them as a command in a sandbox
//! that it launches itself, with a product of one file, and prints what came of it, so that a test can run it as any user.

use std::process::ExitCode;

use sealift_proof::in_toto::{ProductContent, ProductFile};
use sealift_sandbox::{Sandbox, SandboxLimits, main_if_invoked};

fn main() -> ExitCode {
    main_if_invoked();
    let command: Vec<String> = std::env::args().skip(1).collect();
    let Ok(launcher) = std::env::current_exe() else { return ExitCode::FAILURE };
    let name = "bundle.json".to_owned();
    let product = [ProductFile { name, digests: Vec::new(), content: ProductContent::Bytes(b"{}") }];
    match Sandbox::new(launcher, SandboxLimits::default()).run(&command, &product) {
        Ok(outcome) => {
            println!("exit status {}", outcome.exit_status);
            print!("{}", String::from_utf8_lossy(&outcome.stdout));
            eprint!("{}", String::from_utf8_lossy(&outcome.stderr));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
