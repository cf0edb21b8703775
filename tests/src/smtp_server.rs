//! A mail server in process (RFC 5321, without TLS): it keeps what it takes.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// A mail server on a free port of the loopback address. It is gone when dropped.
#[derive(Debug)]
pub struct SmtpServer {
    /// Its address.
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

/// A mail that the server has taken.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The recipient.
    pub to: String,
    /// The headers and the text, with LF at the ends of lines.
    pub content: String,
}

/// What the server says to a recipient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reply {
    /// 250.
    #[default]
    Takes,
    /// 451: later.
    NotNow,
    /// 550: never.
    Refuses,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    stopped: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    mails: Vec<Mail>,
    /// What is said to the recipients whose address begins so; the last that fits counts.
    replies: Vec<(String, Reply)>,
}

impl SmtpServer {
    /// Starts a server that takes everything.
    ///
    /// # Errors
    /// There is no port.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if serving.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&serving);
                thread::spawn(move || {
                    let _ = shared.serve(&stream);
                });
            }
        });
        Ok(Self { address, shared })
    }

    /// From now on, this is what recipients hear whose address begins with `prefix`.
    pub fn set_reply(&self, prefix: &str, reply: Reply) {
        self.shared.state().replies.push((prefix.to_owned(), reply));
    }

    /// The mails since this was last asked.
    pub fn take(&self) -> Vec<Mail> {
        std::mem::take(&mut self.shared.state().mails)
    }

    /// Forgets all mails, and takes everything again.
    pub fn clear(&self) {
        *self.shared.state() = State::default();
    }
}

/// The text as it was before it was made fit for the way (RFC 2045 §6.7).
fn decode(content: String) -> String {
    if !content.contains("Content-Transfer-Encoding: quoted-printable") {
        return content;
    }
    let mut parts = content.split('=');
    let mut decoded = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match (part.strip_prefix('\n'), part.get(..2).map(|digits| u8::from_str_radix(digits, 16))) {
            (Some(rest), _) => decoded.extend_from_slice(rest.as_bytes()),
            (None, Some(Ok(byte))) => {
                decoded.push(byte);
                decoded.extend_from_slice(&part.as_bytes()[2..]);
            }
            _ => decoded.extend_from_slice(format!("={part}").as_bytes()),
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reply_to(&self, address: &str) -> Reply {
        let state = self.state();
        let fitting = state.replies.iter().rev().find(|(prefix, _)| address.starts_with(prefix));
        fitting.map(|(_, reply)| *reply).unwrap_or_default()
    }

    fn serve(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut lines = BufReader::new(stream).lines();
        let say = |text: &str| (&mut &*stream).write_all(format!("{text}\r\n").as_bytes());
        say("220 mail.test ESMTP")?;
        let mut recipients: Vec<String> = Vec::new();
        while let Some(line) = lines.next().transpose()? {
            let command = line.to_ascii_uppercase();
            if command.starts_with("EHLO") {
                say("250-mail.test\r\n250 8BITMIME")?;
            } else if command.starts_with("RCPT TO:") {
                let address = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                match self.reply_to(&address) {
                    Reply::Takes => {
                        recipients.push(address);
                        say("250 ok")?;
                    }
                    Reply::NotNow => say("451 4.3.0 try again later")?,
                    Reply::Refuses => say("550 5.1.1 no such user here")?,
                }
            } else if command == "DATA" {
                say("354 go on")?;
                let mut content = String::new();
                while let Some(line) = lines.next().transpose()?.filter(|line| line != ".") {
                    content.push_str(line.strip_prefix('.').unwrap_or(&line));
                    content.push('\n');
                }
                let content = decode(content);
                let mails = recipients.drain(..).map(|to| Mail { to, content: content.clone() });
                self.state().mails.extend(mails);
                say("250 taken")?;
            } else if command == "QUIT" {
                return say("221 bye");
            } else if command == "RSET" || command.starts_with("MAIL FROM:") {
                recipients.clear();
                say("250 ok")?;
            } else {
                say("250 ok")?;
            }
        }
        Ok(())
    }
}
