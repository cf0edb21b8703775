//! Pictures of documents of an organization, for whoever approves its application.

use openccm_core::{Invalid, SslOperation, Subject};
use openccm_store::{Session, ssl_orders};

use super::{change, lifecycle::find_for};
use crate::{Caller, Error, OpenCcm};

/// The largest picture, in bytes.
const PICTURE_LIMIT: usize = 5 * 1024 * 1024;

/// A document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureKind {
    /// The bank permit.
    BankPermit,
    /// The business licence.
    BusinessLicence,
}

impl PictureKind {
    /// Reads the kind as the API writes it, whatever its case.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_uppercase().as_str() {
            "BL" => Some(Self::BankPermit),
            "TL" => Some(Self::BusinessLicence),
            _ => None,
        }
    }

    /// As the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BankPermit => "BL",
            Self::BusinessLicence => "TL",
        }
    }
}

/// The media type of a picture by its first bytes; none where it is none that is accepted.
fn media_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => Some("image/bmp"),
        [b'%', b'P', b'D', b'F', b'-', ..] => Some("application/pdf"),
        _ => None,
    }
}

/// Keeps a picture, sealed, in the place of the one of its kind that was there.
///
/// # Errors
/// One of more than 5 MiB ([`Subject::FileSize`]), or that is neither PNG, JPEG, GIF, BMP nor PDF; a status that does not
/// allow it.
pub async fn upload_picture(
    ccm: &OpenCcm,
    caller: &Caller,
    id: &str,
    kind: PictureKind,
    bytes: &[u8],
) -> Result<(), Error> {
    let mut session = ccm.database().write().await?;
    let (row, status) = find_for(ccm, &mut session, caller, id, SslOperation::UploadPicture).await?;
    change(ccm, &mut session, &row, status, status).await?;
    if bytes.len() > PICTURE_LIMIT {
        return Err(Invalid::new(Subject::FileSize, "body", "must not be larger than 5 MiB").into());
    }
    let media_type = media_type(bytes)
        .ok_or_else(|| Invalid::new(Subject::Parameter, "body", "must be a picture: PNG, JPEG, GIF, BMP or PDF"))?;
    let picture = ssl_orders::Picture {
        kind: kind.as_str().to_owned(),
        media_type: media_type.to_owned(),
        sealed: ccm.keys().seal(&identity(id, kind.as_str()), bytes)?,
    };
    ssl_orders::set_picture(&mut session, id, &picture, ccm.now_ms()).await?;
    Ok(session.commit().await?)
}

fn identity(id: &str, kind: &str) -> String {
    format!("ssl-picture:{kind}:{id}")
}

/// The picture of this kind, opened: its media type and its bytes.
pub(super) async fn find_picture(
    ccm: &OpenCcm,
    session: &mut Session,
    id: &str,
    kind: &str,
) -> Result<Option<(String, Vec<u8>)>, Error> {
    let Some(picture) = ssl_orders::find_picture(session, id, kind).await? else { return Ok(None) };
    let bytes = ccm.keys().open(&identity(id, kind), &picture.sealed)?;
    Ok(Some((picture.media_type, bytes.to_vec())))
}
