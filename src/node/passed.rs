//! What is asked of a loop over the wire, as it is noted at both ends: what the robot's gate let through, which a replay says
//! to the loop once more; and what the planner asked for, with the answers, which a replay compares.

use super::{convert, motions, solids};
use bridge::ros::{self, Message, from_cdr, to_cdr};
use control::{Groups, Handle, Lease, LeaseId, Order, Owner, Status, World};
use mechanics::Arm;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use types::{Rejection, StopCategory, Time};

/// The names under which it stands among a recording's notes: of the robot's, and of the planner's.
pub(crate) const PASSED: &str = "passed";
pub(crate) const ASKED: &str = "asked";

/// A request, in the robot's time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum Request {
    /// The node began, under this number.
    Begin {
        node: u64,
    },
    Activate(Time),
    Disarm(Time),
    Reset(Time),
    Claim {
        now: Time,
        owner: Owner,
        groups: Groups,
        deadline_s: Option<f64>,
    },
    Release {
        now: Time,
        lease: LeaseId,
    },
    /// A message as it came, but for its times: CDR, hexadecimal.
    Order(String),
    World(String),
    /// These two go past the loop's line of requests.
    Slow(f64),
    Stop(StopCategory),
    /// The node ended.
    #[default]
    End,
}

/// A request, and what of the loop had been seen by then.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Passed {
    /// The tick of the status.
    pub(crate) ticks: u64,
    pub(crate) request: Request,
    /// Who asked; a replay does not need to know.
    #[serde(default)]
    pub(crate) by: Sender,
    /// The number of what the loop took, as it was answered: of a lease, of a motion.
    #[serde(default)]
    pub(crate) id: u64,
}

/// Who asked for something; nobody for what the node notes of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sender {
    /// A role's word.
    pub(crate) role: String,
    pub(crate) session: u64,
}

impl Request {
    /// An order, whose times are the robot's.
    pub(crate) fn order(m: &ros::Order) -> Self {
        Self::Order(written(m))
    }

    /// What stands around the arm, whose times are the robot's.
    pub(super) fn world(m: &ros::World) -> Self {
        Self::World(written(m))
    }

    pub(crate) fn of_order(order: &Order) -> Self {
        Self::order(&motions::message(order, |t| t))
    }

    pub(crate) fn of_world(world: &World) -> Self {
        Self::world(&solids::message(world, |t| t))
    }

    /// The order that this is, if it is one.
    ///
    /// # Errors
    /// A [`Rejection`] for one that cannot be read.
    pub(crate) fn ordered(&self) -> Option<Result<ros::Order, Rejection>> {
        match self {
            Self::Order(digits) => Some(read(digits)),
            _ => None,
        }
    }
}

/// What a loop elsewhere made of a request: the number of what it took, where that has one.
pub(crate) type Answered = (Request, Result<u64, Rejection>);

/// The newest status of a loop elsewhere, as it is noted.
pub(crate) fn status_noted(status: &Status) -> String {
    written(&convert::status_message(status))
}

/// The same, read.
///
/// # Errors
/// A [`Rejection`] for what is none of this arm.
pub(crate) fn status_read(noted: &str, arm: &Arm) -> Result<Status, Rejection> {
    convert::status(&read(noted)?, arm.n_joints())
}

fn written<M: Message>(message: &M) -> String {
    // It has come as CDR.
    let bytes = to_cdr(message).unwrap_or_default();
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).filter_map(|d| char::from_digit(d.into(), 16)).collect()
}

fn read<M: Message>(digits: &str) -> Result<M, Rejection> {
    let refuse = || {
        Rejection::new(PASSED, "hexadecimal digits, two a byte", digits.chars().take(20).collect::<String>())
    };
    let value = |pair: &[u8; 2]| {
        let [high, low] = pair.map(|d| char::from(d).to_digit(16));
        high.zip(low).and_then(|(h, l)| u8::try_from(16 * h + l).ok())
    };
    let (pairs, []) = digits.as_bytes().as_chunks() else { return Err(refuse()) };
    let bytes: Option<Vec<u8>> = pairs.iter().map(value).collect();
    from_cdr(&bytes.ok_or_else(refuse)?)
}

/// Says requests to a loop once more.
#[derive(Default)]
pub(crate) struct Again(HashMap<LeaseId, Lease>);

impl Again {
    /// # Errors
    /// A [`Rejection`] for what cannot be read, and for what the loop takes no more.
    pub(crate) fn say(&mut self, handle: &mut Handle, arm: &Arm, request: &Request) -> Result<(), Rejection> {
        match request {
            Request::Activate(now) => handle.activate(*now),
            Request::Disarm(now) => handle.disarm(*now),
            Request::Reset(now) => handle.reset(*now),
            Request::Claim { now, owner, groups, deadline_s } => {
                let lease = handle.claim(*now, *owner, *groups, *deadline_s)?;
                self.0.insert(lease.id(), lease);
                Ok(())
            }
            Request::Release { now, lease } => {
                let of = self.0.remove(lease);
                let of =
                    of.ok_or_else(|| Rejection::new("lease", "one that was claimed", lease.0.to_string()))?;
                handle.release(*now, &of)
            }
            Request::Order(digits) => handle.submit(motions::order(&read(digits)?, arm, |t| t)?).map(|_| ()),
            Request::World(digits) => handle.watch(solids::world(&read(digits)?, |t| t)?),
            // Where ticks are recorded they hold these, as far as they are the loop's.
            Request::Begin { .. } | Request::Slow(_) | Request::Stop(_) | Request::End => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_read_again_and_what_is_none_is_refused() {
        let m = ros::Order {
            lease: 7,
            sequence: 3,
            times: vec![0.1, -0.0, f64::MIN_POSITIVE],
            ..ros::Order::default()
        };
        let by = Sender { role: "planner".into(), session: u64::MAX };
        let noted = Passed { ticks: 9, request: Request::order(&m), by, id: 4 };
        let json = serde_json::to_string(&noted).expect("written");
        assert_eq!(serde_json::from_str::<Passed>(&json).expect("read"), noted);
        assert_eq!(noted.request.ordered(), Some(Ok(m)));
        for bad in ["0", "0g", "é0", "", "00010000"] {
            assert!(read::<ros::Order>(bad).is_err(), "{bad}");
        }
    }
}
