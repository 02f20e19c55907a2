//! What a payload or a file of metadata is packed with, and unpacking it in bounded memory.

use std::io::{BufRead, BufReader, Read};

use super::RpmError;

/// Largest window or dictionary, in bytes: what `xz -9` uses, and more than `zstd -19`.
const MAX_WINDOW_LOG: u32 = 26;
/// What xz may take besides its dictionary, in bytes.
const MAX_MEMORY: u64 = (1 << MAX_WINDOW_LOG) + (4 << 20);

/// A compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compressor {
    None,
    Gzip,
    Bzip2,
    Lzma,
    Xz,
    Zstd,
}

impl Compressor {
    /// By the name that headers give it.
    pub(super) fn from_name(name: &str) -> Result<Self, RpmError> {
        Ok(match name {
            "none" | "identity" | "uncompressed" => Self::None,
            "gzip" => Self::Gzip,
            "bzip2" => Self::Bzip2,
            "lzma" => Self::Lzma,
            "xz" => Self::Xz,
            "zstd" => Self::Zstd,
            other => {
                let other = aril_model::printable(other);
                return Err(RpmError::Feature(format!("a payload packed with {other}")));
            }
        })
    }

    /// By the end of a file's name.
    pub(crate) fn from_extension(path: &str) -> Option<Self> {
        Some(match path.rsplit_once('.')?.1 {
            "gz" => Self::Gzip,
            "bz2" => Self::Bzip2,
            "xz" => Self::Xz,
            "zst" => Self::Zstd,
            "xml" | "yaml" => Self::None,
            _ => return None,
        })
    }

    /// A reader of what is packed in another.
    pub(crate) fn unpack<'a>(
        self,
        packed: impl Read + Send + 'a,
    ) -> std::io::Result<Box<dyn Read + Send + 'a>> {
        let packed = BufReader::with_capacity(64 << 10, packed);
        Ok(match self {
            Self::None => Box::new(packed),
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
            Self::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(packed)),
            Self::Lzma => {
                let stream = liblzma::stream::Stream::new_lzma_decoder(MAX_MEMORY)?;
                Box::new(liblzma::bufread::XzDecoder::new_stream(packed, stream))
            }
            Self::Xz => {
                let flags = liblzma::stream::CONCATENATED;
                let stream = liblzma::stream::Stream::new_stream_decoder(MAX_MEMORY, flags)?;
                Box::new(liblzma::bufread::XzDecoder::new_stream(packed, stream))
            }
            Self::Zstd => Box::new(zstd_reader(packed)?),
        })
    }
}

fn zstd_reader<'a, R: BufRead + Send + 'a>(packed: R) -> std::io::Result<impl Read + Send + 'a> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)?;
    decoder.window_log_max(MAX_WINDOW_LOG)?;
    Ok(decoder)
}
