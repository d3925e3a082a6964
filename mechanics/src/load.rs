//! A robot file of either kind, by its path.

use crate::error::ModelError;
use crate::model::Model;
use crate::reader::{check_size, parse_xml};
use crate::{mjcf, urdf};
use std::path::Path;

/// Reads a robot file, URDF or MJCF by its root element; meshes lie in the file's folder or below.
///
/// # Errors
/// A [`ModelError`] with file and line, see [`urdf::parse`] and [`mjcf::parse`].
pub fn load(path: &Path) -> Result<Model, ModelError> {
    load_from(path, path.parent(), false)
}

/// As [`load`], with the folder that meshes are looked up in, and whether what would be passed over
/// with a warning is refused (B17).
///
/// # Errors
/// As [`load`].
pub fn load_from(path: &Path, mesh_dir: Option<&Path>, strict: bool) -> Result<Model, ModelError> {
    let file = path.display().to_string();
    let unreadable =
        |e: std::io::Error| ModelError::whole(&file, format!("the robot file cannot be read: {e}"));
    // The size is looked at before the file is.
    check_size(std::fs::metadata(path).map_err(unreadable)?.len(), &file)?;
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let root = parse_xml(&text, &file)?.root_element().tag_name().name().to_owned();
    // A bare file name has an empty parent, which is the current folder.
    let mesh_dir = mesh_dir.map(|d| if d.as_os_str().is_empty() { Path::new(".") } else { d });
    match root.as_str() {
        "robot" => urdf::parse(&text, &file, mesh_dir, strict),
        "mujoco" => mjcf::parse(&text, &file, mesh_dir, strict),
        other => Err(ModelError::whole(
            &file,
            format!("expected a URDF's <robot> or an MJCF's <mujoco>, got <{other}>"),
        )),
    }
}
