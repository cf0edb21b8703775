//! Asking a server which certificate it serves.

use std::{sync::Arc, time::Duration};

use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::{net::TcpStream, time::Instant};
use tokio_rustls::TlsConnector;

use super::{options::ProbeOptions, text::bounded};

/// The longest that one look may take.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait after the first look in vain; twice as long after each further one.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Looks until the server serves `certificate` (DER) under one of `domains`, or patience ends. `Err` says what was seen last.
pub(super) async fn wait_until_served(
    options: &ProbeOptions,
    domains: &[String],
    certificate: &[u8],
) -> Result<(), String> {
    let end = Instant::now() + options.patience;
    let mut wait = FIRST_WAIT;
    loop {
        let seen = match tokio::time::timeout(LOOK_TIMEOUT, look(&options.address, domains)).await {
            Ok(Ok(served)) if served == certificate => return Ok(()),
            Ok(Ok(_)) => "another certificate is served".to_owned(),
            Ok(Err(reason)) => reason,
            Err(_) => "no handshake in time".to_owned(),
        };
        if Instant::now() + wait >= end {
            return Err(bounded(&seen));
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// The certificate (DER) that the server at `address` presents for the first of `domains`.
async fn look(address: &str, domains: &[String]) -> Result<Vec<u8>, String> {
    // Of a wildcard, any name will do.
    let name = domains.first().map(|domain| domain.replace("*.", "www.")).unwrap_or_default();
    let name = ServerName::try_from(name).map_err(|error| error.to_string())?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.map_err(|error| format!("cannot be reached: {error}"))?;
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connector.connect(name, stream).await.map_err(|error| format!("no handshake: {error}"))?;
    let presented = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    presented.map(|leaf| leaf.to_vec()).ok_or_else(|| "no certificate is presented".to_owned())
}

/// Takes any certificate, whoever issued it: it is only compared with the one that was pushed. That the server has the key
/// is still verified.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
