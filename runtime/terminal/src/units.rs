//! Bytes and times in words.

/// A size for people, in powers of 1000: `512 bytes`, `1.2 MB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if count < 1000 {
        return if count == 1 { "1 byte".into() } else { format!("{count} bytes") };
    }
    let mut unit = 0;
    let mut divisor: u128 = 1000;
    // Rounded half up to one digit, without floating point: 999,950 is 1.0 MB.
    let tenths = |divisor: u128| (u128::from(count) * 10 + divisor / 2) / divisor;
    while tenths(divisor) >= 10_000 && unit + 1 < UNITS.len() {
        unit += 1;
        divisor *= 1000;
    }
    let rounded = tenths(divisor);
    format!("{}.{} {}", rounded / 10, rounded % 10, UNITS[unit])
}

/// Seconds since 1970 in UTC as RFC 3339: `2026-09-03T14:05:11Z`.
pub fn rfc3339(seconds: i64) -> String {
    let (date, time) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil_date(date);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", time / 3600, time / 60 % 60, time % 60)
}

/// Seconds since 1970 for people: `2026-09-03 14:05:11 UTC`.
pub fn time(seconds: i64) -> String {
    rfc3339(seconds).replace('T', " ").replace('Z', " UTC")
}

/// How long ago something was, roughly: `3 days ago`, `just now`; `in the future` for clocks that disagree.
pub fn ago(seconds: i64, now: i64) -> String {
    let passed = now.saturating_sub(seconds);
    let (count, unit) = match passed {
        i64::MIN..=-60 => return "in the future".into(),
        -59..=59 => return "just now".into(),
        60..=3_599 => (passed / 60, "minute"),
        3_600..=86_399 => (passed / 3_600, "hour"),
        86_400..=2_591_999 => (passed / 86_400, "day"),
        2_592_000..=31_535_999 => (passed / 2_592_000, "month"),
        _ => (passed / 31_536_000, "year"),
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar.
///
/// Counted from 0000-03-01, so that a leap day ends its year: 400 years have 146,097 days.
/// Source: Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
fn civil_date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (count, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1000, "1.0 kB"),
            (1049, "1.0 kB"),
            (1050, "1.1 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (1_234_567, "1.2 MB"),
            (87_654_321_000, "87.7 GB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn times() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_000_000_000, "2001-09-09T01:46:40Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
        }
        assert_eq!(time(1_000_000_000), "2001-09-09 01:46:40 UTC");
        // Whatever a commit's time claims, it is printed.
        let _ =
            (rfc3339(i64::MAX / 2), rfc3339(i64::MIN / 2), ago(i64::MIN, i64::MAX), ago(i64::MAX, i64::MIN));
    }

    #[test]
    fn passed_times() {
        for (seconds, text) in [
            (59, "just now"),
            (60, "1 minute ago"),
            (7_200, "2 hours ago"),
            (86_400, "1 day ago"),
            (40 * 86_400, "1 month ago"),
            (800 * 86_400, "2 years ago"),
            (-90, "in the future"),
        ] {
            assert_eq!(ago(1_000_000 - seconds, 1_000_000), text);
        }
    }
}
