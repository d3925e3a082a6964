//! Where messages go and by which tokens others know of it, in both dialects.

use super::graph::{Kind, Present};
use super::qos::{self, number};
use super::{Dialect, Settings};
use crate::ros::{Care, names};
use types::Rejection;

/// What `rmw_zenoh`'s tokens begin with.
const RMW: &str = "@ros2_lv";
/// What stands for a slash in one part of a token.
const RMW_SLASH: char = '%';
const BRIDGE_SLASH: char = '§';
/// The longest token that is read, bytes.
const LONGEST: usize = 1024;

/// One end of a topic.
pub(super) struct End<'a> {
    pub(super) kind: Kind,
    pub(super) topic: &'a str,
    pub(super) of_type: &'a str,
    pub(super) hash: &'a str,
    pub(super) care: Care,
}

/// The key that holds everybody's tokens.
pub(super) fn everybody(s: &Settings) -> String {
    match s.dialect {
        Dialect::RmwZenoh => format!("{RMW}/{}/**", s.domain),
        Dialect::Ros2Dds => format!("@/*/{RMW}/**"),
    }
}

/// The key of a topic's messages.
pub(super) fn topic(s: &Settings, topic: &str, of_type: &str, hash: &str) -> Result<String, Rejection> {
    let name = topic.trim_start_matches('/');
    Ok(match (s.dialect, s.bridge.trim_start_matches('/')) {
        (Dialect::RmwZenoh, _) => format!("{}/{name}/{}/{hash}", s.domain, names::of_type(of_type)?),
        (Dialect::Ros2Dds, "") => name.to_owned(),
        (Dialect::Ros2Dds, below) => format!("{below}/{name}"),
    })
}

/// The token of the node itself, or of the bridge that it is among bridges.
pub(super) fn node(s: &Settings, session: &str) -> String {
    let space = s.namespace.replace('/', "%");
    match s.dialect {
        Dialect::RmwZenoh => format!("{RMW}/{}/{session}/0/0/NN/%/{space}/{}", s.domain, s.node),
        Dialect::Ros2Dds => format!("@/{session}/{RMW}"),
    }
}

/// The token of one end, the `number`th of its node, whose messages have this key.
pub(super) fn end(
    s: &Settings,
    session: &str,
    number: u64,
    key: &str,
    end: &End<'_>,
) -> Result<String, Rejection> {
    let End { kind, topic, of_type, hash, care } = *end;
    let (kind, qos) = (kind.word(), qos::written(s.dialect, care, hash));
    Ok(match s.dialect {
        Dialect::RmwZenoh => {
            let (space, topic) = (s.namespace.replace('/', "%"), topic.replace('/', "%"));
            let (domain, node, of_type) = (s.domain, &s.node, names::of_type(of_type)?);
            format!(
                "{RMW}/{domain}/{session}/0/{number}/{kind}/%/{space}/{node}/{topic}/{of_type}/{hash}/{qos}"
            )
        }
        Dialect::Ros2Dds => {
            let (key, of_type) = (key.replace('/', "§"), of_type.replace('/', "§"));
            format!("@/{session}/{RMW}/{kind}/{key}/{of_type}/{qos}")
        }
    })
}

/// The type of one name on the wire, as `sensor_msgs::msg::dds_::JointState_`.
fn type_of(wire: &str) -> Option<String> {
    let parts: Vec<&str> = wire.split("::").collect();
    let [package, kind, "dds_", name] = parts[..] else { return None };
    let name = format!("{package}/{kind}/{}", name.strip_suffix('_')?);
    names::of_type(&name).is_ok().then_some(name)
}

/// A hash; `None` within for who does not know any.
fn hash_of(word: &str) -> Option<Option<String>> {
    let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    match word.strip_prefix("RIHS01_") {
        Some(digits) if digits.len() == 64 && digits.chars().all(is_digit) => Some(Some(word.to_owned())),
        None if word == "TypeHashNotSupported" => Some(None),
        _ => None,
    }
}

fn session_of(word: &str) -> Option<String> {
    let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let is_one = (1..=32).contains(&word.len()) && word.chars().all(is_digit);
    is_one.then(|| word.to_owned())
}

/// A whole name of words with a slash before each.
fn whole(name: &str) -> Option<String> {
    names::whole("topic", "/", "_", name).ok().filter(|_| name.starts_with('/'))
}

