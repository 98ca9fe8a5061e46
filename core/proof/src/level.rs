//! The levels of CNAB Security 1.0 (300, "Gradual security"): how well a bundle and its images are signed.
//!
//! A level is a product: what is proven about the bundle, and what is proven about its images. So levels are only
//! partially ordered: neither of 1a and 1b is above the other, nor of 3a and 3b.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// What is proven about the bundle, or about all its images together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Assurance {
    /// Nothing.
    Unsigned,
    /// TUF metadata vouches for it.
    Tuf,
    /// TUF metadata vouches for it, and in-toto metadata for how it was made.
    TufAndInToto,
}

/// A level that CNAB Security names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// Level 0: neither images nor bundles are signed.
    Zero,
    /// Level 1a: images are signed using TUF.
    OneA,
    /// Level 1b: bundles are signed using TUF.
    OneB,
    /// Level 2: both are signed using TUF.
    Two,
    /// Level 3a: images are signed using TUF and in-toto, bundles using TUF.
    ThreeA,
    /// Level 3b: bundles are signed using TUF and in-toto, images using TUF.
    ThreeB,
    /// Level 4: both are signed using TUF and in-toto.
    Four,
}

use Assurance::{Tuf, TufAndInToto, Unsigned};

impl Level {
    /// Every level.
    pub const ALL: [Self; 7] = [Self::Zero, Self::OneA, Self::OneB, Self::Two, Self::ThreeA, Self::ThreeB, Self::Four];

    /// The highest level that both parts reach. Where the specification names no level for a combination (in-toto for
    /// one part, nothing for the other), it is the named level below it: 1a or 1b.
    pub fn of(bundle: Assurance, images: Assurance) -> Self {
        match (bundle, images) {
            (Unsigned, Unsigned) => Self::Zero,
            (Unsigned, Tuf | TufAndInToto) => Self::OneA,
            (Tuf | TufAndInToto, Unsigned) => Self::OneB,
            (Tuf, Tuf) => Self::Two,
            (Tuf, TufAndInToto) => Self::ThreeA,
            (TufAndInToto, Tuf) => Self::ThreeB,
            (TufAndInToto, TufAndInToto) => Self::Four,
        }
    }

    /// What the level requires of the bundle.
    pub fn bundle(self) -> Assurance {
        match self {
            Self::Zero | Self::OneA => Unsigned,
            Self::OneB | Self::Two | Self::ThreeA => Tuf,
            Self::ThreeB | Self::Four => TufAndInToto,
        }
    }

    /// What the level requires of the images.
    pub fn images(self) -> Assurance {
        match self {
            Self::Zero | Self::OneB => Unsigned,
            Self::OneA | Self::Two | Self::ThreeB => Tuf,
            Self::ThreeA | Self::Four => TufAndInToto,
        }
    }

    /// Whether this level reaches the minimum in both parts.
    pub fn meets(self, minimum: MinimumLevel) -> bool {
        match minimum {
            MinimumLevel::EitherSigned => self >= Self::OneA || self >= Self::OneB,
            MinimumLevel::AtLeast(level) => self >= level,
        }
    }

    /// The name: `0`, `1a`, `1b`, `2`, `3a`, `3b` or `4`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zero => "0",
            Self::OneA => "1a",
            Self::OneB => "1b",
            Self::Two => "2",
            Self::ThreeA => "3a",
            Self::ThreeB => "3b",
            Self::Four => "4",
        }
    }
}

impl PartialOrd for Level {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self.bundle().cmp(&other.bundle()), self.images().cmp(&other.images())) {
            (bundle, images) if bundle == images => Some(bundle),
            (Ordering::Equal, images) => Some(images),
            (bundle, Ordering::Equal) => Some(bundle),
            _ => None,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl serde::Serialize for Level {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> serde::Deserialize<'de> for Level {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <std::borrow::Cow<'_, str>>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Why a text is not a level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a level: expected 0, 1a, 1b, 2, 3a, 3b or 4")]
pub struct LevelError(String);

impl FromStr for Level {
    type Err = LevelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|level| level.name() == text)
            .ok_or_else(|| LevelError(text.chars().take(40).collect()))
    }
}

impl MinimumLevel {
    /// Whether a bundle and images with these assurances reach it; `None` means that it requires nothing of the images.
    pub fn is_met(self, bundle: Assurance, images: Option<Assurance>) -> bool {
        match self {
            Self::EitherSigned => bundle >= Tuf || images >= Some(Tuf),
            Self::AtLeast(level) => bundle >= level.bundle() && images.is_none_or(|images| images >= level.images()),
        }
    }

    /// Whether one image, in a bundle with this assurance, is proven as well as it requires of images.
    pub fn is_met_by_image(self, bundle: Assurance, image: Assurance) -> bool {
        match self {
            Self::EitherSigned => self.is_met(bundle, Some(image)),
            Self::AtLeast(level) => image >= level.images(),
        }
    }
}

