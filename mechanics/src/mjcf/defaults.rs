//! Default classes: attributes an element has although it does not say so.

use crate::error::ModelError;
use crate::reader::Reader;
use roxmltree::Node;
use std::collections::BTreeMap;

/// Deepest nesting of classes, and of bodies.
pub(super) const MAX_DEPTH: usize = 200;

/// All classes together may have so many attributes, each with what it inherits: bounds the memory of a hostile
/// file, in which thousands of classes inherit thousands of attributes.
const MAX_ATTRIBUTES: usize = 200_000;

/// Attributes by tag, with all that the class inherits.
type Class<'n> = BTreeMap<&'n str, BTreeMap<&'n str, &'n str>>;

/// Every default class by name; the outermost is `main`.
pub(super) struct Defaults<'n, 'i> {
    classes: BTreeMap<&'n str, Class<'n>>,
    n_attributes: usize,
    nodes: core::marker::PhantomData<Node<'n, 'i>>,
}

/// An element with the defaults that hold for it.
pub(super) struct Element<'a, 'n, 'i> {
    pub(super) node: Node<'n, 'i>,
    defaults: Option<&'a BTreeMap<&'n str, &'n str>>,
}

impl<'n> Element<'_, 'n, '_> {
    /// An attribute as the element says it, else as its class does.
    pub(super) fn attribute(&self, name: &str) -> Option<&'n str> {
        self.node.attribute(name).or_else(|| self.defaults.and_then(|d| d.get(name).copied()))
    }
}

impl<'n, 'i> Defaults<'n, 'i> {
    pub(super) fn new() -> Self {
        Self { classes: BTreeMap::new(), n_attributes: 0, nodes: core::marker::PhantomData }
    }

    /// Reads a top-level `<default>` with everything in it.
    pub(super) fn read(&mut self, r: &mut Reader<'_>, node: Node<'n, 'i>) -> Result<(), ModelError> {
        let name = node.attribute("class").unwrap_or("main");
        // Several top-level sections add up.
        let inherited = self.classes.remove("main").unwrap_or_default();
        self.read_class(r, node, name, inherited, 0)
    }

    fn read_class(
        &mut self,
        r: &mut Reader<'_>,
        node: Node<'n, 'i>,
        name: &'n str,
        inherited: Class<'n>,
        depth: usize,
    ) -> Result<(), ModelError> {
        if depth > MAX_DEPTH {
            return Err(r.error(node, format!("expected classes nested at most {MAX_DEPTH} deep")));
        }
        let mut class = inherited;
        for tag in node.children().filter(|n| n.is_element() && !n.has_tag_name("default")) {
            let attributes = class.entry(tag.tag_name().name()).or_default();
            attributes.extend(tag.attributes().map(|a| (a.name(), a.value())));
        }
        self.n_attributes += class.values().map(BTreeMap::len).sum::<usize>();
        if self.n_attributes > MAX_ATTRIBUTES {
            let what = format!("expected default classes of at most {MAX_ATTRIBUTES} attributes in all");
            return Err(r.error(node, what));
        }
        for inner in node.children().filter(|n| n.has_tag_name("default")) {
            let inner_name = r.text(inner, "class")?;
            self.read_class(r, inner, inner_name, class.clone(), depth + 1)?;
        }
        if self.classes.insert(name, class.clone()).is_some() {
            return Err(r.error(node, format!("expected each default class once, got {name:?} twice")));
        }
        if depth == 0 && name != "main" {
            self.classes.entry("main").or_insert(class);
        }
        Ok(())
    }

    /// An element with its defaults: its own class, else the `childclass` it stands under, else `main`.
    pub(super) fn element<'a>(
        &'a self,
        r: &Reader<'_>,
        node: Node<'n, 'i>,
        childclass: Option<&str>,
    ) -> Result<Element<'a, 'n, 'i>, ModelError> {
        let named = node.attribute("class").or(childclass);
        let class = match named {
            Some(name) => Some(self.classes.get(name).ok_or_else(|| {
                r.error(node, format!("class: expected a default class of this file, got {name:?}"))
            })?),
            None => self.classes.get("main"),
        };
        Ok(Element { node, defaults: class.and_then(|c| c.get(node.tag_name().name())) })
    }

    /// Whether there is a class of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.classes.contains_key(name)
    }
}
