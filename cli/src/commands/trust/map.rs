//! `sealift trust map`: who speaks for which names.

use std::collections::BTreeSet;
use std::path::Path;

use sealift_core::trust_store::{
    AddedMapping, FormerSpeaker, NamePattern, RepositoryName, TrustStore, TrustStoreError,
};

use super::MAXIMUM_LENGTH;
use crate::context::Context;
use crate::failure::{Attempt as _, Failure, FilePurpose};
use crate::files::input::read_file;
use crate::terminal::shell::{quoted, sealift};

const ATTEMPT: &str = "cannot change the trust store";

/// Lets repositories speak for the names that a pattern matches.
pub(super) fn add(pattern: &NamePattern, repositories: &[RepositoryName], context: &Context) -> Result<(), Failure> {
    let (store, attempt) = (context.trust_store()?, || ATTEMPT.to_owned());
    let added = store.begin().and_then(|update| update.add_mapping(pattern, repositories)).attempt(attempt)?;
    let names = repositories.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
    let verb = if repositories.len() == 1 { "speaks" } else { "speak" };
    let AddedMapping::New(former) = added else {
        let there = format!("{names} {verb} for {} already. Nothing was changed.", pattern.as_str());
        return context.done("map-add", vec![there]);
    };
    let mut done = vec![format!("{names} {verb} for {} from now on.", pattern.as_str())];
    done.extend(former.map(|former| match former {
        FormerSpeaker::KeepsTheRest(name) => {
            format!("{name} spoke for every name, and still speaks for all that no other mapping matches.")
        }
        FormerSpeaker::Narrowed(name) => format!("{name} spoke for every name, and now speaks for no others."),
    }));
    done.extend(remarks(&store).attempt(attempt)?);
    done.extend(repositories.iter().filter_map(|name| meant_text(&store, pattern, repositories, name)));
    context.done("map-add", done)
}

/// How to add the same mapping with the name that was probably meant by one for which no root is pinned.
fn meant_text(
    store: &TrustStore,
    pattern: &NamePattern,
    repositories: &[RepositoryName],
    name: &RepositoryName,
) -> Option<String> {
    let meant = store.meant(name).filter(|meant| meant != name)?;
    let named = repositories.iter().map(|it| if it == name { meant.as_str() } else { it.as_str() });
    let named = named.collect::<Vec<_>>().join(" ");
    let command = sealift(format_args!("trust map add {} {named}", quoted(pattern.as_str())));
    Some(format!("Write {meant} if you mean that: {command}"))
}

/// Replaces the map with a file.
pub(super) fn replace(file: &Path, context: &Context) -> Result<(), Failure> {
    let (store, attempt) = (context.trust_store()?, || ATTEMPT.to_owned());
    let map = read_file(file, FilePurpose::Trust, MAXIMUM_LENGTH).attempt(attempt)?;
    store.begin().and_then(|update| update.set_map(file, &map)).attempt(attempt)?;
    let mut done = vec![format!("The map was replaced with {}.", file.display())];
    done.extend(remarks(&store).attempt(attempt)?);
    context.done("map", done)
}

/// What a map still lacks, and what has no effect in it.
fn remarks(store: &TrustStore) -> Result<Vec<String>, TrustStoreError> {
    let mut remarks = unpinned_in_map(store)?;
    remarks.extend(silent(store)?.iter().map(silent_text));
    Ok(remarks)
}

/// The repositories that the map names and for which no root is pinned.
fn unpinned_in_map(store: &TrustStore) -> Result<Vec<String>, TrustStoreError> {
    let pinned: BTreeSet<_> = store.repositories()?.into_iter().collect();
    let map = store.map()?;
    let unpinned = map.iter().flat_map(|map| map.repositories().keys()).filter(|name| !pinned.contains(*name));
    let say = |name: &RepositoryName| {
        let pin = sealift(format_args!("trust pin-root {name} root.json"));
        let meant = store.meant(name).map(|meant| format!(" ({meant} is pinned)")).unwrap_or_default();
        format!("The map names {name}, for which no root is pinned{meant}: {pin}")
    };
    Ok(unpinned.map(say).collect())
}

/// The repositories for which a root is pinned, and that no mapping of the map names.
pub(super) fn silent(store: &TrustStore) -> Result<Vec<RepositoryName>, TrustStoreError> {
    let Some(map) = store.map()? else { return Ok(Vec::new()) };
    let speaks = |name: &RepositoryName| map.mappings().iter().any(|mapping| mapping.repositories().contains(name));
    Ok(store.repositories()?.into_iter().filter(|name| !speaks(name)).collect())
}

/// What a person is told about such a repository.
pub(super) fn silent_text(name: &RepositoryName) -> String {
    format!(
        "No mapping names {name}, so it speaks for nothing. To let it speak for names: {}",
        sealift(format_args!("trust map add 'REGISTRY/PATH/*' {name}"))
    )
}
