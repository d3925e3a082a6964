//! The stages as processes of their own, on one machine or several: the robot (the loop with its arm and cameras),
//! perception (the models) and the planner (the mission), with what every node does besides: it says who it is, keeps
//! the others' clocks, and tells how its arrows do.

mod asking;
mod body;
mod camera;
mod convert;
mod fingers;
#[cfg(any(test, feature = "dds", feature = "ros2"))]
mod following;
pub(crate) mod gate;
#[cfg(any(test, feature = "dds", feature = "ros2"))]
mod gripping;
mod lines;
mod model;
mod motions;
pub(crate) mod passed;
mod perception;
mod planner;
mod refused;
mod robot;
#[cfg(any(feature = "dds", feature = "ros2"))]
mod ros2;
pub(crate) mod sending;
mod solids;
#[cfg(any(test, feature = "dds", feature = "ros2"))]
mod steering;
#[cfg(any(test, feature = "dds", feature = "ros2"))]
mod stick;
#[cfg(any(test, feature = "dds", feature = "ros2"))]
mod sticks;
mod vigil;
mod waiting;

pub(crate) use asking::ANSWERS_WITHIN;
pub(crate) use perception::run as perception;
pub(crate) use planner::{ENDED, run as planner};
pub(crate) use robot::run as robot;
#[cfg(any(feature = "dds", feature = "ros2"))]
pub(crate) use ros2::run as ros2;

use crate::config::Config;
use bridge::ros::{About, Clock, DiagnosticArray, DiagnosticStatus, Header, KeyValue};
use bridge::wire::{
    Announced, ArrowHealth, Keyring, NodeClock, Reached, Role, Settings, Wire, WireError, topics,
};
use control::MonotonicClock;
use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use types::Rejection;
use types::seams::Clock as _;

/// How often clocks are asked and health is told.
const KEEPING: Duration = Duration::from_millis(500);
/// Between two looks at whether the node shall end.
const PATIENCE: Duration = Duration::from_millis(50);

/// A person's clock is asked before anybody listens to a person.
pub(crate) fn answers_clock(wire: &Wire) -> Result<(), WireError> {
    let questions = wire.answer(&[(&topics::CLOCK, &format!("{:016x}", wire.id()))])?;
    let wire = wire.clone();
    std::thread::spawn(move || {
        loop {
            if let Some(question) = questions.next_within(Duration::from_secs(3600)) {
                let now = wire.now().as_nanos();
                question.answer(&wire, &Clock { now });
            }
        }
    });
    Ok(())
}

