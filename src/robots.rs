//! Which robot: built-in ones, a profile, or any URDF or MJCF with one config line.

use crate::config::ConfigError;
use mechanics::Arm;
use std::path::Path;
use std::sync::Arc;
use types::{Rejection, RobotProfile};

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

/// Loads the robot that `[robot] profile` or `--robot` names.
///
/// # Errors
/// [`RobotFileError`] naming file, line or field.
pub(crate) fn load(name: &str) -> Result<Arc<Arm>, RobotFileError> {
    if let Some((_, profile, xml)) = BUILT_IN.iter().find(|b| b.0 == name) {
        let profile = parse(profile, &format!("{name}.toml"))?;
        let model = mechanics::mjcf::parse(xml, &profile.model.clone(), None, true)?;
        return arm(Arm::new(model, profile), name);
    }
    let path = Path::new(name);
    match path.extension().and_then(|e| e.to_str()) {
        Some("toml") => {
            let text = std::fs::read_to_string(path)
                .map_err(|source| ConfigError::Io { path: name.into(), source })?;
            let profile = parse(&text, name)?;
            let file = path.parent().unwrap_or(Path::new(".")).join(&profile.model);
            arm(Arm::new(mechanics::load(&file)?, profile), name)
        }
        Some("urdf" | "xml" | "mjcf") => arm(Arm::from_model(mechanics::load(path)?), name),
        _ => {
            let known: Vec<&str> = BUILT_IN.iter().map(|b| b.0).collect();
            let expected = format!("{}, or a path ending in .toml, .urdf or .xml", known.join(", "));
            Err(RobotFileError::Unknown { expected, got: name.into() })
        }
    }
}

fn arm(made: Result<Arm, Rejection>, path: &str) -> Result<Arc<Arm>, RobotFileError> {
    made.map(Arc::new).map_err(|rejection| RobotFileError::Profile { path: path.into(), rejection })
}

fn parse(text: &str, path: &str) -> Result<RobotProfile, ConfigError> {
    toml::from_str(text).map_err(|e| ConfigError::Toml {
        path: path.into(),
        what: e.to_string().trim_end().replace('\n', "\n  "),
    })
}
