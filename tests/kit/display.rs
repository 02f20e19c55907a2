//! A private X server without a screen, for windows of the programs under test.
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! use aril_tests::{display::Display, home::TestHome};
//! let home = TestHome::new()?;
//! let display = Display::start(&home)?; // sets DISPLAY and XAUTHORITY for programs that are started in `home` afterwards
//! let _clock = home.start(["aril", "run", "local.rpm.xclock"])?;
//! let window = display.wait_for_window("xclock")?;
//! assert!(!display.picture_of(&window)?.is_one_colour());
//! # Ok(()) }
//! ```

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ConfigureWindowAux, ConnectionExt as _, ImageFormat, MapState,
    Window as WindowId,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::{DefaultStream, RustConnection};

use crate::home::TestHome;
use crate::keeper::Running;
use crate::picture::Picture;

const AUTHORITY: &[u8] = b"MIT-MAGIC-COOKIE-1";

/// How long a window may take to appear.
const PATIENCE: Duration = Duration::from_secs(60);

/// An X server of its own, 1280 by 800 pixels; it ends with the value.
#[derive(Debug)]
pub struct Display {
    _server: Running,
    number: u32,
    authority: PathBuf,
    connection: RustConnection,
    root: WindowId,
}

/// A window that a program shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The server's number for it.
    pub id: WindowId,
    /// What its bar would say.
    pub title: String,
    /// The program's name for itself: instance and class.
    pub class: String,
    /// Left and top on the screen, width and height, in pixels.
    pub place: (i16, i16, u16, u16),
}

impl Display {
    /// Starts the server as the user of `home`, and sets `DISPLAY` and `XAUTHORITY` there.
    pub fn start(home: &TestHome) -> Result<Self> {
        let cookie = cookie()?;
        let authority = home.run_dir().join("Xauthority");
        write_authority(&authority, &cookie)?;
        home.user().own(&authority)?;
        let mut command =
            home.command("Xvfb").context("an X server (Debian: xvfb; Fedora: xorg-x11-server-Xvfb)")?;
        command.args([
            "-displayfd",
            "1",
            "-screen",
            "0",
            "1280x800x24",
            "-nolisten",
            "tcp",
            "-noreset",
            "-auth",
        ]);
        command.arg(&authority).stdout(Stdio::piped()).stderr(Stdio::null()).stdin(Stdio::null());
        let mut server = Running::start(command)?;
        let number = read_number(&mut server)?;
        let (connection, root) = connect(number, &cookie)?;
        home.set("DISPLAY", format!(":{number}"));
        home.set("XAUTHORITY", &authority);
        Ok(Self { _server: server, number, authority, connection, root })
    }

    /// `:7` for 7.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The socket that programs connect to.
    pub fn socket(&self) -> PathBuf {
        socket_of(self.number)
    }

    /// Sets the variables for a program that is not started in the home.
    pub fn set(&self, command: &mut Command) {
        command.env("DISPLAY", format!(":{}", self.number)).env("XAUTHORITY", &self.authority);
    }

    /// All windows that are shown and have a title.
    pub fn windows(&self) -> Result<Vec<Window>> {
        let mut found = Vec::new();
        let mut todo = vec![self.root];
        while let Some(id) = todo.pop() {
            // A window may go while we look: then it is no window any more.
            let Ok(tree) = self.connection.query_tree(id)?.reply() else { continue };
            todo.extend(tree.children);
            if let Ok(Some(window)) = self.window(id) {
                found.push(window);
            }
        }
        Ok(found)
    }

    fn window(&self, id: WindowId) -> Result<Option<Window>> {
        if id == self.root
            || self.connection.get_window_attributes(id)?.reply()?.map_state != MapState::VIEWABLE
        {
            return Ok(None);
        }
        let named = self.connection.intern_atom(false, b"_NET_WM_NAME")?.reply()?.atom;
        let mut title = self.text(id, named)?;
        if title.is_empty() {
            title = self.text(id, AtomEnum::WM_NAME.into())?;
        }
        if title.is_empty() {
            return Ok(None);
        }
        let class = self.text(id, AtomEnum::WM_CLASS.into())?.trim_end_matches('\0').replace('\0', " ");
        let size = self.connection.get_geometry(id)?.reply()?;
        let at = self.connection.translate_coordinates(id, self.root, 0, 0)?.reply()?;
        Ok(Some(Window { id, title, class, place: (at.dst_x, at.dst_y, size.width, size.height) }))
    }