/// Why a node ends.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NodeError {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error(transparent)]
    Start(#[from] crate::session::StartError),
    #[error(transparent)]
    Body(#[from] crate::graph::BodyError),
    #[error("a thread: {0}")]
    Thread(std::io::Error),
    /// Somebody is not there, or does not do what was asked.
    #[error("{0}")]
    Failed(String),
    #[cfg(any(feature = "dds", feature = "ros2"))]
    #[error("ROS 2: {0}")]
    Ros2(bridge::asking::RosError),
}

impl From<Rejection> for NodeError {
    fn from(r: Rejection) -> Self {
        Self::Wire(r.into())
    }
}

/// How the configuration reaches others.
pub(crate) fn settings(config: &Config) -> Settings {
    let z = &config.zenoh;
    Settings {
        robot: z.robot.clone(),
        connect: z.connect.clone(),
        listen: z.listen.clone(),
        multicast: z.multicast,
        is_direct: z.direct,
        keys: (!z.keys.is_empty()).then(|| PathBuf::from(&z.keys)),
        is_router: z.router,
    }
}

/// The secrets of this node: of its folder of keys, or, on one machine, of whoever runs it.
///
/// # Errors
/// As [`Keyring::read`].
pub(crate) fn keyring(config: &Config, role: Role) -> Result<Keyring, Rejection> {
    if !config.zenoh.keys.is_empty() {
        return Keyring::read(&PathBuf::from(&config.zenoh.keys));
    }
    let of = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let own = || of("HOME").map(|home| home.join(".local/state"));
    let folder = of("XDG_RUNTIME_DIR").or_else(|| of("XDG_STATE_HOME")).or_else(own);
    let expected = "a folder of the person's own (XDG_RUNTIME_DIR, or HOME)";
    let folder = folder.ok_or_else(|| Rejection::new("zenoh.keys", expected, "none"))?;
    Ok(Keyring::of_this_machine(&folder.join("sinew").join(&config.zenoh.robot))?.of_role(role))
}

/// A node's own clock as the wire wants it.
pub(crate) fn node_clock(clock: MonotonicClock) -> NodeClock {
    Arc::new(move || clock.now())
}

/// Opens an end of the wire; where that cannot be, with what came of each address.
pub(crate) fn open(config: &Config, role: Role, clock: MonotonicClock) -> Result<Wire, WireError> {
    Wire::open(&settings(config), role, node_clock(clock)).map_err(|why| match why {
        WireError::Zenoh(why) => WireError::Zenoh([vec![why], unreached(config)].concat().join("; ")),
        why => why,
    })
}

/// What came of one more try of each address that this node was told.
pub(crate) fn unreached(config: &Config) -> Vec<String> {
    let told = |(at, reached): (String, Reached)| match reached {
        Reached::Linked => format!("{at} lets this node in"),
        Reached::Refused(why) => format!("the link to {at} is refused: {why}"),
        Reached::Silent(why) => format!("nobody is found at {at}: {why}"),
    };
    settings(config).reached().unwrap_or_default().into_iter().map(told).collect()
}

/// What every node does beside its work, until it is dropped.
pub(crate) struct Node {
    wire: Wire,
    ends: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    _announced: Announced,
}

impl Node {
    /// Opens the wire and says who this is. `keeps` is called twice a second, for what else is to be told of its health.
    ///
    /// # Errors
    /// [`NodeError`] when the wire cannot be opened.
    fn start(
        config: &Config,
        role: Role,
        clock: MonotonicClock,
        offers: Vec<String>,
        mut keeps: impl FnMut(&Wire) -> Vec<DiagnosticStatus> + Send + 'static,
    ) -> Result<Self, NodeError> {
        let wire = open(config, role, clock)?;
        if !config.zenoh.connect.is_empty() && !wire.is_linked() {
            let (config, wire) = (config.clone(), wire.clone());
            // Nobody waits for that.
            std::thread::spawn(move || {
                let told = unreached(&config);
                if !wire.is_linked() {
                    told.iter().for_each(|why| eprintln!("warning: {why}"));
                }
            });
        }
        // Two of a role would both be asked, and one obeyed.
        if let Some(other) = wire.present()?.into_iter().find(|p| p.role == role) {
            let expected = format!("no other {} node of the robot {}", role.word(), config.zenoh.robot);
            return Err(Rejection::new("zenoh.robot", expected, format!("{:016x}", other.id)).into());
        }
        let of = format!("{:016x}", wire.id());
        let questions = wire.answer(&[(&topics::CLOCK, &of), (&topics::ABOUT, &of)])?;
        let health = wire.publisher::<DiagnosticArray>(&topics::HEALTH, &of)?;
        let ends = Arc::new(AtomicBool::new(false));
        let about = About {
            role: role.word().to_owned(),
            version: crate::version::WHOLE.to_owned(),
            machine: machine(),
            offers,
            up_s: 0.0,
        };
        let began = clock.now();
        let (answering, its_end) = (wire.clone(), ends.clone());
        let answering = std::thread::Builder::new().name("answering".into()).spawn(move || {
            while !its_end.load(Ordering::Acquire) {
                let Some(question) = questions.next_within(PATIENCE) else { continue };
                if question.topic() == topics::CLOCK.key {
                    let now = answering.now().as_nanos();
                    question.answer(&answering, &Clock { now });
                } else {
                    let up_s = answering.now().secs_since(began);
                    question.answer(&answering, &About { up_s, ..about.clone() });
                }
            }
        });
        let (keeping, its_end) = (wire.clone(), ends.clone());
        let keeping = std::thread::Builder::new().name("keeping".into()).spawn(move || {
            while !its_end.load(Ordering::Acquire) {
                keeping.ask_clocks();
                let besides = keeps(&keeping);
                let mut told = diagnostics(&keeping);
                told.status.extend(besides);
                let said = health.put(&told);
                if let Err(e) = said {
                    eprintln!("warning: the health of this node: {e}");
                }
                std::thread::sleep(KEEPING);
            }
        });
        let threads = vec![answering.map_err(NodeError::Thread)?, keeping.map_err(NodeError::Thread)?];
        let announced = wire.announce()?;
        Ok(Self { wire, ends, threads, _announced: announced })
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// How the arrows to a node do, as a message.
fn diagnostics(wire: &Wire) -> DiagnosticArray {
    let status = |h: &ArrowHealth| {
        let mut values = vec![
            ("received", h.received.to_string()),
            ("lost", h.lost.to_string()),
            ("dropped", h.dropped.to_string()),
            ("refused", h.refused.to_string()),
        ];
        if let Some([p50, p99]) = h.latency_ms {
            values.extend([
                ("latency_p50_ms", format!("{p50:.3}")),
                ("latency_p99_ms", format!("{p99:.3}")),
                ("latency_ms", h.latency_histogram()),
            ]);
        }
        values.extend(h.age_ms.map(|ms| ("age_ms", format!("{ms:.1}"))));
        let is_well = h.lost == 0 && h.refused == 0;
        DiagnosticStatus {
            level: u8::from(!is_well),
            name: h.key.clone(),
            message: if is_well { "well".into() } else { format!("lost or refused messages {}", h.why) },
            hardware_id: wire.role().word().to_owned(),
            values: values.into_iter().map(|(key, value)| KeyValue { key: key.into(), value }).collect(),
        }
    };
    DiagnosticArray {
        header: Header { stamp: wire.now().into(), frame_id: String::new() },
        status: wire.health().iter().map(status).collect(),
    }
}
