use std::time::Duration;

use rpcudp_core::codec::EncodeError;
use rpcudp_core::{Metadata, MetadataError, Request};

use super::call_end::CallEnd;
#[cfg(feature = "secure")]
use super::stream_request::StreamRequest;
use crate::telemetry::progress::{Progress, ProgressReport};

/// The parts of a request that most calls do not have. In a box, so that other calls are no larger.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    /// The first argument that could not be encoded, counted from 1.
    encode_error: Option<(usize, EncodeError)>,
    metadata: Metadata,
    /// The stream of the call, if it has one.
    #[cfg(feature = "secure")]
    pub(super) stream: Option<StreamRequest>,
    /// The first key whose entry could not be added to the metadata.
    metadata_error: Option<(Box<str>, MetadataError)>,
    /// The progress of the call, if the caller has asked for it.
    progress: Option<ProgressReport>,
}

impl Extras {
    pub(super) fn unencodable(argument: usize, error: EncodeError) -> Self {
        Self { encode_error: Some((argument, error)), ..Self::default() }
    }

    /// Returns the parts for another call with the same request. Its progress is its own.
    pub(super) fn fork(&self) -> Self {
        let Self { encode_error, metadata, metadata_error, .. } = self;
        let (encode_error, metadata_error) = (encode_error.clone(), metadata_error.clone());
        Self {
            encode_error,
            metadata: metadata.clone(),
            metadata_error,
            progress: None,
            #[cfg(feature = "secure")]
            stream: self.stream.clone(),
        }
    }

    /// Returns a handle to the progress of the call.
    pub(super) fn progress(&mut self) -> Progress {
        self.progress.get_or_insert_with(|| ProgressReport(Progress::new())).0.clone()
    }

    pub(super) fn take_progress(&mut self) -> Option<ProgressReport> {
        self.progress.take()
    }

    /// Adds an entry to the metadata. The request is not sent if that fails.
    pub(super) fn set_metadata(&mut self, key: &str, value: &str) {
        if self.metadata_error.is_none()
            && let Err(error) = self.metadata.set(key, value)
        {
            self.metadata_error = Some((key.into(), error));
        }
    }

    /// Adds an entry to the metadata, unless the caller has set one or there is no room.
    #[cfg(feature = "opentelemetry")]
    pub(super) fn add_if_room(&mut self, key: &str, value: &str) {
        if self.metadata.get(key).is_none() {
            let _ = self.metadata.set(key, value);
        }
    }

    /// Returns the end of the call as the error if an argument could not be encoded.
    pub(super) fn check_arguments(&mut self) -> Result<(), CallEnd> {
        match self.encode_error.take() {
            Some((argument, source)) => Err(CallEnd::Unencodable { argument, source }),
            None => Ok(()),
        }
    }

    /// Appends the metadata to the request, and the remaining time, if it is given. Returns the end
    /// of the call as the error if the metadata is invalid or has no room.
    pub(super) fn append(self, datagram: &mut Vec<u8>, remaining: Option<Duration>) -> Result<(), CallEnd> {
        if let Some((key, source)) = self.metadata_error {
            return Err(CallEnd::Metadata { key, source });
        }
        if self.metadata.is_empty() {
            // The time alone is appended as to other requests.
            return Ok(());
        }
        Request::end_with_metadata(datagram, remaining, &self.metadata).map_err(|source| {
            let key = self.metadata.iter().last().map_or("", |(key, _)| key);
            CallEnd::Metadata { key: key.into(), source }
        })
    }
}
