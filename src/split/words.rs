//! Motions of a part, and who asked for them, in words.

use crate::node::passed::Sender;
use bridge::ros;
use bridge::wire::Role;
use control::Owner;

/// What a motion was, in words.
pub(crate) fn order_words(m: &ros::Order) -> String {
    let rows = m.q.len() / (m.n_joints.max(1) as usize);
    match m.kind.as_str() {
        "follow" => format!("a path of {:.2} s", m.times.last().copied().unwrap_or_default()),
        "chunk" => format!("a chunk of {rows} points"),
        "velocity" => "velocities of the joints".into(),
        "twist" => "a velocity of the tool".into(),
        "joints" => "a target for the joints".into(),
        "pose" => "a pose of the tool".into(),
        "hold" => "to hold".into(),
        other => other.to_owned(),
    }
}

/// Who asked, for whom, in words.
pub(crate) fn sender_words(by: &Sender, owner: Option<Owner>) -> String {
    let owner = match owner {
        Some(Owner::Policy) => "as a policy's",
        Some(Owner::Script) => "as a program's",
        Some(Owner::Planner) => "as a planner's",
        Some(Owner::Human) => "as a person's",
        None => "for an owner that is not noted",
    };
    match Role::from_word(&by.role) {
        Some(Role::Planner) => "the planner node".into(),
        Some(Role::Operator) => format!("`sinew send` {owner}"),
        Some(Role::Ros2) => "the ROS 2 node".into(),
        None if by.role.is_empty() => "the robot's node itself, as it ended".into(),
        _ => format!("somebody of the role \"{}\"", by.role),
    }
}

/// Whether it was a planner that asked.
pub(crate) fn is_planners(by: &Sender) -> bool {
    by.role == Role::Planner.word()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_ordered_a_motion_is_told_in_words_a_person_knows() {
        for (role, owner, words) in [
            ("planner", Some(Owner::Planner), "the planner node"),
            ("operator", Some(Owner::Human), "`sinew send` as a person's"),
            ("operator", Some(Owner::Policy), "`sinew send` as a policy's"),
            ("operator", Some(Owner::Planner), "`sinew send` as a planner's"),
            ("operator", None, "`sinew send` for an owner that is not noted"),
            ("ros2", Some(Owner::Script), "the ROS 2 node"),
            ("", Some(Owner::Human), "the robot's node itself, as it ended"),
            ("nobody", Some(Owner::Human), "somebody of the role \"nobody\""),
        ] {
            let by = Sender { role: role.into(), session: 7 };
            assert_eq!((sender_words(&by, owner).as_str(), is_planners(&by)), (words, role == "planner"));
        }
    }
}
