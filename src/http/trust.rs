//! The certificate authorities that servers are measured by: the platform's, read when the first server shows a
//! certificate.
//!
//! reqwest reads the whole store for each client it makes, some 4 ms of CPU a time, also for a client that only ever
//! speaks plain HTTP; and it makes none at all on a machine without a store. Here the store is read once for all
//! clients of the process, at the first TLS handshake. A store that cannot be read fails that handshake, and is tried
//! again at the next.
//!
//! *Invariant.* Nothing is judged here: every certificate and signature is handed to the platform's verifier.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

/// Judges certificates; made when it is first needed.
type Verifier = Arc<dyn ServerCertVerifier>;

/// What TLS connections of this process are made with. They share resumable sessions, too.
pub(super) fn tls() -> ClientConfig {
    static SHARED: OnceLock<ClientConfig> = OnceLock::new();
    SHARED.get_or_init(|| trusting(Late::new(platform))).clone()
}

/// As reqwest would make it, but for the verifier.
fn trusting(verifier: Late) -> ClientConfig {
    super::install_tls();
    let mut tls = ClientConfig::builder()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    tls.alpn_protocols = vec!["h2".into(), "http/1.1".into()];
    tls
}

fn platform() -> Result<Verifier, Error> {
    let verifier = rustls_platform_verifier::Verifier::new(Arc::new(ring::default_provider()))?;
    Ok(Arc::new(verifier))
}

/// A verifier that is not made before it is asked.
#[derive(Debug)]
struct Late {
    make: fn() -> Result<Verifier, Error>,
    made: OnceLock<Verifier>,
}

impl Late {
    fn new(make: fn() -> Result<Verifier, Error>) -> Self {
        Self { make, made: OnceLock::new() }
    }

    /// Two handshakes at once may make it twice; one of the two is kept.
    fn verifier(&self) -> Result<&Verifier, Error> {
        match self.made.get() {
            Some(made) => Ok(made),
            None => {
                let made = (self.make)()?;
                Ok(self.made.get_or_init(|| made))
            }
        }
    }
}

impl ServerCertVerifier for Late {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verifier()?.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier()?.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier()?.verify_tls13_signature(message, cert, dss)
    }

    /// Those of the provider that every verifier made here has.
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpListener};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use rustls::client::WebPkiServerVerifier;
    use rustls::pki_types::PrivateKeyDer;
    use rustls::pki_types::pem::PemObject;
    use rustls::{RootCertStore, ServerConfig, ServerConnection, Stream};

    use super::*;

    const CERTIFICATE: &[u8] = include_bytes!("../../tests/fixtures/tls/cert.pem");
    const KEY: &[u8] = include_bytes!("../../tests/fixtures/tls/key.pem");
    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";

    fn certificate() -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(CERTIFICATE).unwrap()
    }

    /// Says hello to everybody, until the test's process ends.
    fn server(tls: bool) -> SocketAddr {
        super::super::install_tls();
        let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
        let config =
            ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate()], key).unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut request = [0; 1_024];
                if tls {
                    let mut connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                    let mut stream = Stream::new(&mut connection, &mut stream);
                    // A client that does not believe the certificate hangs up here.
                    let heard = stream.read(&mut request);
                    if heard.is_ok() && stream.write_all(ANSWER).is_ok() {
                        stream.conn.send_close_notify();
                        stream.flush().ok();
                    }
                } else if stream.read(&mut request).is_ok() {
                    stream.write_all(ANSWER).ok();
                }
            }
        });
        address
    }

    async fn get(client: &reqwest::Client, url: String) -> Result<String, String> {
        let answer = match client.get(url).send().await {
            Ok(answer) => answer.text().await,
            Err(error) => Err(error),
        };
        answer.map_err(|error| {
            let mut causes = vec![error.to_string()];
            let mut next = error.source();
            while let Some(cause) = next {
                causes.push(cause.to_string());
                next = cause.source();
            }
            causes.join(": ")
        })
    }

    fn client(make: fn() -> Result<Verifier, Error>) -> reqwest::Client {
        super::super::with_tls(Duration::from_secs(10), trusting(Late::new(make))).build().unwrap()
    }

    fn ours() -> Result<Verifier, Error> {
        let mut roots = RootCertStore::empty();
        roots.add(certificate()).unwrap();
        Ok(WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::new(ring::default_provider()))
            .build()
            .unwrap())
    }

    #[tokio::test]
    async fn the_store_is_read_once_and_at_the_first_certificate() {
        static READ: AtomicUsize = AtomicUsize::new(0);
        let client = client(|| {
            READ.fetch_add(1, Ordering::Relaxed);
            ours()
        });
        let (plain, tls) = (server(false), server(true));
        assert_eq!(get(&client, format!("http://{plain}/")).await.unwrap(), "hello");
        assert_eq!(READ.load(Ordering::Relaxed), 0, "plain HTTP shows no certificate");
        for _ in 0..3 {
            assert_eq!(get(&client, format!("https://{tls}/")).await.unwrap(), "hello");
        }
        assert_eq!(READ.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_certificate_that_the_platform_does_not_know_is_refused() {
        let tls = server(true);
        let client = super::super::client(Duration::from_secs(10)).unwrap();
        let refused = get(&client, format!("https://{tls}/")).await.unwrap_err();
        assert!(refused.contains("certificate"), "{refused}");
    }

    #[tokio::test]
    async fn a_certificate_of_another_name_is_refused() {
        let tls = server(true);
        let client = client(ours);
        let listener = TcpListener::bind("127.0.0.2:0").unwrap();
        let elsewhere = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            // The same certificate, at an address that it does not name.
            for mut inbound in listener.incoming().flatten() {
                let mut outbound = std::net::TcpStream::connect(tls).unwrap();
                let (mut back, mut forth) = (outbound.try_clone().unwrap(), inbound.try_clone().unwrap());
                std::thread::spawn(move || std::io::copy(&mut back, &mut forth));
                std::io::copy(&mut inbound, &mut outbound).ok();
            }
        });
        let refused = get(&client, format!("https://{elsewhere}/")).await.unwrap_err();
        assert!(refused.contains("not valid for name"), "{refused}");
    }

    #[tokio::test]
    async fn without_a_store_plain_http_works_and_tls_says_what_is_missing() {
        static FAILS: AtomicUsize = AtomicUsize::new(0);
        let client = client(|| {
            if FAILS.fetch_add(1, Ordering::Relaxed) == 0 {
                return Err(Error::General("No CA certificates were loaded from the system".to_owned()));
            }
            ours()
        });
        let (plain, tls) = (server(false), server(true));
        assert_eq!(get(&client, format!("http://{plain}/")).await.unwrap(), "hello");
        let refused = get(&client, format!("https://{tls}/")).await.unwrap_err();
        assert!(refused.contains("No CA certificates"), "{refused}");
        assert_eq!(get(&client, format!("https://{tls}/")).await.unwrap(), "hello", "it is tried again");
    }
}
