//! What ROS tools know a node and its ends by: the topic `ros_discovery_info`.

use super::RosError;
use super::locked;
use super::raw::{Care, Out, Writer};
use crate::ros::written;
use rustdds::{DomainParticipant, GUID, Publisher, RTPSEntity as _, TopicKind};
use serde::Serialize;
use std::sync::{Arc, Mutex};

#[derive(Serialize)]
struct ParticipantEntitiesInfo {
    gid: [u8; 16],
    node_entities_info_seq: Vec<NodeEntitiesInfo>,
}

#[derive(Clone, Serialize)]
struct NodeEntitiesInfo {
    node_namespace: String,
    node_name: String,
    reader_gid_seq: Vec<[u8; 16]>,
    writer_gid_seq: Vec<[u8; 16]>,
}

/// The node's own line there.
pub(super) struct Listing {
    gid: [u8; 16],
    writer: Writer,
    node: Mutex<NodeEntitiesInfo>,
}

/// As long as it is there, an end is listed.
pub(super) struct Listed {
    listing: Arc<Listing>,
    guid: [u8; 16],
    is_reader: bool,
}

impl Listing {
    pub(super) fn new(
        participant: &DomainParticipant,
        publisher: &Publisher,
        namespace: &str,
        node: &str,
    ) -> Result<Self, RosError> {
        let care = Care::Latched.policies();
        let of_type = "rmw_dds_common::msg::dds_::ParticipantEntitiesInfo_".to_owned();
        let topic =
            participant.create_topic("ros_discovery_info".to_owned(), of_type, &care, TopicKind::NoKey);
        let topic = topic.map_err(RosError::dds)?;
        let writer = publisher.create_datawriter_no_key(&topic, Some(care)).map_err(RosError::dds)?;
        let node = NodeEntitiesInfo {
            node_namespace: namespace.to_owned(),
            node_name: node.to_owned(),
            reader_gid_seq: Vec::new(),
            writer_gid_seq: Vec::new(),
        };
        let listing = Self { gid: participant.guid().to_bytes(), writer, node: Mutex::new(node) };
        listing.say(&locked(&listing.node));
        Ok(listing)
    }

    fn say(&self, node: &NodeEntitiesInfo) {
        let info = ParticipantEntitiesInfo { gid: self.gid, node_entities_info_seq: vec![node.clone()] };
        // Tools see less where it cannot be said; what is heard and said does not hang on it.
        if let Ok(bytes) = written(&info, "ros_discovery_info") {
            _ = self.writer.write(Out::new(bytes), None);
        }
    }

    pub(super) fn list(self: &Arc<Self>, guid: GUID, is_reader: bool) -> Listed {
        let guid = guid.to_bytes();
        self.change(is_reader, |list| list.push(guid));
        Listed { listing: self.clone(), guid, is_reader }
    }

    fn change(&self, is_reader: bool, change: impl FnOnce(&mut Vec<[u8; 16]>)) {
        let mut node = locked(&self.node);
        let node = &mut *node;
        change(if is_reader { &mut node.reader_gid_seq } else { &mut node.writer_gid_seq });
        self.say(node);
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.listing.change(self.is_reader, |list| list.retain(|guid| *guid != self.guid));
    }
}
