//! How much care a topic takes, as it stands in a token.

use super::Dialect;
use crate::ros::Care;

/// What somebody announces of a topic's care.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Qos {
    /// Whether it is sent again until it has arrived.
    pub is_reliable: bool,
    /// Whether who comes late gets what was said last.
    pub is_latched: bool,
    /// How many messages are kept; 0: all.
    pub depth: u64,
}

/// What `rmw_zenoh` leaves out of a token: as many messages.
const RMW_DEPTH: u64 = 42;

/// Ours, in this dialect's words.
pub(super) fn written(dialect: Dialect, care: Care, hash: &str) -> String {
    match (dialect, care) {
        (Dialect::RmwZenoh, Care::Sensor) => "2::,5:,:,:,,".to_owned(),
        (Dialect::RmwZenoh, Care::Reliable | Care::Newest) => "::,10:,:,:,,".to_owned(),
        (Dialect::RmwZenoh, Care::Latched) => ":1:,1:,:,:,,".to_owned(),
        // The numbers are Cyclone DDS's own; the hash goes on as ROS on DDS has it.
        (Dialect::Ros2Dds, Care::Sensor) => format!(":0:0:0,5:typehash={hash};"),
        (Dialect::Ros2Dds, Care::Reliable | Care::Newest) => {
            format!(":1:0:0,10:typehash={hash};")
        }
        (Dialect::Ros2Dds, Care::Latched) => format!(":1:1:0,1:typehash={hash};"),
    }
}

/// A number of digits alone.
pub(super) fn number(word: &str) -> Option<u64> {
    word.chars().all(|c| c.is_ascii_digit()).then(|| word.parse().ok()).flatten()
}

/// Numbers with commas between, each up to its most; what is left out is `None`.
fn numbers<const N: usize>(words: &str, most: [u64; N]) -> Option<[Option<u64>; N]> {
    let mut found = [None; N];
    let mut words = words.split(',');
    for (slot, most) in found.iter_mut().zip(most) {
        let word = words.next()?;
        if !word.is_empty() {
            *slot = Some(number(word).filter(|n| *n <= most)?);
        }
    }
    words.next().is_none().then_some(found)
}

const ANY: u64 = u64::MAX;

/// What stands in a token of `rmw_zenoh`'s.
pub(super) fn of_rmw(words: &str) -> Option<Qos> {
    let parts: Vec<&str> = words.split(':').collect();
    let [reliability, durability, history, deadline, lifespan, liveliness] = parts[..] else { return None };
    // Numbers of ROS's own enumerations: 0 is as the system has it, 4 as well as can be.
    let [reliability] = numbers(reliability, [4])?;
    let [durability] = numbers(durability, [4])?;
    let [history, depth] = numbers(history, [3, ANY])?;
    numbers(deadline, [ANY, ANY])?;
    numbers(lifespan, [ANY, ANY])?;
    numbers(liveliness, [5, ANY, ANY])?;
    let depth = if history == Some(2) { 0 } else { depth.unwrap_or(RMW_DEPTH) };
    Some(Qos { is_reliable: reliability != Some(2), is_latched: durability == Some(1), depth })
}

/// What stands in a token of the bridge's, and the type's hash where it is said.
pub(super) fn of_bridge(words: &str) -> Option<(Qos, Option<String>)> {
    let mut parts = words.splitn(5, ':');
    let (keyed, reliability, durability, history) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if !keyed.is_empty() && keyed != "K" {
        return None;
    }
    let [reliability] = numbers(reliability, [1])?;
    let [durability] = numbers(durability, [3])?;
    let [history, depth] = if history.is_empty() { [None, None] } else { numbers(history, [1, ANY])? };
    let depth = if history == Some(1) { 0 } else { depth.unwrap_or(1) };
    let about = parts.next().unwrap_or_default();
    let hash = about.split(';').find_map(|word| word.strip_prefix("typehash="));
    let qos = Qos { is_reliable: reliability == Some(1), is_latched: durability.unwrap_or(0) > 0, depth };
    Some((qos, hash.map(str::to_owned)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let qos = |is_reliable, is_latched, depth| Qos { is_reliable, is_latched, depth };
        for (care, is) in [
            (Care::Sensor, qos(false, false, 5)),
            (Care::Reliable, qos(true, false, 10)),
            (Care::Newest, qos(true, false, 10)),
            (Care::Latched, qos(true, true, 1)),
        ] {
            assert_eq!(of_rmw(&written(Dialect::RmwZenoh, care, "x")), Some(is));
            assert_eq!(of_bridge(&written(Dialect::Ros2Dds, care, "x")), Some((is, Some("x".into()))));
        }
        // As they stand in tokens of others.
        assert_eq!(of_rmw("::,7:,:,:,,"), Some(qos(true, false, 7)));
        assert_eq!(of_rmw("1:2:2,:9,0:1,2:1,9223372036,854775807"), Some(qos(true, false, 0)));
        assert_eq!(of_bridge(":::"), Some((qos(false, false, 1), None)));
        assert_eq!(of_bridge("K:1:1:1,-1"), None);
    }

    #[test]
    fn what_is_no_care_is_not_read() {
        for bad in [
            "",
            ":",
            "::,10:,:,:,",
            "::,10:,:,:,,:",
            "5::,10:,:,:,,",
            "::10:,:,:,,",
            "::,x:,:,:,,",
            "::,-1:,:,:,,",
            "::,10:,:,:6,,",
        ] {
            assert_eq!(of_rmw(bad), None, "{bad}");
        }
        for bad in ["", "::", "X:::", ":2::", "::4:", ":::1", ":::2,1", ":::0,x", ":+1::"] {
            assert_eq!(of_bridge(bad), None, "{bad}");
        }
    }
}
