//! A stand-in for the reference's `in-toto-verify`, so that its data sets can be run unchanged.
//!
//! The final product is what lies in the working directory. Exit status 0: verified; 1: refused, with the reason on
//! standard error. A layout with inspections is refused unless they are run: in-toto binds the product through them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use jiff::Timestamp;
use sealift_proof::in_toto::{
    BindingRule, FinalProduct, InTotoKey, Inspections, LayoutKey, Parameters, ProductContent, ProductFile, SupplyChain,
    Work, verify,
};
use sealift_sandbox::{Sandbox, SandboxLimits, main_if_invoked};
use sealift_tests::link_folder::{read_links, read_product};

/// Verify an in-toto supply chain and the final product in the working directory.
#[derive(Parser)]
#[command(name = "in-toto-verify")]
struct Arguments {
    /// The signed layout.
    #[arg(short, long, value_name = "FILE")]
    layout: PathBuf,
    /// Public keys; each must have signed the layout.
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    verification_keys: Vec<PathBuf>,
    /// Where the links are.
    #[arg(long, value_name = "DIR", default_value = ".")]
    link_dir: PathBuf,
    /// Values for the layout's parameters.
    #[arg(long, value_name = "K=V", num_args = 1..)]
    substitution_parameters: Vec<String>,
    /// Run the layout's inspections, in a sandbox.
    #[arg(long)]
    run_inspections: bool,
    /// Print the trace on standard output as JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    // The sandbox starts this program again, as its supervisor.
    main_if_invoked();
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("in-toto-verify: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let layout = read(&arguments.layout)?;
    let chain = SupplyChain {
        layout: &layout,
        layout_keys: arguments.verification_keys.iter().map(|path| layout_key(path)).collect::<Result<_, _>>()?,
        links: read_links(&arguments.link_dir)
            .map_err(|error| format!("cannot read the links in {}: {error}", arguments.link_dir.display()))?,
        parameters: parameters(&arguments.substitution_parameters)?,
    };
    let files = read_product(Path::new(".")).map_err(|error| format!("cannot read the working directory: {error}"))?;
    let files = files
        .iter()
        .map(|file| ProductFile {
            name: file.name.clone(),
            digests: file.digests.clone(),
            content: ProductContent::File(&file.path),
        })
        .collect();
    let product = FinalProduct { files, binding: BindingRule::OnlyFilesThatStepsName };
    let sandbox = match arguments.run_inspections {
        true => Some(Sandbox::new(this_program()?, SandboxLimits::default())),
        false => None,
    };
    let inspections = sandbox.as_ref().map_or(Inspections::NotRun, |sandbox| Inspections::Run(sandbox));
    let verified =
        verify(&chain, &product, Timestamp::now(), inspections, &mut Work::of_an_archive()).map_err(|refusal| {
            print_trace(arguments, refusal.trace.as_ref());
            with_sources(&refusal)
        })?;
    print_trace(arguments, verified.trace());
    match verified.inspections_not_run() {
        [] => Ok(()),
        names => Err(format!("inspections were not run (see --run-inspections): {}", names.join(", "))),
    }
}

fn print_trace(arguments: &Arguments, trace: &sealift_proof::in_toto::Trace) {
    if arguments.json {
        println!("{}", serde_json::json!(trace));
    }
}

fn this_program() -> Result<PathBuf, String> {
    std::env::current_exe().map_err(|error| format!("cannot find this program, to run inspections with it: {error}"))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

fn layout_key(path: &Path) -> Result<LayoutKey, String> {
    let label = path.display().to_string();
    match InTotoKey::from_file(&read(path)?) {
        Ok(key) => Ok(LayoutKey { label, key }),
        Err(error) => Err(format!("{label}: {}", with_sources(&error))),
    }
}

fn parameters(words: &[String]) -> Result<Parameters, String> {
    let pair = |word: &String| {
        let (name, value) = word.split_once('=').ok_or_else(|| format!("{word:?} is not of the form K=V"))?;
        Ok::<_, String>((name.to_owned(), value.to_owned()))
    };
    Parameters::new(words.iter().map(pair).collect::<Result<_, _>>()?).map_err(|error| error.to_string())
}

fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
