//! Names of buckets and objects.

use std::net::Ipv4Addr;

/// The longest name of an object: a file's name has 255 bytes at most, and a temporary file's a few more than its object's.
const OBJECT_NAME_MAX: usize = 240;

/// Whether `name` can be a bucket's, by the rules that OBS and S3 share: 3 to 63 lower-case letters, digits, hyphens and
/// periods, a letter or digit first and last, no period beside a period or hyphen, no IPv4 address.
///
/// # Errors
/// Which rule it breaks.
pub fn check_bucket_name(name: &str) -> Result<(), &'static str> {
    let letter_or_digit = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    if !(3..=63).contains(&name.len()) {
        return Err("the name of a bucket has 3 to 63 characters");
    }
    if !name.bytes().all(|c| letter_or_digit(c) || c == b'-' || c == b'.') {
        return Err("the name of a bucket consists of lower-case letters, digits, hyphens and periods");
    }
    if !(name.bytes().next().is_some_and(letter_or_digit) && name.bytes().next_back().is_some_and(letter_or_digit)) {
        return Err("the name of a bucket begins and ends with a lower-case letter or digit");
    }
    if ["..", ".-", "-."].iter().any(|pair| name.contains(pair)) {
        return Err("in the name of a bucket, a period has no other period and no hyphen beside it");
    }
    if name.parse::<Ipv4Addr>().is_ok() {
        return Err("the name of a bucket is not an IP address");
    }
    Ok(())
}

/// Whether `name` can be an object's: 240 characters at most, one or more parts with slashes between them, each of letters,
/// digits, hyphens, underscores and periods, and no period first. Such a name is the same in a URL and as a file's path.
///
/// # Errors
/// Which rule it breaks.
pub fn check_object_name(name: &str) -> Result<(), &'static str> {
    if name.len() > OBJECT_NAME_MAX {
        return Err("the name of an object has 240 characters at most");
    }
    if !name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_./".contains(&c)) {
        return Err("the name of an object consists of letters, digits, hyphens, underscores, periods and slashes");
    }
    if name.split('/').any(|part| part.is_empty() || part.starts_with('.')) {
        return Err("no part of an object's name is empty or begins with a period");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_named_by_the_rules_of_s3() {
        let longest = "a".repeat(63);
        for name in ["crl", "a.b", "a-b", "a--b", "0a9", "1.2.3", "1.2.3.4.5", "256.1.1.1", longest.as_str()] {
            assert_eq!(check_bucket_name(name), Ok(()), "{name}");
        }
        let too_long = "a".repeat(64);
        let tricks = ["..", "...", "../x", "/etc", "a/b", "a\\b", "a..b", "a.-b", "a-.b", ".ab", "ab.", "-ab", "ab-"];
        let others = ["", "ab", "Abc", "a_b", "a b", "bücket", "a%b", "a\0b", "ab\n", "192.168.1.1", too_long.as_str()];
        for name in tricks.into_iter().chain(others) {
            assert!(check_bucket_name(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn objects_stay_in_their_bucket_and_out_of_the_way_of_temporary_files() {
        let longest = "a".repeat(240);
        for name in ["a", "list.crl", "A_b-1.crl", "lists/3.crl", "a..b", longest.as_str()] {
            assert_eq!(check_object_name(name), Ok(()), "{name}");
        }
        let too_long = "a".repeat(241);
        let tricks =
            ["..", ".", "../x", "x/../y", "x/./y", "/etc/passwd", "x/", "x//y", ".hidden", "x/.hidden", "a\\b"];
        let others = ["", "x#1", "x?y", "a%2e", "a b", "a\0", "a\n", "é", too_long.as_str()];
        for name in tricks.into_iter().chain(others) {
            assert!(check_object_name(name).is_err(), "{name:?}");
        }
    }
}
