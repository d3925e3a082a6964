//! What both readers of robot files share: XML with line numbers, numbers, poses, meshes, and the
//! checks that make a model out of bodies.

mod dae;
pub(crate) mod mesh;
pub(crate) mod tree;

use crate::error::ModelError;
use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};
use roxmltree::{Document, Node, ParsingOptions};
use std::path::Path;

/// Largest robot file, bytes, with everything it includes (B16).
pub const MAX_FILE_BYTES: usize = 10 << 20;
/// More nodes than any robot has; bounds the memory of a hostile file.
const MAX_NODES: u32 = 500_000;
/// Nothing about a robot is as large, in any unit; the product of a few such numbers is still one (B6).
const MAX_NUMBER: f64 = 1e30;
/// Warnings beyond these say nothing new.
const MAX_WARNINGS: usize = 100;

/// Parses XML without document type declarations: entities are never expanded and nothing is fetched.
///
/// # Errors
/// A [`ModelError`] for a file beyond [`MAX_FILE_BYTES`], a document type declaration (entity
/// expansion, external entities), or malformed XML (B16).
pub(crate) fn parse_xml<'t>(text: &'t str, file: &str) -> Result<Document<'t>, ModelError> {
    check_size(text.len() as u64, file)?;
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).map_err(|e| ModelError {
        file: file.to_owned(),
        line: match e {
            // The parser does not say where; nothing but comments stands before it.
            roxmltree::Error::DtdDetected => line_of(text, "<!DOCTYPE"),
            _ => e.pos().row,
        },
        what: match e {
            roxmltree::Error::DtdDetected => {
                "a document type declaration; robot files may not declare entities".to_owned()
            }
            other => format!("expected well-formed XML of at most {MAX_NODES} nodes: {other}"),
        },
    })
}

/// The line of the first `needle`, from one.
fn line_of(text: &str, needle: &str) -> u32 {
    let before = text.find(needle).map_or("", |at| &text[..at]);
    1 + u32::try_from(before.matches('\n').count()).unwrap_or(0)
}

/// Refuses a file that is too large (B16).
pub(crate) fn check_size(n_bytes: u64, file: &str) -> Result<(), ModelError> {
    if n_bytes > MAX_FILE_BYTES as u64 {
        let what = format!("expected a robot file of at most {MAX_FILE_BYTES} bytes, got {n_bytes}");
        return Err(ModelError::whole(file, what));
    }
    Ok(())
}

/// More bodies than any robot has, and more corners of meshes in all: they bound the time that a hostile file
/// takes (B16).
const MAX_BODIES: usize = 2000;
const MAX_CORNERS: usize = 30_000_000;