/// The lowest level that a policy accepts. `1` stands for 1a or 1b, and refuses what is not signed at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MinimumLevel {
    /// The bundle or its images are signed: 1a, 1b, or anything above either.
    EitherSigned,
    /// This level, or anything above it.
    AtLeast(Level),
}

impl FromStr for MinimumLevel {
    type Err = LevelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "1" { Ok(Self::EitherSigned) } else { text.parse().map(Self::AtLeast) }
    }
}

impl fmt::Display for MinimumLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EitherSigned => f.write_str("1"),
            Self::AtLeast(level) => fmt::Display::fmt(level, f),
        }
    }
}

impl serde::Serialize for MinimumLevel {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for MinimumLevel {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(text: &str) -> Level {
        text.parse().unwrap()
    }

    #[test]
    fn each_of_the_nine_combinations_has_its_level() {
        for (bundle, images, expected) in [
            (Unsigned, Unsigned, "0"),
            (Unsigned, Tuf, "1a"),
            (Unsigned, TufAndInToto, "1a"),
            (Tuf, Unsigned, "1b"),
            (Tuf, Tuf, "2"),
            (Tuf, TufAndInToto, "3a"),
            (TufAndInToto, Unsigned, "1b"),
            (TufAndInToto, Tuf, "3b"),
            (TufAndInToto, TufAndInToto, "4"),
        ] {
            let found = Level::of(bundle, images);
            assert_eq!(found, level(expected), "{bundle:?} {images:?}");
            assert!(found.bundle() <= bundle && found.images() <= images, "a level never claims more than was proven");
        }
    }

    #[test]
    fn a_named_level_is_the_level_of_what_it_asks() {
        for level in Level::ALL {
            assert_eq!(Level::of(level.bundle(), level.images()), level);
            assert_eq!(level.to_string().parse(), Ok(level));
        }
    }

    #[test]
    fn levels_are_ordered_by_their_parts() {
        assert_eq!(level("1a").partial_cmp(&level("1b")), None);
        assert_eq!(level("3a").partial_cmp(&level("3b")), None);
        let chain = |names: &[&str]| names.windows(2).all(|pair| level(pair[0]) < level(pair[1]));
        assert!(chain(&["0", "1a", "2", "3a", "4"]) && chain(&["0", "1b", "2", "3b", "4"]));
    }

    #[test]
    fn minimum_one_takes_either_half_and_refuses_level_zero() {
        let meets = |name: &str, minimum: &str| level(name).meets(minimum.parse().unwrap());
        assert!(!meets("0", "1"));
        assert!(["1a", "1b", "2", "3a", "3b", "4"].iter().all(|name| meets(name, "1")));
        assert!(meets("0", "0") && meets("1a", "1a") && meets("2", "1a") && meets("3b", "2"));
        assert!(!meets("1b", "1a") && !meets("3a", "3b") && !meets("1a", "2"));
    }

    #[test]
    fn a_minimum_is_met_part_by_part() {
        let all = [Unsigned, Tuf, TufAndInToto];
        let minimums = Level::ALL.map(MinimumLevel::AtLeast).into_iter().chain([MinimumLevel::EitherSigned]);
        for minimum in minimums {
            for (bundle, images) in all.into_iter().flat_map(|bundle| all.map(|images| (bundle, images))) {
                let whole = Level::of(bundle, images).meets(minimum);
                assert_eq!(minimum.is_met(bundle, Some(images)), whole, "{bundle:?} {images:?} {minimum}");
            }
        }
        let alone = |minimum: &str, bundle| minimum.parse::<MinimumLevel>().unwrap().is_met(bundle, None);
        assert!(
            alone("0", Unsigned) && alone("1", Tuf) && alone("2", Tuf) && alone("3a", Tuf) && alone("4", TufAndInToto)
        );
        assert!(!alone("1", Unsigned) && !alone("2", Unsigned) && !alone("3b", Tuf) && !alone("4", Tuf));
        let by_image =
            |minimum: &str, bundle, image| minimum.parse::<MinimumLevel>().unwrap().is_met_by_image(bundle, image);
        assert!(by_image("1b", Unsigned, Unsigned) && by_image("3b", Unsigned, Tuf) && by_image("1", Tuf, Unsigned));
        assert!(
            !by_image("2", TufAndInToto, Unsigned)
                && !by_image("3a", TufAndInToto, Tuf)
                && !by_image("1", Unsigned, Unsigned)
        );
    }

    #[test]
    fn other_names_are_refused() {
        for text in ["1", "", "5", "1A", "3", " 2"] {
            assert!(text.parse::<Level>().is_err(), "{text}");
        }
        assert!("5".parse::<MinimumLevel>().is_err());
    }
}
