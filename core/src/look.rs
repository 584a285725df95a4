//! Characters that a reader takes for others, or does not see at all.
//!
//! The table holds letters of the scripts that share shapes with Latin ones, by Unicode's list of confusable characters
//! (UTS 39). Letters that only some fonts draw alike are not in it.

/// For each letter, and for `-` and `<`, what looks like it. Full-width and mathematical letters are told by their number.
const ALIKE: &[(char, &str)] = &[
    ('a', "ɑαаᎪᗅꓮꭤ"),
    ('b', "ƄΒВЬᏏᏴᑲᖯᗷℬⲂꓐꞴ𝈇"),
    ('c', "ϲсᲃᴄℂℭⅽⲥꓚꮯ"),
    ('d', "ԁᎠᏧᑯᗞᗪⅅⅆⅾꓒꓓ𐆋"),
    ('e', "ΕеҽᎬ℮ℯℰⅇꓰꬲ"),
    ('f', "ſƒʄϜքᖴẝℱꓝꞙꬵ𐅾𝈓"),
    ('g', "ƍɡԌցᏀᏳᶃℊꓖ"),
    ('h', "ΗНһհᎻᏂᕼℋℌℍℎⲎꓧ"),
    ('i', "ıɩɪιіւℹⅈⅰⲓꙇꭵ"),
    ('j', "ȷϳјյᎫᒍⅉꓙꞲ"),
    ('k', "ΚКᏦᛕⲔꓗ"),
    ('l', "ƖǀΙІӏᏞᒪᛁᛐℐℑℒℓⅠⅼⲒⳐꓡꓲꞁꞮꟾ𝈪"),
    ('m', "ΜϺМՠᎷᗰᛖℳⅿⲘꓟ"),
    ('n', "ΝոռℕⲚꓠ𑪾"),
    ('o', "οσϭоօᲂᴏᴑℴⲟꓳꬽ"),
    ('p', "þƿρϱϸрᏢᑭℙⲣⳏꓑ"),
    ('q', "ԛգզℚ"),
    ('r', "ƦɌгᎡᏒᖇᴦℛℜℝⲅꓣꭇꭈꮁ𝈖"),
    ('s', "ƽѕՏᏕꓢꜱꮪ"),
    ('t', "ΤТᎢⲦꓔ"),
    ('u', "ʋυսᑌᴜꓴꞟꭎꭒ"),
    ('v', "νѵᐯᴠⅴꓦꮩ𝈍"),
    ('w', "ɯшѡԝաᴡⲽꓪꟺꮃꮤ𝈌"),
    ('x', "Χхᕁᕽ᙭᙮ᚷⅹⲬꓫꞳ"),
    ('y', "ɣʏΥγϒуүᎩᎽᶌỿℽⲩꓬꭚ"),
    ('z', "Ζᴢℤℨⱬⲍꓜꮓ𐋵𑪼"),
    ('-', "˗‐‑‒–⁃−➖ⲻ﹘﹣𐆑—―"),
    ('<', "˂ᐸᚲ‹❮﹤𝈶"),
];

/// What a character looks like: a lower-case Latin letter, `-` or `<` where it is drawn as one, else the character
/// itself in lower case.
pub fn look(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    let number = u32::from(c);
    let by_number = match number {
        0xff01..=0xff5e => char::from_u32(number - 0xfee0).map(|c| c.to_ascii_lowercase()),
        // Each style has the capital letters, then the small ones.
        0x1d400..=0x1d6a3 => char::from_u32((number - 0x1d400) % 26 + u32::from('a')),
        _ => None,
    };
    by_number.or_else(|| drawn_as(c)).unwrap_or_else(|| {
        let lower = c.to_lowercase().next().unwrap_or(c);
        drawn_as(lower).unwrap_or(lower)
    })
}

fn drawn_as(c: char) -> Option<char> {
    ALIKE.iter().find(|(_, alike)| alike.contains(c)).map(|(letter, _)| *letter)
}

/// Characters that change the direction of text around them.
pub fn is_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
}

/// Characters that a reader does not see: those that Unicode lets a program ignore, and marks of direction.
pub fn is_invisible(c: char) -> bool {
    is_direction(c)
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_scripts_letters_look_like_ours() {
        for (text, alike) in [
            ("system", "\u{455}\u{443}\u{455}t\u{435}m"),
            ("system", "\u{ff53}\u{ff39}\u{ff33}\u{ff54}\u{ff45}\u{ff4d}"),
            ("system", "\u{1d42c}\u{1d432}\u{1d42c}\u{1d42d}\u{1d41e}\u{1d426}"),
            ("<-<", "\u{ff1c}\u{2011}\u{2039}"),
        ] {
            assert_eq!(alike.chars().map(look).collect::<String>(), text);
        }
        assert_eq!("\u{524d}\u{7aef}\u{e9}".chars().map(look).collect::<String>(), "\u{524d}\u{7aef}\u{e9}");
    }

    #[test]
    fn what_nobody_sees_is_known() {
        for c in ['\u{200b}', '\u{3164}', '\u{fe0f}', '\u{202e}', '\u{e0041}'] {
            assert!(is_invisible(c), "{c:?}");
        }
        assert!(!is_invisible(' ') && !is_invisible('a'));
    }
}
