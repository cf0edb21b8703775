//! Programs of the operator's that the server runs.

use std::{
    io,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Command,
    task::JoinHandle,
    time::timeout,
};

/// What the names of the server's own settings begin with, secrets among them: they are nothing to other programs.
const OWN_PREFIX: &str = "OPENCCM_";
/// How long what a program wrote may take to arrive after it ended: a program that it left behind may hold the line.
const OUTPUT_PATIENCE: Duration = Duration::from_secs(1);
/// How much of what it writes to each of its outputs is kept, in bytes.
const OUTPUT_LIMIT: usize = 4096;

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// With what; none where it took too long, and was killed.
    pub(crate) status: Option<ExitStatus>,
    /// The beginning of what it wrote to standard error. Nothing where it succeeded.
    pub(crate) errors: String,
}

impl Ended {
    /// Whether it did what it should.
    pub(crate) fn is_success(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }
}

/// Runs a program (`argv`: itself and its arguments) with these variables in its environment, beside those of the server that
/// are not its own settings, and waits for it for `time_limit` at most. What it leaves running is not waited for.
///
/// # Errors
/// It cannot be run.
pub(crate) async fn run(
    argv: &[String],
    environment: &[(&str, &str)],
    time_limit: Duration,
) -> Result<Ended, io::Error> {
    let (program, arguments) = argv.split_first().ok_or_else(|| io::Error::other("no program is configured"))?;
    let mut command = Command::new(program);
    command.args(arguments);
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with(OWN_PREFIX) {
            command.env_remove(variable);
        }
    }
    command.envs(environment.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let errors = Written::read(child.stderr.take());
    let status = match timeout(time_limit, child.wait()).await {
        Ok(status) => Some(status?),
        Err(_) => {
            // It is gone when this is dropped, or sooner.
            let _ = child.start_kill();
            None
        }
    };
    let mut ended = Ended { status, errors: String::new() };
    if !ended.is_success() {
        ended.errors = errors.text().await;
    }
    Ok(ended)
}

/// What is written into a pipe. All of it is read, for as long as somebody can write, so that nobody is held up; the
/// beginning is kept.
struct Written {
    kept: Arc<Mutex<Vec<u8>>>,
    reading: JoinHandle<()>,
}

impl Written {
    fn read(pipe: Option<impl AsyncRead + Send + Unpin + 'static>) -> Self {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&kept);
        let reading = tokio::spawn(async move {
            let Some(mut pipe) = pipe else { return };
            let mut buffer = [0; 4096];
            // A pipe that breaks has said all it had to say.
            while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
                let mut kept = into.lock().unwrap_or_else(PoisonError::into_inner);
                let room = OUTPUT_LIMIT.saturating_sub(kept.len());
                kept.extend(buffer.iter().take(count.min(room)));
            }
        });
        Self { kept, reading }
    }

    /// What has arrived when the pipe is closed, or soon.
    async fn text(self) -> String {
        let _ = timeout(OUTPUT_PATIENCE, self.reading).await;
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn shell(script: &str) -> Vec<String> {
        ["/bin/sh", "-c", script].map(str::to_owned).to_vec()
    }

    #[tokio::test]
    async fn only_what_is_given_of_the_servers_own_variables_is_seen() {
        let script = shell(r#"test "$OPENCCM_GIVEN" = 1 && test "$(env | grep -c ^OPENCCM_)" = 1 && ! read -r line"#);
        assert!(run(&script, &[("OPENCCM_GIVEN", "1")], LONG).await.unwrap().is_success());
        assert!(run(&["/nowhere/program".to_owned()], &[], LONG).await.is_err());
        assert!(run(&[], &[], LONG).await.is_err());
    }

    #[tokio::test]
    async fn much_output_and_programs_left_behind_hold_nothing_up() {
        let began = Instant::now();
        let ended = run(&shell("head -c 1000000 /dev/zero >&2; sleep 50 & exit 0"), &[], LONG).await.unwrap();
        assert!(ended.is_success());
        let ended = run(&shell("yes | head -c 1000000 >&2; sleep 50 & exit 3"), &[], LONG).await.unwrap();
        assert_eq!((ended.status.and_then(|status| status.code()), ended.errors.len()), (Some(3), OUTPUT_LIMIT - 1));
        let ended = run(&shell("echo said >&2; exec sleep 50"), &[], Duration::from_secs(2)).await.unwrap();
        assert_eq!((ended.status, ended.errors.as_str()), (None, "said"));
        assert!(began.elapsed() < Duration::from_secs(40));
    }
}
