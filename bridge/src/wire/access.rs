//! Who may say what to whom, as rules for Zenoh: made from [`TOPICS`] alone, and denied unless a rule allows it.
//!
//! A node is known by the common name of its certificate. The rules of one node say, for each role at the other end of a
//! link, what comes in from it and what goes out to it. So what is said by a role that may not say it is dropped by
//! whoever it is said to, and never reaches one who may not hear it. They are for links between the two: what another
//! node passes on counts as that node's.
//!
//! Where all goes through a router, its rules ([`access_control_of_router`]) say what each role may say to it, and hear
//! from it. A node there knows nobody but the router ([`access_control_through_router`]): it takes from it what anybody
//! may say to a node of its role. Who it was is known to the router alone, except for what is signed.
//!
//! Zenoh lets a server in, too, whose certificate is of a public authority. No rule is for it: those certify names of
//! the internet, which have dots, and ours have none.

use super::router::ROUTER;
use crate::trust::topics::{NODES, Role, TOPICS, Topic};
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

/// The common name in the certificate of a robot's router. No node has it, so that none is taken for the router.
#[must_use]
pub fn router_name(robot: &str) -> String {
    format!("sinew-{ROUTER}-{robot}")
}

/// Who may be at the other end of a link.
struct Other {
    word: &'static str,
    common_name: String,
    /// In whose name it speaks.
    roles: Vec<Role>,
}

impl Other {
    fn of(role: Role, robot: &str) -> Self {
        Self { word: role.word(), common_name: common_name(role, robot), roles: vec![role] }
    }
}

/// The `access_control` of Zenoh's configuration, for a node of `role` that others speak with straight.
#[must_use]
pub fn access_control(robot: &str, role: Role) -> Value {
    rules(robot, &[role], &Role::ALL.map(|other| Other::of(other, robot)))
}

/// The same for a node of `role` that speaks through its robot's router, and with nobody else.
#[must_use]
pub fn access_control_through_router(robot: &str, role: Role) -> Value {
    let router = Other { word: ROUTER, common_name: router_name(robot), roles: Role::ALL.to_vec() };
    rules(robot, &[role], &[router])
}

/// The same for the router.
#[must_use]
pub fn access_control_of_router(robot: &str) -> Value {
    rules(robot, &Role::ALL, &Role::ALL.map(|other| Other::of(other, robot)))
}

