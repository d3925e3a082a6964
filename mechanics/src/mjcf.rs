//! MJCF: nested bodies with default classes, as MuJoCo's XML reference describes them.

mod actuators;
mod bodies;
mod defaults;
mod geoms;
mod include;
mod orientation;

use crate::error::ModelError;
use crate::model::Model;
use crate::reader::{Reader, parse_xml};
use defaults::Defaults;
use nalgebra::Vector3;
use orientation::Angles;
use roxmltree::Node;
use std::collections::BTreeMap;
use std::path::Path;

/// Sections that say nothing about the bodies of an arm, or that the simulator reads for itself.
const BESIDE: [&str; 8] =
    ["option", "size", "statistic", "visual", "sensor", "keyframe", "contact", "custom"];

/// A mesh asset.
struct Mesh<'n> {
    file: Option<&'n str>,
    vertices: Vec<f64>,
    scale: Vector3<f64>,
}

/// What stands above the bodies and governs how they are read.
struct Setting<'n, 'i> {
    angles: Angles,
    autolimits: bool,
    /// `auto` when `None`: mass from shapes only where no `<inertial>` is.
    inertia_from_geom: Option<bool>,
    mesh_dir: String,
    defaults: Defaults<'n, 'i>,
    meshes: BTreeMap<String, Mesh<'n>>,
    materials: BTreeMap<String, [f64; 4]>,
}

/// Reads an MJCF. `file` names it in errors; meshes and included files are looked up under `mesh_dir`
/// alone, and nowhere when it is `None`. The base is the file's `<worldbody>`. A hinge without a range
/// turns without end. Static planes are left out: the floor is not part of the arm.
///
/// # Errors
/// A [`ModelError`] with the line for everything in B16: malformed or hostile XML, a limited joint
/// without range, mass or inertia that no body can have, loops, duplicates, mesh paths or includes
/// that lead out of the folder; joints and body makers an arm has no use for (ball, free, composite,
/// …); and, when `strict`, unknown tags (B17) and collision meshes that cannot be read.
pub fn parse(xml: &str, file: &str, mesh_dir: Option<&Path>, strict: bool) -> Result<Model, ModelError> {
    let texts = include::texts(xml, file, mesh_dir)?;
    let mut r = Reader::new(mesh_dir, strict);
    let mut documents = Vec::with_capacity(texts.len());
    for (name, text) in &texts {
        documents.push((name.as_str(), parse_xml(text, name)?));
        r.add_file(text, name);
    }
    let Some((_, first)) = documents.first() else {
        return Err(ModelError::whole(file, "expected an MJCF's <mujoco>"));
    };
    let root = first.root_element();
    if !root.has_tag_name("mujoco") {
        let what = format!("expected an MJCF's <mujoco>, got <{}>", root.tag_name().name());
        return Err(r.error(root, what));
    }
    let sections = include::children(root, &documents);
    let setting = read_setting(&mut r, &sections)?;
    let mut raw = bodies::read(&mut r, &setting, root, &sections, &documents)?;
    for section in &sections {
        match section.tag_name().name() {
            "actuator" => actuators::read(&mut r, &setting, *section, &documents, &mut raw)?,
            "equality" => actuators::read_equalities(&mut r, *section, &documents, &mut raw)?,
            _ => {}
        }
    }
    r.finish(root.attribute("model").unwrap_or("robot"), raw)
}

/// The documents of one model: names and trees; the first is the file itself.
type Documents<'d, 't> = [(&'d str, roxmltree::Document<'t>)];

fn read_setting<'n, 'i>(
    r: &mut Reader<'_>,
    sections: &[Node<'n, 'i>],
) -> Result<Setting<'n, 'i>, ModelError> {
    let mut s = Setting {
        angles: Angles::default(),
        autolimits: true,
        inertia_from_geom: None,
        mesh_dir: String::new(),
        defaults: Defaults::new(),
        meshes: BTreeMap::new(),
        materials: BTreeMap::new(),
    };
    for node in sections {
        match node.tag_name().name() {
            "compiler" => read_compiler(r, *node, &mut s)?,
            "default" => s.defaults.read(r, *node)?,
            "asset" | "worldbody" | "actuator" | "equality" => {}
            tag if BESIDE.contains(&tag) => {}
            "tendon" | "deformable" | "extension" => {
                r.pass_over(*node, format!("<{}> is passed over", node.tag_name().name()))?;
            }
            _ => r.unknown_tag(*node)?,
        }
    }
    // Assets may use default classes, wherever those stand in the file.
    for section in sections.iter().filter(|n| n.has_tag_name("asset")) {
        for node in section.children().filter(Node::is_element) {
            read_asset(r, node, &mut s)?;
        }
    }
    Ok(s)
}

