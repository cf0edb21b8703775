//! Parts of lists: which rows, in which order.

/// Which part of a list.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// How many rows at most.
    pub limit: i64,
    /// How many rows to pass over.
    pub offset: i64,
    /// Which way.
    pub direction: Direction,
}

/// The direction of a sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

impl Direction {
    pub(crate) const fn sql(self) -> &'static str {
        match self {
            Self::Ascending => "ASC",
            Self::Descending => "DESC",
        }
    }
}

/// The pattern of a LIKE that finds `text` anywhere in a lower-case column; its escape character is a backslash.
pub(crate) fn contains_pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