/// The state of one reading: where we are, how strict we are, what was passed over.
pub(crate) struct Reader<'a> {
    /// Text of each file (by its address) and its name.
    pub(crate) files: Vec<(*const u8, String)>,
    /// Folder under which meshes are looked up; without it no file is opened.
    pub(crate) folder: Option<&'a Path>,
    /// Refuse what would otherwise be a warning.
    pub(crate) strict: bool,
    /// Corners of meshes, so far.
    n_corners: usize,
    /// For a person.
    pub(crate) warnings: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(folder: Option<&'a Path>, strict: bool) -> Self {
        Self { files: Vec::new(), folder, strict, n_corners: 0, warnings: Vec::new() }
    }

    pub(crate) fn add_file(&mut self, text: &str, name: &str) {
        self.files.push((text.as_ptr(), name.to_owned()));
    }

    pub(crate) fn file_of(&self, node: Node<'_, '_>) -> &str {
        let text = node.document().input_text().as_ptr();
        self.files.iter().find(|(p, _)| *p == text).map_or("robot file", |(_, name)| name.as_str())
    }

    /// An error at `node`.
    pub(crate) fn error(&self, node: Node<'_, '_>, what: impl Into<String>) -> ModelError {
        let line = node.document().text_pos_at(node.range().start).row;
        ModelError { file: self.file_of(node).to_owned(), line, what: what.into() }
    }

    /// Notes what is passed over; refuses it when strict.
    pub(crate) fn pass_over(
        &mut self,
        node: Node<'_, '_>,
        what: impl Into<String>,
    ) -> Result<(), ModelError> {
        if self.strict {
            return Err(self.error(node, what));
        }
        self.warn(node, what);
        Ok(())
    }

    /// Notes what is passed over, strict or not.
    pub(crate) fn warn(&mut self, node: Node<'_, '_>, what: impl Into<String>) {
        match self.warnings.len() {
            n if n < MAX_WARNINGS => {
                let e = self.error(node, what);
                self.warnings.push(e.to_string());
            }
            MAX_WARNINGS => self.warnings.push("further warnings are left out".to_owned()),
            _ => {}
        }
    }

    /// Refuses more bodies than any robot has.
    pub(crate) fn check_bodies(&self, node: Node<'_, '_>, n: usize) -> Result<(), ModelError> {
        if n > MAX_BODIES {
            return Err(self.error(node, format!("expected at most {MAX_BODIES} bodies")));
        }
        Ok(())
    }

    /// Counts the corners of a mesh of which a hull is made at `node`, and refuses more than any robot has.
    pub(crate) fn count_corners(&mut self, node: Node<'_, '_>, n: usize) -> Result<(), ModelError> {
        self.n_corners = self.n_corners.saturating_add(n);
        if self.n_corners > MAX_CORNERS {
            return Err(self.error(node, format!("expected meshes of at most {MAX_CORNERS} corners in all")));
        }
        Ok(())
    }

    /// A tag that means nothing to us (B17).
    pub(crate) fn unknown_tag(&mut self, node: Node<'_, '_>) -> Result<(), ModelError> {
        let what = format!("unknown tag <{}> is passed over", node.tag_name().name());
        self.pass_over(node, what)
    }

    /// A text attribute that must be there.
    pub(crate) fn text<'n>(&self, node: Node<'n, '_>, name: &str) -> Result<&'n str, ModelError> {
        node.attribute(name).ok_or_else(|| {
            self.error(node, format!("expected <{}> to have an attribute {name}", node.tag_name().name()))
        })
    }

    /// A child that must be there.
    pub(crate) fn child<'n, 'i>(&self, node: Node<'n, 'i>, tag: &str) -> Result<Node<'n, 'i>, ModelError> {
        child(node, tag).ok_or_else(|| {
            self.error(node, format!("expected <{}> to contain <{tag}>", node.tag_name().name()))
        })
    }

    /// Numbers out of `text`, which stood at `node`: finite, and none that no robot has.
    pub(crate) fn numbers(&self, node: Node<'_, '_>, name: &str, text: &str) -> Result<Vec<f64>, ModelError> {
        text.split_whitespace()
            .map(|word| match word.parse::<f64>() {
                Ok(v) if v.abs() <= MAX_NUMBER => Ok(v),
                _ => {
                    let expected = format!("a finite number within ±{MAX_NUMBER:e}");
                    Err(self.error(node, format!("{name}: expected {expected}, got {word:?}")))
                }
            })
            .collect()
    }

    /// Exactly `N` finite numbers out of `text`.
    pub(crate) fn array<const N: usize>(
        &self,
        node: Node<'_, '_>,
        name: &str,
        text: &str,
    ) -> Result<[f64; N], ModelError> {
        let values = self.numbers(node, name, text)?;
        values
            .try_into()
            .map_err(|v: Vec<f64>| self.error(node, format!("{name}: expected {N} numbers, got {}", v.len())))
    }

    /// A number in an attribute, if the attribute is there.
    pub(crate) fn number(&self, node: Node<'_, '_>, name: &str) -> Result<Option<f64>, ModelError> {
        node.attribute(name).map(|text| self.array::<1>(node, name, text).map(|[v]| v)).transpose()
    }

    /// Three numbers in an attribute, if the attribute is there.
    pub(crate) fn vector(&self, node: Node<'_, '_>, name: &str) -> Result<Option<Vector3<f64>>, ModelError> {
        node.attribute(name).map(|text| self.array::<3>(node, name, text).map(Vector3::from)).transpose()
    }

    /// URDF's `<origin xyz rpy>` inside `node`; the identity when absent.
    pub(crate) fn origin(&self, node: Node<'_, '_>) -> Result<Isometry3<f64>, ModelError> {
        let Some(origin) = child(node, "origin") else { return Ok(Isometry3::identity()) };
        let xyz = self.vector(origin, "xyz")?.unwrap_or_default();
        let rpy = self.vector(origin, "rpy")?.unwrap_or_default();
        Ok(Isometry3::from_parts(
            Translation3::from(xyz),
            UnitQuaternion::from_euler_angles(rpy.x, rpy.y, rpy.z),
        ))
    }

    /// A length or radius: finite and above zero.
    pub(crate) fn positive(&self, node: Node<'_, '_>, name: &str, v: f64) -> Result<f64, ModelError> {
        if v > 0.0 {
            Ok(v)
        } else {
            Err(self.error(node, format!("{name}: expected a number above zero, got {v}")))
        }
    }
}

/// The first child element with this tag.
pub(crate) fn child<'n, 'i>(node: Node<'n, 'i>, tag: &str) -> Option<Node<'n, 'i>> {
    node.children().find(|c| c.has_tag_name(tag))
}
