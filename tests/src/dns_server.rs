//! A DNS server in process, on UDP and TCP: it answers what it was told, whoever's zone that is.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use hickory_proto::{
    op::{Message, MessageType, ResponseCode},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{A, AAAA, CNAME, TXT},
    },
};

/// A DNS server on a free port of the loopback address. It is gone when dropped.
#[derive(Debug)]
pub struct DnsServer {
    /// Its address.
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

/// How questions are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// As a resolver does: the answer holds the whole chain of CNAMEs.
    #[default]
    Resolving,
    /// As some servers do: of a chain, the answer holds the first CNAME alone.
    OneCname,
    /// By UDP, that the answer is too long for it; by TCP, fully.
    Truncating,
    /// That the server fails.
    Failing,
    /// Not at all.
    Silent,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    stopped: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    manner: Manner,
    records: BTreeMap<String, Vec<RData>>,
    questions: Vec<String>,
}

impl DnsServer {
    /// Starts a server that knows no name.
    ///
    /// # Errors
    /// There is no port that is free for both UDP and TCP.
    pub fn start() -> io::Result<Self> {
        let mut attempts = 0;
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind("127.0.0.1:0")?;
            match TcpListener::bind(udp.local_addr()?) {
                Ok(tcp) => break (udp, tcp),
                Err(error) if attempts > 20 => return Err(error),
                Err(_) => attempts += 1,
            }
        };
        let address = udp.local_addr()?;
        let shared = Arc::new(Shared::default());
        let on_udp = Arc::clone(&shared);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok((length, peer)) = udp.recv_from(&mut buffer) {
                if on_udp.stopped.load(Ordering::SeqCst) {
                    return;
                }
                if let Some(answer) = on_udp.answer(&buffer[..length], "udp") {
                    let _ = udp.send_to(&answer, peer);
                }
            }
        });
        let on_tcp = Arc::clone(&shared);
        thread::spawn(move || {
            while let Ok((stream, _)) = tcp.accept() {
                if on_tcp.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&on_tcp);
                thread::spawn(move || {
                    let _ = shared.serve(stream);
                });
            }
        });
        Ok(Self { address, shared })
    }

    /// From now on, questions are answered so.
    pub fn set_manner(&self, manner: Manner) {
        self.shared.state().manner = manner;
    }

    /// The name has these TXT records, and no other records.
    pub fn set_texts(&self, name: &str, texts: &[&str]) {
        // A text of more than 255 bytes is several in one record.
        let record = |text: &&str| {
            let parts = text.as_bytes().chunks(255).map(|part| String::from_utf8_lossy(part).into_owned());
            RData::TXT(TXT::new(parts.collect()))
        };
        self.set(name, texts.iter().map(record).collect());
    }

    /// The name stands for another one.
    ///
    /// # Panics
    /// The other one is no name.
    pub fn set_cname(&self, name: &str, target: &str) {
        self.set(name, vec![RData::CNAME(CNAME(parse(target)))]);
    }

    /// The name has this address.
    pub fn set_address(&self, name: &str, address: IpAddr) {
        let data = match address {
            IpAddr::V4(address) => RData::A(A(address)),
            IpAddr::V6(address) => RData::AAAA(AAAA(address)),
        };
        self.set(name, vec![data]);
    }

    /// Forgets all records and questions, and answers as at the start.
    pub fn clear(&self) {
        *self.shared.state() = State::default();
    }

    /// What was asked so far: `udp TXT _dnsauth.example.com.`
    pub fn questions(&self) -> Vec<String> {
        self.shared.state().questions.clone()
    }

    fn set(&self, name: &str, records: Vec<RData>) {
        self.shared.state().records.insert(parse(name).to_string(), records);
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes both threads, which see that they are to end.
        let _ = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.send_to(&[], self.address));
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// RFC 1035 §4.2.2: each message has its length before it.
    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        loop {
            let mut length = [0; 2];
            stream.read_exact(&mut length)?;
            let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
            stream.read_exact(&mut question)?;
            let Some(answer) = self.answer(&question, "tcp") else { continue };
            let length = u16::try_from(answer.len()).map_err(io::Error::other)?;
            stream.write_all(&[length.to_be_bytes().as_slice(), &answer].concat())?;
        }
    }

    fn answer(&self, question: &[u8], transport: &str) -> Option<Vec<u8>> {
        let asked = Message::from_vec(question).ok()?;
        let query = asked.queries.first()?.clone();
        let mut state = self.state();
        state.questions.push(format!("{transport} {} {}", query.query_type(), query.name().to_lowercase()));
        if state.manner == Manner::Silent {
            return None;
        }
        let mut answer = Message::response(asked.metadata.id, asked.metadata.op_code);
        answer.metadata.message_type = MessageType::Response;
        answer.metadata.recursion_desired = true;
        answer.metadata.recursion_available = true;
        answer.add_query(query.clone());
        match state.manner {
            Manner::Failing => answer.metadata.response_code = ResponseCode::ServFail,
            Manner::Truncating if transport == "udp" => answer.metadata.truncation = true,
            manner => {
                let limit = if manner == Manner::OneCname { 1 } else { 20 };
                let (known, records) = state.find(query.name(), query.query_type(), limit);
                if !known {
                    answer.metadata.response_code = ResponseCode::NXDomain;
                }
                answer.add_answers(records);
            }
        }
        answer.to_vec().ok()
    }
}

impl State {
    /// The records of a name and of those it stands for, after `limit` steps at most; and whether all of them are known.
    fn find(&self, name: &Name, kind: RecordType, limit: usize) -> (bool, Vec<Record>) {
        let mut found = Vec::new();
        let mut name = name.clone();
        for _ in 0..limit {
            let Some(records) = self.records.get(&name.to_lowercase().to_string()) else { return (false, found) };
            let here = |data: &RData| Record::from_rdata(name.clone(), 300, data.clone());
            match records.first() {
                Some(RData::CNAME(target)) if kind != RecordType::CNAME => {
                    found.extend(records.iter().map(here));
                    name = target.0.clone();
                }
                _ => {
                    found.extend(records.iter().filter(|data| data.record_type() == kind).map(here));
                    return (true, found);
                }
            }
        }
        (true, found)
    }
}

#[allow(clippy::panic, reason = "a test that names nothing must fail")]
fn parse(name: &str) -> Name {
    let mut name = Name::from_ascii(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    name.set_fqdn(true);
    name.to_lowercase()
}
