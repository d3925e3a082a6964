//! What ROS 2 tells types apart by: the hash of a type's description (REP 2016, `RIHS01`), made from its definition.

use super::Message;
use ring::digest::{SHA256, digest};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use types::Rejection;

/// Numbers of the types of fields, as `type_description_interfaces/msg/FieldType` has them. What ROS calls `char` is
/// an octet without a sign.
const NUMBERS: [(&str, u32); 15] = [
    ("int8", 2),
    ("uint8", 3),
    ("char", 3),
    ("int16", 4),
    ("uint16", 5),
    ("int32", 6),
    ("uint32", 7),
    ("int64", 8),
    ("uint64", 9),
    ("float32", 10),
    ("float64", 11),
    ("bool", 15),
    ("byte", 16),
    ("string", 17),
    ("wstring", 18),
];
const NESTED: u32 = 1;
const ARRAY: u32 = 48;
const BOUNDED_SEQUENCE: u32 = 96;
const SEQUENCE: u32 = 144;

/// The hash of a message type as ROS 2 announces it: `RIHS01_` and 64 hexadecimal digits.
///
/// # Errors
/// A [`Rejection`] naming the type whose definition has a line that is no field.
pub fn type_hash<M: Message>() -> Result<String, Rejection> {
    let mut parts = Vec::new();
    M::parts(&mut parts);
    // Those it refers to are in order of their names.
    let parts: BTreeMap<&str, &str> = parts.into_iter().collect();
    let parts: Vec<String> =
        parts.into_iter().map(|(name, fields)| described(name, fields)).collect::<Result<_, _>>()?;
    let (own, parts) = (described(M::NAME, M::FIELDS)?, parts.join(", "));
    let all = format!(r#"{{"type_description": {own}, "referenced_type_descriptions": [{parts}]}}"#);
    let mut hash = "RIHS01_".to_owned();
    for byte in digest(&SHA256, all.as_bytes()).as_ref() {
        _ = write!(hash, "{byte:02x}");
    }
    Ok(hash)
}

/// One type, in the JSON that is hashed: every blank counts.
fn described(name: &str, fields: &str) -> Result<String, Rejection> {
    let field = |line: &str| {
        let refuse = || Rejection::new(name.to_owned(), "fields, a line each", format!("{line:?}"));
        let (kind, field) = line.split_once(' ').ok_or_else(refuse)?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if field.is_empty() || !field.chars().all(is_name) {
            return Err(refuse());
        }
        let (number, capacity, nested) = kind_of(kind).ok_or_else(refuse)?;
        Ok(format!(
            r#"{{"name": "{field}", "type": {{"type_id": {number}, "capacity": {capacity}, "string_capacity": 0, "nested_type_name": "{nested}"}}}}"#
        ))
    };
    let fields: Vec<String> = fields.lines().map(field).collect::<Result<_, _>>()?;
    Ok(format!(r#"{{"type_name": "{name}", "fields": [{}]}}"#, fields.join(", ")))
}

/// A field's type: its number, how many of it there are, and the name of its type, if it is no basic one.
fn kind_of(kind: &str) -> Option<(u32, u32, String)> {
    let (base, more, capacity) = match kind.strip_suffix(']').and_then(|kind| kind.split_once('[')) {
        None => (kind, 0, 0),
        Some((base, "")) => (base, SEQUENCE, 0),
        Some((base, many)) => match many.strip_prefix("<=") {
            Some(most) => (base, BOUNDED_SEQUENCE, most.parse().ok()?),
            None => (base, ARRAY, many.parse().ok()?),
        },
    };
    let is_word =
        |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match base.split_once('/') {
        Some((package, name)) if is_word(package) && is_word(name) => {
            Some((more + NESTED, capacity, format!("{package}/msg/{name}")))
        }
        Some(_) => None,
        None => {
            let number = NUMBERS.iter().find(|(name, _)| *name == base)?.1;
            Some((more + number, capacity, String::new()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ros::*;

    /// What Jazzy announces, of the types that there are here.
    const ANNOUNCED: [(&str, &str); 28] = [
        ("std_msgs/msg/Header", "f49fb3ae2cf070f793645ff749683ac6b06203e41c891e17701b1cb597ce6a01"),
        ("std_msgs/msg/String", "df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18"),
        ("builtin_interfaces/msg/Time", "b106235e25a4c5ed35098aa0a61a3ee9c9b18d197f398b0e4206cea9acf9c197"),
        ("geometry_msgs/msg/Pose", "d501954e9476cea2996984e812054b68026ae0bfae789d9a10b23daf35cc90fa"),
        ("geometry_msgs/msg/PoseStamped", "10f3786d7d40fd2b54367835614bff85d4ad3b5dab62bf8bca0cc232d73b4cd8"),
        ("geometry_msgs/msg/Twist", "9c45bf16fe0983d80e3cfe750d6835843d265a9a6c46bd2e609fcddde6fb8d2a"),
        (
            "geometry_msgs/msg/TwistStamped",
            "5f0fcd4f81d5d06ad9b4c4c63e3ea51b82d6ae4d0558f1d475229b1121db6f64",
        ),
        (
            "geometry_msgs/msg/WrenchStamped",
            "8dc3deaf06b2ab281f9f9a742a8961c328ca7cec16e3fd6586d3a5c83fa78f77",
        ),
        (
            "geometry_msgs/msg/TransformStamped",
            "0a241f87d04668d94099cbb5ba11691d5ad32c2f29682e4eb5653424bd275206",
        ),
        ("sensor_msgs/msg/JointState", "a13ee3a330e346c9d87b5aa18d24e11690752bd33a0350f11c5882bc9179260e"),
        ("sensor_msgs/msg/Image", "d31d41a9a4c4bc8eae9be757b0beed306564f7526c88ea6a4588fb9582527d47"),
        (
            "sensor_msgs/msg/CompressedImage",
            "15640771531571185e2efc8a100baf923961a4d15d5569652e6cb6691e8e371a",
        ),
        ("sensor_msgs/msg/CameraInfo", "b3dfd68ff46c9d56c80fd3bd4ed22c7a4ddce8c8348f2f59c299e73118e7e275"),
        ("sensor_msgs/msg/PointCloud2", "9198cabf7da3796ae6fe19c4cb3bdd3525492988c70522628af5daa124bae2b5"),
        ("sensor_msgs/msg/Joy", "0d356c79cad3401e35ffeb75a96a96e08be3ef896b8b83841d73e890989372c5"),
        (
            "trajectory_msgs/msg/JointTrajectory",
            "179b33eba59d676f6d967ac71fe35e7ca2f64b2f3928f4a018cec115e213796e",
        ),
        (
            "trajectory_msgs/msg/JointTrajectoryPoint",
            "de8907036d8bd45aac6f30cc9044a3d4a329c42cbf719aff7d95a584cfa532d7",
        ),
        (
            "control_msgs/action/FollowJointTrajectory_Feedback",
            "3fd0aaecf71725121ae1ff7f01098a5e0da581e672be18a6b2c286cb43d96b49",
        ),
        (
            "control_msgs/action/FollowJointTrajectory_Goal",
            "8a9060704b269608f5a340934cc26e66869dd14bdac29e2e7fd9ec8b9882d205",
        ),
        (
            "control_msgs/action/FollowJointTrajectory_Result",
            "8002e99ed2c14c6faa522f2a93c26d744c5982f254f9e98ff9c6f19789bdb220",
        ),
        (
            "control_msgs/action/GripperCommand_Feedback",
            "8f7c520077bab528bb9161ee3b83c81eee1f8aecadb8922ce82c79d667a819c4",
        ),
        (
            "control_msgs/action/GripperCommand_Goal",
            "607d9f41eb241e1922e90f02125e87ae6bfb78f7f64a71dc92630263d01f8b6d",
        ),
        (
            "control_msgs/action/GripperCommand_Result",
            "bf512d5aa6a0e4fe4d8be22b2ec4a1973c3d250fa1f65e47450322c25c45c0a0",
        ),
        (
            "diagnostic_msgs/msg/DiagnosticArray",
            "5a8a36efb05fb25070fa0fb3810290c0e6cd4862b54a8fb975a1ee8dc55a333e",
        ),
        ("std_srvs/srv/Trigger_Request", "d010825374ce8918e72bfd826c82603e60f45419e932ea976f807b74a863a199"),
        ("std_srvs/srv/Trigger_Response", "2d946c21e2fc3f1e9ca6986a8191d85fcc70097a8bb7771a053564bc47009cdf"),
        ("rcl_interfaces/msg/Log", "e28ce254ca8abc06abf92773b74602cdbf116ed34fbaf294fb9f81da9f318eac"),
        ("rosgraph_msgs/msg/Clock", "692f7a66e93a3c83e71765d033b60349ba68023a8c689a79e48078bcb5c58564"),
    ];

    #[test]
    fn hashes_are_those_that_ros_announces() {
        let (mut ours, mut written) = (BTreeMap::new(), 0);
        macro_rules! all {
            ($($name:ident)*) => {
                $(ours.insert(<$name as Message>::NAME, type_hash::<$name>().expect("a hash"));
                written += 1;)*
            };
        }
        crate::every_message!(all);
        for (name, hash) in ANNOUNCED {
            assert_eq!(ours.get(name).map(String::as_str), Some(format!("RIHS01_{hash}").as_str()), "{name}");
        }
        let different: std::collections::BTreeSet<_> = ours.values().collect();
        assert_eq!(
            (ours.len(), different.len()),
            (written, written),
            "two messages with one name or one hash"
        );
    }

    #[test]
    fn what_is_no_field_has_no_hash() {
        for bad in [
            "int32",
            "int33 a",
            "int32 ",
            "int32 a b",
            "int32[x] a",
            "int32[<=] a",
            "int32] a",
            "/B a",
            "a/ b",
        ] {
            assert_eq!(described("a/msg/B", bad).expect_err(bad).field, "a/msg/B", "{bad}");
        }
        let bounded = described("a/msg/B", "c/D[<=3] e\nbyte[4] f").expect("fields");
        assert!(
            bounded.contains(r#""type_id": 97, "capacity": 3"#) && bounded.contains(r#""c/msg/D""#),
            "{bounded}"
        );
        assert!(bounded.contains(r#""type_id": 64, "capacity": 4"#), "{bounded}");
    }
}
