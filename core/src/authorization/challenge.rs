//! `WWW-Authenticate`, as far as registries use it. RFC 9110 §11.6.1.

/// The kind of authorisation that a server requires. The scope in it is not read: that follows from what is about to be
/// done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User name and password.
    Basic,
    /// A token from a token service.
    Bearer {
        /// The token service.
        realm: String,
        /// The name of the registry at that service.
        service: Option<String>,
    },
}

/// The supported challenges in a header's value, in order.
pub(super) fn parse(value: &str) -> Vec<Challenge> {
    let mut challenges = Vec::new();
    let mut rest = value;
    while let Some((scheme, parameters, after)) = next_challenge(rest) {
        rest = after;
        let parameter = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        match (scheme.to_ascii_lowercase().as_str(), parameter("realm")) {
            ("basic", _) => challenges.push(Challenge::Basic),
            ("bearer", Some(realm)) => {
                challenges.push(Challenge::Bearer { realm, service: parameter("service") });
            }
            _ => {}
        }
    }
    challenges
}

type ChallengeParameters = Vec<(String, String)>;

/// Takes one challenge off the front: its scheme, its parameters, and what follows.
fn next_challenge(text: &str) -> Option<(&str, ChallengeParameters, &str)> {
    let text = text.trim_start_matches([' ', '\t', ',']);
    let (scheme, mut rest) = token(text)?;
    let mut parameters = Vec::new();
    loop {
        let candidate = rest.trim_start_matches([' ', '\t', ',']);
        let Some((name, after)) = token(candidate) else { return Some((scheme, parameters, candidate)) };
        let Some(after) = after.trim_start().strip_prefix('=') else { return Some((scheme, parameters, candidate)) };
        let (value, after) = value(after.trim_start());
        parameters.push((name.to_ascii_lowercase(), value));
        rest = after;
    }
}

/// Takes a token off the front (RFC 9110 §5.6.2).
fn token(text: &str) -> Option<(&str, &str)> {
    let is_token = |character: char| character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character);
    let end = text.find(|character| !is_token(character)).unwrap_or(text.len());
    if end == 0 { None } else { text.split_at_checked(end) }
}

/// Takes a token or a quoted string off the front (RFC 9110 §5.6.4).
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return text.split_at_checked(end).map_or((String::new(), ""), |(value, rest)| (value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => value.extend(characters.next()),
            _ => value.push(character),
        }
    }
    (value, characters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>) -> Challenge {
        Challenge::Bearer { realm: realm.to_owned(), service: service.map(ToOwned::to_owned) }
    }

    #[test]
    fn challenges_of_registries_are_understood() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#;
        let expected = bearer("https://auth.docker.io/token", Some("registry.docker.io"));
        assert_eq!(parse(hub), [expected]);
        assert_eq!(parse(r#"basic realm="say \"hi\", friend""#), [Challenge::Basic]);
        assert_eq!(
            parse("Negotiate, Basic realm=x, BEARER Realm = https://t/ , service=s"),
            [Challenge::Basic, bearer("https://t/", Some("s"))]
        );
    }

    #[test]
    fn nonsense_is_no_challenge_and_ends() {
        for text in ["", ",,,", "Bearer", "Bearer service=x", "=", "\"", "Bearer realm", "\u{e9}", "Digest a=\"b"] {
            assert_eq!(parse(text), [], "{text:?}");
        }
        assert_eq!(parse("Bearer realm=\"unterminated"), [bearer("unterminated", None)]);
    }
}
