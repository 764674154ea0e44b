use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

use redb::{Database, ReadOnlyTable, ReadableTable, TableDefinition, TableError};

use super::backend::Storage;
use super::error::StorageError;
use super::record::{Change, Record};
use crate::{ID_LEN, Key, Timestamp, Value};

/// A storage in a file (feature `redb`). Acknowledged values survive a kill of the process.
///
/// Only one process can open the file at a time.
pub struct RedbStorage {
    database: Database,
}

/// The table of records. A row holds the expiry time, the origin (empty for values of the node's
/// own user), the type of the value, and the value.
const VALUES: TableDefinition<'_, &[u8; ID_LEN], Row<'_>> = TableDefinition::new("values");

type Row<'a> = (u64, &'a str, u8, &'a [u8]);

/// A result of any redb operation. redb has an error type for each kind of operation.
type RedbResult<T> = Result<T, Box<dyn Error + Send + Sync>>;

impl RedbStorage {
    /// Opens a file, or creates it.
    ///
    /// # Errors
    ///
    /// Returns an error if another process has the file open, the file is not a storage, or it
    /// cannot be read or created.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StorageError> {
        let database = Database::create(path).map_err(|error| StorageError::new("opening the storage", error))?;
        Ok(Self { database })
    }

    fn put(&self, changes: &[Change]) -> RedbResult<()> {
        let transaction = self.database.begin_write()?;
        {
            let mut values = transaction.open_table(VALUES)?;
            for change in changes {
                match change {
                    Change::Put(key, record) => {
                        let origin = record.origin.map(|addr| addr.to_string()).unwrap_or_default();
                        let (kind, bytes) = to_bytes(&record.value);
                        let row = (record.expires_at.as_millis(), &*origin, kind, &*bytes);
                        values.insert(key.as_bytes(), row)?;
                    }
                    Change::Remove(key) => drop(values.remove(key.as_bytes())?),
                }
            }
        }
        // Waits until the changes are on disk, which is redb's default durability.
        Ok(transaction.commit()?)
    }

    /// Returns the table, or `None` before the first write.
    fn values(&self) -> RedbResult<Option<ReadOnlyTable<&'static [u8; ID_LEN], Row<'static>>>> {
        match self.database.begin_read()?.open_table(VALUES) {
            Ok(values) => Ok(Some(values)),
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn read(&self, key: &Key) -> RedbResult<Option<Record>> {
        let Some(values) = self.values()? else { return Ok(None) };
        Ok(values.get(key.as_bytes())?.and_then(|row| record(row.value())))
    }

    fn read_all(&self, visit: &mut dyn FnMut(Key, &Record)) -> RedbResult<()> {
        let Some(values) = self.values()? else { return Ok(()) };
        for row in values.iter()? {
            let (key, row) = row?;
            // Skip malformed rows, which another program or another version has written.
            if let Some(record) = record(row.value()) {
                visit(Key::from_bytes(*key.value()), &record);
            }
        }
        Ok(())
    }
}

impl Storage for RedbStorage {
    fn get(&self, key: &Key) -> Result<Option<Record>, StorageError> {
        self.read(key).map_err(|error| StorageError::new("reading a value", error))
    }

    fn scan(&self, visit: &mut dyn FnMut(Key, &Record)) -> Result<(), StorageError> {
        self.read_all(visit).map_err(|error| StorageError::new("reading values", error))
    }

    fn write(&self, changes: Vec<Change>) -> Result<(), StorageError> {
        self.put(&changes).map_err(|error| StorageError::new("writing values", error))
    }

    fn is_blocking(&self) -> bool {
        true
    }
}

impl fmt::Debug for RedbStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbStorage").finish_non_exhaustive()
    }
}

fn record((expires, origin, kind, bytes): Row<'_>) -> Option<Record> {
    let origin: Option<SocketAddr> = if origin.is_empty() { None } else { Some(origin.parse().ok()?) };
    Some(Record { value: from_bytes(kind, bytes)?, origin, expires_at: Timestamp::from_millis(expires) })
}

fn to_bytes(value: &Value) -> (u8, Vec<u8>) {
    match value {
        Value::Bool(value) => (0, vec![u8::from(*value)]),
        Value::Int(value) => (1, value.to_be_bytes().into()),
        Value::Unsigned(value) => (2, value.to_be_bytes().into()),
        Value::Float(value) => (3, value.to_be_bytes().into()),
        Value::Text(value) => (4, value.as_bytes().into()),
        Value::Bytes(value) => (5, value.clone()),
    }
}

fn from_bytes(kind: u8, bytes: &[u8]) -> Option<Value> {
    Some(match kind {
        0 => Value::Bool(bytes != [0]),
        1 => Value::Int(i64::from_be_bytes(bytes.try_into().ok()?)),
        2 => Value::Unsigned(u64::from_be_bytes(bytes.try_into().ok()?)),
        3 => Value::Float(f64::from_be_bytes(bytes.try_into().ok()?)),
        4 => Value::Text(str::from_utf8(bytes).ok()?.into()),
        5 => Value::Bytes(bytes.into()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_survive_reopening() {
        let path = std::env::temp_dir().join(format!("kademlia-redb-{}", std::process::id()));
        let values = [
            Value::Bool(true),
            Value::Bool(false),
            Value::Int(-7),
            Value::Unsigned(u64::MAX),
            Value::Float(-0.5),
            "text".into(),
            Value::Bytes(vec![]),
            Value::Bytes(vec![0, 255]),
        ];
        let origins = [None, Some("10.0.0.1:1".parse().unwrap()), Some("[2001:db8::1]:2".parse().unwrap())];
        let records =
            values.into_iter().zip(origins.into_iter().cycle()).enumerate().map(|(number, (value, origin))| {
                let record = Record { value, origin, expires_at: Timestamp::from_millis(number as u64) };
                (Key::of([number as u8]), record)
            });
        let records: Vec<_> = records.collect();
        let storage = RedbStorage::open(&path).unwrap();
        assert_eq!(storage.get(&records[0].0).unwrap(), None);
        storage.scan(&mut |_, _| panic!("the storage is not empty")).unwrap();
        storage.write(records.iter().map(|(key, record)| Change::Put(*key, record.clone())).collect()).unwrap();
        assert!(RedbStorage::open(&path).unwrap_err().to_string().starts_with("opening the storage failed: "));
        drop(storage);

        let storage = RedbStorage::open(&path).unwrap();
        for (key, record) in &records {
            assert_eq!(storage.get(key).unwrap().as_ref(), Some(record));
        }
        storage.write(vec![Change::Remove(records[0].0)]).unwrap();
        let mut found = Vec::new();
        storage.scan(&mut |key, record| found.push((key, record.clone()))).unwrap();
        found.sort_by_key(|(key, _)| *key);
        let mut expected = records[1..].to_vec();
        expected.sort_by_key(|(key, _)| *key);
        assert_eq!(found, expected);
        drop(storage);
        std::fs::remove_file(path).unwrap();
    }
}