/// Who has announced itself by this token; `None` for what is none.
pub(super) fn read(s: &Settings, token: &str) -> Option<Present> {
    if token.len() > LONGEST {
        return None;
    }
    match s.dialect {
        Dialect::RmwZenoh => read_rmw(s, token),
        Dialect::Ros2Dds => read_bridge(s, token),
    }
}

fn read_rmw(s: &Settings, token: &str) -> Option<Present> {
    let parts: Vec<&str> = token.split('/').collect();
    let [RMW, domain, session, node_number, end_number, kind, enclave, space, node, rest @ ..] = &parts[..]
    else {
        return None;
    };
    let unmangled = |word: &str| word.replace(RMW_SLASH, "/");
    let (kind, space) = (Kind::of_word(kind)?, unmangled(space));
    names::namespace(&space).ok()?;
    names::node(node).ok()?;
    names::namespace(&unmangled(enclave)).ok()?;
    let are_numbers = number(node_number).is_some() && number(end_number).is_some();
    if number(domain)? != u64::from(s.domain) || !are_numbers {
        return None;
    }
    let space = if space == "/" { "" } else { &space };
    let there =
        Present { node: Some(format!("{space}/{node}")), ..Present::nameless(kind, session_of(session)?) };
    match (kind, rest) {
        (Kind::Node, []) => Some(there),
        // Newer ones say more behind what is known.
        (
            Kind::Publisher | Kind::Subscription | Kind::Server | Kind::Client,
            [topic, of_type, hash, qos, ..],
        ) if rest.len() <= 5 => Some(Present {
            topic: Some(whole(&unmangled(topic))?),
            of_type: Some(type_of(of_type)?),
            hash: hash_of(hash)?,
            qos: Some(qos::of_rmw(qos)?),
            ..there
        }),
        _ => None,
    }
}