    fn text(&self, id: WindowId, property: u32) -> Result<String> {
        let reply = self.connection.get_property(false, id, property, AtomEnum::ANY, 0, 1024)?.reply()?;
        Ok(String::from_utf8_lossy(&reply.value).into_owned())
    }

    /// The window whose title contains `title`, as soon as it is shown.
    pub fn wait_for_window(&self, title: &str) -> Result<Window> {
        self.wait_for_window_while(title, || Ok(true))
    }

    /// The same, as long as there is hope: `may_come` says that the window may still come.
    pub fn wait_for_window_while(
        &self,
        title: &str,
        mut may_come: impl FnMut() -> Result<bool>,
    ) -> Result<Window> {
        let found = self.wait(title, |windows| {
            let window = windows.iter().find(|window| window.title.contains(title)).cloned();
            match may_come() {
                _ if window.is_some() => Ok(window),
                Ok(true) => Ok(None),
                Ok(false) => bail!("the program has ended"),
                Err(why) => Err(why),
            }
        });
        found.with_context(|| format!("no window {title:?}"))
    }

    /// Waits until no window's title contains `title`.
    pub fn wait_until_gone(&self, title: &str) -> Result<()> {
        let words = format!("no '{title}'");
        self.wait(&words, |windows| {
            Ok(windows.iter().all(|window| !window.title.contains(title)).then_some(()))
        })
    }

