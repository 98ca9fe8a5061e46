//! What is wanted, found: what `export` packs, and what `plan` shows.

use std::collections::BTreeMap;

use sealift_archive_format::inventory::Exporter;
use sealift_core::export::{self, Base, ExportSettings, Plan};
use sealift_core::progress::Progress;
use sealift_core::transfer::Workers;
use sealift_core::trust::Extent;
use sealift_core::trust_store::{RepositoryName, Trust};
use sealift_proof::in_toto::Inspections;
use sealift_proof::signature::SigningKey;

use super::repositories::{LiveRepository, Servers, add_needed_collections, live_repositories};
use super::request::{files, request};
use crate::context::Context;
use crate::failure::{Attempt as _, Failure};
use crate::options::lock::LockedShipment;
use crate::options::source::OpenedSources;
use crate::options::tags;
use crate::options::wanted::WantedArguments;

/// How many odd entries of layouts are told of.
const MAXIMUM_REMARKS: usize = 20;

/// What is wanted, found.
pub(crate) struct Gathered<'p> {
    /// Where it was found.
    pub(crate) opened: OpenedSources<'p>,
    /// What can prove it.
    pub(crate) repositories: BTreeMap<RepositoryName, LiveRepository>,
    /// All of it, but for layers.
    pub(crate) plan: Plan,
    /// What was passed over on the way, a line for each.
    pub(crate) passed_over: Vec<String>,
}

/// Finds what is wanted, and adds what rules choose to it. What is locked is found by its digest, unless everything is looked up anew.
pub(crate) fn gather<'p>(
    wanted: &mut WantedArguments,
    (mut shipment, anew): (Option<&mut LockedShipment>, bool),
    (trust, servers, workers): (&Trust, &Servers<'_>, &Workers),
    progress: &'p dyn Progress,
    context: &Context,
) -> Result<Gathered<'p>, Failure> {
    let mut opened = OpenedSources::new(servers.registry_source(wanted)?, progress);
    let lock = shipment.as_deref().filter(|_| !anew).and_then(|shipment| shipment.lock.as_ref());
    let chosen = tags::choose(wanted, lock, &mut opened, workers, progress)?;
    if let Some(shipment) = &mut shipment {
        shipment.note(chosen);
    }
    let wanted = &*wanted;
    let locked = shipment.as_deref().filter(|_| !anew);
    let mut repositories = live_repositories(wanted, trust, servers)?;
    let files = files(wanted, trust, &mut repositories, progress, context)?;
    let mut request = request(wanted, &mut opened, files)?;
    if let Some(lock) = locked.and_then(|locked| locked.lock.as_ref()) {
        lock.pin(&mut request);
    }
    progress.begin("resolving references", None);
    let plan = export::plan(&request, workers);
    progress.finish();
    let plan = plan.attempt(|| "cannot export".to_owned())?;
    if let Some(locked) = locked {
        locked.require_plan(&plan)?;
    }
    let plan = match wanted.shard {
        None => plan,
        Some(shard) => shard.of(plan).attempt(|| "cannot export".to_owned())?,
    };
    let passed_over = opened.passed_over(MAXIMUM_REMARKS);
    passed_over.iter().for_each(|remark| context.remark(format_args!("warning: {remark}")));
    add_needed_collections(&mut repositories, &plan, wanted, trust, servers)?;
    Ok(Gathered { opened, repositories, plan, passed_over })
}

/// Who exports, and when.
pub(crate) fn settings<'a>(
    wanted: &WantedArguments,
    (keys, base): (&'a [SigningKey], Option<&'a Base>),
    inspections: Inspections<'a>,
    workers: Workers,
    context: &Context,
) -> Result<ExportSettings<'a>, Failure> {
    Ok(ExportSettings {
        base,
        now: context.now(),
        exported_at: context.export_time()?.instant(),
        exporter: Exporter { name: "sealift".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
        keys,
        inspections,
        extent: if wanted.whole_metadata { Extent::EveryRole } else { Extent::WhatIsNeeded },
        workers,
    })
}
