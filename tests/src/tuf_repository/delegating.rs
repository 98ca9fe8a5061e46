//! Delegations of the simulated repository.

use sealift_sample_publisher::tuf_repository::header;
use serde_json::{Value, json};

use super::{EXPIRES, TufRepository};

/// A delegation to be made: to a role, for some paths.
#[derive(Debug, Clone)]
pub struct Delegated {
    name: String,
    fields: Value,
}

impl Delegated {
    /// A role that may speak for names that match these patterns.
    pub fn paths(name: &str, patterns: &[&str]) -> Self {
        Self { name: name.to_owned(), fields: json!({"paths": patterns, "terminating": false}) }
    }

    /// A role that may speak for names whose SHA-256 begins with one of these.
    pub fn hash_prefixes(name: &str, prefixes: &[&str]) -> Self {
        Self { name: name.to_owned(), fields: json!({"path_hash_prefixes": prefixes, "terminating": false}) }
    }

    /// The same delegation, terminating.
    pub fn terminating(mut self) -> Self {
        self.fields["terminating"] = json!(true);
        self
    }
}

impl TufRepository {
    /// Delegates, with a new key; makes the role if there is none of that name yet, and publishes nothing.
    pub fn delegate(&mut self, delegator: &str, delegated: Delegated) {
        let Delegated { name, mut fields } = delegated;
        let key = self.new_key();
        (fields["name"], fields["keyids"], fields["threshold"]) = (json!(name), json!([key.id]), json!(1));
        let delegations = self.delegations(delegator);
        delegations["keys"][&key.id] = key.object.clone();
        delegations["roles"].as_array_mut().unwrap().push(fields);
        self.signers.entry(name.clone()).or_default().push(key);
        self.ensure_targets_role(&name);
    }

    /// Delegates to 2^`bit_length` bins (TAP 15), makes their roles, and publishes nothing. Returns the bins' names.
    pub fn delegate_succinctly(&mut self, delegator: &str, prefix: &str, bit_length: u32) -> Vec<String> {
        let key = self.new_key();
        let delegations = self.delegations(delegator);
        delegations["keys"][&key.id] = key.object.clone();
        delegations.as_object_mut().unwrap().remove("roles");
        delegations["succinct_roles"] =
            json!({"keyids": [key.id], "threshold": 1, "bit_length": bit_length, "name_prefix": prefix});
        let digits = format!("{:x}", (1_u64 << bit_length) - 1).len();
        let names: Vec<_> = (0..1_u64 << bit_length).map(|bin| format!("{prefix}-{bin:0digits$x}")).collect();
        for name in &names {
            self.signers.insert(name.clone(), vec![key.clone()]);
            self.ensure_targets_role(name);
        }
        names
    }

    /// The delegations of a role, to be changed.
    pub fn delegations(&mut self, delegator: &str) -> &mut Value {
        let role = self.role(delegator);
        if role.get("delegations").is_none() {
            role["delegations"] = json!({"keys": {}, "roles": []});
        }
        &mut role["delegations"]
    }

    /// Makes a targets role, if there is none of that name yet.
    pub fn ensure_targets_role(&mut self, name: &str) {
        let mut role = header("targets", 0, EXPIRES);
        role.insert("targets".to_owned(), json!({}));
        self.signed.entry(name.to_owned()).or_insert(role.into());
    }

    /// Publishes new versions of all targets roles, of snapshot and of timestamp.
    pub fn publish_everything(&mut self) {
        let not_targets = ["root", "timestamp", "snapshot"];
        let roles: Vec<_> = self.signed.keys().filter(|role| !not_targets.contains(&role.as_str())).cloned().collect();
        self.publish(&roles.iter().map(String::as_str).collect::<Vec<_>>());
        self.publish(&["snapshot", "timestamp"]);
    }
}
