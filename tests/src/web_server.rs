//! A web server in process (HTTP/1.1), one request a connection: it answers what a test says. At the same port it speaks TLS,
//! with a certificate that nobody trusts, to who begins so.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned, crypto::aws_lc_rs, pki_types::PrivateKeyDer};

/// A web server on a free port of the loopback address. It is gone when dropped.
#[derive(Debug)]
pub struct WebServer {
    /// Its address.
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

/// A request that the server got.
#[derive(Clone, Debug)]
pub struct WebRequest {
    /// The method.
    pub method: String,
    /// The path, with its query.
    pub path: String,
    /// The headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl WebRequest {
    /// The value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// What the server answers.
#[derive(Clone, Debug)]
pub enum WebAnswer {
    /// A status and a body.
    Body(u16, Vec<u8>),
    /// A redirect with this status.
    Redirect(u16, String),
    /// A body without end.
    Endless,
    /// Nothing, for as long as the client waits.
    Nothing,
}

struct Shared {
    state: Mutex<State>,
    stopped: AtomicBool,
}

struct State {
    answer: Box<dyn FnMut(&WebRequest) -> WebAnswer + Send>,
    requests: Vec<WebRequest>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl WebServer {
    /// Starts a server that has nothing (404).
    ///
    /// # Errors
    /// There is no port.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let state = State { answer: Box::new(nothing_there), requests: Vec::new() };
        let shared = Arc::new(Shared { state: Mutex::new(state), stopped: AtomicBool::new(false) });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if serving.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&serving);
                thread::spawn(move || {
                    let _ = shared.serve(stream);
                });
            }
        });
        Ok(Self { address, shared })
    }

    /// From now on, requests are answered so.
    pub fn set_answer(&self, answer: impl FnMut(&WebRequest) -> WebAnswer + Send + 'static) {
        self.shared.state().answer = Box::new(answer);
    }

    /// The requests since this was last asked.
    pub fn take(&self) -> Vec<WebRequest> {
        std::mem::take(&mut self.shared.state().requests)
    }

    /// Forgets all requests, and has nothing again.
    pub fn clear(&self) {
        let mut state = self.shared.state();
        state.answer = Box::new(nothing_there);
        state.requests.clear();
    }
}

fn nothing_there(_: &WebRequest) -> WebAnswer {
    WebAnswer::Body(404, b"there is nothing here".to_vec())
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut first = [0];
        stream.peek(&mut first)?;
        // The type of the first record of TLS (RFC 8446 §5.1).
        if first == [22] {
            let tls = ServerConnection::new(tls_config()?).map_err(io::Error::other)?;
            self.answer(&mut BufReader::new(StreamOwned::new(tls, stream)))
        } else {
            self.answer(&mut BufReader::new(stream))
        }
    }

    fn answer<S: Read + Write>(&self, stream: &mut BufReader<S>) -> io::Result<()> {
        let Some(request) = read(stream)? else { return Ok(()) };
        let answer = {
            let mut state = self.state();
            let answer = (state.answer)(&request);
            state.requests.push(request);
            answer
        };
        let head = |status: u16, more: &str| format!("HTTP/1.1 {status} X\r\nconnection: close\r\n{more}\r\n");
        let stream = stream.get_mut();
        match answer {
            WebAnswer::Body(status, body) => {
                stream.write_all(head(status, &format!("content-length: {}\r\n", body.len())).as_bytes())?;
                stream.write_all(&body)?;
            }
            WebAnswer::Redirect(status, to) => {
                let more = format!("content-length: 0\r\nlocation: {to}\r\n");
                stream.write_all(head(status, &more).as_bytes())?;
            }
            WebAnswer::Endless => {
                stream.write_all(head(200, "").as_bytes())?;
                loop {
                    // Ends when the client has had enough.
                    stream.write_all(&[b'a'; 8192])?;
                }
            }
            WebAnswer::Nothing => {
                io::copy(stream, &mut io::sink())?;
            }
        }
        stream.flush()
    }
}

/// A certificate of its own making, for a name that nobody asks for.
fn tls_config() -> io::Result<Arc<ServerConfig>> {
    let made = rcgen::generate_simple_self_signed(["self-signed.test".to_owned()]).map_err(io::Error::other)?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).map_err(io::Error::other)?;
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key))
        .map_err(io::Error::other)?;
    Ok(Arc::new(config))
}

fn read(reader: &mut impl BufRead) -> io::Result<Option<WebRequest>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let Some((first, rest)) = lines.split_first() else { return Ok(None) };
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let header = |line: &String| line.split_once(':').map(|(n, v)| (n.to_ascii_lowercase(), v.trim().to_owned()));
    let headers: Vec<_> = rest.iter().filter_map(header).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    Ok(Some(WebRequest { method, path, headers, body }))
}
