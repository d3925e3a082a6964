//! Corners of a COLLADA file (1.4, 1.5): the positions of its geometries where its scene puts them.

use nalgebra::{Matrix4, Point3, Rotation3, Translation3, Unit, Vector3};
use roxmltree::{Document, Node, ParsingOptions};
use std::collections::BTreeMap;

/// More elements than a mesh has; bounds the memory of a hostile file.
const MAX_NODES: u32 = 500_000;
/// A scene may show one geometry often: no mesh of a robot has as many corners in all.
const MAX_POINTS: usize = 4_000_000;

/// The corners in metres: the file's unit is applied; its up axis is not, as robot files have it.
///
/// # Errors
/// A sentence for XML that is malformed or declares entities, for an array that is no points, and for a
/// file that shows nothing.
pub(super) fn points(bytes: &[u8]) -> Result<Vec<Point3<f64>>, String> {
    let text = std::str::from_utf8(bytes).map_err(|e| format!("expected a text COLLADA file: {e}"))?;
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options)
        .map_err(|e| format!("expected well-formed COLLADA without entities: {e}"))?;
    let root = document.root_element();
    if root.tag_name().name() != "COLLADA" {
        return Err(format!("expected a <COLLADA>, got <{}>", root.tag_name().name()));
    }
    let by_id: BTreeMap<&str, Node<'_, '_>> =
        root.descendants().filter_map(|n| n.attribute("id").map(|id| (id, n))).collect();
    let unit = root.descendants().find(|n| is(n, "unit")).and_then(|n| n.attribute("meter"));
    let metre = match unit {
        Some(text) => {
            let v = text.trim().parse::<f64>().ok().filter(|v| v.is_finite() && *v > 0.0);
            v.ok_or_else(|| format!("unit: expected metres above zero, got {text:?}"))?
        }
        None => 1.0,
    };
    let mut geometries: BTreeMap<&str, Vec<Point3<f64>>> = BTreeMap::new();
    let mut out = Vec::new();
    let mut scenes: Vec<(Node<'_, '_>, Matrix4<f64>)> = root
        .descendants()
        .filter(|n| is(n, "visual_scene"))
        .map(|n| (n, Matrix4::new_scaling(metre)))
        .collect();
    while let Some((node, outer)) = scenes.pop() {
        let to_metres = outer * transform(node)?;
        for child in node.children() {
            if is(&child, "node") {
                scenes.push((child, to_metres));
            } else if is(&child, "instance_geometry") {
                let id = child.attribute("url").unwrap_or_default().trim_start_matches('#');
                let geometry =
                    by_id.get(id).ok_or_else(|| format!("expected a geometry of this file, got {id:?}"))?;
                if !geometries.contains_key(id) {
                    geometries.insert(id, corners(*geometry, &by_id)?);
                }
                let shown = geometries.get(id).map(Vec::as_slice).unwrap_or_default();
                if out.len() + shown.len() > MAX_POINTS {
                    return Err(format!("expected at most {MAX_POINTS} corners"));
                }
                out.extend(shown.iter().map(|p| to_metres.transform_point(p)));
            }
        }
    }
    if out.is_empty() {
        return Err("expected a scene that shows a geometry".to_owned());
    }
    Ok(out)
}

fn is(node: &Node<'_, '_>, name: &str) -> bool {
    node.is_element() && node.tag_name().name() == name
}

fn numbers(node: Node<'_, '_>) -> Result<Vec<f64>, String> {
    let words = node.text().unwrap_or_default().split_whitespace();
    words
        .map(|w| w.parse::<f64>().ok().filter(|v| v.is_finite()))
        .collect::<Option<_>>()
        .ok_or_else(|| format!("<{}>: expected finite numbers", node.tag_name().name()))
}

