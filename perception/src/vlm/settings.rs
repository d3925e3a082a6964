//! JSON files of a checkpoint, read key by key: a wrong one is refused with file, key, range and what came.

use super::error::{Result, VlmError};
use core::ops::RangeInclusive;
use serde_json::Value;
use std::io::Read as _;
use std::path::Path;
use types::Rejection;

/// The whole of a text file, refused beyond `max_bytes` before it is read; `None` when it is not there.
pub(super) fn read_text(dir: &Path, name: &str, max_bytes: u64) -> Result<Option<String>> {
    let path = dir.join(name);
    let file = match std::fs::File::open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(VlmError::io(&path)(e)),
    };
    let mut text = String::new();
    file.take(max_bytes + 1).read_to_string(&mut text).map_err(VlmError::io(&path))?;
    if text.len() as u64 > max_bytes {
        let expected = format!("at most {max_bytes} bytes");
        return Err(Rejection::new(name.to_owned(), expected, "a longer file").into());
    }
    Ok(Some(text))
}

/// A JSON file of at most 16 MiB; `None` when it is not there.
pub(super) fn read_json(dir: &Path, name: &str) -> Result<Option<Value>> {
    let Some(text) = read_text(dir, name, 16 << 20)? else { return Ok(None) };
    let parsed = serde_json::from_str(&text);
    parsed.map(Some).map_err(|e| Rejection::new(name.to_owned(), "JSON", e.to_string()).into())
}

/// One value in a JSON file, with the way to it.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    path: String,
    value: &'a Value,
}

impl<'a> Node<'a> {
    pub(super) fn root(file: &str, value: &'a Value) -> Self {
        Self { path: file.to_owned(), value }
    }

    /// The value of `key`; none when it is absent or null.
    pub(super) fn get(&self, key: &str) -> Option<Node<'a>> {
        let value = self.value.get(key).filter(|v| !v.is_null())?;
        Some(Node { path: format!("{} {key}", self.path), value })
    }

    /// The value of `key`, none when it is absent: for settings where null says something else than nothing does.
    pub(super) fn get_said(&self, key: &str) -> Result<Option<Node<'a>>> {
        match self.value.get(key) {
            Some(Value::Null) => {
                Err(Rejection::new(format!("{} {key}", self.path), "a value, or no such key", "null").into())
            }
            _ => Ok(self.get(key)),
        }
    }

    pub(super) fn need(&self, key: &str) -> Result<Node<'a>> {
        self.get(key).ok_or_else(|| Rejection::new(format!("{} {key}", self.path), "a value", "none").into())
    }

    pub(super) fn refuse(&self, expected: impl Into<std::borrow::Cow<'static, str>>) -> VlmError {
        let mut got = self.value.to_string();
        if got.len() > 80 {
            got = got.chars().take(80).chain(['…']).collect();
        }
        Rejection::new(self.path.clone(), expected, got).into()
    }

    pub(super) fn size(&self, range: RangeInclusive<usize>) -> Result<usize> {
        let n = self.value.as_u64().and_then(|n| usize::try_from(n).ok()).filter(|n| range.contains(n));
        n.ok_or_else(|| self.refuse(format!("a whole number from {} to {}", range.start(), range.end())))
    }

    pub(super) fn number(&self, range: RangeInclusive<f64>) -> Result<f64> {
        let n = self.value.as_f64().filter(|n| range.contains(n));
        n.ok_or_else(|| self.refuse(format!("a number from {} to {}", range.start(), range.end())))
    }

    pub(super) fn flag(&self) -> Result<bool> {
        self.value.as_bool().ok_or_else(|| self.refuse("true or false"))
    }

    pub(super) fn text(&self) -> Result<&'a str> {
        self.value.as_str().ok_or_else(|| self.refuse("a string"))
    }

    /// Each element, in order; at most 64.
    pub(super) fn list(&self) -> Result<Vec<Node<'a>>> {
        let all = self.value.as_array().filter(|a| a.len() <= 64);
        let all = all.ok_or_else(|| self.refuse("a list of at most 64 elements"))?;
        let node = |(i, value)| Node { path: format!("{}[{i}]", self.path), value };
        Ok(all.iter().enumerate().map(node).collect())
    }

    /// A list of sizes, or one size alone.
    pub(super) fn sizes(&self, range: RangeInclusive<usize>) -> Result<Vec<usize>> {
        match self.value {
            Value::Array(_) => self.list()?.iter().map(|n| n.size(range.clone())).collect(),
            _ => Ok(vec![self.size(range)?]),
        }
    }

    /// Must say `wanted` where it says anything: what this program computes, and nothing else.
    pub(super) fn only(&self, key: &str, wanted: &str) -> Result<()> {
        match self.get(key) {
            Some(node) if node.text()? != wanted => Err(node.refuse(format!("{wanted:?}"))),
            _ => Ok(()),
        }
    }
}
