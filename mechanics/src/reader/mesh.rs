//! Meshes become their convex hulls: STL (binary and text), OBJ and COLLADA, from under one folder only.

use super::{Reader, dae};
use crate::error::ModelError;
use crate::model::GeomShape;
use nalgebra::{Point3, Vector3};
use roxmltree::Node;
use std::path::{Component, Path, PathBuf};

/// Largest mesh file, bytes.
const MAX_MESH_BYTES: u64 = 64 << 20;
/// How many folders above the robot file may be the package that `package://` names.
const MAX_PACKAGE_LEVELS: usize = 6;

impl Reader<'_> {
    /// Finds a mesh file that the robot file names at `node`; `sub` is a folder of the robot file's own
    /// choosing (MJCF `meshdir`).
    ///
    /// # Errors
    /// A [`ModelError`] when the path leaves the folder, strict or not (B16). `Ok(None)` when there is
    /// no such file.
    pub(crate) fn find_mesh(
        &self,
        node: Node<'_, '_>,
        sub: &str,
        name: &str,
    ) -> Result<Option<PathBuf>, ModelError> {
        let outside =
            |_| self.error(node, format!("expected a mesh path inside the robot's folder, got {name:?}"));
        let Some(folder) = self.folder else { return Ok(None) };
        let mut tries: Vec<(PathBuf, PathBuf)> = Vec::new();
        if let Some(rest) = name.strip_prefix("package://") {
            let (package, inner) = rest.split_once('/').unwrap_or(("", rest));
            let inner = inside(inner).map_err(outside)?;
            if let Ok(folder) = folder.canonicalize() {
                for up in folder.ancestors().take(MAX_PACKAGE_LEVELS) {
                    if !package.is_empty() && up.file_name().is_some_and(|n| n == package) {
                        tries.push((up.to_path_buf(), inner.clone()));
                    }
                }
            }
            tries.push((folder.to_path_buf(), inside(rest).map_err(outside)?));
            tries.push((folder.to_path_buf(), inner));
        } else {
            let path = name.strip_prefix("file://").unwrap_or(name);
            let path = Path::new(sub).join(path);
            tries.push((folder.to_path_buf(), inside(&path.to_string_lossy()).map_err(outside)?));
        }
        for (root, inner) in tries {
            let path = root.join(inner);
            let (Ok(root), Ok(path)) = (root.canonicalize(), path.canonicalize()) else { continue };
            // A link on the disk may still lead out.
            if !path.starts_with(&root) {
                return Err(outside(()));
            }
            return Ok(Some(path));
        }
        Ok(None)
    }

    /// The hull of a mesh file that is named at `node`, its points scaled by `scale`; inside, a sentence saying what
    /// is wrong with the file.
    ///
    /// # Errors
    /// A [`ModelError`] when all meshes together are too large.
    pub(crate) fn hull_of_file(
        &mut self,
        node: Node<'_, '_>,
        path: &Path,
        scale: &Vector3<f64>,
    ) -> Result<Result<GeomShape, String>, ModelError> {
        let points = match points_of_file(path) {
            Ok(points) => points,
            Err(why) => return Ok(Err(why)),
        };
        self.count_corners(node, points.len())?;
        Ok(hull(points.into_iter().map(|p| Point3::from(p.coords.component_mul(scale)))))
    }
}

/// The corners of a mesh file, in its unit.
fn points_of_file(path: &Path) -> Result<Vec<Point3<f64>>, String> {
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    if !matches!(extension.as_str(), "stl" | "obj" | "dae") {
        return Err(format!("expected a mesh in STL, OBJ or COLLADA (.dae), got .{extension}"));
    }
    let size = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
    if size > MAX_MESH_BYTES {
        return Err(format!("expected a mesh of at most {MAX_MESH_BYTES} bytes, got {size}"));
    }
    let bytes = std::fs::read(path).map_err(|e| e.to_string())?;
    match extension.as_str() {
        "obj" => obj_points(&bytes),
        "dae" => dae::points(&bytes),
        _ => stl_points(&bytes),
    }
}

/// A relative path that goes up nowhere beyond its beginning, with its `..` worked out.
fn inside(path: &str) -> Result<PathBuf, ()> {
    let mut out = PathBuf::new();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => out.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !out.pop() {
                    return Err(());
                }
            }
            Component::RootDir | Component::Prefix(_) => return Err(()),
        }
    }
    Ok(out)
}

