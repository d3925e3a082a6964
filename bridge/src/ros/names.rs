//! What ROS 2 names are, and what they are on the wire.

use types::Rejection;

/// So long is a name on the wire at most.
const LONGEST: usize = 255;

/// Whether it is a word of a name: letters, digits and underscores, and no digit first.
fn is_word(word: &str) -> bool {
    let begins = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    begins && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn refuse(field: &'static str, expected: &'static str, got: &str) -> Rejection {
    // A name that somebody else chose may be of any length.
    Rejection::new(field, expected, format!("{:?}", got.chars().take(80).collect::<String>()))
}

/// A node's own name.
pub(crate) fn node(name: &str) -> Result<(), Rejection> {
    let expected = "letters, digits and underscores, no digit first, 255 at most";
    if is_word(name) && name.len() <= LONGEST { Ok(()) } else { Err(refuse("node", expected, name)) }
}

/// A namespace: `/`, or words after a slash each.
pub(crate) fn namespace(name: &str) -> Result<(), Rejection> {
    let expected = "/, or words of letters, digits and underscores with a / before each";
    let words = name.strip_prefix('/').is_some_and(|words| words.is_empty() || words.split('/').all(is_word));
    let is_short = name.len() <= LONGEST && !name.contains("__");
    if words && is_short { Ok(()) } else { Err(refuse("namespace", expected, name)) }
}

/// The whole name of a topic, service or action: one that begins with no slash is in the node's namespace, one that
/// begins with `~/` below the node itself.
pub(crate) fn whole(
    field: &'static str,
    namespace: &str,
    node: &str,
    name: &str,
) -> Result<String, Rejection> {
    let expected =
        "words of letters, digits and underscores (no digit first, no two underscores), with a / between";
    let space = if namespace == "/" { "" } else { namespace };
    let whole = match (name.strip_prefix('/'), name.strip_prefix("~/")) {
        (Some(words), _) => format!("/{words}"),
        (None, Some(words)) => format!("{space}/{node}/{words}"),
        (None, None) => format!("{space}/{name}"),
    };
    let said = name.strip_prefix('/').or(name.strip_prefix("~/")).unwrap_or(name);
    let is_good = said.split('/').all(is_word) && !said.contains("__");
    // The longest thing that comes before and behind: `rq` and `/_action/cancel_goalRequest`.
    if is_good && whole.len() + 32 <= LONGEST { Ok(whole) } else { Err(refuse(field, expected, name)) }
}

/// A type's name on the wire, as `sensor_msgs::msg::dds_::JointState_`, of one like `sensor_msgs/msg/JointState`.
// rcl makes names of the wire itself.
#[cfg_attr(not(feature = "dds"), allow(dead_code))]
pub(crate) fn of_type(name: &str) -> Result<String, Rejection> {
    let parts: Vec<&str> = name.split('/').collect();
    match parts[..] {
        [package, kind, name] if [package, kind, name].into_iter().all(is_word) => {
            Ok(format!("{package}::{kind}::dds_::{name}_"))
        }
        _ => Err(refuse("type", "PACKAGE/KIND/NAME", name)),
    }
}

/// The name that two types have before their endings, as of a question and its answer.
#[cfg(feature = "dds")]
pub(crate) fn common<'a>(one: (&'a str, &str), other: (&str, &str)) -> Result<&'a str, Rejection> {
    let base = one.0.strip_suffix(one.1);
    base.filter(|base| other.0.strip_suffix(other.1) == Some(base)).ok_or_else(|| {
        let expected = format!("one name before {} and {}", one.1, other.1);
        Rejection::new("type", expected, format!("{} and {}", one.0, other.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_name_is_in_the_namespace_and_a_private_one_below_the_node() {
        let whole = |space: &str, name: &str| whole("topic", space, "arm", name);
        assert_eq!(whole("/", "joint_states").as_deref(), Ok("/joint_states"));
        assert_eq!(whole("/left", "joint_states").as_deref(), Ok("/left/joint_states"));
        assert_eq!(whole("/left", "/tf_static").as_deref(), Ok("/tf_static"));
        assert_eq!(whole("/left", "~/status").as_deref(), Ok("/left/arm/status"));
        assert_eq!(whole("/", "camera/color/image").as_deref(), Ok("/camera/color/image"));
    }

    #[test]
    fn what_is_no_name_is_refused_by_field() {
        for bad in ["", "/", "a/", "//a", "a//b", "1a", "a/2b", "a b", "a-b", "a__b", "~", "~a", "ä", "{a}"]
        {
            let refused = whole("topic", "/", "arm", bad).expect_err(bad);
            assert_eq!(refused.field, "topic", "{bad}");
        }
        assert!(whole("topic", "/", "arm", &"a".repeat(300)).is_err());
        for bad in ["", "1a", "a/b", "a b", "ä"] {
            assert_eq!(node(bad).expect_err(bad).field, "node");
        }
        assert!(node("sinew_1").is_ok());
        for bad in ["", "a", "/a/", "//", "/1", "/a__b", "/a b"] {
            assert_eq!(namespace(bad).expect_err(bad).field, "namespace");
        }
        assert!(namespace("/").is_ok() && namespace("/left/arm").is_ok());
    }

    #[test]
    fn types_have_the_names_of_the_wire() {
        let name = of_type("sensor_msgs/msg/JointState");
        assert_eq!(name.as_deref(), Ok("sensor_msgs::msg::dds_::JointState_"));
        for bad in ["JointState", "sensor_msgs/JointState", "a/b/c/d", "a/b/"] {
            assert_eq!(of_type(bad).expect_err(bad).field, "type");
        }
    }

    #[cfg(feature = "dds")]
    #[test]
    fn a_question_and_its_answer_have_one_name() {
        let pair = |q, a| common((q, "_Request"), (a, "_Response"));
        assert_eq!(
            pair("std_srvs/srv/Trigger_Request", "std_srvs/srv/Trigger_Response"),
            Ok("std_srvs/srv/Trigger")
        );
        assert!(pair("std_srvs/srv/Trigger_Request", "std_srvs/srv/Empty_Response").is_err());
        assert!(pair("std_msgs/msg/String", "std_srvs/srv/Trigger_Response").is_err());
    }
}
