//! Texts for other places: what they said, cut to what can be shown, and names that they take.

/// The longest reason that is kept, in characters.
const REASON_LIMIT: usize = 200;

/// A text in one line of bounded length; nothing of it where it repeats a private key.
pub(super) fn bounded(text: &str) -> String {
    if text.contains("PRIVATE KEY") {
        return "(what was said repeats a private key, and is not shown)".to_owned();
    }
    let line: String = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(REASON_LIMIT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// A name of letters, digits, `-`, `_` and `.` alone, which begins with none of `.` and `-`: other characters become `_`.
pub(super) fn plain_name(name: &str) -> String {
    let plain = |(index, c): (usize, char)| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => c,
        '-' | '.' if index > 0 => c,
        _ => '_',
    };
    name.chars().take(REASON_LIMIT).enumerate().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_one_short_line_without_keys() {
        assert_eq!(bounded(" a\nb\u{0} "), "a b ".trim_end().to_owned() + " ");
        assert_eq!(bounded(&"ä".repeat(1000)).chars().count(), REASON_LIMIT + 1);
        assert!(!bounded("x -----BEGIN EC PRIVATE KEY-----\nMHc").contains("MHc"));
    }

    #[test]
    fn names_lead_nowhere_else() {
        for (name, plain) in [
            ("*.example.com", "_.example.com"),
            ("../../etc", "_._.._etc"),
            ("..", "_."),
            (".", "_"),
            ("a/b\\c", "a_b_c"),
            ("証明書", "___"),
            ("-rf", "_rf"),
        ] {
            let got = plain_name(name);
            assert!(!got.contains('/') && got != "." && got != "..", "{name}: {got}");
            assert_eq!(got.len(), plain.len(), "{name}: {got}");
        }
    }
}