/// What passes between somebody who speaks for the roles `here` and those at the other ends.
fn rules(robot: &str, here: &[Role], others: &[Other]) -> Value {
    let (mut rules, mut subjects, mut policies) = (Vec::new(), Vec::new(), Vec::new());
    for Other { word, common_name, roles: there } in others {
        let mut ids = Vec::new();
        let mut rule = |what: &str, flows: Messages, messages: Messages, keys: &[String]| {
            if keys.is_empty() {
                return;
            }
            let id = format!("{word} {what}");
            rules.push(json!({
                "id": id, "permission": "allow", "flows": flows, "messages": messages, "key_exprs": keys,
            }));
            ids.push(id);
        };
        let are = |of: &[Role], list: &[Role]| list.iter().any(|r| of.contains(r));
        let keys = |passes: &dyn Fn(&Topic) -> bool| -> Vec<String> {
            TOPICS.iter().filter(|t| passes(t)).map(|t| pattern(robot, t)).collect()
        };
        // What is declared goes the other way than what is said.
        let ways: [(&str, Vec<String>, Messages, Messages); 4] = [
            ("says", keys(&|t| are(there, t.puts) && are(here, t.hears)), &["put"], &["declare_subscriber"]),
            ("hears", keys(&|t| are(there, t.hears) && are(here, t.puts)), &["declare_subscriber"], &["put"]),
            (
                "asks",
                keys(&|t| are(there, t.asks) && are(here, t.answers)),
                &["query"],
                &["declare_queryable", "reply"],
            ),
            (
                "answers",
                keys(&|t| are(there, t.answers) && are(here, t.asks)),
                &["declare_queryable", "reply"],
                &["query"],
            ),
        ];
        for (what, keys, comes, goes) in ways {
            rule(&format!("{what}, in"), &["ingress"], comes, &keys);
            rule(&format!("{what}, out"), &["egress"], goes, &keys);
        }
        // Each announces itself as what it is, and sees all.
        let announced = |of: &[Role]| -> Vec<String> {
            of.iter().map(|r| format!("{robot}/{NODES}/{}/*", r.word())).collect()
        };
        rule("is there, in", &["ingress"], &["liveliness_token"], &announced(there));
        rule("is there, out", &["egress"], &["liveliness_token"], &announced(here));
        rule(
            "sees who is there",
            &["ingress", "egress"],
            &["liveliness_query", "declare_liveliness_subscriber"],
            &[format!("{robot}/{NODES}/*/*")],
        );
        subjects.push(json!({ "id": word, "cert_common_names": [common_name] }));
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

    const MESSAGES: [&str; 8] = [
        "put",
        "declare_subscriber",
        "query",
        "reply",
        "declare_queryable",
        "liveliness_token",
        "liveliness_query",
        "declare_liveliness_subscriber",
    ];

    /// The keys under which `messages` of `other` pass in `flow` of a node of `role`.
    fn passes(role: Role, other: Role, flow: &str, message: &str) -> Vec<String> {
        passes_of(&access_control("arm", role), other.word(), flow, message)
    }

    /// The same for the subject of this name, by these rules.
    fn passes_of(access: &Value, other: &str, flow: &str, message: &str) -> Vec<String> {
        let has = |list: &Value, word: &str| list.as_array().is_some_and(|l| l.iter().any(|w| w == word));
        let rules = access["rules"].as_array().expect("rules");
        let of = rules.iter().filter(|r| r["id"].as_str().is_some_and(|i| i.starts_with(other)));
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
        let mut n = 0;
        for a in Role::ALL {
            for b in Role::ALL {
                for message in MESSAGES {
                    let (out, comes) = (passes(a, b, "egress", message), passes(b, a, "ingress", message));
                    assert_eq!(out, comes, "{a:?} to {b:?}: {message}");
                    n += out.len();
                }
            }
        }
        assert!(n > 300, "{n}");
    }

    #[test]
    fn a_router_lets_each_role_say_and_hear_what_it_may_and_a_node_there_knows_nobody_but_the_router() {
        let of_router = access_control_of_router("arm");
        for role in Role::ALL {
            let through = access_control_through_router("arm", role);
            assert_eq!(through["default_permission"], json!("deny"));
            let subjects = through["subjects"].as_array().expect("subjects");
            assert_eq!(subjects.len(), 1);
            assert_eq!(subjects[0]["cert_common_names"], json!(["sinew-router-arm"]));
            for message in MESSAGES {
                for (here, there) in [("egress", "ingress"), ("ingress", "egress")] {
                    let ours = passes_of(&through, "router", here, message);
                    assert_eq!(
                        ours,
                        passes_of(&of_router, role.word(), there, message),
                        "{role:?} {here} {message}"
                    );
                    // By way of a router nothing passes that passes straight with nobody.
                    let straight: Vec<String> =
                        Role::ALL.iter().flat_map(|other| passes(role, *other, here, message)).collect();
                    assert!(ours.iter().all(|k| straight.contains(k)), "{role:?} {here} {message}: {ours:?}");
                    assert!(straight.iter().all(|k| ours.contains(k)), "{role:?} {here} {message}: {ours:?}");
                }
            }
        }
        assert_eq!(of_router["subjects"].as_array().map(Vec::len), Some(Role::ALL.len()));
        let eye = |flow: &str, message: &str| passes_of(&of_router, "perception", flow, message);
        assert_eq!(eye("ingress", "put"), ["arm/event/*", "arm/health/*"]);
        assert_eq!(eye("ingress", "liveliness_token"), ["arm/node/perception/*"]);
        assert!(!eye("ingress", "query").contains(&"arm/order".to_owned()));
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
