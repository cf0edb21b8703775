//! Tables of what is allowed when, as documents show them.

use std::fmt::{Display, Write};

/// A table in Markdown: a column a status, a row an operation, and what `cell` says of each pair.
pub(crate) fn markdown<S: Copy + Display, O: Copy + Display>(
    statuses: &[S],
    operations: &[O],
    cell: impl Fn(S, O) -> String,
) -> String {
    let mut table = String::from("| |");
    for status in statuses {
        let _ = write!(table, " {status} |");
    }
    let _ = write!(table, "\n|---|{}", "---|".repeat(statuses.len()));
    for operation in operations {
        let _ = write!(table, "\n| {operation} |");
        for status in statuses {
            let _ = write!(table, " {} |", cell(*status, *operation));
        }
    }
    table
}
