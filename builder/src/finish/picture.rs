//! Pictures in X's own format, as older apps have them in `pixmaps`, made into PNG.
//!
//! Source: the XPM Manual by Arnaud Le Hors, version 3.4.

use std::collections::HashMap;

const MAX_SIDE: usize = 512;
const MAX_COLORS: usize = 4096;

/// Turns a picture into PNG; `None` when it is none, too large, or uses a colour by an unknown name.
pub(super) fn xpm_to_png(bytes: &[u8]) -> Option<((u32, u32), Vec<u8>)> {
    let text = std::str::from_utf8(bytes).ok()?;
    if !text.trim_start().starts_with("/* XPM */") {
        return None;
    }
    let mut lines = strings(text).into_iter();
    let header: Vec<usize> = lines.next()?.split_whitespace().map_while(|word| word.parse().ok()).collect();
    let [width, height, colors, letters] = *header.first_chunk::<4>()?;
    let sound =
        (1..=MAX_SIDE).contains(&width) && (1..=MAX_SIDE).contains(&height) && (1..=4).contains(&letters);
    if !sound || colors == 0 || colors > MAX_COLORS {
        return None;
    }
    let mut palette: HashMap<Vec<u8>, [u8; 4]> = HashMap::new();
    for line in lines.by_ref().take(colors) {
        let (key, rest) = line.as_bytes().split_at_checked(letters)?;
        palette.insert(key.to_vec(), color(std::str::from_utf8(rest).ok()?)?);
    }
    let mut pixels = Vec::with_capacity(width * height * 4);
    for line in lines.take(height) {
        let row = line.as_bytes().get(..width * letters)?;
        for key in row.chunks_exact(letters) {
            pixels.extend(palette.get(key)?);
        }
    }
    if pixels.len() != width * height * 4 {
        return None;
    }
    let size = (u32::try_from(width).ok()?, u32::try_from(height).ok()?);
    Some((size, encode(size, &pixels)?))
}

fn encode(size: (u32, u32), pixels: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, size.0, size.1);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(pixels).ok()?;
    writer.finish().ok()?;
    Some(out)
}

/// The texts between quotes.
fn strings(text: &str) -> Vec<&str> {
    text.split('"').skip(1).step_by(2).take(MAX_COLORS + MAX_SIDE + 16).collect()
}

/// The colour that a line of the palette gives for displays with colours.
fn color(line: &str) -> Option<[u8; 4]> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let at = words.iter().position(|word| *word == "c")?;
    let value: Vec<&str> =
        words[at + 1..].iter().copied().take_while(|word| !matches!(*word, "m" | "g" | "g4" | "s")).collect();
    let name = value.join("").to_ascii_lowercase();
    if name == "none" {
        return Some([0, 0, 0, 0]);
    }
    if let Some(hex) = name.strip_prefix('#') {
        let width = hex.len() / 3;
        if !hex.is_ascii() || !matches!(hex.len(), 3 | 6 | 12) {
            return None;
        }
        let part = |index: usize| {
            let digits = &hex[index * width..(index + 1) * width];
            let digits = if width == 1 { digits.repeat(2) } else { digits[..2].to_owned() };
            u8::from_str_radix(&digits, 16).ok()
        };
        return Some([part(0)?, part(1)?, part(2)?, 255]);
    }
    named(&name)
}

/// The names of X's colour table that icons use.
fn named(name: &str) -> Option<[u8; 4]> {
    if let Some(percent) = name.strip_prefix("gray").or_else(|| name.strip_prefix("grey"))
        && let Ok(percent) = percent.parse::<u16>()
        && percent <= 100
    {
        let level = u8::try_from((percent * 255 + 50) / 100).ok()?;
        return Some([level, level, level, 255]);
    }
    let [red, green, blue] = match name {
        "black" => [0, 0, 0],
        "white" => [255, 255, 255],
        "red" => [255, 0, 0],
        "green" => [0, 255, 0],
        "blue" => [0, 0, 255],
        "yellow" => [255, 255, 0],
        "cyan" => [0, 255, 255],
        "magenta" => [255, 0, 255],
        "gray" | "grey" => [190, 190, 190],
        "lightgray" | "lightgrey" => [211, 211, 211],
        "darkgray" | "darkgrey" => [169, 169, 169],
        "dimgray" | "dimgrey" => [105, 105, 105],
        "orange" => [255, 165, 0],
        "brown" => [165, 42, 42],
        "navy" | "navyblue" => [0, 0, 128],
        "skyblue" => [135, 206, 235],
        "steelblue" => [70, 130, 180],
        "forestgreen" => [34, 139, 34],
        "gold" => [255, 215, 0],
        "tan" => [210, 180, 140],
        "wheat" => [245, 222, 179],
        "pink" => [255, 192, 203],
        "purple" => [160, 32, 240],
        "violet" => [238, 130, 238],
        "maroon" => [176, 48, 96],
        "turquoise" => [64, 224, 208],
        _ => return None,
    };
    Some([red, green, blue, 255])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "/* XPM */\nstatic char *x[] = {\n\"2 2 3 1\",\n\"  c None\",\n\". c #ff0000\",\n\"+ m white c gray50 s x\",\n\" .\",\n\"+.\"};\n";

    #[test]
    fn small() {
        let (size, png) = xpm_to_png(SMALL.as_bytes()).unwrap();
        assert_eq!(size, (2, 2));
        let mut reader = png::Decoder::new(std::io::Cursor::new(&png)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels, [0, 0, 0, 0, 255, 0, 0, 255, 128, 128, 128, 255, 255, 0, 0, 255]);
        assert_eq!(color("c #fff"), Some([255, 255, 255, 255]));
        assert_eq!(color("c #ffff00000000"), Some([255, 0, 0, 255]));
    }

    #[test]
    fn damaged() {
        let wrong = [
            "",
            "/* XPM */",
            "/* XPM */\"1 1 1 1\"",
            "/* XPM */\"99999 1 1 1\"\"x c red\"\"x\"",
            "/* XPM */\"1 1 1 1\"\"x c nonsense\"\"x\"",
            "/* XPM */\"1 1 1 1\"\"ä c red\"\"x\"",
            "/* XPM */\"1 1 1 1\"\"x c #ä1\"\"x\"",
        ];
        for text in wrong {
            assert_eq!(xpm_to_png(text.as_bytes()), None, "{text}");
        }
        assert_eq!(xpm_to_png(&SMALL.as_bytes()[..60]), None);
    }
}