fn read_compiler(r: &mut Reader<'_>, node: Node<'_, '_>, s: &mut Setting<'_, '_>) -> Result<(), ModelError> {
    for a in node.attributes() {
        let value = a.value();
        let expected = |what: &str| format!("{}: expected {what}, got {value:?}", a.name());
        match (a.name(), value) {
            ("angle", "radian") => s.angles.factor = 1.0,
            ("angle", "degree") => s.angles.factor = core::f64::consts::PI / 180.0,
            ("angle", _) => return Err(r.error(node, expected("radian or degree"))),
            ("autolimits", "true") => s.autolimits = true,
            ("autolimits", "false") => s.autolimits = false,
            ("inertiafromgeom", "auto") => s.inertia_from_geom = None,
            ("inertiafromgeom", "true") => s.inertia_from_geom = Some(true),
            ("inertiafromgeom", "false") => s.inertia_from_geom = Some(false),
            ("autolimits" | "inertiafromgeom", _) => return Err(r.error(node, expected("true or false"))),
            ("eulerseq", seq) if seq.len() == 3 && seq.chars().all(|c| "xyzXYZ".contains(c)) => {
                let mut chars = seq.chars();
                s.angles.sequence = [(); 3].map(|()| chars.next().unwrap_or('x'));
            }
            ("eulerseq", _) => return Err(r.error(node, expected("three of x, y, z, X, Y, Z"))),
            ("coordinate", "local") => {}
            ("coordinate", _) => return Err(r.error(node, expected("local"))),
            ("meshdir" | "assetdir", dir) => s.mesh_dir = dir.to_owned(),
            ("balanceinertia" | "boundmass" | "boundinertia" | "settotalmass" | "strippath", v)
                if !matches!(v, "false" | "0" | "-1") =>
            {
                r.pass_over(node, format!("compiler {}={v:?} is passed over", a.name()))?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn read_asset<'n, 'i>(
    r: &mut Reader<'_>,
    node: Node<'n, 'i>,
    s: &mut Setting<'n, 'i>,
) -> Result<(), ModelError> {
    match node.tag_name().name() {
        "mesh" => {
            let e = s.defaults.element(r, node, None)?;
            let file = node.attribute("file");
            let stem = file.and_then(|f| Path::new(f).file_stem()).map(|f| f.to_string_lossy().into_owned());
            let Some(name) = node.attribute("name").map(ToOwned::to_owned).or(stem) else {
                return Err(r.error(node, "expected <mesh> to have a name or a file"));
            };
            for key in ["refpos", "refquat"] {
                if e.attribute(key).is_some() {
                    r.pass_over(node, format!("mesh {key} is passed over"))?;
                }
            }
            let vertices = match e.attribute("vertex") {
                Some(text) => r.numbers(node, "vertex", text)?,
                None => Vec::new(),
            };
            let scale = match e.attribute("scale") {
                Some(text) => Vector3::from(r.array::<3>(node, "scale", text)?),
                None => Vector3::repeat(1.0),
            };
            if s.meshes.insert(name.clone(), Mesh { file, vertices, scale }).is_some() {
                return Err(r.error(node, format!("expected each mesh once, got {name:?} twice")));
            }
        }
        "material" => {
            let e = s.defaults.element(r, node, None)?;
            if let (Some(name), Some(text)) = (node.attribute("name"), e.attribute("rgba")) {
                s.materials.insert(name.to_owned(), r.array::<4>(node, "rgba", text)?);
            }
        }
        "texture" | "hfield" | "skin" => {}
        _ => r.unknown_tag(node)?,
    }
    Ok(())
}
