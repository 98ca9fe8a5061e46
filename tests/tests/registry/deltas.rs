//! Deltas into registries that others made: what they hold is read back, and shared between repositories.

use std::fs;
use std::io::Read as _;

use jiff::SignedDuration;
use sealift_archive_format::{Digest, Inventory, Reader};
use sealift_core::export::Base;
use sealift_core::import::{DeliveryError, Destination, ImportError, Naming};
use sealift_core::oci::{ForeignLayers, Graph, Platforms, Reference};
use sealift_core::registry::{RegistrySink, RegistrySource};
use sealift_core::transfer::{SinkError, Source as _};
use sealift_tests::crossing::{Crossing, Refused};
use sealift_tests::real_registry::{self, RealRegistry};
use sealift_tests::registry::{Action, Answer, Fault, Registry};
use sealift_tests::weekly_image::{base_of, sent, weekly_image};

use super::client;

/// A crossing into a registry, below a path.
fn into(domain: String, prefix: &str) -> Crossing {
    let mut sides = Crossing::of_images();
    sides.far.destination = Destination::Registry { domain, prefix: prefix.to_owned(), naming: Naming::WithDomain };
    sides
}

fn publish(sides: &mut Crossing, week: usize) {
    sides.wait(SignedDuration::from_hours(24 * 7));
    sides.publish_image(&weekly_image(week), &[]);
}

fn inventory(archive: &[u8]) -> Inventory {
    Inventory::parse(Reader::open(archive).unwrap().seal().statement()).unwrap()
}

/// Everything below a tag, as it is served.
fn content(registry: &RealRegistry, prefix: &str) -> Vec<Vec<u8>> {
    let name: Reference = format!("{}/{prefix}/example.com/org/app:1", registry.domain()).parse().unwrap();
    let source = RegistrySource::new(client());
    let root = source.resolve(&name).unwrap();
    let graph =
        Graph::walk(root, &Platforms::All, ForeignLayers::Refuse, |child| source.manifest(name.repository(), child))
            .unwrap();
    let blobs = graph.blobs().into_iter().map(|blob| {
        let mut content = Vec::new();
        source.blob(name.repository(), blob).unwrap().read_to_end(&mut content).unwrap();
        content
    });
    graph.manifests().iter().map(|manifest| manifest.bytes().to_vec()).chain(blobs).collect()
}

/// Imports the first week, and exports what is new in the second one; also returns a layer that this leaves out.
fn second_week(sides: &mut Crossing) -> (Vec<u8>, Digest) {
    publish(sides, 1);
    let first = sides.archive();
    sides.far.import_from(&mut &*first, &RegistrySink::new(client())).unwrap();
    publish(sides, 2);
    let delta = sides.delta(&sides.request(), &Base::of_archives(vec![sent(&first)], []));
    let absent = inventory(&delta).absent().next().unwrap().digest.clone();
    (delta, absent)
}

