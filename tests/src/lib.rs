//! What the tests of several crates share. The tests of the HTTP surface are in api/.

pub mod dns_server;
pub mod s3_server;
pub mod server_certificates;
pub mod smtp_server;
pub mod web_server;