/// Corners of an STL's triangles, in the file's unit.
fn stl_points(bytes: &[u8]) -> Result<Vec<Point3<f64>>, String> {
    let n = bytes.get(80..84).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize);
    // A text STL begins with "solid", but so do some binary ones: the length decides.
    if let Some(n) = n
        && n.checked_mul(50).and_then(|len| len.checked_add(84)) == Some(bytes.len())
    {
        let mut points = Vec::with_capacity(3 * n);
        for triangle in bytes[84..].chunks_exact(50) {
            for corner in triangle[12..48].chunks_exact(12) {
                let number = |i: usize| {
                    f64::from(f32::from_le_bytes([corner[i], corner[i + 1], corner[i + 2], corner[i + 3]]))
                };
                points.push(Point3::new(number(0), number(4), number(8)));
            }
        }
        return Ok(points);
    }
    let text = std::str::from_utf8(bytes)
        .ok()
        .filter(|t| t.trim_start().starts_with("solid"))
        .ok_or("expected an STL: its length fits no number of triangles, and it is no text")?;
    points_after(text, "vertex")
}

/// Corners of an OBJ, in the file's unit.
fn obj_points(bytes: &[u8]) -> Result<Vec<Point3<f64>>, String> {
    let text = std::str::from_utf8(bytes).map_err(|e| format!("expected a text OBJ: {e}"))?;
    points_after(text, "v")
}

fn points_after(text: &str, keyword: &str) -> Result<Vec<Point3<f64>>, String> {
    let mut points = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let mut words = line.split_whitespace();
        if words.next() != Some(keyword) {
            continue;
        }
        let mut number = || words.next().and_then(|w| w.parse::<f64>().ok());
        match (number(), number(), number()) {
            (Some(x), Some(y), Some(z)) => points.push(Point3::new(x, y, z)),
            _ => return Err(format!("line {} of the mesh: expected {keyword} and three numbers", i + 1)),
        }
    }
    Ok(points)
}

/// The convex hull of points in metres.
///
/// # Errors
/// A sentence when the points are not finite or span no volume.
pub(crate) fn hull(points: impl Iterator<Item = Point3<f64>>) -> Result<GeomShape, String> {
    let mut corners: Vec<[f32; 3]> = Vec::new();
    for p in points {
        if !p.iter().all(|v| v.is_finite() && v.abs() < 1e4) {
            return Err("expected mesh corners that are finite and within 10 km".to_owned());
        }
        corners.push([p.x as f32, p.y as f32, p.z as f32]);
    }
    corners.sort_unstable_by(|a, b| {
        a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])).then(a[2].total_cmp(&b[2]))
    });
    corners.dedup();
    if !spans_volume(&corners) {
        return Err("expected a mesh that encloses a volume".to_owned());
    }
    let cloud: Vec<parry3d::math::Vector> =
        corners.iter().map(|p| parry3d::math::Vector::new(p[0], p[1], p[2])).collect();
    let (points, triangles) = parry3d::transformation::try_convex_hull(&cloud)
        .map_err(|e| format!("the mesh has no convex hull: {e}"))?;
    let points = points.iter().map(|p| Point3::new(f64::from(p.x), f64::from(p.y), f64::from(p.z))).collect();
    Ok(GeomShape::Hull { points, triangles })
}

/// Whether the points are not all in one plane (relative to their extent).
fn spans_volume(corners: &[[f32; 3]]) -> bool {
    let Some(first) = corners.first() else { return false };
    let at = |p: &[f32; 3]| {
        Vector3::new(f64::from(p[0]), f64::from(p[1]), f64::from(p[2]))
            - Vector3::new(f64::from(first[0]), f64::from(first[1]), f64::from(first[2]))
    };
    let farthest = |measure: &dyn Fn(&Vector3<f64>) -> f64| {
        corners.iter().map(at).fold((0.0, Vector3::zeros()), |best, v| {
            let m = measure(&v);
            if m > best.0 { (m, v) } else { best }
        })
    };
    let (length, a) = farthest(&|v| v.norm());
    let (area, b) = farthest(&|v| a.cross(v).norm());
    let normal = a.cross(&b);
    let (volume, _) = farthest(&|v| normal.dot(v).abs());
    length > 0.0 && area > 1e-7 * length * length && volume > 1e-9 * length * length * length
}
