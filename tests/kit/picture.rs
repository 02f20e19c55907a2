//! A picture of a screen: is anything on it, and has it changed.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use anyhow::{Context, Result};

/// Pixels, three bytes each: red, green, blue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// In pixels.
    pub width: usize,
    /// In pixels.
    pub height: usize,
    /// Row by row.
    pub pixels: Vec<[u8; 3]>,
}

impl Picture {
    /// Whether there is nothing to be seen.
    pub fn is_one_colour(&self) -> bool {
        self.pixels.windows(2).all(|two| two[0] == two[1])
    }

    /// How many colours there are.
    pub fn colours(&self) -> usize {
        self.pixels.iter().collect::<std::collections::HashSet<_>>().len()
    }

    /// How many pixels are not the same in both; all, if the sizes differ.
    pub fn differences(&self, other: &Self) -> usize {
        if (self.width, self.height) != (other.width, other.height) {
            return self.pixels.len().max(other.pixels.len());
        }
        self.pixels.iter().zip(&other.pixels).filter(|(a, b)| a != b).count()
    }

    /// Writes a PNG file.
    pub fn save(&self, path: &Path) -> Result<()> {
        let file = File::create(path).with_context(|| format!("writing {}", path.display()))?;
        let mut encoder =
            png::Encoder::new(BufWriter::new(file), u32::try_from(self.width)?, u32::try_from(self.height)?);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        Ok(encoder.write_header()?.write_image_data(self.pixels.as_flattened())?)
    }

    /// Pixels of 32 bits as an X server of depth 24 gives them: blue, green, red, nothing.
    pub(crate) fn from_x(width: usize, height: usize, data: &[u8]) -> Self {
        let pixels = data.chunks_exact(4).map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect();
        Self { width, height, pixels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_colour_is_nothing_to_see() {
        let mut picture = Picture::from_x(2, 2, &[1, 2, 3, 0].repeat(4));
        assert_eq!(picture.pixels[0], [3, 2, 1]);
        assert!(picture.is_one_colour());
        let before = picture.clone();
        picture.pixels[3] = [0, 0, 0];
        assert!(!picture.is_one_colour());
        assert_eq!((picture.colours(), picture.differences(&before)), (2, 1));
    }
}
