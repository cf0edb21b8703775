use time::{Duration, Month, OffsetDateTime};

use crate::{Invalid, Subject, text_enum::text_enum};

text_enum! {
    /// The unit of a validity period.
    pub enum ValidityUnit {
        /// 12 calendar months.
        Year = "YEAR",
        /// Always 31 days.
        Month = "MONTH",
        /// 24 hours.
        Day = "DAY",
        /// 60 minutes.
        Hour = "HOUR",
    }
}

/// How far in the past a certificate may start, in milliseconds.
pub const START_TOLERANCE_MS: i64 = 5 * 60 * 1000;

/// How long a certificate is asked to be valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The unit of `value`.
    pub unit: ValidityUnit,
    /// How many units, at least one.
    pub value: i64,
    /// When it starts, in milliseconds since the epoch; now where it is left open.
    pub start_from_ms: Option<i64>,
}

/// From when to when a certificate is valid: whole seconds since the epoch, as certificates carry them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first valid second.
    pub not_before: i64,
    /// The last valid second.
    pub not_after: i64,
}

impl Validity {
    /// The period that this validity means at `now_ms`, for a certificate that may last `max_years` calendar years.
    ///
    /// # Errors
    /// A value below one, a start more than five minutes ago, or an end past the limit or the year 9999 (the last that
    /// GeneralizedTime can say, RFC 5280 §4.1.2.5.2).
    pub fn period(&self, now_ms: i64, max_years: i32) -> Result<Period, Invalid> {
        let invalid =
            |field: &str, reason: String| Invalid::new(Subject::Validity, format!("validity.{field}"), reason);
        if self.value < 1 {
            return Err(invalid("value", "must be at least 1".into()));
        }
        let start_ms = self.start_from_ms.unwrap_or(now_ms);
        if start_ms < now_ms.saturating_sub(START_TOLERANCE_MS) {
            return Err(invalid("start_from", "must not be more than 5 minutes ago".into()));
        }
        let start = OffsetDateTime::from_unix_timestamp(start_ms.div_euclid(1000))
            .map_err(|_| invalid("start_from", "must lie before the year 10000".into()))?;
        let too_long = || invalid("value", format!("must not exceed {max_years} years"));
        let end = self.end(start).ok_or_else(too_long)?;
        // A start so late that its limit lies past the year 9999 has an end there too, or fails above.
        if add_years(start, max_years).is_some_and(|limit| end > limit) {
            return Err(too_long());
        }
        Ok(Period { not_before: start.unix_timestamp(), not_after: end.unix_timestamp() })
    }

    fn end(&self, start: OffsetDateTime) -> Option<OffsetDateTime> {
        match self.unit {
            ValidityUnit::Year => add_years(start, i32::try_from(self.value).ok()?),
            ValidityUnit::Month => start.checked_add(days(self.value.checked_mul(31)?)?),
            ValidityUnit::Day => start.checked_add(days(self.value)?),
            ValidityUnit::Hour => start.checked_add(Duration::seconds(self.value.checked_mul(3600)?)),
        }
    }
}

impl Period {
    /// The start in milliseconds since the epoch.
    pub const fn not_before_ms(self) -> i64 {
        self.not_before * 1000
    }

    /// The end in milliseconds since the epoch.
    pub const fn not_after_ms(self) -> i64 {
        self.not_after * 1000
    }

    /// Whether this period lies inside `outer`.
    pub const fn is_inside(self, outer: Self) -> bool {
        self.not_before >= outer.not_before && self.not_after <= outer.not_after
    }
}

fn days(value: i64) -> Option<Duration> {
    Some(Duration::seconds(value.checked_mul(86_400)?))
}

/// The same day and time `years` later; 28 February for 29 February where there is none.
fn add_years(start: OffsetDateTime, years: i32) -> Option<OffsetDateTime> {
    let year = start.year().checked_add(years)?;
    start.replace_year(year).ok().or_else(|| {
        let leap_day = start.month() == Month::February && start.day() == 29;
        if leap_day { start.replace_day(28).ok()?.replace_year(year).ok() } else { None }
    })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn validity(unit: ValidityUnit, value: i64) -> Validity {
        Validity { unit, value, start_from_ms: None }
    }

    fn end(unit: ValidityUnit, value: i64, now: OffsetDateTime) -> OffsetDateTime {
        let period = validity(unit, value).period(now.unix_timestamp() * 1000, 30).unwrap();
        assert_eq!(period.not_before, now.unix_timestamp());
        OffsetDateTime::from_unix_timestamp(period.not_after).unwrap()
    }

    #[test]
    fn years_are_calendar_years_and_months_have_31_days() {
        let now = datetime!(2024-02-29 12:00:00 UTC);
        assert_eq!(end(ValidityUnit::Year, 1, now), datetime!(2025-02-28 12:00:00 UTC));
        assert_eq!(end(ValidityUnit::Year, 4, now), datetime!(2028-02-29 12:00:00 UTC));
        assert_eq!(end(ValidityUnit::Month, 1, now), datetime!(2024-03-31 12:00:00 UTC));
        assert_eq!(end(ValidityUnit::Month, 12, now), now + Duration::days(372));
        assert_eq!(end(ValidityUnit::Day, 1, now), now + Duration::days(1));
        assert_eq!(end(ValidityUnit::Hour, 1, now), now + Duration::hours(1));
    }

    #[test]
    fn the_limit_is_compared_after_conversion() {
        let now_ms = datetime!(2026-11-22 0:00 UTC).unix_timestamp() * 1000;
        let fits = |unit, value, years| validity(unit, value).period(now_ms, years).is_ok();
        assert!(fits(ValidityUnit::Year, 30, 30));
        assert!(!fits(ValidityUnit::Year, 31, 30));
        assert!(fits(ValidityUnit::Day, 20 * 365 + 5, 20), "2026 to 2046 holds five leap days");
        assert!(!fits(ValidityUnit::Day, 20 * 365 + 6, 20));
        assert!(fits(ValidityUnit::Month, 235, 20));
        assert!(!fits(ValidityUnit::Month, 236, 20));
        for unit in ValidityUnit::ALL {
            for value in [i64::MIN, -1, 0, i64::MAX, i64::from(i32::MAX)] {
                assert_eq!(validity(*unit, value).period(now_ms, 30).unwrap_err().subject, Subject::Validity);
            }
        }
    }

    #[test]
    fn a_start_may_lie_five_minutes_back() {
        let now_ms = 1_790_000_000_000;
        let start = |start_from_ms| {
            Validity { unit: ValidityUnit::Day, value: 1, start_from_ms: Some(start_from_ms) }.period(now_ms, 20)
        };
        assert_eq!(start(now_ms - START_TOLERANCE_MS).unwrap().not_before_ms(), now_ms - START_TOLERANCE_MS);
        assert!(start(now_ms - START_TOLERANCE_MS - 1).is_err());
        assert_eq!(start(now_ms + 999).unwrap().not_before_ms(), now_ms, "certificates carry whole seconds");
        assert!(start(i64::MAX).is_err());
        assert!(start(i64::MIN).is_err());
        let last_day_of_9999 = datetime!(9999-12-31 12:00 UTC).unix_timestamp() * 1000;
        assert!(start(last_day_of_9999).is_err());
    }
}
