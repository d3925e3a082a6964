//! Weights as published: one safetensors file, or shards with an index. Files are mapped, not read: what is
//! wrong with them is said by name before anything of their size is allocated (B30).

use super::digest::Digest;
use super::error::{Result, VlmError};
use super::settings::{Node, read_json};
use candle_core::{DType, Device, Tensor};
use memmap2::Mmap;
use safetensors::tensor::{Dtype, SafeTensors};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use types::Rejection;

/// Largest header of one file, bytes; published ones have less than one MiB.
const MAX_HEADER: u64 = 32 << 20;
/// Bytes that are looked at and hashed in one go, while they are near: a multiple of every number's size and of 64.
const AT_ONCE: usize = 256 << 10;

struct Shard {
    name: String,
    map: Mmap,
}

struct Entry {
    shard: usize,
    dtype: Dtype,
    dims: Vec<usize>,
    begin: usize,
    end: usize,
}

/// Every tensor of a folder, found and checked, none loaded.
pub(super) struct Checkpoint {
    shards: Vec<Shard>,
    entries: BTreeMap<String, Entry>,
}

impl Checkpoint {
    /// Maps the files of `dir` and checks their headers: lengths, types, places without overlap or gap,
    /// every tensor of the index in the file that it names, and none twice.
    pub(super) fn open(dir: &Path) -> Result<Self> {
        const INDEX: &str = "model.safetensors.index.json";
        let mut index = BTreeMap::new();
        let files = match read_json(dir, INDEX)? {
            None => BTreeSet::from(["model.safetensors".to_owned()]),
            Some(json) => {
                let node = Node::root(INDEX, &json).need("weight_map")?;
                let map = json["weight_map"].as_object().ok_or_else(|| node.refuse("an object"))?;
                for (tensor, file) in map {
                    let name = file.as_str().filter(|f| is_plain_name(f));
                    let name = name.ok_or_else(|| node.refuse("names of files in the same folder"))?;
                    index.insert(tensor.clone(), name.to_owned());
                }
                index.values().cloned().collect()
            }
        };
        let mut all = Self { shards: Vec::new(), entries: BTreeMap::new() };
        for name in files {
            all.add(dir, name)?;
        }
        for (tensor, file) in &index {
            let there = all.entries.get(tensor).map(|e| all.shards[e.shard].name.as_str());
            if there != Some(file) {
                let got = there.unwrap_or("no file").to_owned();
                return Err(Rejection::new(format!("{INDEX} {tensor}"), format!("in {file}"), got).into());
            }
        }
        Ok(all)
    }

    fn add(&mut self, dir: &Path, name: String) -> Result<()> {
        let path = dir.join(&name);
        let map = map(&path)?;
        let refuse =
            |expected: String, got: String| VlmError::from(Rejection::new(name.clone(), expected, got));
        let length = map.len() as u64;
        let Some(header) = map.first_chunk::<8>().map(|b| u64::from_le_bytes(*b)) else {
            return Err(refuse("a safetensors file".into(), format!("{length} bytes")));
        };
        if header > MAX_HEADER.min(length - 8) {
            let most = MAX_HEADER.min(length - 8);
            return Err(refuse(format!("a header of at most {most} bytes"), format!("{header} bytes")));
        }
        let (size, metadata) = SafeTensors::read_metadata(&map)
            .map_err(|e| refuse("a whole safetensors file without overlaps".into(), e.to_string()))?;
        for (tensor, info) in metadata.tensors() {
            if !matches!(info.dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16) {
                let field = format!("{name} {tensor}");
                return Err(Rejection::new(field, "F32, F16 or BF16", format!("{:?}", info.dtype)).into());
            }
            let (begin, end) = info.data_offsets;
            let entry = Entry {
                shard: self.shards.len(),
                dtype: info.dtype,
                dims: info.shape.clone(),
                // After the eight bytes of the header's length and the header.
                begin: size + 8 + begin,
                end: size + 8 + end,
            };
            if entry.end > map.len() || self.entries.insert(tensor.clone(), entry).is_some() {
                let expected = "every tensor once, inside its file".to_owned();
                return Err(refuse(expected, format!("{tensor} again or cut off")));
            }
        }
        self.shards.push(Shard { name, map });
        Ok(())
    }

