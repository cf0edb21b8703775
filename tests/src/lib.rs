//! What the tests of several crates share. The tests of the HTTP surface are in api/.

pub mod s3_server;
