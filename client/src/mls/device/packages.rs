//! Key packages: those of this device, and what is looked at in those of peers.

use std::time::Duration;

use openmls::prelude::{
    Capabilities, ExtensionType, KeyPackage, Lifetime, MlsMessageBodyIn, MlsMessageIn,
    MlsMessageOut, OpenMlsProvider, ProtocolVersion,
    tls_codec::{DeserializeBytes as _, Serialize as _},
};
use openmls_traits::storage::StorageProvider as _;
use tebdil_protocol::time::Timestamp;

use super::{Device, MlsError, SUITE, check_credential};
use crate::mls::snapshot::StoredPackage;

/// How long a key package is good for.
const LIFETIME: Duration = Duration::from_hours(28 * 24);

/// How far two clocks may be apart; a package is valid from so long before it was made.
const SKEW: Duration = Duration::from_hours(1);

impl Device {
    /// `count` fresh one-time key packages for the server, valid for 28 days; their private parts
    /// stay here. Forgets expired ones.
    pub fn key_packages(&mut self, count: usize) -> Result<Vec<Vec<u8>>, MlsError> {
        self.forget_expired_packages()?;
        (0..count)
            .map(|_| self.key_package(false, LIFETIME))
            .collect()
    }

    /// A package that the server may hand out again when the one-time ones are used up.
    pub fn last_resort_package(&mut self) -> Result<Vec<u8>, MlsError> {
        self.key_package(true, LIFETIME)
    }

    /// Whether the last-resort package should be replaced: there is none, or half of its life is
    /// over.
    pub fn needs_last_resort(&self) -> bool {
        let half_life = seconds(self.clock.now() + LIFETIME / 2);
        !self
            .packages
            .iter()
            .any(|package| package.last_resort && package.not_after > half_life)
    }

    fn key_package(&mut self, last_resort: bool, life: Duration) -> Result<Vec<u8>, MlsError> {
        let now = self.clock.now();
        let lifetime = Lifetime::init(seconds(now - SKEW), seconds(now + life));
        let mut builder = KeyPackage::builder().key_package_lifetime(lifetime);
        if last_resort {
            let capabilities = Capabilities::builder()
                .extensions(vec![ExtensionType::LastResort])
                .build();
            builder = builder
                .leaf_node_capabilities(capabilities)
                .mark_as_last_resort();
        }
        let bundle = builder
            .build(SUITE, &self.provider, &self.signer, self.credential())
            .map_err(MlsError::internal)?;
        let hash_ref = bundle
            .key_package()
            .hash_ref(self.provider.crypto())
            .map_err(MlsError::internal)?;
        self.packages.push(StoredPackage {
            hash_ref,
            not_after: lifetime.not_after(),
            last_resort,
        });
        MlsMessageOut::from(bundle.into_key_package())
            .tls_serialize_detached()
            .map_err(MlsError::internal)
    }

    pub(super) fn forget_expired_packages(&mut self) -> Result<(), MlsError> {
        let now = seconds(self.clock.now());
        let (kept, expired) = std::mem::take(&mut self.packages)
            .into_iter()
            .partition(|package| package.not_after > now);
        self.packages = kept;
        for package in expired {
            self.provider
                .storage()
                .delete_key_package(&package.hash_ref)
                .map_err(MlsError::internal)?;
        }
        Ok(())
    }

    /// A key package of the peer, after every check: signature, suite, credential, lifetime of at
    /// most 28 days that covers now.
    pub(super) fn validated(&self, bytes: &[u8]) -> Result<KeyPackage, MlsError> {
        let message = MlsMessageIn::tls_deserialize_exact_bytes(bytes)
            .map_err(|_| MlsError::KeyPackage("not an MLS message"))?;
        let MlsMessageBodyIn::KeyPackage(package) = message.extract() else {
            return Err(MlsError::KeyPackage("not a key package"));
        };
        let package = package
            .validate(self.provider.crypto(), ProtocolVersion::Mls10)
            .map_err(|_| MlsError::KeyPackage("signature, extensions or lifetime"))?;
        if package.ciphersuite() != SUITE {
            return Err(MlsError::KeyPackage("another cipher suite"));
        }
        check_credential(package.leaf_node().credential())
            .map_err(|()| MlsError::KeyPackage("not a basic credential"))?;
        let (from, until, now) = (
            package.life_time().not_before(),
            package.life_time().not_after(),
            seconds(self.clock.now()),
        );
        if until.saturating_sub(from) > (LIFETIME + SKEW).as_secs() {
            return Err(MlsError::KeyPackage("valid for more than 28 days"));
        }
        if now >= until || now + SKEW.as_secs() < from {
            return Err(MlsError::KeyPackage("not valid now"));
        }
        Ok(package)
    }

    #[cfg(test)]
    pub(in crate::mls) fn package_with_lifetime(&mut self, life: Duration) -> Vec<u8> {
        self.key_package(false, life).expect("package")
    }
}

fn seconds(time: Timestamp) -> u64 {
    u64::try_from(time.seconds()).unwrap_or(0)
}