    /// All names, sorted.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// Bytes of all tensors as they lie in the files.
    pub(super) fn bytes(&self) -> u64 {
        self.entries.values().map(|e| (e.end - e.begin) as u64).sum()
    }

    /// Bytes of one tensor, in its file's own type.
    pub(super) fn bytes_of(&self, name: &str) -> u64 {
        self.entries.get(name).map_or(0, |e| (e.end - e.begin) as u64)
    }

    /// Refuses another shape, or no such tensor.
    pub(super) fn check(&self, name: &str, dims: &[usize]) -> Result<()> {
        match self.entries.get(name) {
            Some(e) if e.dims == dims => Ok(()),
            Some(e) => {
                let field = format!("{} {name}", self.shards[e.shard].name);
                Err(Rejection::new(field, format!("shape {dims:?}"), format!("{:?}", e.dims)).into())
            }
            None => {
                Err(Rejection::new(name.to_owned(), format!("a tensor of shape {dims:?}"), "none").into())
            }
        }
    }

    /// Reads every number once, where it lies, refuses one that is not finite, and adds name, type, shape and content
    /// to the hash, whichever file they are in.
    pub(super) fn check_finite(&self, name: &str, digest: &mut Digest) -> Result<()> {
        let Some(e) = self.entries.get(name) else { return Ok(()) };
        digest.add_whole(&format!("{name} {:?} {:?}", e.dtype, e.dims));
        for bytes in self.content(e).chunks(AT_ONCE) {
            digest.add(bytes);
            // All bits of the exponent set: infinite or no number (IEEE 754).
            let wide =
                |mask: u16| bytes.as_chunks::<2>().0.iter().any(|b| u16::from_le_bytes(*b) & mask == mask);
            let bad = match e.dtype {
                Dtype::BF16 => wide(0x7f80),
                Dtype::F16 => wide(0x7c00),
                _ => {
                    let mask = 0x7f80_0000;
                    bytes.as_chunks::<4>().0.iter().any(|b| u32::from_le_bytes(*b) & mask == mask)
                }
            };
            if bad {
                let field = format!("{} {name}", self.shards[e.shard].name);
                return Err(Rejection::new(field, "finite weights", "infinite or not a number").into());
            }
        }
        Ok(())
    }

    /// The tensor on `device` as `dtype`.
    pub(super) fn load(&self, name: &str, dims: &[usize], device: &Device, dtype: DType) -> Result<Tensor> {
        self.check(name, dims)?;
        let e = &self.entries[name];
        let stored = match e.dtype {
            Dtype::BF16 => DType::BF16,
            Dtype::F16 => DType::F16,
            _ => DType::F32,
        };
        let tensor = Tensor::from_raw_buffer(self.content(e), stored, dims, device)?;
        Ok(tensor.to_dtype(dtype)?)
    }

    fn content(&self, e: &Entry) -> &[u8] {
        &self.shards[e.shard].map[e.begin..e.end]
    }
}

/// A name without a way to another folder.
fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['/', '\\']) && name != ".." && name.ends_with(".safetensors")
}

fn map(path: &Path) -> Result<Mmap> {
    let file = File::open(path).map_err(VlmError::io(path))?;
    #[allow(unsafe_code, reason = "mapping checks a checkpoint of tens of GB without costing memory")]
    // SAFETY: the map is read while loading alone and what is taken out of it is copied; whoever cuts a
    // checkpoint's file short while it is being loaded ends the process.
    let map = unsafe { Mmap::map(&file) };
    map.map_err(VlmError::io(path))
}
