//! Who may say what to whom, as rules for Zenoh: made from [`TOPICS`] alone, and denied unless a rule allows it.
//!
//! A node is known by the common name of its certificate. The rules of one node say, for each role at the other end of a
//! link, what comes in from it and what goes out to it. So what is said by a role that may not say it is dropped by
//! whoever it is said to, and never reaches one who may not hear it. They are for links between the two: what another
//! node passes on counts as that node's.
//!
//! Zenoh lets a server in, too, whose certificate is of a public authority. No rule is for it: those certify names of
//! the internet, which have dots, and ours have none.

use super::topics::{NODES, Role, TOPICS, Topic};
use serde_json::{Value, json};

/// The common name in the certificates of a robot's nodes of this role.
#[must_use]
pub fn common_name(role: Role, robot: &str) -> String {
    format!("sinew-{}-{robot}", role.word())
}

/// What a key of a topic is for a rule.
fn pattern(robot: &str, topic: &Topic) -> String {
    let of = if topic.key.ends_with('/') { "*" } else { "" };
    format!("{robot}/{}{of}", topic.key)
}

/// What Zenoh calls what passes in one direction.
type Messages = &'static [&'static str];

/// The `access_control` of Zenoh's configuration, for a node of `role`.
#[must_use]
pub fn access_control(robot: &str, role: Role) -> Value {
    let (mut rules, mut subjects, mut policies) = (Vec::new(), Vec::new(), Vec::new());
    for other in Role::ALL {
        let word = other.word();
        let mut ids = Vec::new();
        let mut rule = |what: String, flows: Messages, messages: Messages, keys: &[String]| {
            if keys.is_empty() {
                return;
            }
            let id = format!("{word} {what}");
            rules.push(json!({
                "id": id, "permission": "allow", "flows": flows, "messages": messages, "key_exprs": keys,
            }));
            ids.push(id);
        };
        let keys = |passes: &dyn Fn(&Topic) -> bool| -> Vec<String> {
            TOPICS.iter().filter(|t| passes(t)).map(|t| pattern(robot, t)).collect()
        };
        // What is declared goes the other way than what is said.
        let ways: [(&str, Vec<String>, Messages, Messages); 4] = [
            (
                "says",
                keys(&|t| t.puts.contains(&other) && t.hears.contains(&role)),
                &["put"],
                &["declare_subscriber"],
            ),
            (
                "hears",
                keys(&|t| t.hears.contains(&other) && t.puts.contains(&role)),
                &["declare_subscriber"],
                &["put"],
            ),
            (
                "asks",
                keys(&|t| t.asks.contains(&other) && t.answers.contains(&role)),
                &["query"],
                &["declare_queryable", "reply"],
            ),
            (
                "answers",
                keys(&|t| t.answers.contains(&other) && t.asks.contains(&role)),
                &["declare_queryable", "reply"],
                &["query"],
            ),
        ];
        for (what, keys, comes, goes) in ways {
            rule(format!("{what}, in"), &["ingress"], comes, &keys);
            rule(format!("{what}, out"), &["egress"], goes, &keys);
        }
        // Each announces itself as what it is, and sees all.
        let announced = |of: Role| [format!("{robot}/{NODES}/{}/*", of.word())];
        rule("is there, in".into(), &["ingress"], &["liveliness_token"], &announced(other));
        rule("is there, out".into(), &["egress"], &["liveliness_token"], &announced(role));
        rule(
            "sees who is there".into(),
            &["ingress", "egress"],
            &["liveliness_query", "declare_liveliness_subscriber"],
            &[format!("{robot}/{NODES}/*/*")],
        );
        subjects.push(json!({ "id": word, "cert_common_names": [common_name(other, robot)] }));
        policies.push(json!({ "id": word, "rules": ids, "subjects": [word] }));
    }
    json!({
        "enabled": true, "default_permission": "deny",
        "rules": rules, "subjects": subjects, "policies": policies,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys under which `messages` of `other` pass in `flow` of a node of `role`.
    fn passes(role: Role, other: Role, flow: &str, message: &str) -> Vec<String> {
        let access = access_control("arm", role);
        let has = |list: &Value, word: &str| list.as_array().is_some_and(|l| l.iter().any(|w| w == word));
        let rules = access["rules"].as_array().expect("rules");
        let of = rules.iter().filter(|r| r["id"].as_str().is_some_and(|i| i.starts_with(other.word())));
        let of = of.filter(|r| has(&r["flows"], flow) && has(&r["messages"], message));
        of.flat_map(|r| r["key_exprs"].as_array().cloned().unwrap_or_default())
            .map(|k| k.as_str().unwrap_or_default().to_owned())
            .collect()
    }

    #[test]
    fn a_perception_node_can_ask_the_robot_for_a_stop_and_for_nothing_else_that_moves() {
        let (robot, eye) = (Role::Robot, Role::Perception);
        assert_eq!(
            passes(robot, eye, "ingress", "query"),
            ["arm/clock/*", "arm/about/*", "arm/session/*", "arm/stop"]
        );
        assert_eq!(passes(robot, eye, "ingress", "put"), ["arm/health/*"]);
        assert_eq!(passes(robot, eye, "ingress", "liveliness_token"), ["arm/node/perception/*"]);
        assert_eq!(passes(robot, eye, "egress", "liveliness_token"), ["arm/node/robot/*"]);
        assert_eq!(passes(robot, eye, "ingress", "delete"), [""; 0]);
    }

    #[test]
    fn what_goes_out_at_one_end_comes_in_at_the_other() {
        let messages = [
            "put",
            "declare_subscriber",
            "query",
            "reply",
            "declare_queryable",
            "liveliness_token",
            "liveliness_query",
            "declare_liveliness_subscriber",
        ];
        let mut n = 0;
        for a in Role::ALL {
            for b in Role::ALL {
                for message in messages {
                    let (out, comes) = (passes(a, b, "egress", message), passes(b, a, "ingress", message));
                    assert_eq!(out, comes, "{a:?} to {b:?}: {message}");
                    n += out.len();
                }
            }
        }
        assert!(n > 300, "{n}");
    }

    #[test]
    fn everything_is_denied_that_no_rule_allows_and_every_rule_is_some_roles() {
        for role in Role::ALL {
            let access = access_control("arm", role);
            assert_eq!((&access["enabled"], &access["default_permission"]), (&json!(true), &json!("deny")));
            let of = |i: usize| access["policies"][i]["rules"].as_array().map_or(0, Vec::len);
            let used: usize = (0..Role::ALL.len()).map(of).sum();
            assert_eq!(Some(used), access["rules"].as_array().map(Vec::len));
            let names =
                access["subjects"].as_array().expect("subjects").iter().map(|s| &s["cert_common_names"]);
            assert!(names.clone().all(|n| n.as_array().is_some_and(|n| n.len() == 1)), "{role:?}");
            assert_eq!(access["subjects"][0]["cert_common_names"], json!(["sinew-robot-arm"]));
        }
    }
}
