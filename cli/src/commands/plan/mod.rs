//! `sealift plan`: what an export would carry, who vouches for it, and what would be refused; and the lock of a shipment.
//!
//! Promise: it finds and judges as `export` does, by the same code, and fetches no layer. Nothing is written but the lock, and only
//! where it is asked for.

mod report;

use clap::Args;
use sealift_core::export::{self, Foreseen, ForeseenItem, Plan, PrepareError};
use sealift_core::trust::Finding;
use sealift_core::volume_set::{Cut, VolumeSetError};

use crate::commands::export::{Gathered, Servers, carriers, gather, settings};
use crate::context::Context;
use crate::failure::{Attempt as _, Failure};
use crate::options::base::{BaseArguments, ReadBase};
use crate::options::connections::ConnectionArguments;
use crate::options::cut::CutArguments;
use crate::options::lock::LockedShipment;
use crate::options::network::{MirrorArguments, NetworkArguments};
use crate::options::verdict::{InspectionArguments, inspections};
use crate::options::wanted::{Wanted, WantedArguments};
use report::{Outlook, PlanReport};

/// What to plan.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  sealift plan -f shipment.toml\n  sealift plan -f shipment.toml --lock\n  sealift plan -f shipment.toml --update\n  sealift plan --image example.com/org/app:1 \\\n      --tuf acme=https://tuf.example.com\n  sealift plan -f shipment.toml --since plant-7.receipt\n  sealift plan -f shipment.toml --volume-size 4.7GB --parity 2\n  sealift plan -f shipment.toml --parity 10%\n\nThe lock is beside the shipment: shipment.lock. It has the digest of each name in the shipment, and an export ships what is\nlocked. What is named on the command line beside a shipment, and what hangs off images, is not locked."
)]
pub(crate) struct PlanArguments {
    #[command(flatten)]
    wanted: WantedArguments,

    /// Write the lock of the shipment: what is locked stays, what is new is added, and what is gone is removed
    #[arg(long, requires = "shipment", conflicts_with = "shard", help_heading = "Lock")]
    lock: bool,

    /// Resolve every name again, and show what moved since the shipment was locked. With --lock, accept it
    #[arg(long, requires = "shipment", help_heading = "Lock")]
    update: bool,

    #[command(flatten)]
    cut: CutArguments,

    #[command(flatten)]
    base: BaseArguments,

    #[command(flatten)]
    inspections: InspectionArguments,

    #[command(flatten)]
    connections: ConnectionArguments,

    #[command(flatten)]
    network: NetworkArguments,

    #[command(flatten)]
    mirrors: MirrorArguments,
}

/// Plans.
pub(crate) fn run(arguments: &PlanArguments, context: &Context) -> Result<(), Failure> {
    let cut = arguments.cut.read().attempt(|| "cannot plan".to_owned())?;
    let Wanted { options: mut wanted, shipment } = arguments.wanted.with_files()?;
    let mut locked = shipment.map(LockedShipment::of).transpose()?;
    let store = context.trust_store()?;
    let trust = store.load().attempt(|| "cannot plan".to_owned())?;
    let ReadBase { base, .. } = arguments.base.read(&store, (&trust, context.now()), None)?;
    let web = arguments.network.web()?;
    let servers = Servers { web: &web, network: &arguments.network, mirrors: &arguments.mirrors };
    let (progress, workers) = (context.progress(), arguments.connections.workers());
    let gathered =
        gather(&mut wanted, (locked.as_mut(), arguments.update), (&trust, &servers, &workers), &*progress, context)?;
    let Gathered { mut repositories, plan, opened: _, passed_over: _ } = gathered;
    let sandbox = arguments.inspections.sandbox()?;
    let settings = settings(&wanted, (&[], base.as_ref()), inspections(sandbox.as_ref()), workers, context)?;
    progress.begin("proving", None);
    let foreseen = export::foresee(&plan, &trust, carriers(&mut repositories), &settings);
    let each = match &foreseen {
        Err(PrepareError::Judgement(_)) => {
            export::foresee_each(&plan, &trust, carriers(&mut repositories), &settings).unwrap_or_default()
        }
        _ => Vec::new(),
    };
    progress.finish();
    let outlook = match &foreseen {
        Ok(foreseen) => Outlook::of(foreseen, &plan, cut).attempt(|| "cannot plan".to_owned())?,
        Err(_) => Outlook::refused(outcomes(&plan, &each)),
    };
    let until = wanted.valid_until(context.now());
    let valid = match (&foreseen, until) {
        (Ok(foreseen), Some(until)) => export::require_valid_until(foreseen.judgement.findings(), until),
        _ => Ok(()),
    };
    let rules = locked.as_ref().map(LockedShipment::rules).unwrap_or_default();
    let mut report = PlanReport::of(&plan, outlook, base.as_ref(), &rules);
    report.judge_expiries(until);
    // A lock is about all of a shipment.
    if let Some(locked) = locked.as_ref().filter(|_| wanted.shard.is_none()) {
        let planned = locked.planned(&plan);
        report.compare(locked, &planned);
        if arguments.lock && foreseen.is_ok() && valid.is_ok() {
            locked.write(&planned).attempt(|| format!("cannot write {}", locked.file.display()))?;
            report.is_locked();
        }
    }
    context.result(&report, || report.text())?;
    let attempt = || "the plan was made, but it cannot be exported".to_owned();
    foreseen.map(drop).attempt(attempt)?;
    valid.attempt(attempt)
}

impl<'f> Outlook<'f> {
    fn of(foreseen: &'f Foreseen, plan: &Plan, cut: Option<Cut>) -> Result<Self, VolumeSetError> {
        let shape = |cut| foreseen.volumes(cut).map(|shape| (cut, shape)).map_err(VolumeSetError::from);
        let proven = foreseen.judgement.findings();
        Ok(Self {
            findings: findings(plan, &proven.items),
            red_line: foreseen.red_line,
            expiries: export::first_expiries(proven),
            archive_bytes: Some(foreseen.length),
            volumes: cut.map(shape).transpose()?,
        })
    }

    /// What is refused has no archive.
    fn refused(findings: Foreseens<'f>) -> Self {
        Self { findings, red_line: None, expiries: Vec::new(), archive_bytes: None, volumes: None }
    }
}

/// What is foreseen for each item of a plan, by its place.
type Foreseens<'f> = Vec<Option<Result<&'f Finding, Vec<String>>>>;

fn findings<'f>(plan: &Plan, items: &'f [Finding]) -> Foreseens<'f> {
    let mut items = items.iter();
    plan.items.iter().map(|_| items.next().map(Ok)).collect()
}

fn outcomes<'f>(plan: &Plan, each: &'f [ForeseenItem]) -> Foreseens<'f> {
    let mut each = each.iter();
    let outcome = |foreseen: &'f ForeseenItem| foreseen.outcome.as_ref().map_err(|error| causes(error));
    plan.items.iter().map(|_| each.next().map(outcome)).collect()
}

/// What an error says, and what each error below it adds.
fn causes(error: &dyn std::error::Error) -> Vec<String> {
    let mut causes = vec![error.to_string()];
    let mut below = error.source();
    while let Some(error) = below {
        let text = error.to_string();
        if !causes.contains(&text) {
            causes.push(text);
        }
        below = error.source();
    }
    causes
}
