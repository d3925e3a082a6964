//! Tables of datasets in, of anybody's: Parquet files with any encoding, whose every length is checked.

use super::{DatasetError, damage};
use core::ops::Range;
use parquet::basic::Type as Physical;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// More rows than this are taken for damage: 50 days at 10 a second.
const MOST_ROWS: usize = 50_000_000;
/// So many values of a column are read at the most.
const MOST_VALUES: usize = 1 << 28;
/// Rows that are read at a time.
const STEP: usize = 4096;

/// Rows of a column: each has none, one or several values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cells<T> {
    values: Vec<T>,
    ends: Vec<usize>,
}

impl<T> Cells<T> {
    /// Rows.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The values of a row; of one that is not there none.
    pub(super) fn row(&self, i: usize) -> &[T] {
        let begin = if i == 0 { 0 } else { self.ends.get(i - 1).copied().unwrap_or(self.values.len()) };
        let end = self.ends.get(i).copied().unwrap_or(begin);
        self.values.get(begin..end).unwrap_or_default()
    }

    /// All rows, which hold one value each.
    fn single(self, path: &Path, name: &str) -> Result<Vec<T>, DatasetError> {
        if let Some(i) = (0..self.len()).find(|i| self.row(*i).len() != 1) {
            let what = format!("{name}, row {i}: expected one value, got {}", self.row(i).len());
            return Err(DatasetError::Damaged { path: path.display().to_string(), what });
        }
        Ok(self.values)
    }
}

/// Reads so many rows on and tells how many there were; nothing where the values are of another kind.
type Take<'a, T> = &'a dyn Fn(&mut ColumnReader, usize, &mut Cells<T>) -> Option<Result<usize, String>>;

/// One file.
pub(super) struct Table {
    path: PathBuf,
    reader: SerializedFileReader<File>,
    n: usize,
}

impl Table {
    /// Opens a file.
    ///
    /// # Errors
    /// [`DatasetError::Io`] when it cannot be read, [`DatasetError::Damaged`] when it is no table, or one that ends
    /// early.
    pub(super) fn open(path: &Path) -> Result<Self, DatasetError> {
        let file = File::open(path).map_err(DatasetError::io(path))?;
        let reader = guarded(path, "the file's end", || SerializedFileReader::new(file))?;
        let mut n = 0_usize;
        for group in reader.metadata().row_groups() {
            let rows = usize::try_from(group.num_rows()).ok();
            n = rows.and_then(|r| n.checked_add(r)).filter(|n| *n <= MOST_ROWS).ok_or_else(|| {
                let what = format!("expected at most {MOST_ROWS} rows, got groups of {}", group.num_rows());
                DatasetError::Damaged { path: path.display().to_string(), what }
            })?;
        }
        Ok(Self { path: path.to_owned(), reader, n })
    }

    /// Rows.
    pub(super) fn len(&self) -> usize {
        self.n
    }

    /// The names of the columns.
    pub(super) fn names(&self) -> Vec<String> {
        let schema = self.reader.metadata().file_metadata().schema();
        schema.get_fields().iter().map(|f| f.name().to_owned()).collect()
    }

    /// Numbers of any kind, yes as 1 and no as 0, one or several a row.
    ///
    /// # Errors
    /// [`DatasetError::Damaged`] naming the column that is missing, of another kind, has gaps, or is damaged.
    pub(super) fn numbers(&self, name: &str, rows: Range<usize>) -> Result<Cells<f64>, DatasetError> {
        self.cells((name, None), "numbers", rows, &|reader, n, cells| match reader {
            ColumnReader::BoolColumnReader(r) => Some(take(r, n, cells, |v| f64::from(u8::from(*v)))),
            ColumnReader::Int32ColumnReader(r) => Some(take(r, n, cells, |v| f64::from(*v))),
            ColumnReader::Int64ColumnReader(r) => Some(take(r, n, cells, |v| *v as f64)),
            ColumnReader::FloatColumnReader(r) => Some(take(r, n, cells, |v| f64::from(*v))),
            ColumnReader::DoubleColumnReader(r) => Some(take(r, n, cells, |v| *v)),
            _ => None,
        })
    }

