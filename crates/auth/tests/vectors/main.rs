//! Request signatures, against 115 requests captured from the official Python SDK and the Terraform provider.

#![allow(clippy::unwrap_used)]

mod captured;
mod odd_input;
mod request;
mod rules;
