//! Keys that live in a cloud's key management and never leave it: the cloud is given a digest and gives a signature.
//!
//! It gives `r` and `s` in DER without saying which of two keys it was; alloy takes the lower `s` and finds the parity
//! by recovering. Who may use the key is the cloud's to say; we use the credentials that its own libraries find.

use std::pin::Pin;

use super::{CLOUD_WAIT_MAX, KeySigner, SignerError};
use crate::domain::text::chain_of;

#[cfg(feature = "aws-kms")]
const AWS_REMEDY: &str = "check the credentials (`aws sts get-caller-identity`), the region, and that the key allows kms:GetPublicKey and kms:Sign";

#[cfg(feature = "gcp-kms")]
const GCP_REMEDY: &str = "check the credentials (`gcloud auth application-default print-access-token`), and that the account has roles/cloudkms.signerVerifier on the key";

/// What a cloud's library does to open a key. Boxed: its futures are nested deeper than the compiler looks.
type Opening<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// Opens a key, and no longer than that.
async fn opened<T, E: std::error::Error>(
    name: &'static str,
    remedy: &'static str,
    opening: Opening<T, E>,
) -> Result<T, SignerError> {
    match tokio::time::timeout(CLOUD_WAIT_MAX, opening).await {
        Ok(Ok(signer)) => Ok(signer),
        Ok(Err(error)) => Err(SignerError::Away { name, problem: chain_of(&error), remedy }),
        Err(_) => {
            let problem = format!("no answer within {} s", CLOUD_WAIT_MAX.as_secs());
            Err(SignerError::Away { name, problem, remedy })
        }
    }
}

#[cfg(feature = "aws-kms")]
impl KeySigner {
    /// Finds a key in AWS KMS.
    ///
    /// # Errors
    /// When it is away, unknown or not ours.
    pub async fn aws_kms(key: &super::AwsKmsKey) -> Result<Self, SignerError> {
        use alloy::signers::aws::aws_config::{BehaviorVersion, Region, defaults};
        use alloy::signers::aws::{AwsSigner, aws_sdk_kms};
        use aws_smithy_http_client::Builder;
        use aws_smithy_http_client::tls::Provider;
        use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

        crate::http::install_tls();
        let key = key.clone();
        let opening = Box::pin(async move {
            let https = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
            let mut loader = defaults(BehaviorVersion::latest()).http_client(https);
            if let Some(region) = &key.region {
                loader = loader.region(Region::new(region.clone()));
            }
            if let Some(endpoint) = &key.endpoint {
                loader = loader.endpoint_url(endpoint.as_str());
            }
            let client = aws_sdk_kms::Client::new(&loader.load().await);
            AwsSigner::new(client, key.key_id, None).await
        });
        let signer = opened("AWS KMS", AWS_REMEDY, opening).await?;
        let address = alloy::signers::Signer::address(&signer);
        Ok(Self { address, backend: super::Backend::AwsKms(Box::new(signer)).into() })
    }
}

#[cfg(feature = "gcp-kms")]
impl KeySigner {
    /// Finds a key in GCP KMS.
    ///
    /// # Errors
    /// When it is away, unknown or not ours.
    pub async fn gcp_kms(key: &super::GcpKmsKey) -> Result<Self, SignerError> {
        use alloy::signers::gcp::gcloud_sdk::GoogleApi;
        use alloy::signers::gcp::gcloud_sdk::google::cloud::kms::v1::key_management_service_client::KeyManagementServiceClient;
        use alloy::signers::gcp::{GcpKeyRingRef, GcpSigner, KeySpecifier};

        crate::http::install_tls();
        let ring = GcpKeyRingRef::new(&key.project, &key.location, &key.ring);
        let specifier = KeySpecifier::new(ring, &key.key, key.version);
        let connecting = GoogleApi::from_function(
            KeyManagementServiceClient::new,
            "https://cloudkms.googleapis.com",
            None,
        );
        let client = opened("GCP KMS", GCP_REMEDY, Box::pin(connecting)).await?;
        let signer = opened("GCP KMS", GCP_REMEDY, Box::pin(GcpSigner::new(client, specifier, None))).await?;
        let address = alloy::signers::Signer::address(&signer);
        Ok(Self { address, backend: super::Backend::GcpKms(Box::new(signer)).into() })
    }
}