    fn wait<T>(&self, what: &str, mut find: impl FnMut(&[Window]) -> Result<Option<T>>) -> Result<T> {
        let begun = Instant::now();
        loop {
            let windows = self.windows()?;
            if let Some(found) = find(&windows)? {
                return Ok(found);
            }
            if begun.elapsed() > PATIENCE {
                let titles: Vec<&str> = windows.iter().map(|window| window.title.as_str()).collect();
                bail!("waited {PATIENCE:?} for the window {what:?}; there are {titles:?}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The whole screen.
    pub fn picture(&self) -> Result<Picture> {
        let size = self.connection.get_geometry(self.root)?.reply()?;
        self.part(0, 0, size.width, size.height)
    }

    /// The part of the screen where a window is.
    pub fn picture_of(&self, window: &Window) -> Result<Picture> {
        let screen = self.connection.get_geometry(self.root)?.reply()?;
        let (x, y, width, height) = window.place;
        let (left, top) = (x.max(0), y.max(0));
        let right = (i32::from(x) + i32::from(width)).min(i32::from(screen.width));
        let bottom = (i32::from(y) + i32::from(height)).min(i32::from(screen.height));
        let (width, height) = (right - i32::from(left), bottom - i32::from(top));
        ensure!(width > 0 && height > 0, "the window '{}' is not on the screen", window.title);
        self.part(left, top, u16::try_from(width)?, u16::try_from(height)?)
    }

    /// A picture of a window once something is drawn on it and it no longer changes.
    pub fn settled_picture_of(&self, window: &Window) -> Result<Picture> {
        let begun = Instant::now();
        let mut last = self.picture_of(window)?;
        while begun.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(250));
            let now = self.picture_of(window)?;
            if now == last && !now.is_one_colour() {
                return Ok(now);
            }
            last = now;
        }
        Ok(last)
    }

    fn part(&self, x: i16, y: i16, width: u16, height: u16) -> Result<Picture> {
        let image =
            self.connection.get_image(ImageFormat::Z_PIXMAP, self.root, x, y, width, height, !0)?.reply()?;
        Ok(Picture::from_x(usize::from(width), usize::from(height), &image.data))
    }

    /// Gives the screen a colour (red, green, blue, a byte each) behind all windows.
    pub fn paint_background(&self, colour: u32) -> Result<()> {
        let aux = ChangeWindowAttributesAux::new().background_pixel(colour);
        self.connection.change_window_attributes(self.root, &aux)?.check()?;
        Ok(self.connection.clear_area(false, self.root, 0, 0, 0, 0)?.check()?)
    }

    /// Moves a window: without a window manager all are in the corner.
    pub fn move_window(&self, window: &Window, x: i16, y: i16) -> Result<()> {
        let aux = ConfigureWindowAux::new().x(i32::from(x)).y(i32::from(y));
        Ok(self.connection.configure_window(window.id, &aux)?.check()?)
    }

    /// A window as it is now: its place and title may have changed.
    pub fn window_again(&self, window: &Window) -> Result<Window> {
        self.window(window.id)?
            .with_context(|| format!("the window '{}' is not shown any more", window.title))
    }

    /// Presses and lets go of the first mouse button at a point of the screen.
    pub fn click(&self, x: i16, y: i16) -> Result<()> {
        const MOTION: u8 = 6;
        const PRESS: u8 = 4;
        const RELEASE: u8 = 5;
        for (event, detail) in [(MOTION, 0), (PRESS, 1), (RELEASE, 1)] {
            self.connection
                .xtest_fake_input(event, detail, x11rb::CURRENT_TIME, self.root, x, y, 0)?
                .check()?;
        }
        Ok(())
    }

    /// Presses and lets go of the key that gives the symbol `keysym` (a Latin letter is its own), in the window `window`.
    pub fn press(&self, window: &Window, keysym: u32) -> Result<()> {
        const PRESS: u8 = 2;
        const RELEASE: u8 = 3;
        let setup = self.connection.setup();
        let (first, count) = (setup.min_keycode, setup.max_keycode - setup.min_keycode + 1);
        let map = self.connection.get_keyboard_mapping(first, count)?.reply()?;
        let row = usize::from(map.keysyms_per_keycode);
        let at = map.keysyms.iter().position(|one| *one == keysym).context("no such key")? / row;
        let code = first + u8::try_from(at)?;
        let focus = x11rb::protocol::xproto::InputFocus::PARENT;
        self.connection.set_input_focus(focus, window.id, x11rb::CURRENT_TIME)?.check()?;
        for event in [PRESS, RELEASE] {
            self.connection
                .xtest_fake_input(event, code, x11rb::CURRENT_TIME, self.root, 0, 0, 0)?
                .check()?;
        }
        Ok(())
    }
}

fn read_number(server: &mut Running) -> Result<u32> {
    let pipe = server.child().stdout.take().context("no pipe from the X server")?;
    let mut line = String::new();
    BufReader::new(pipe).read_line(&mut line)?;
    line.trim().parse().with_context(|| format!("the X server said {line:?}, not its number"))
}

fn socket_of(number: u32) -> PathBuf {
    PathBuf::from(format!("/tmp/.X11-unix/X{number}"))
}

fn connect(number: u32, cookie: &[u8]) -> Result<(RustConnection, WindowId)> {
    let (stream, _) = DefaultStream::from_unix_stream(UnixStream::connect(socket_of(number))?)?;
    let connection =
        RustConnection::connect_to_stream_with_auth_info(stream, 0, AUTHORITY.to_vec(), cookie.to_vec())?;
    let root = connection.setup().roots.first().context("an X server without a screen")?.root;
    Ok((connection, root))
}

fn cookie() -> Result<Vec<u8>> {
    let mut bytes = [0; 16];
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut bytes)?;
    Ok(bytes.to_vec())
}

/// One entry for any host and display: `FamilyWild`, no address, no number, the protocol, the cookie.
fn write_authority(path: &std::path::Path, cookie: &[u8]) -> Result<()> {
    let mut entry = vec![0xff, 0xff];
    for part in [b"".as_slice(), b"", AUTHORITY, cookie] {
        entry.extend(u16::try_from(part.len())?.to_be_bytes());
        entry.extend(part);
    }
    std::fs::write(path, entry)?;
    Ok(std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?)
}
