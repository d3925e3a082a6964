//! Which robot: built-in ones, a profile, or any URDF or MJCF with one config line.

use crate::config::{Config, ConfigError};
use mechanics::{Arm, HomeChoice, Model};
use std::path::Path;
use std::sync::Arc;
use types::{Drive, Rejection, RobotProfile, Scene, Time};

/// Built-in robots: name, profile, robot file.
const BUILT_IN: &[(&str, &str, &str)] = &[
    ("panda", include_str!("../assets/robots/panda.toml"), include_str!("../assets/robots/panda.xml")),
    ("so101", include_str!("../assets/robots/so101.toml"), include_str!("../assets/robots/so101.xml")),
];

/// Why a robot is not loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RobotFileError {
    #[error("robot: expected {expected}, got {got:?}")]
    Unknown { expected: String, got: String },
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{path}: {rejection}")]
    Profile { path: String, rejection: Rejection },
    #[error(transparent)]
    Model(#[from] mechanics::ModelError),
}

/// The most warnings of a robot file that are printed.
const MAX_WARNINGS: usize = 8;

/// How long a gripper of ROS 2's may take to begin to move, seconds: its goal has to be accepted first.
const GRIPPER_OF_ROS_S: f64 = 0.7;

/// The robot of a configuration: the one that its profile names, behind the drive of what the loop drives.
///
/// # Errors
/// As [`load`].
pub(crate) fn of(config: &Config) -> Result<Arc<Arm>, RobotFileError> {
    let arm = load(&config.robot.profile)?;
    if config.arm.kind == "simulated" {
        return Ok(arm);
    }
    // A joint trajectory controller goes where it is told, whatever the motors behind it take.
    Ok(Arc::new(Arc::unwrap_or_clone(arm).driven_by(Drive::Position, GRIPPER_OF_ROS_S)))
}

/// Loads the robot that `[robot] profile` or `--robot` names. What a person should know about the file is
/// printed to the standard error.
///
/// # Errors
/// [`RobotFileError`] naming file, line or field.
pub(crate) fn load(name: &str) -> Result<Arc<Arm>, RobotFileError> {
    let (arm, notes) = load_with_notes(name)?;
    for note in notes {
        eprintln!("note: {note}");
    }
    Ok(arm)
}

fn load_with_notes(name: &str) -> Result<(Arc<Arm>, Vec<String>), RobotFileError> {
    if let Some((_, profile, xml)) = BUILT_IN.iter().find(|b| b.0 == name) {
        let profile = parse(profile, &format!("{name}.toml"))?;
        let model = mechanics::mjcf::parse(xml, &profile.model.clone(), None, true)?;
        return arm(name, model, Some(profile));
    }
    let path = Path::new(name);
    match path.extension().and_then(|e| e.to_str()) {
        Some("toml") => {
            let text = std::fs::read_to_string(path)
                .map_err(|source| ConfigError::Io { path: name.into(), source })?;
            let profile = parse(&text, name)?;
            let file = path.parent().unwrap_or(Path::new(".")).join(&profile.model);
            arm(name, mechanics::load(&file)?, Some(profile))
        }
        Some("urdf" | "xml" | "mjcf") => arm(name, mechanics::load(path)?, None),
        _ => {
            let known: Vec<&str> = BUILT_IN.iter().map(|b| b.0).collect();
            let expected = format!("{}, or a path ending in .toml, .urdf or .xml", known.join(", "));
            Err(RobotFileError::Unknown { expected, got: name.into() })
        }
    }
}

/// Ties model and profile together, and chooses a home where none is stated.
fn arm(
    path: &str,
    model: Model,
    profile: Option<RobotProfile>,
) -> Result<(Arc<Arm>, Vec<String>), RobotFileError> {
    let refused = |rejection| RobotFileError::Profile { path: path.into(), rejection };
    let mut notes: Vec<String> = model.warnings.iter().take(MAX_WARNINGS).cloned().collect();
    if model.warnings.len() > MAX_WARNINGS {
        notes.push(format!("{path}: {} further notes on this file", model.warnings.len() - MAX_WARNINGS));
    }
    let is_stated = profile.as_ref().is_some_and(|p| !p.home.is_empty());
    let arm = match profile {
        Some(profile) => Arm::new(model, profile),
        None => Arm::from_model(model),
    }
    .map_err(refused)?;
    if is_stated {
        return Ok((Arc::new(arm), notes));
    }
    let empty = Scene { stamp: Time::ZERO, objects: Vec::new() };
    let (arm, choice) = arm.with_chosen_home(&planner::obstacles(&empty, &[], false)).map_err(refused)?;
    let joints: Vec<String> = arm.home().iter().map(|q| format!("{q:.3}")).collect();
    let joints = joints.join(", ");
    let how = "another is stated by `home` in a profile .toml";
    notes.push(match choice {
        HomeChoice::Zeros => format!("{path}: no home is stated; it is [{joints}]; {how}"),
        HomeChoice::Drawn { why } => format!(
            "{path}: no home is stated, and zeros will not do: there {why}; \
             home is the clear pose found nearest the middle of the limits, [{joints}]; {how}"
        ),
    });
    Ok((Arc::new(arm), notes))
}

fn parse(text: &str, path: &str) -> Result<RobotProfile, ConfigError> {
    toml::from_str(text).map_err(|e| ConfigError::Toml {
        path: path.into(),
        what: e.to_string().trim_end().replace('\n', "\n  "),
    })
}