    /// Whole numbers, one a row.
    ///
    /// # Errors
    /// As [`Table::numbers`].
    pub(super) fn integers(&self, name: &str) -> Result<Vec<i64>, DatasetError> {
        let cells =
            self.cells((name, None), "whole numbers", 0..self.n, &|reader, n, cells| match reader {
                ColumnReader::Int32ColumnReader(r) => Some(take(r, n, cells, |v| i64::from(*v))),
                ColumnReader::Int64ColumnReader(r) => Some(take(r, n, cells, |v| *v)),
                _ => None,
            })?;
        cells.single(&self.path, name)
    }

    /// Numbers, one a row.
    ///
    /// # Errors
    /// As [`Table::numbers`].
    pub(super) fn scalars(&self, name: &str, rows: Range<usize>) -> Result<Vec<f64>, DatasetError> {
        self.numbers(name, rows)?.single(&self.path, name)
    }

    /// Texts, one or several a row.
    ///
    /// # Errors
    /// As [`Table::numbers`].
    pub(super) fn texts(&self, name: &str) -> Result<Cells<String>, DatasetError> {
        self.cells((name, None), "texts", 0..self.n, &|reader, n, cells| match reader {
            ColumnReader::ByteArrayColumnReader(r) => {
                Some(take(r, n, cells, |v| String::from_utf8_lossy(v.data()).into_owned()))
            }
            _ => None,
        })
    }

    /// The bytes of files, one a row.
    ///
    /// # Errors
    /// As [`Table::numbers`].
    pub(super) fn files(&self, name: &str, rows: Range<usize>) -> Result<Vec<Vec<u8>>, DatasetError> {
        let cells = self.cells((name, Some("bytes")), "bytes", rows, &|reader, n, cells| match reader {
            ColumnReader::ByteArrayColumnReader(r) => Some(take(r, n, cells, |v| v.data().to_vec())),
            _ => None,
        })?;
        cells.single(&self.path, &format!("{name}.bytes"))
    }

    /// Some rows of the column `name`, or of its part.
    fn cells<T>(
        &self,
        (name, part): (&str, Option<&str>),
        kind: &'static str,
        rows: Range<usize>,
        read: Take<'_, T>,
    ) -> Result<Cells<T>, DatasetError> {
        let bad = |what: String| DatasetError::Damaged { path: self.path.display().to_string(), what };
        let metadata = self.reader.metadata();
        let columns = metadata.file_metadata().schema_descr().columns();
        let is_it = |parts: &[String]| {
            parts.first().is_some_and(|p| p == name)
                && part.is_none_or(|part| parts.last().is_some_and(|p| p == part))
        };
        let places: Vec<usize> = (0..columns.len()).filter(|i| is_it(columns[*i].path().parts())).collect();
        let place = match places[..] {
            [place] => place,
            [] => {
                let part = part.map(|p| format!(" with {p} in it")).unwrap_or_default();
                return Err(bad(format!("expected a column {name}{part}, got none of that name")));
            }
            _ => {
                let got = places.len();
                return Err(bad(format!("{name}: expected one value or a list of them, got {got} parts")));
            }
        };
        let mut cells = Cells { values: Vec::new(), ends: Vec::new() };
        let mut first = 0;
        for g in 0..metadata.num_row_groups() {
            let n = usize::try_from(metadata.row_group(g).num_rows()).unwrap_or(0);
            let here = rows.start.max(first)..rows.end.min(first + n);
            if here.start < here.end {
                let skipped = here.start - first;
                let mut reader = guarded(&self.path, name, || {
                    let mut reader = self.reader.get_row_group(g)?.get_column_reader(place)?;
                    if skipped > 0 {
                        skip(&mut reader, skipped)?;
                    }
                    Ok(reader)
                })?;
                self.read_on((name, kind), &mut reader, here.len(), &mut cells, read)?;
            }
            first += n;
        }
        let wanted = rows.len();
        if cells.len() != wanted {
            return Err(bad(format!("{name}: expected {wanted} rows, got {}", cells.len())));
        }
        Ok(cells)
    }

