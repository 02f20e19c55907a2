//! Nothing is typed into the caller's terminal, whatever bits are set beside the request's number.

use crate::installed::Installed;

#[test]
fn nothing_is_typed_into_a_terminal() {
    let app = Installed::merged();
    for probe in ["tiocsti", "tiocsti-high-bits", "tiocsetd"] {
        app.refuses(&[probe], "EPERM", "dev.tty.legacy_tiocsti");
        assert_eq!(Installed::plain().inside(&[probe]), "EPERM", "{probe}");
    }
}
