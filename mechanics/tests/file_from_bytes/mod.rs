//! Bytes of anybody's as a robot file, with everything checked that must hold whatever they say. The fuzz target
//! feeds it with anything, `any_file.rs` with the rows of the bad-input table.
#![allow(dead_code, reason = "each program that includes it uses its own part")]

pub(crate) mod seeds;

use mechanics::{Arm, ArmData, Model, inverse_dynamics, mjcf, tool_pose, urdf};
use types::{JointVector, RobotProfile};

/// Warnings of one file that are kept, at most.
const MOST_WARNINGS: usize = 101;

/// What kind of file the first byte says that the rest is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Urdf,
    Mjcf,
    Profile,
    /// For `robot.toml`, which the root package reads.
    Config,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Urdf, Self::Mjcf, Self::Profile, Self::Config];

    /// The first byte says the kind, and whether what could be passed over is refused.
    pub(crate) fn of(bytes: &[u8]) -> Option<(Self, bool, &str)> {
        let (first, rest) = bytes.split_first()?;
        let kind = Self::ALL[usize::from(first & 3)];
        // What is no text is refused where files are read.
        Some((kind, first & 4 != 0, core::str::from_utf8(rest).ok()?))
    }
}

/// Reads `text`, and uses what it describes.
///
/// # Errors
/// A sentence that says where in the file what is wrong, or which field.
///
/// # Panics
/// When an accepted arm moves by numbers that are none, or the reader's sentence does not say where.
pub(crate) fn read(kind: Kind, strict: bool, text: &str) -> Result<(), String> {
    let model = match kind {
        Kind::Urdf => urdf::parse(text, "any", None, strict),
        Kind::Mjcf => mjcf::parse(text, "any", None, strict),
        Kind::Profile => mjcf::parse(seeds::MJCF, "any", None, true),
        Kind::Config => return Ok(()),
    };
    let model = model.map_err(|e| {
        let lines = text.lines().count().max(1);
        assert!(e.line >= 1 && e.line as usize <= lines + 1, "{e} in {lines} lines");
        assert!(!e.what.is_empty() && e.to_string().starts_with("any:"), "{e}");
        e.to_string()
    })?;
    assert!(model.warnings.len() <= MOST_WARNINGS, "{}", model.warnings.len());
    check_model(&model);
    let arm = if kind == Kind::Profile {
        let profile: RobotProfile = toml::from_str(text).map_err(|e| e.to_string())?;
        Arm::new(model, profile)
    } else {
        Arm::from_model(model)
    };
    let arm = arm.map_err(|e| e.to_string())?;
    check_arm(&arm);
    Ok(())
}

/// Parents come before children, every number is one, and every index is of something.
fn check_model(model: &Model) {
    for (i, body) in model.bodies.iter().enumerate() {
        assert!(body.parent.is_none_or(|p| p < i), "{}", body.name);
        assert!(body.mass.is_finite() && body.mass >= 0.0, "{}", body.name);
        assert!(body.com.iter().chain(body.inertia.iter()).all(|v| v.is_finite()), "{}", body.name);
        assert!(body.parent_from_body.to_homogeneous().iter().all(|v| v.is_finite()), "{}", body.name);
        for geom in &body.geoms {
            assert!(geom.body_from_geom.to_homogeneous().iter().all(|v| v.is_finite()), "{}", geom.name);
        }
    }
    for joint in &model.joints {
        joint.limits.check(&joint.name).expect("limits that are some");
        assert!(joint.body_idx < model.bodies.len() && (joint.axis.norm() - 1.0).abs() < 1e-6);
        assert!(joint.mimic.is_none_or(|m| m.joint_idx < model.joints.len() && m.multiplier.is_finite()));
    }
}

/// Where it stands and what carries it there are numbers.
fn check_arm(arm: &Arm) {
    let mut data = ArmData::new(arm);
    let home = arm.home();
    assert!(home.iter().zip(arm.limits()).all(|(q, l)| *q >= l.lower && *q <= l.upper), "{home:?}");
    assert!(tool_pose(arm, &mut data, &home).isometry().to_homogeneous().iter().all(|v| v.is_finite()));
    let zero = JointVector::zeros(arm.n_joints());
    let mut tau = zero;
    inverse_dynamics(arm, &mut data, &home, &zero, &zero, 0.0, &mut tau);
    assert!(tau.is_finite(), "{tau:?}");
}