/// A scene node's own transforms, the first outermost.
fn transform(node: Node<'_, '_>) -> Result<Matrix4<f64>, String> {
    let mut total = Matrix4::identity();
    for child in node.children().filter(Node::is_element) {
        let name = child.tag_name().name();
        if !matches!(name, "matrix" | "translate" | "rotate" | "scale") {
            continue;
        }
        total *= match (name, numbers(child)?.as_slice()) {
            ("matrix", v) if v.len() == 16 => Matrix4::from_row_slice(v),
            ("translate", &[x, y, z]) => Translation3::new(x, y, z).to_homogeneous(),
            ("scale", &[x, y, z]) => Matrix4::new_nonuniform_scaling(&Vector3::new(x, y, z)),
            ("rotate", &[x, y, z, degrees]) => match Unit::try_new(Vector3::new(x, y, z), 1e-12) {
                Some(axis) => Rotation3::from_axis_angle(&axis, degrees.to_radians()).to_homogeneous(),
                None => Matrix4::identity(),
            },
            (name, v) => return Err(format!("<{name}>: {} numbers are too few or too many", v.len())),
        };
    }
    Ok(total)
}

/// Positions of a geometry's vertices.
fn corners(geometry: Node<'_, '_>, by_id: &BTreeMap<&str, Node<'_, '_>>) -> Result<Vec<Point3<f64>>, String> {
    let position = |n: &Node<'_, '_>| is(n, "input") && n.attribute("semantic") == Some("POSITION");
    let source = geometry
        .descendants()
        .filter(|n| is(n, "vertices"))
        .flat_map(|v| v.children())
        .find(position)
        .and_then(|n| n.attribute("source"))
        .and_then(|s| by_id.get(s.trim_start_matches('#')))
        .ok_or("expected a geometry with vertices and their positions")?;
    let array =
        source.children().find(|n| is(n, "float_array")).ok_or("expected positions in a <float_array>")?;
    let values = numbers(array)?;
    if values.is_empty() || values.len() % 3 != 0 {
        return Err(format!("expected positions in threes, got {} numbers", values.len()));
    }
    Ok(values.chunks_exact(3).map(|v| Point3::new(v[0], v[1], v[2])).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r##"<?xml version="1.0"?>
<COLLADA xmlns="http://www.collada.org/2005/11/COLLADASchema" version="1.4.1">
  <asset><unit name="centimeter" meter="0.01"/><up_axis>Y_UP</up_axis></asset>
  <library_geometries><geometry id="g"><mesh>
    <source id="p"><float_array id="a" count="6">1 2 3 -1 0 0</float_array></source>
    <vertices id="v"><input semantic="POSITION" source="#p"/></vertices>
  </mesh></geometry></library_geometries>
  <library_visual_scenes><visual_scene id="s">
    <node><translate>100 0 0</translate><rotate>0 0 1 90</rotate>
      <node><scale>2 2 2</scale><instance_geometry url="#g"/></node>
    </node>
  </visual_scene></library_visual_scenes>
</COLLADA>"##;

    #[test]
    fn corners_stand_where_the_scene_puts_them_in_metres() {
        let points = points(FILE.as_bytes()).expect("valid");
        let wanted = [Point3::new(0.96, 0.02, 0.06), Point3::new(1.0, -0.02, 0.0)];
        assert_eq!(points.len(), 2);
        assert!(points.iter().zip(wanted).all(|(p, w)| (p - w).norm() < 1e-12), "{points:?}");
    }

    #[test]
    fn what_is_no_mesh_is_refused_with_a_sentence() {
        let cases = [
            ("1 2 3 -1 0 0", "1 2 3 -1 0", "threes"),
            ("1 2 3 -1 0 0", "1 2 nan", "finite"),
            ("url=\"#g\"", "url=\"other.dae#g\"", "of this file"),
            ("<instance_geometry url=\"#g\"/>", "", "shows a geometry"),
            ("meter=\"0.01\"", "meter=\"0\"", "above zero"),
            ("<?xml version=\"1.0\"?>", "<!DOCTYPE x [<!ENTITY a \"b\">]>", "entities"),
            ("100 0 0", "100 0", "too few"),
        ];
        for (old, new, says) in cases {
            assert!(FILE.contains(old), "{old}");
            let e = points(FILE.replacen(old, new, 1).as_bytes()).expect_err(new);
            assert!(e.contains(says), "{new}: {e}");
        }
        assert!(points(&[0xff, 0xfe]).is_err());
    }
}
