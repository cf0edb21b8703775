//! `openssl ocsp` as a client, which asks over HTTP.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::{Child, Command, Output, Stdio},
};

use tokio::net::TcpListener;

use crate::{authorities::NOW, openssl::printed, responders::Scene};

impl Scene {
    /// What `openssl ocsp` prints that asks with `arguments` and gets what `respond` makes of its request: `Ok` where it
    /// is content with the response.
    pub(crate) async fn ask(
        &self,
        arguments: &[&str],
        respond: impl AsyncFnOnce(Vec<u8>) -> Vec<u8>,
    ) -> Result<String, String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (url, at) = (format!("http://{}", listener.local_addr().unwrap()), (NOW + 1).to_string());
        // It compares times with its own clock, which it cannot be told; -attime is for certificates.
        let start = ["ocsp", "-url", &url, "-validity_period", "2000000000", "-attime", &at, "-CAfile", "root.pem"];
        let child = Command::new("openssl")
            .args([&start[..], &["-issuer", "root.pem"], arguments].concat())
            .current_dir(self.folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ended = tokio::task::spawn_blocking(|| Child::wait_with_output(child).unwrap());
        let early = |output: Result<Output, _>| panic!("{}", printed(&output.unwrap()));
        let mut stream = tokio::select! {
            accepted = listener.accept() => accepted.unwrap().0.into_std().unwrap(),
            output = &mut ended => early(output),
        };
        stream.set_nonblocking(false).unwrap();
        let response = respond(body(&mut stream)).await;
        let head = "HTTP/1.0 200 OK\r\nContent-Type: application/ocsp-response\r\nContent-Length:";
        stream.write_all(format!("{head} {}\r\n\r\n", response.len()).as_bytes()).unwrap();
        stream.write_all(&response).unwrap();
        drop(stream);
        let output = ended.await.unwrap();
        if output.status.success() { Ok(printed(&output)) } else { Err(printed(&output)) }
    }
}

/// The body of an HTTP request.
fn body(stream: &mut TcpStream) -> Vec<u8> {
    let mut read = Vec::new();
    loop {
        let mut part = [0; 4096];
        let length = stream.read(&mut part).unwrap();
        assert_ne!(length, 0, "the request is cut off");
        read.extend_from_slice(&part[..length]);
        let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&read[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).unwrap().trim();
        if read.len() == end + 4 + length.parse::<usize>().unwrap() {
            return read.split_off(end + 4);
        }
    }
}
