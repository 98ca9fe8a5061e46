//! What to tell the operator about the trust store.

use sealift_core::trust_store::{RingKeyError, TrustStoreError};

use super::{Advice, advice};
use crate::exit_code::ExitCode;

pub(super) fn trust_store(error: &TrustStoreError) -> Advice {
    use TrustStoreError as E;
    let hint = match error {
        E::Missing { .. } => {
            "create one with `sealift trust pin-root`, or name another with --trust DIR or SEALIFT_TRUST".to_owned()
        }
        E::NotAStore { .. } => "name a new folder, or an empty one, with --trust DIR or SEALIFT_TRUST".to_owned(),
        E::PolicyLost { .. } => "restore policy.toml from a backup; or start over with the strict default: \
             `sealift trust reset-policy`"
            .to_owned(),
        E::Locked { .. } => {
            "wait until the other process is done, then try again; the lock ends with that process, so do not remove the file \
             lock"
                .to_owned()
        }
        E::LockRemoved { .. } => {
            "do not remove the file lock; check with `sealift trust list` what was accepted, then try again"
                .to_owned()
        }
        E::Changed { .. } => {
            "run the same command again: it is judged anew, and what has arrived already is not sent again".to_owned()
        }
        E::Io { path, .. } => format!("check who may read and write {}, and that its disk is not full", path.display()),
        E::TooLong { .. } => "check that this is the file you meant".to_owned(),
        E::Stray { .. } => "move it out of the trust store, or give it a valid name".to_owned(),
        E::Policy { .. } => "correct the policy; nothing is accepted until it can be read".to_owned(),
        E::Map { .. } => "give a map.json as described in TAP 4; the map in use was not changed".to_owned(),
        E::UnknownRepository { .. } | E::UnknownKey { .. } => {
            "`sealift trust list` shows the names that are known".to_owned()
        }
        E::RepositoryExists { .. } => {
            "choose another name; or use --replace, which forgets what was accepted under the old root unless the new one is the newest that was accepted"
                .to_owned()
        }
        E::RootLost { name, .. } => format!(
            "pin the root with that digest again with `sealift trust pin-root {name} root.json`: what was accepted under it is \
             still known"
        ),
        E::RootDigest { .. } => "ask the publisher for the root again, out of band; it was not pinned".to_owned(),
        E::NotARoot { .. } | E::NotMetadata { .. } => {
            "give a TUF root.json as the publisher signed it; nothing was changed".to_owned()
        }
        E::KeyNameTaken { keyring, name } => {
            format!("choose another name, or first run `sealift trust remove {keyring} {name}`")
        }
        E::RingKey { source: RingKeyError::Attester(_), .. } => {
            "give a key as PEM, in-toto JSON, a hexadecimal ed25519 key, or what `gpg --export` writes".to_owned()
        }
        E::SameKey { .. } => "a key counts once, whatever it is called; nothing was changed".to_owned(),
        E::ExporterScheme { .. } => "ask the exporter for the key that `sealift key public` shows".to_owned(),
        E::RingKey { source: RingKeyError::Exporter(_), .. } => {
            "remove that file, and add the exporter again from a key you have compared".to_owned()
        }
        E::StateLost { name } | E::StateDamaged { name, .. } => format!(
            "restore the trust store from a backup; or, accepting that an older archive could then be imported once, \
             run `sealift trust reset-state {name}`"
        ),
        E::DeliveriesLost { .. } | E::DeliveriesDamaged { .. } => {
            "restore the trust store from a backup; or, accepting that a tag could then be replaced once by something with \
             another name or of a lower level, run `sealift trust reset-deliveries`"
                .to_owned()
        }
        E::RootChanged { name, .. } => format!(
            "find out who changed the pinned root; then pin the right one with `sealift trust pin-root {name} … \
             --replace`, or accept this one with `sealift trust reset-state {name}`"
        ),
        E::ExportMovedBack { .. } | E::VersionMovedBack { .. } => {
            return advice(
                ExitCode::Rollback,
                "something newer was accepted in the meantime: import a newer archive; the trusted state was not changed",
            );
        }
        E::NoRole { .. } => "import a newer archive; the trusted state was not changed".to_owned(),
    };
    advice(ExitCode::TrustStore, hint)
}
