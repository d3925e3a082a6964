//! Tables of a dataset: Parquet files out, rows of one shape in each column.

use super::{DatasetError, damage};
use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int64Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnPath, Type, TypePtr};
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Single,
    Double,
    Text,
    /// A picture's file: its bytes and a name.
    Picture,
}

/// A column: each row holds one value (`shape` is empty), or lists of lists of these lengths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) shape: Vec<usize>,
}

impl Column {
    pub(super) fn new(name: impl Into<String>, kind: Kind, shape: &[usize]) -> Self {
        Self { name: name.into(), kind, shape: shape.to_vec() }
    }
}

/// Values of some rows of a column, one row after the other.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Values {
    Int(Vec<i64>),
    Single(Vec<f32>),
    Double(Vec<f64>),
    Text(Vec<String>),
    Picture(Vec<(Vec<u8>, String)>),
}

impl Values {
    /// Whether they are `n` rows of this column.
    fn fits(&self, column: &Column, n: usize) -> bool {
        let (kind, got) = match self {
            Self::Int(v) => (Kind::Int, v.len()),
            Self::Single(v) => (Kind::Single, v.len()),
            Self::Double(v) => (Kind::Double, v.len()),
            Self::Text(v) => (Kind::Text, v.len()),
            Self::Picture(v) => (Kind::Picture, v.len()),
        };
        let in_row: usize = column.shape.iter().product();
        kind == column.kind && in_row > 0 && Some(got) == n.checked_mul(in_row)
    }
}

/// Writes one file.
pub(super) struct TableWriter {
    path: PathBuf,
    columns: Vec<Column>,
    writer: SerializedFileWriter<BufWriter<File>>,
}

impl TableWriter {
    /// Begins a file; `notes` are keys and values beside the table.
    ///
    /// # Errors
    /// [`DatasetError::Io`] when it cannot be created.
    pub(super) fn create(
        path: &Path,
        columns: Vec<Column>,
        notes: &[(&str, String)],
    ) -> Result<Self, DatasetError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(DatasetError::io(folder))?;
        }
        let file = File::create_new(path).map_err(DatasetError::io(path))?;
        let failed = |e| damage(path, "the table", e);
        let fields = columns.iter().map(field).collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let schema = Type::group_type_builder("schema").with_fields(fields).build().map_err(failed)?;
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("sinew ", env!("CARGO_PKG_VERSION")).to_owned());
        for c in columns.iter().filter(|c| c.kind == Kind::Picture) {
            // No two pictures are the same, and PNG is compressed already.
            let path = ColumnPath::new(vec![c.name.clone(), "bytes".to_owned()]);
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_compression(path, Compression::UNCOMPRESSED);
        }
        if !notes.is_empty() {
            let notes = notes.iter().map(|(k, v)| KeyValue::new((*k).to_owned(), v.clone())).collect();
            properties = properties.set_key_value_metadata(Some(notes));
        }
        let writer =
            SerializedFileWriter::new(BufWriter::new(file), Arc::new(schema), Arc::new(properties.build()))
                .map_err(failed)?;
        Ok(Self { path: path.to_owned(), columns, writer })
    }

    /// Writes rows; `values` are those of each column.
    ///
    /// # Errors
    /// [`DatasetError::Io`] when they cannot be written, [`DatasetError::Damaged`] for values that are not of the
    /// columns' kinds and shapes.
    pub(super) fn rows(&mut self, n: usize, values: &[Values]) -> Result<(), DatasetError> {
        let Self { path, columns, writer } = self;
        let failed = |e| damage(path, "the table", e);
        // Before anything is begun: a group of rows that is begun must be ended.
        let fit = columns.iter().zip(values).all(|(c, v)| v.fits(c, n));
        if columns.len() != values.len() || !fit {
            let what = format!("expected {n} rows of {} columns, got others", columns.len());
            return Err(DatasetError::Damaged { path: path.display().to_string(), what });
        }
        let mut group = writer.next_row_group().map_err(failed)?;
        for (column, values) in columns.iter().zip(values) {
            put(&mut group, column, n, values).map_err(|e| damage(path, &column.name, e))?;
        }
        group.close().map_err(failed)?;
        Ok(())
    }

    /// Writes the file's end; how many bytes it has.
    ///
    /// # Errors
    /// As [`TableWriter::rows`].
    pub(super) fn finish(mut self) -> Result<u64, DatasetError> {
        self.writer.finish().map_err(|e| damage(&self.path, "the table", e))?;
        Ok(self.writer.bytes_written() as u64)
    }

    /// Bytes so far.
    pub(super) fn bytes(&self) -> u64 {
        self.writer.bytes_written() as u64
    }
}

