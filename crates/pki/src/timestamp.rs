//! Times of X.509, from and to seconds since the epoch.

use std::time::Duration;

use der::{DateTime, asn1::GeneralizedTime};
use x509_cert::time::Time;

use crate::{PkiError, unfit};

/// UTCTime until 2049, GeneralizedTime from 2050 (RFC 5280 §4.1.2.5, §5.1.2.4).
///
/// # Errors
/// A time before 1970 or after 9999.
pub(crate) fn time(seconds: i64) -> Result<Time, PkiError> {
    Ok(Time::from(date_time(seconds)?))
}

/// GeneralizedTime whatever the year, to the second and in UTC (RFC 5280 §4.1.2.5.2).
///
/// # Errors
/// As [`time`].
pub(crate) fn generalized_time(seconds: i64) -> Result<GeneralizedTime, PkiError> {
    Ok(GeneralizedTime::from_date_time(date_time(seconds)?))
}

/// Seconds since the epoch.
pub(crate) fn seconds(time: &Time) -> i64 {
    whole_seconds(time.to_unix_duration())
}

/// Seconds since the epoch: the year 9999, where the formats end, is far within the range.
pub(crate) fn whole_seconds(since_epoch: Duration) -> i64 {
    since_epoch.as_secs() as i64
}

fn date_time(seconds: i64) -> Result<DateTime, PkiError> {
    let Ok(seconds) = u64::try_from(seconds) else { return unfit("a time before 1970") };
    Ok(DateTime::from_unix_duration(Duration::from_secs(seconds))?)
}