fn lacking(refused: Refused) -> Vec<(Digest, bool)> {
    match refused {
        Refused::Import(ImportError::Lacking { blobs, .. }) => {
            blobs.into_iter().map(|blob| (blob.digest, blob.damaged_in.is_some())).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn five_deltas_give_what_five_whole_archives_give() {
    for registry in real_registry::each() {
        let (mut whole, mut deltas) = (into(registry.domain(), "whole"), into(registry.domain(), "deltas"));
        let mut base = None;
        for week in 1..=5 {
            publish(&mut whole, week);
            publish(&mut deltas, week);
            whole.far.import_from(&mut &*whole.archive(), &RegistrySink::new(client())).unwrap();
            let delta = match &base {
                None => deltas.archive(),
                Some(base) => deltas.delta(&deltas.request(), base),
            };
            let delivered = deltas.far.import_from(&mut &*delta, &RegistrySink::new(client())).unwrap();
            assert_eq!(inventory(&delta).absent().count(), if week == 1 { 0 } else { 2 });
            base = Some(base_of(&deltas.far.store(), &delivered, deltas.now));
            assert_eq!(content(&registry, "whole"), content(&registry, "deltas"), "week {week}");
        }
    }
}

#[test]
fn a_layer_in_another_repository_is_shared_from_there() {
    for registry in real_registry::each() {
        let mut sides = into(registry.domain(), "before");
        publish(&mut sides, 1);
        let first = sides.archive();
        sides.far.import_from(&mut &*first, &RegistrySink::new(client())).unwrap();
        sides.far.destination =
            Destination::Registry { domain: registry.domain(), prefix: "after".to_owned(), naming: Naming::WithDomain };
        publish(&mut sides, 2);
        let delta = sides.delta(&sides.request(), &Base::of_archives(vec![sent(&first)], []));
        sides.far.import_from(&mut &*delta, &RegistrySink::new(client())).unwrap();
        assert_eq!(content(&registry, "after").len(), 5);
    }
}

#[test]
fn a_layer_that_is_collected_or_damaged_is_found_whatever_the_registry_says() {
    for registry in real_registry::each() {
        for is_damaged in [true, false] {
            let mut sides = into(registry.domain(), if is_damaged { "damaged" } else { "collected" });
            let (delta, absent) = second_week(&mut sides);
            let files = registry.files_of(&absent);
            assert!(!files.is_empty());
            let kept: Vec<Vec<u8>> = files.iter().map(|path| fs::read(path).unwrap()).collect();
            for path in &files {
                match is_damaged {
                    true => fs::write(path, vec![0; fs::read(path).unwrap().len()]).unwrap(),
                    false => fs::remove_file(path).unwrap(),
                }
            }
            let (state, before) = (sides.far.trusted_state(), tagged(&registry, &sides));
            let refused = sides.far.import_from(&mut &*delta, &RegistrySink::new(client())).map(drop).unwrap_err();
            let lacking = lacking(refused);
            assert_eq!(lacking.iter().map(|(digest, _)| digest).collect::<Vec<_>>(), [&absent]);
            assert!(!is_damaged || lacking[0].1, "{lacking:?}");
            assert_eq!((sides.far.trusted_state(), tagged(&registry, &sides)), (state, before));
            files.iter().zip(kept).for_each(|(path, content)| fs::write(path, content).unwrap());
            sides.far.import_from(&mut &*delta, &RegistrySink::new(client())).unwrap();
        }
    }
}

/// What a registry does with the layer, and whether that shows that the layer is damaged.
type Row<'r> = (&'r str, &'r dyn Fn(&[u8]) -> Vec<Action>, bool);

#[test]
fn what_cannot_be_read_back_is_not_called_damaged() {
    let answer = |change: fn(&mut Vec<u8>)| {
        move |content: &[u8]| {
            let mut content = content.to_vec();
            change(&mut content);
            Action::Answer(Answer::new(200, &[], content))
        }
    };
    let (longer, other) = (answer(|content| content.push(0)), answer(|content| content.fill(0)));
    let rows: [Row<'_>; 7] = [
        ("cut each time", &|_| vec![Action::CutAfter(10)], false),
        ("refused", &|_| vec![Action::status(500, &[])], false),
        ("cut, then refused", &|_| vec![Action::CutAfter(10), Action::status(500, &[])], false),
        ("cut, then gone", &|_| vec![Action::CutAfter(10), Action::status(404, &[])], true),
        ("gone", &|_| vec![Action::status(404, &[])], true),
        ("longer", &|content| vec![longer(content)], true),
        ("other content", &|content| vec![other(content)], true),
    ];
    for (row, actions, is_damage) in rows {
        let registry = Registry::start();
        let mut sides = into(registry.domain(), "mirror");
        let (delta, absent) = second_week(&mut sides);
        let blobs = registry.state().blobs.clone();
        let (_, content) = blobs.iter().find(|((_, digest), _)| *digest == absent.to_string()).unwrap();
        let (mut actions, part) = (actions(content), format!("/blobs/{absent}"));
        let last = actions.pop().unwrap();
        actions.into_iter().for_each(|action| registry.inject(Fault::once("GET", &part, action)));
        registry.inject(Fault::always("GET", &part, last));
        let refused = sides.far.import_from(&mut &*delta, &RegistrySink::new(client())).map(drop).unwrap_err();
        match refused {
            Refused::Import(ImportError::Delivery(DeliveryError::Blob { source, digest, .. })) if !is_damage => {
                assert!(matches!(source, SinkError::ReadBack(_) | SinkError::Target(_)), "{row}: {source:?}");
                assert_eq!(digest, absent, "{row}");
            }
            refused => assert_eq!((lacking(refused), is_damage), (vec![(absent, true)], true), "{row}"),
        }
    }
}

/// What the tag of the image stands for.
fn tagged(registry: &RealRegistry, sides: &Crossing) -> Digest {
    let Destination::Registry { prefix, .. } = &sides.far.destination else { panic!("not a registry") };
    let name: Reference = format!("{}/{prefix}/example.com/org/app:1", registry.domain()).parse().unwrap();
    RegistrySource::new(client()).resolve(&name).unwrap().descriptor().digest.clone()
}