type Parquet<T> = Result<T, parquet::errors::ParquetError>;

/// The column as the file's head describes it: like pyarrow does, with everything optional and lists of three levels.
fn field(column: &Column) -> Parquet<TypePtr> {
    let depth = column.shape.len();
    let name = |level: usize| if level == 0 { column.name.as_str() } else { "element" };
    let leaf = |name: &str, kind: Kind, is_text: bool| -> Parquet<TypePtr> {
        let physical = match kind {
            Kind::Int => Physical::INT64,
            Kind::Single => Physical::FLOAT,
            Kind::Double => Physical::DOUBLE,
            Kind::Text | Kind::Picture => Physical::BYTE_ARRAY,
        };
        let builder = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
        let builder = if is_text { builder.with_logical_type(Some(LogicalType::String)) } else { builder };
        Ok(Arc::new(builder.build()?))
    };
    let mut field = if column.kind == Kind::Picture {
        let parts = vec![leaf("bytes", Kind::Picture, false)?, leaf("path", Kind::Picture, true)?];
        let group = Type::group_type_builder(name(depth)).with_repetition(Repetition::OPTIONAL);
        Arc::new(group.with_fields(parts).build()?)
    } else {
        leaf(name(depth), column.kind, column.kind == Kind::Text)?
    };
    for level in (0..depth).rev() {
        let list = Type::group_type_builder("list").with_repetition(Repetition::REPEATED);
        let list = list.with_fields(vec![field]).build()?;
        let group = Type::group_type_builder(name(level))
            .with_repetition(Repetition::OPTIONAL)
            .with_converted_type(ConvertedType::LIST)
            .with_logical_type(Some(LogicalType::List));
        field = Arc::new(group.with_fields(vec![Arc::new(list)]).build()?);
    }
    Ok(field)
}

fn put<W: std::io::Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    column: &Column,
    n: usize,
    values: &Values,
) -> Parquet<()> {
    let unfit = || parquet::errors::ParquetError::General("values of another kind".to_owned());
    let bytes = |b: &[u8]| ByteArray::from(b.to_vec());
    match (values, column.kind) {
        (Values::Int(v), Kind::Int) => leaf::<Int64Type, W>(group, column, n, v),
        (Values::Single(v), Kind::Single) => leaf::<FloatType, W>(group, column, n, v),
        (Values::Double(v), Kind::Double) => leaf::<DoubleType, W>(group, column, n, v),
        (Values::Text(v), Kind::Text) => {
            let v: Vec<ByteArray> = v.iter().map(|t| bytes(t.as_bytes())).collect();
            leaf::<ByteArrayType, W>(group, column, n, &v)
        }
        (Values::Picture(v), Kind::Picture) => {
            let files: Vec<ByteArray> = v.iter().map(|(b, _)| bytes(b)).collect();
            leaf::<ByteArrayType, W>(group, column, n, &files)?;
            let names: Vec<ByteArray> = v.iter().map(|(_, name)| bytes(name.as_bytes())).collect();
            leaf::<ByteArrayType, W>(group, column, n, &names)
        }
        _ => Err(unfit()),
    }
}

fn leaf<T: DataType, W: std::io::Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    column: &Column,
    n: usize,
    values: &[T::T],
) -> Parquet<()> {
    // Nothing is ever left out, so that every value is defined at the deepest level.
    let depth = column.shape.len();
    let deepest = (2 * depth + if column.kind == Kind::Picture { 2 } else { 1 }) as i16;
    let defined = vec![deepest; values.len()];
    let repeated = (depth > 0).then(|| repetition(&column.shape, n));
    let mut writer: SerializedColumnWriter<'_> =
        group.next_column()?.ok_or(parquet::errors::ParquetError::EOF("no such column".to_owned()))?;
    writer.typed::<T>().write_batch(values, Some(&defined), repeated.as_deref())?;
    writer.close()
}

/// At which level of lists each value goes on: 0 begins a row.
fn repetition(shape: &[usize], n: usize) -> Vec<i16> {
    let in_row: usize = shape.iter().product();
    let row: Vec<i16> = (0..in_row)
        .map(|i| {
            let begins = |level: &usize| i.is_multiple_of(shape[*level..].iter().product());
            (0..shape.len()).find(begins).unwrap_or(shape.len()) as i16
        })
        .collect();
    row.repeat(n)
}
