//! What is wrong with a configuration, in words: the line, the key, and the one that was meant.

use super::*;
use crate::suggest::closest;

/// Names every key with the section that it stands in, to suggest the one that was meant; sections stand in none.
fn keys() -> impl Iterator<Item = (&'static str, &'static str)> {
    [
        ("", Config::KEYS),
        ("robot", Robot::KEYS),
        ("arm", Arm::KEYS),
        ("arm.cameras", Eye::KEYS),
        ("perception", Perception::KEYS),
        ("remote", Remote::KEYS),
        ("hub", Hub::KEYS),
        ("planner", Planner::KEYS),
        ("control", Control::KEYS),
        ("safety", Safety::KEYS),
        ("sim", Sim::KEYS),
        ("record", Record::KEYS),
        ("zenoh", Zenoh::KEYS),
        ("ros2", Ros2::KEYS),
        ("joy", joy::Joy::KEYS),
    ]
    .into_iter()
    .flat_map(|(section, keys)| keys.iter().map(move |key| (section, *key)))
}

/// What is wrong, with the line it is in.
pub(super) fn explain(e: &toml::de::Error, text: &str) -> String {
    let line = e.span().map_or(0, |s| 1 + text[..s.start.min(text.len())].matches('\n').count());
    let hint = suggestion(e.message());
    format!("line {line}: {}{hint}", e.message())
}

/// The merged table has lost its lines: find the key again in what the person wrote.
pub(super) fn explain_value(e: &toml::de::Error, text: &str) -> String {
    let message = e.message();
    let shown = e.to_string();
    let key = unknown(message)
        .or_else(|| shown.lines().find_map(|l| l.trim().strip_prefix("in `")?.strip_suffix('`')))
        .unwrap_or_default();
    let line = line_of(text, key);
    format!("line {line}, key `{key}`: {message}{}", suggestion(message))
}

/// Of what a file has, in whichever section it stands.
fn suggestion(message: &str) -> String {
    unknown(message).and_then(|key| closest(key, keys().map(|(_, key)| key))).map_or_else(String::new, meant)
}

/// Of what a person changes by its full key: one that can be said instead.
pub(super) fn full_suggestion(message: &str, section: &str, key: &str) -> String {
    unknown(message).and_then(|_| full_key(section, key)).map_or_else(String::new, |full| meant(&full))
}

/// The key that was meant: in its section, or in one of nearly this name; else of this name in another; else the nearest.
fn full_key(section: &str, key: &str) -> Option<String> {
    let all = || keys().filter(|(section, _)| Config::KEYS.contains(section));
    let full = |(section, key): (&str, &str)| format!("{section}.{key}");
    let near = Config::KEYS.iter().copied().find(|s| *s == section);
    let near = near.or_else(|| closest(section, Config::KEYS.iter().copied()));
    let of_it = near.and_then(|near| {
        let key = closest(key, all().filter(|(section, _)| *section == near).map(|(_, key)| key))?;
        Some(full((near, key)))
    });
    let of_its_name = || all().find(|(_, known)| *known == key).map(full);
    let nearest = || {
        let all: Vec<String> = all().map(full).collect();
        closest(&full((section, key)), all.iter().map(String::as_str)).map(str::to_owned)
    };
    of_it.or_else(of_its_name).or_else(nearest)
}

fn meant(key: &str) -> String {
    format!("; did you mean `{key}`?")
}

/// The key that a message says is none.
fn unknown(message: &str) -> Option<&str> {
    quoted(message).filter(|_| message.starts_with("unknown field"))
}

fn quoted(message: &str) -> Option<&str> {
    message.split('`').nth(1)
}

/// The first line that sets the last part of `path`; 0 when the person's file does not.
pub(super) fn line_of(text: &str, path: &str) -> usize {
    let key = path.rsplit('.').next().unwrap_or(path);
    text.lines()
        .position(|l| {
            let l = l.trim_start();
            l.strip_prefix(key).is_some_and(|r| r.trim_start().starts_with('='))
                || l.trim_matches(['[', ']', ' ']) == key
        })
        .map_or(0, |i| i + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_key_is_suggested_of_its_section_first_and_none_for_what_is_like_no_key() {
        for (section, key, full) in [
            ("planner", "sped", Some("planner.speed")),
            ("plnner", "sped", Some("planner.speed")),
            // Another has it, or the first of several.
            ("contrl", "silent_ms", Some("arm.silent_ms")),
            ("filter", "rate_hz", Some("control.rate_hz")),
            ("planner", "rate_hz", Some("control.rate_hz")),
            ("filter", "quite_another_key", None),
        ] {
            assert_eq!(full_key(section, key).as_deref(), full, "{section}.{key}");
        }
        // What is suggested can be said.
        for (section, key) in keys().filter(|(section, _)| Config::KEYS.contains(section)) {
            assert_eq!(full_key(section, key), Some(format!("{section}.{key}")));
        }
    }
}
