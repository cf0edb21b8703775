//! The time format of `X-Sdk-Date`: `yyyyMMddTHHmmssZ`, UTC.

use time::format_description::StaticFormatDescription;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

const FORMAT: StaticFormatDescription = format_description!("[year][month][day]T[hour][minute][second]Z");
const LENGTH: usize = "20260102T030405Z".len();

/// Reads a time such as `20261122T034331Z`; gives milliseconds since the Unix epoch, or nothing if it is malformed.
pub fn parse_sdk_date(text: &str) -> Option<i64> {
    // The length check keeps out signed years, which the parser would take.
    if text.len() != LENGTH || !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let date = PrimitiveDateTime::parse(text, FORMAT).ok()?;
    date.assume_utc().unix_timestamp().checked_mul(1000)
}

/// Writes a time given in milliseconds since the Unix epoch, dropping the fraction of a second. Nothing if the year is
/// not between 0 and 9999.
pub fn format_sdk_date(unix_ms: i64) -> Option<String> {
    let date = OffsetDateTime::from_unix_timestamp(unix_ms.div_euclid(1000)).ok()?;
    date.format(FORMAT).ok().filter(|text| text.len() == LENGTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_and_written() {
        assert_eq!(parse_sdk_date("19700101T000000Z"), Some(0));
        assert_eq!(parse_sdk_date("20240229T235959Z"), Some(1_709_251_199_000));
        assert_eq!(format_sdk_date(1_709_251_199_999).as_deref(), Some("20240229T235959Z"));
        assert_eq!(format_sdk_date(-1).as_deref(), Some("19691231T235959Z"));
    }

    #[test]
    fn odd_dates_are_refused() {
        for text in [
            "",
            "20230229T000000Z",
            "20240229T240000Z",
            "20240229T235960Z",
            "20240229T235959",
            "20240229T235959z",
            "2024-02-29T23:59Z",
            "20240229 235959Z",
            "20240229T235959Z ",
            "+2024022T235959Z",
            "-2024022T235959Z",
            "2024022\u{664}T23595Z",
        ] {
            assert_eq!(parse_sdk_date(text), None, "{text}");
        }
        assert_eq!(format_sdk_date(i64::MAX), None);
        assert_eq!(format_sdk_date(i64::MIN), None);
    }
}
