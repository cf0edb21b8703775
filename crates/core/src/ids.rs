use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use uuid::{ContextV7, Timestamp, Uuid};

use crate::Clock;

macro_rules! id {
    ($(#[$meta:meta])* $name:ident, $format:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// Reads an id in the form in which the API prints it, whatever its case; `None` for anything else.
            pub fn parse(text: &str) -> Option<Self> {
                let id = Uuid::try_parse(text).ok()?;
                // `try_parse` also takes URNs, braces and the other length.
                (text.len() == id.$format().to_string().len()).then_some(Self(id))
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.$format().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.$format().fmt(f)
            }
        }
    };
}

id!(
    /// A certificate authority: 36 characters, `8-4-4-4-12` hexadecimal digits.
    CaId, hyphenated
);
id!(
    /// A private certificate: 36 characters, `8-4-4-4-12` hexadecimal digits.
    CertificateId, hyphenated
);
id!(
    /// An account (the vendor's "domain"): 32 hexadecimal digits. Every resource belongs to one.
    AccountId, simple
);
id!(
    /// A project of an account: 32 hexadecimal digits.
    ProjectId, simple
);
id!(
    /// A user of an account: 32 hexadecimal digits.
    UserId, simple
);

id!(
    /// An agency, by which an account lets this server use its buckets: 32 hexadecimal digits.
    AgencyId, simple
);
id!(
    /// A signing request of a server: 32 hexadecimal digits.
    SigningRequestId, simple
);
id!(
    /// A certificate of the API gateway: 32 hexadecimal digits.
    GatewayCertificateId, simple
);
id!(
    /// A domain name that an API gateway answers to: 32 hexadecimal digits.
    GatewayDomainId, simple
);
id!(
    /// A push of an SSL certificate, or a certificate in the embedded registry: 32 hexadecimal digits.
    PushId, simple
);
id!(
    /// A request to the API (`X-Request-Id`): 32 hexadecimal digits.
    RequestId, simple
);

/// Makes new ids. Those made by one server rise in the order in which they were made, so that they break ties between
/// resources created in the same millisecond.
#[derive(Clone)]
pub struct Ids {
    clock: Arc<dyn Clock>,
    context: Arc<Mutex<ContextV7>>,
}

impl Ids {
    /// Ids that carry the time of `clock` (RFC 9562 §5.7, UUID version 7).
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, context: Arc::new(Mutex::new(ContextV7::new())) }
    }

    /// A new id.
    pub fn next<T: From<Uuid>>(&self) -> T {
        let now_ms = self.clock.now_ms().max(0).unsigned_abs();
        let context = self.context.lock().unwrap_or_else(PoisonError::into_inner);
        let timestamp = Timestamp::from_unix(&*context, now_ms / 1000, (now_ms % 1000) as u32 * 1_000_000);
        T::from(Uuid::new_v7(timestamp))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ManualClock;

    #[test]
    fn only_the_printed_form_is_read() {
        let text = "66504812-fedc-414a-9b7c-4c1836398524";
        assert_eq!(CaId::parse(text).unwrap().to_string(), text);
        assert_eq!(CaId::parse(&text.to_uppercase()).unwrap().to_string(), text);
        assert!(AccountId::parse(text).is_none());
        assert!(CaId::parse(&text.replace('-', "")).is_none());
        for bad in ["", "missing", "{66504812-fedc-414a-9b7c-4c1836398524}", "66504812-fedc-414a-9b7c-4c183639852g"] {
            assert!(CaId::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn ids_rise_even_while_the_clock_stands_still() {
        let ids = Ids::new(Arc::new(ManualClock::at(1_700_000_000_000)));
        let made: Vec<CaId> = (0..1000).map(|_| ids.next()).collect();
        assert!(made.is_sorted());
        let texts: Vec<String> = made.iter().map(ToString::to_string).collect();
        assert!(texts.is_sorted_by(|a, b| a < b), "their texts must rise too, for the database sorts those");
    }
}