    fn read_on<T>(
        &self,
        (name, kind): (&str, &'static str),
        reader: &mut ColumnReader,
        n: usize,
        cells: &mut Cells<T>,
        read: Take<'_, T>,
    ) -> Result<(), DatasetError> {
        let bad = |what: String| DatasetError::Damaged { path: self.path.display().to_string(), what };
        let mut left = n;
        while left > 0 {
            let step = STEP.min(left);
            let got = catch_unwind(AssertUnwindSafe(|| read(reader, step, cells)))
                .map_err(|_| bad(format!("{name}: it is damaged")))?;
            let got = match got {
                None => return Err(bad(format!("{name}: expected {kind}, got {}", physical(reader)))),
                Some(got) => got.map_err(|e| bad(format!("{name}: {e}")))?,
            };
            if got == 0 {
                return Err(bad(format!("{name}: expected {left} more rows, got the end")));
            }
            // A few bytes may stand for billions of values.
            if cells.values.len() > MOST_VALUES {
                return Err(bad(format!("{name}: expected at most {MOST_VALUES} values, got more")));
            }
            left = left.saturating_sub(got);
        }
        Ok(())
    }
}

/// The kind of a column's values.
fn physical(reader: &ColumnReader) -> Physical {
    match reader {
        ColumnReader::BoolColumnReader(_) => Physical::BOOLEAN,
        ColumnReader::Int32ColumnReader(_) => Physical::INT32,
        ColumnReader::Int64ColumnReader(_) => Physical::INT64,
        ColumnReader::Int96ColumnReader(_) => Physical::INT96,
        ColumnReader::FloatColumnReader(_) => Physical::FLOAT,
        ColumnReader::DoubleColumnReader(_) => Physical::DOUBLE,
        ColumnReader::ByteArrayColumnReader(_) => Physical::BYTE_ARRAY,
        ColumnReader::FixedLenByteArrayColumnReader(_) => Physical::FIXED_LEN_BYTE_ARRAY,
    }
}

fn skip(reader: &mut ColumnReader, n: usize) -> Result<usize, parquet::errors::ParquetError> {
    match reader {
        ColumnReader::BoolColumnReader(r) => r.skip_records(n),
        ColumnReader::Int32ColumnReader(r) => r.skip_records(n),
        ColumnReader::Int64ColumnReader(r) => r.skip_records(n),
        ColumnReader::Int96ColumnReader(r) => r.skip_records(n),
        ColumnReader::FloatColumnReader(r) => r.skip_records(n),
        ColumnReader::DoubleColumnReader(r) => r.skip_records(n),
        ColumnReader::ByteArrayColumnReader(r) => r.skip_records(n),
        ColumnReader::FixedLenByteArrayColumnReader(r) => r.skip_records(n),
    }
}

/// Reads rows; how many there were.
fn take<D: DataType, T>(
    reader: &mut ColumnReaderImpl<D>,
    n: usize,
    cells: &mut Cells<T>,
    of: impl Fn(&D::T) -> T,
) -> Result<usize, String> {
    let (mut values, mut defined, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
    let (rows, got, levels) = reader
        .read_records(n, Some(&mut defined), Some(&mut repeated), &mut values)
        .map_err(|e| e.to_string())?;
    // A column without lists has no levels of repetition: each value is a row.
    let is_flat = repeated.is_empty();
    let places = if is_flat { rows } else { levels };
    if got != places || values.len() != places || !(is_flat || repeated.len() == places) {
        return Err(format!("expected a value in each of {places} places, got {got}"));
    }
    for (i, v) in values.iter().enumerate() {
        if is_flat || repeated[i] == 0 {
            cells.ends.push(cells.values.len());
        }
        cells.values.push(of(v));
        if let Some(end) = cells.ends.last_mut() {
            *end = cells.values.len();
        }
    }
    Ok(rows)
}

/// What the library says or panics with, as an error of this file.
fn guarded<T>(
    path: &Path,
    field: &str,
    f: impl FnOnce() -> Result<T, parquet::errors::ParquetError>,
) -> Result<T, DatasetError> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(done) => done.map_err(|e| damage(path, field, e)),
        Err(_) => Err(damage(path, field, "it is damaged")),
    }
}