fn read_bridge(s: &Settings, token: &str) -> Option<Present> {
    let parts: Vec<&str> = token.split('/').collect();
    if let ["@", session, RMW] = &parts[..] {
        return Some(Present::nameless(Kind::Bridge, session_of(session)?));
    }
    let ["@", session, RMW, kind, key, of_type, rest @ ..] = &parts[..] else { return None };
    let kind = Kind::of_word(kind)?;
    let name = whole(&format!("/{}", key.replace(BRIDGE_SLASH, "/")))?;
    // What is below the bridge's namespace has its own name in ROS.
    let topic = match name.strip_prefix(s.bridge.as_str()) {
        Some(own) if s.bridge != "/" && own.starts_with('/') => own.to_owned(),
        _ => name,
    };
    let of_type = of_type.replace(BRIDGE_SLASH, "/");
    names::of_type(&of_type).ok()?;
    let (topic, of_type) = (Some(topic), Some(of_type));
    let there = Present { topic, of_type, ..Present::nameless(kind, session_of(session)?) };
    match (kind, rest) {
        (Kind::Publisher | Kind::Subscription, [qos]) => {
            let (qos, hash) = qos::of_bridge(qos)?;
            let hash = match hash {
                Some(hash) => hash_of(&hash)?,
                None => None,
            };
            Some(Present { qos: Some(qos), hash, ..there })
        }
        (Kind::Server | Kind::Client | Kind::ActionServer | Kind::ActionClient, []) => Some(there),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "RIHS01_df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18";
    const SESSION: &str = "8b20917502ee955ac4476e0266340d5c";

    fn settings(dialect: Dialect) -> Settings {
        Settings { dialect, namespace: "/left".into(), ..Settings::of("talker") }
    }

    const END: End<'_> = End {
        kind: Kind::Publisher,
        topic: "/left/chatter",
        of_type: "std_msgs/msg/String",
        hash: HASH,
        care: Care::Reliable,
    };

    #[test]
    fn keys_and_tokens_are_those_of_rmw_zenoh() {
        let s = settings(Dialect::RmwZenoh);
        let key = topic(&s, END.topic, END.of_type, HASH).expect("a key");
        assert_eq!(key, format!("0/left/chatter/std_msgs::msg::dds_::String_/{HASH}"));
        let token = end(&s, SESSION, 7, &key, &END).expect("a token");
        let own = format!("@ros2_lv/0/{SESSION}/0/7/MP/%/%left/talker/%left%chatter");
        assert_eq!(token, format!("{own}/std_msgs::msg::dds_::String_/{HASH}/::,10:,:,:,,"));
        let node = node(&s, SESSION);
        assert_eq!(node, format!("@ros2_lv/0/{SESSION}/0/0/NN/%/%left/talker"));
        let there = read(&s, &token).expect("one");
        assert_eq!((there.kind, there.node.as_deref()), (Kind::Publisher, Some("/left/talker")));
        assert_eq!((there.topic.as_deref(), there.hash.as_deref()), (Some("/left/chatter"), Some(HASH)));
        assert_eq!(there.of_type.as_deref(), Some("std_msgs/msg/String"));
        assert_eq!(read(&s, &node).map(|p| p.kind), Some(Kind::Node));
        // As others write them, with a service and one that does not know its hash.
        for good in [
            "@ros2_lv/0/aac3178e146ba6f1fc6e6a4085e77f21/0/0/NN/%/%/listener".to_owned(),
            format!("{own}/std_msgs::msg::dds_::String_/TypeHashNotSupported/::,7:,:,:,,"),
            token.replace("/MP/", "/SS/").replace("::msg::", "::srv::"),
            format!("{token}/cpu:"),
        ] {
            assert!(read(&s, &good).is_some(), "{good}");
        }
    }

    #[test]
    fn keys_and_tokens_are_those_of_the_bridge() {
        let s = settings(Dialect::Ros2Dds);
        let key = topic(&s, END.topic, END.of_type, HASH).expect("a key");
        assert_eq!(key, "left/chatter");
        let token = end(&s, SESSION, 7, &key, &END).expect("a token");
        let about = format!(":1:0:0,10:typehash={HASH};");
        assert_eq!(token, format!("@/{SESSION}/@ros2_lv/MP/left§chatter/std_msgs§msg§String/{about}"));
        let own = node(&s, SESSION);
        assert_eq!(own, format!("@/{SESSION}/@ros2_lv"));
        assert_eq!(read(&s, &own), Some(Present::nameless(Kind::Bridge, SESSION.to_owned())));
        let there = read(&s, &token).expect("one");
        assert_eq!((there.topic.as_deref(), there.hash.as_deref()), (Some("/left/chatter"), Some(HASH)));
        let below = Settings { bridge: "/bot1".into(), ..s.clone() };
        let key = topic(&below, END.topic, END.of_type, HASH).expect("a key");
        assert_eq!(key, "bot1/left/chatter");
        let token = end(&below, SESSION, 7, &key, &END).expect("a token");
        assert_eq!(read(&below, &token).and_then(|p| p.topic).as_deref(), Some("/left/chatter"));
        assert_eq!(read(&s, &token).and_then(|p| p.topic).as_deref(), Some("/bot1/left/chatter"));
        let other = token.replace("bot1§left", "bot12§left");
        assert_eq!(read(&below, &other).and_then(|p| p.topic).as_deref(), Some("/bot12/left/chatter"));
        let service = format!("@/{SESSION}/@ros2_lv/AS/move/control_msgs§action§FollowJointTrajectory");
        assert_eq!(read(&s, &service).map(|p| p.kind), Some(Kind::ActionServer));
    }

    /// Each part in turn is left out, doubled, emptied and replaced by junk.
    #[test]
    fn a_token_with_any_part_spoilt_is_not_read() {
        for dialect in [Dialect::RmwZenoh, Dialect::Ros2Dds] {
            let s = settings(dialect);
            let key = topic(&s, END.topic, END.of_type, HASH).expect("a key");
            let token = end(&s, SESSION, 7, &key, &END).expect("a token");
            let parts: Vec<&str> = token.split('/').collect();
            for (i, part) in parts.iter().enumerate() {
                for junk in ["", "ä", "%%", "§§", "a b", "-1", &format!("{part}/x/y"), &"a".repeat(2000)] {
                    let mut bad = parts.clone();
                    bad[i] = junk;
                    assert_eq!(read(&s, &bad.join("/")), None, "{junk:?} for part {i} of {token}");
                }
                let mut bad = parts.clone();
                bad.remove(i);
                assert_eq!(read(&s, &bad.join("/")), None, "without part {i} of {token}");
            }
            (0..token.len()).filter(|n| token.is_char_boundary(*n)).for_each(|n| {
                let cut = read(&s, &token[..n]);
                // What is cut in the last words, which may be left out, can still be one; and a bridge's begins as its own.
                let is_one = n > token.rfind('/').unwrap_or(0) || token[..n] == node(&s, SESSION);
                assert!(cut.is_none() || is_one, "{}", &token[..n]);
            });
        }
    }
}
