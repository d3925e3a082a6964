//! `<include>`: other files of the same folder, read before anything else.

use super::Documents;
use crate::error::ModelError;
use crate::reader::{Reader, check_size, parse_xml};
use roxmltree::Node;
use std::path::Path;

/// More files than any robot is spread over.
const MAX_FILES: usize = 32;

/// The texts of the file and of everything it includes, with their names; the file first. Each file is
/// included once at most, as in MuJoCo.
///
/// # Errors
/// A [`ModelError`] at the include for a file that is outside the folder, cannot be read, is included
/// twice, or when all of them are too many or too large (B16).
pub(super) fn texts(
    xml: &str,
    file: &str,
    folder: Option<&Path>,
) -> Result<Vec<(String, String)>, ModelError> {
    let mut texts = vec![(file.to_owned(), xml.to_owned())];
    let mut next = 0;
    while next < texts.len() {
        let mut found = Vec::new();
        {
            let (name, text) = &texts[next];
            let document = parse_xml(text, name)?;
            let mut r = Reader::new(folder, true);
            r.add_file(text, name);
            for node in document.descendants().filter(|n| n.has_tag_name("include")) {
                let wanted = r.text(node, "file")?;
                if folder.is_none() {
                    return Err(
                        r.error(node, format!("cannot include {wanted:?}: the file's folder is not known"))
                    );
                }
                let Some(path) = r.find_mesh(node, "", wanted)? else {
                    return Err(r.error(node, format!("expected a file of this folder, got {wanted:?}")));
                };
                if texts.iter().chain(&found).any(|(name, _)| name == wanted) {
                    return Err(r.error(node, format!("expected each file once, got {wanted:?} twice")));
                }
                if texts.len() + found.len() >= MAX_FILES {
                    return Err(r.error(node, format!("expected at most {MAX_FILES} files")));
                }
                let unreadable = |e: std::io::Error| r.error(node, format!("{wanted:?} cannot be read: {e}"));
                let size = std::fs::metadata(&path).map_err(unreadable)?.len();
                let so_far: usize = texts.iter().chain(&found).map(|(_, t)| t.len()).sum();
                check_size(size.saturating_add(so_far as u64), wanted)?;
                found.push((wanted.to_owned(), std::fs::read_to_string(&path).map_err(unreadable)?));
            }
        }
        texts.extend(found);
        next += 1;
    }
    Ok(texts)
}

/// The child elements of a node, those of included files in the place of their `<include>`.
pub(super) fn children<'d>(node: Node<'d, 'd>, documents: &'d Documents<'_, 'd>) -> Vec<Node<'d, 'd>> {
    let mut out = Vec::new();
    // Includes that stand in each other's files are refused as double before this is called, so
    // this ends; the bound on depth is the number of files.
    collect(node, documents, documents.len(), &mut out);
    out
}

fn collect<'d>(
    node: Node<'d, 'd>,
    documents: &'d Documents<'_, 'd>,
    depth: usize,
    out: &mut Vec<Node<'d, 'd>>,
) {
    for child in node.children().filter(Node::is_element) {
        if !child.has_tag_name("include") {
            out.push(child);
            continue;
        }
        let wanted = child.attribute("file").unwrap_or_default();
        if let (Some((_, document)), true) = (documents.iter().find(|(n, _)| *n == wanted), depth > 0) {
            collect(document.root_element(), documents, depth - 1, out);
        }
    }
}
