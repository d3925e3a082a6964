//! `sinew keys`: the keys of a deployment, and what goes where.

use super::{CommandError, tell};
use crate::cli::KeysOptions;
use crate::exit::Exit;
use bridge::wire::{Deployment, Fate, Party, PartyKeys, Role};
use std::time::SystemTime;

/// Certificates that end sooner are told of, seconds.
const SOON_S: i64 = 30 * 86_400;

/// What goes on where a folder goes.
fn plays(of: Party) -> &'static str {
    let role = match of {
        Party::Node(role) => role,
        Party::Router => return "a Zenoh router, where nodes do not speak straight",
    };
    match role {
        Role::Robot => "the loop, beside the arm and its cameras",
        Role::Perception => "models that look and read",
        Role::Planner => "who turns sentences into motions",
        Role::Operator => "the person's own",
        Role::Ros2 => "who passes on to ROS 2 and back",
        Role::Observer => "who only looks on",
    }
}

fn word(fate: Fate) -> &'static str {
    match fate {
        Fate::Made => "made",
        Fate::Kept => "kept",
        Fate::Renewed => "renewed",
    }
}

/// What is to be done about keys, if anything.
fn wants(keys: &PartyKeys, now_s: i64) -> Option<&'static str> {
    if keys.ends <= now_s {
        Some("has ended: --renew")
    } else if keys.ends - now_s < SOON_S {
        Some("ends soon: --renew")
    } else if !keys.has_our_rules {
        Some("has rules of another version of Sinew: --renew")
    } else {
        None
    }
}

pub(crate) fn run(options: &KeysOptions) -> Result<Exit, CommandError> {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_err(|_| CommandError::Other("this machine's clock is before 1970".into()))?;
    let asked = Deployment {
        robot: options.robot.clone(),
        days: options.days,
        names: options.names.clone(),
        renews: options.renew,
    };
    let keys = asked.make(&options.dir, now)?;
    let dir = options.dir.display();
    let now_s = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    tell!("Keys of the robot {}, in {dir}. One folder to each machine, by what runs there:", keys.robot);
    for party in &keys.parties {
        let (name, fate) = (party.of.word(), word(party.fate));
        tell!("  {name:10}  {fate:7}  until {}  {}", party.ends_on, plays(party.of));
        if let Some(wants) = wants(party, now_s) {
            tell!("! {name} {wants}");
        }
    }
    tell!(
        "Take it there unread by others (scp -r {dir}/robot ...), and name it in robot.toml there: zenoh.keys."
    );
    tell!("ca.key.pem and master.key go nowhere: whoever has them can be any node. Keep them off the robot.");
    Ok(Exit::Done)
}
