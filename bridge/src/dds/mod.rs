//! ROS 2 on its own wire, DDS, in pure Rust: topics, services and actions with the types of [`ros`](crate::ros), without
//! any ROS installed.
//!
//! Everything here is called by plain threads, and every wait has a limit. What comes in is taken by one thread of the
//! node's own, waits in places of bounded size, and is counted where it is lost or cannot be read. DDS itself knows no
//! keys here: whoever is on a network that is reached can read along and speak, so a node stays on this machine unless
//! it is told otherwise ([`Reach`]).
//!
//! A large message goes out in one burst. Who hears it through sockets of the operating system's default size (208 KiB
//! on Linux), as Fast DDS does, loses most of what is larger: `net.core.rmem_default` on that machine has to hold it, or
//! a picture has to be a compressed one.

mod action;
mod arm;
mod carrier;
mod eye;
mod listing;
mod present;
mod raw;
mod service;
mod topic;

pub use arm::{ArmSettings, Permit, RosArm, RosArmHandle, RosTime};
pub use eye::{EyeSettings, RosEye};
pub use raw::Care;
pub use topic::{Heard, Publisher};

use crate::asking::{RosError, locked};
use crate::limit;
use crate::ros::names;
use listing::Listing;
use present::Peers;
use raw::{Reader, Writer};
use rustdds::{DomainParticipant, DomainParticipantBuilder, TopicKind};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use types::Rejection;

impl RosError {
    fn dds(e: impl core::fmt::Display) -> Self {
        Self::Dds(e.to_string())
    }
}

/// Whose way of asking and answering is spoken; topics are the same for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rmw {
    /// `rmw_fastrtps`, which is what ROS 2 comes with: an answer says beside itself what it is the answer to.
    #[default]
    FastRtps,
    /// `rmw_cyclonedds`: it says so before itself.
    CycloneDds,
}

impl Rmw {
    /// The one of this name: `fastrtps` or `cyclonedds`.
    ///
    /// # Errors
    /// A [`Rejection`] naming `rmw` for any other.
    pub fn named(name: &str) -> Result<Self, Rejection> {
        match name {
            "fastrtps" => Ok(Self::FastRtps),
            "cyclonedds" => Ok(Self::CycloneDds),
            other => Err(Rejection::new("rmw", "fastrtps or cyclonedds", format!("{other:?}"))),
        }
    }
}

/// Where others are looked for, and told where this node is.
///
/// It is no wall: the sockets are open to every network of the machine, so whoever knows of them and sends there is
/// heard. Where that counts, a firewall has to hold the UDP ports from 7400 + 250 times the domain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// On this machine alone.
    #[default]
    ThisMachine,
    /// On the networks of these addresses of this machine's.
    Networks(Vec<IpAddr>),
    /// On every network of this machine's.
    Everywhere,
}

/// What a node is and whom it meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `ROS_DOMAIN_ID`: who is in another one is not met; 0 to 232.
    pub domain: u16,
    /// Its name.
    pub node: String,
    /// What comes before its name and before names that begin with no slash: `/`, or words with a slash before each.
    pub namespace: String,
    /// Whose services and actions it meets.
    pub rmw: Rmw,
    /// How far it reaches.
    pub reach: Reach,
}

impl Settings {
    /// A node of this name, in domain 0 and no namespace, among Fast DDS's on this machine alone.
    #[must_use]
    pub fn of(node: &str) -> Self {
        let (node, namespace) = (node.to_owned(), "/".to_owned());
        Self { domain: 0, node, namespace, rmw: Rmw::default(), reach: Reach::default() }
    }

    /// Domains up to this have ports of their own.
    const LAST_DOMAIN: u16 = 232;

    fn check(&self) -> Result<(), Rejection> {
        if self.domain > Self::LAST_DOMAIN {
            let expected = format!("0 to {}", Self::LAST_DOMAIN);
            return Err(Rejection::new("domain", expected, self.domain.to_string()));
        }
        names::node(&self.node)?;
        names::namespace(&self.namespace)?;
        match &self.reach {
            Reach::Networks(addresses) if addresses.is_empty() => {
                Err(Rejection::new("reach", "an address of this machine's at least", "none"))
            }
            _ => Ok(()),
        }
    }
}

struct Inner {
    // Those before the participant hold parts of it, and go before it.
    _hears_peers: carrier::Watching,
    carrier: carrier::Carrier,
    peers: Arc<Peers>,
    listing: Arc<Listing>,
    publisher: rustdds::Publisher,
    subscriber: rustdds::Subscriber,
    participant: DomainParticipant,
    settings: Settings,
}

/// A node. Clones are the same node, and it is there until the last of them and of what was made by it is gone.
#[derive(Clone)]
pub struct Ros(Arc<Inner>);

impl Ros {
    /// Opens a node.
    ///
    /// # Errors
    /// A [`Rejection`] naming the setting that is none; [`RosError::Dds`] where there are no sockets for it.
    pub fn open(settings: &Settings) -> Result<Self, RosError> {
        settings.check()?;
        let builder = DomainParticipantBuilder::new(settings.domain);
        let builder = match &settings.reach {
            Reach::ThisMachine => builder.with_only_networks([IpAddr::V4(Ipv4Addr::LOCALHOST)]),
            Reach::Networks(addresses) => builder.with_only_networks(addresses.iter().copied()),
            Reach::Everywhere => builder,
        };
        let participant = builder.build().map_err(RosError::dds)?;
        let policies = Care::Reliable.policies();
        let publisher = participant.create_publisher(&policies).map_err(RosError::dds)?;
        let subscriber = participant.create_subscriber(&policies).map_err(RosError::dds)?;
        let listing = Listing::new(&participant, &publisher, &settings.namespace, &settings.node)?;
        let peers = Arc::new(Peers::new(participant.status_listener()));
        let carrier = carrier::Carrier::start().map_err(RosError::dds)?;
        let hears = peers.clone();
        let hears_peers = carrier.watch(move |waker| hears.hear(waker));
        Ok(Self(Arc::new(Inner {
            _hears_peers: hears_peers,
            carrier,
            peers,
            listing: Arc::new(listing),
            publisher,
            subscriber,
            participant,
            settings: settings.clone(),
        })))
    }

    /// What it was opened with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    fn whole(&self, field: &'static str, name: &str) -> Result<String, Rejection> {
        names::whole(field, &self.0.settings.namespace, &self.0.settings.node, name)
    }

    fn topic(&self, name: &str, of_type: &str, care: Care) -> Result<rustdds::Topic, RosError> {
        let (name, of_type) = (name.to_owned(), of_type.to_owned());
        let topic = self.0.participant.create_topic(name, of_type, &care.policies(), TopicKind::NoKey);
        topic.map_err(RosError::dds)
    }

    fn writer(&self, topic: &str, of_type: &str, care: Care) -> Result<Writer, RosError> {
        let topic = self.topic(topic, of_type, care)?;
        let writer = self.0.publisher.create_datawriter_no_key(&topic, Some(care.policies()));
        writer.map_err(RosError::dds)
    }

    fn reader(&self, topic: &str, of_type: &str, care: Care) -> Result<Reader, RosError> {
        let topic = self.topic(topic, of_type, care)?;
        let reader = self.0.subscriber.create_simple_datareader_no_key(&topic, Some(care.policies()));
        Ok(Reader { reader: reader.map_err(RosError::dds)?, of_type: of_type.to_owned() })
    }
}

#[cfg(test)]
mod tests;
