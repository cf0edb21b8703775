//! The program that makes and removes TXT records.

use std::{process::Stdio, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Command,
    time::timeout,
};

/// How long the program may run.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// How long what it wrote may take to arrive after it ended: a program that it left behind may hold the line.
const OUTPUT_PATIENCE: Duration = Duration::from_secs(1);
/// How much of what it writes is kept, in bytes.
const OUTPUT_LIMIT: u64 = 4096;

/// What the program is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Make the record. One that is there already is fine; others of the same name stay.
    Present,
    /// Remove the record. One that is not there is fine; others of the same name stay.
    Cleanup,
}

impl Action {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Cleanup => "cleanup",
        }
    }
}

/// Runs the program for the TXT record `name` with this `value`.
///
/// # Errors
/// Why it did not do what it should. What it wrote stands in the log only, for it may name secrets of the operator's.
pub(super) async fn run(hook: &[String], action: Action, name: &str, value: &str) -> Result<(), String> {
    let (program, arguments) = hook.split_first().ok_or("no program is configured")?;
    let mut command = Command::new(program);
    command.args(arguments).args([action.as_str(), name, value]);
    // The server's own settings, secrets among them, are nothing to the program.
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("OPENCCM_") {
            command.env_remove(variable);
        }
    }
    command
        .env("OPENCCM_ACME_ACTION", action.as_str())
        .env("OPENCCM_ACME_RECORD_NAME", name)
        .env("OPENCCM_ACME_RECORD_VALUE", value)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| format!("the DNS hook {program} cannot be run: {error}"))?;
    let output = tokio::spawn(read(child.stdout.take()));
    let errors = tokio::spawn(read(child.stderr.take()));
    let ended = timeout(TIME_LIMIT, child.wait()).await;
    if ended.is_err() {
        // It is gone when this is dropped, or sooner.
        let _ = child.start_kill();
    }
    let reason = match ended {
        Ok(Ok(status)) if status.success() => {
            output.abort();
            errors.abort();
            return Ok(());
        }
        Ok(Ok(status)) => format!("the DNS hook failed ({}, {status})", action.as_str()),
        Ok(Err(error)) => format!("the DNS hook cannot be waited for: {error}"),
        Err(_) => format!("the DNS hook took longer than {} s ({})", TIME_LIMIT.as_secs(), action.as_str()),
    };
    let (output, errors) = (kept(output).await, kept(errors).await);
    tracing::warn!(program, name, reason, output, errors, "the DNS hook did not do what it should");
    Err(reason)
}

/// The beginning of what is written; the rest is read and thrown away, so that the program is not held up.
async fn read(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut pipe) = pipe else { return String::new() };
    let mut kept = Vec::new();
    // A pipe that breaks has said all it had to say.
    let _ = (&mut pipe).take(OUTPUT_LIMIT).read_to_end(&mut kept).await;
    let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&kept).trim().to_owned()
}

async fn kept(mut reading: tokio::task::JoinHandle<String>) -> String {
    match timeout(OUTPUT_PATIENCE, &mut reading).await {
        Ok(Ok(text)) => text,
        Ok(Err(_)) | Err(_) => {
            reading.abort();
            "(not read)".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Vec<String> {
        ["/bin/sh", "-c", script, "hook"].map(str::to_owned).to_vec()
    }

    #[tokio::test]
    async fn the_program_is_told_what_to_do_in_both_ways() {
        let hook = shell(
            r#"test "$1 $2 $3" = "present _acme-challenge.example.com a-b_c" &&
               test "$OPENCCM_ACME_ACTION $OPENCCM_ACME_RECORD_NAME $OPENCCM_ACME_RECORD_VALUE" = "$1 $2 $3" &&
               test "$(env | grep -c ^OPENCCM_)" = 3 && ! read -r line"#,
        );
        assert_eq!(run(&hook, Action::Present, "_acme-challenge.example.com", "a-b_c").await, Ok(()));
        let reason = run(&hook, Action::Cleanup, "_acme-challenge.example.com", "a-b_c").await.unwrap_err();
        assert!(reason.contains("cleanup"), "{reason}");
    }

    #[tokio::test]
    async fn a_failure_says_how_but_not_what_the_program_wrote() {
        let reason = run(&shell("echo secret; echo secret >&2; exit 3"), Action::Present, "n", "v").await.unwrap_err();
        assert!(reason.contains('3') && !reason.contains("secret"), "{reason}");
        let reason = run(&["/nowhere/hook".to_owned()], Action::Present, "n", "v").await.unwrap_err();
        assert!(reason.contains("/nowhere/hook"), "{reason}");
        assert!(run(&[], Action::Present, "n", "v").await.is_err());
    }

    #[tokio::test]
    async fn much_output_and_programs_left_behind_hold_nothing_up() {
        let hook = shell("head -c 1000000 /dev/zero; sleep 30 & exit 0");
        let began = tokio::time::Instant::now();
        assert_eq!(run(&hook, Action::Present, "n", "v").await, Ok(()));
        assert!(began.elapsed() < Duration::from_secs(20));
    }
}
