//! A certificate authority of the test's own, certificates with flaws, and a server that speaks TLS.

use crate::http::message;
use crate::server::Talk;
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};
use std::io::Write;
use std::sync::{Arc, Mutex};

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Flaw {
    None,
    Expired,
    NotYet,
    OtherName,
    /// Good for clients alone.
    NoServer,
    /// Signed by somebody whom nobody trusts.
    OtherAuthority,
    SelfSigned,
}

pub(crate) const FLAWS: [Flaw; 6] =
    [Flaw::Expired, Flaw::NotYet, Flaw::OtherName, Flaw::NoServer, Flaw::OtherAuthority, Flaw::SelfSigned];

/// Who signs.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate, for `SSL_CERT_FILE`.
    pub(crate) pem: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::<String>::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A server for these names, with that flaw.
    pub(crate) fn server(&self, names: &[&str], flaw: Flaw) -> Arc<ServerConfig> {
        let names: Vec<String> = match flaw {
            Flaw::OtherName => vec!["other.hostile.test".to_owned()],
            _ => names.iter().map(|name| (*name).to_owned()).collect(),
        };
        let mut params = CertificateParams::new(names).expect("parameters");
        params.extended_key_usages = vec![match flaw {
            Flaw::NoServer => ExtendedKeyUsagePurpose::ClientAuth,
            _ => ExtendedKeyUsagePurpose::ServerAuth,
        }];
        match flaw {
            Flaw::Expired => params.not_after = date_time_ymd(2020, 1, 1),
            Flaw::NotYet => params.not_before = date_time_ymd(4000, 1, 1),
            _ => {}
        }
        let key = KeyPair::generate().expect("a key");
        let certificate = match flaw {
            Flaw::SelfSigned => params.self_signed(&key),
            Flaw::OtherAuthority => params.signed_by(&key, &Self::new().issuer),
            _ => params.signed_by(&key, &self.issuer),
        };
        let chain = vec![certificate.expect("a certificate").der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a server");
        // An offer that no client of ours may take.
        config.max_early_data_size = 16_384;
        Arc::new(config)
    }
}

/// Requests that came through TLS in the clear.
pub(crate) type Heard = Arc<Mutex<Vec<Vec<u8>>>>;

/// Shakes hands, reads one request and answers it.
pub(crate) fn serve(
    config: &Arc<ServerConfig>,
    talk: &mut Talk,
    heard: &Heard,
    answer: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
) {
    let mut session = ServerConnection::new(config.clone()).expect("a session");
    let mut stream = Stream::new(&mut session, talk);
    let Some(request) = message(&mut stream) else { return };
    heard.lock().expect("heard").push(request.clone());
    if let Some(bytes) = answer(&request) {
        let _ = stream.write_all(&bytes);
        stream.conn.send_close_notify();
        let _ = stream.flush();
    }
}
