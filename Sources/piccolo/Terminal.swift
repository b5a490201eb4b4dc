// SPDX-License-Identifier: Apache-2.0
import Glibc
import Northbound

/// What the command writes on.
enum Terminal {
    static func out(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }
    static func error(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

    static func out(_ listing: Listing, json: Bool) {
        out(json ? listing.json.text : listing.lines.joined(separator: "\n"))
    }

    /// As one of several: JSON on a line of its own.
    static func line(_ listing: Listing, json: Bool) {
        out(json ? listing.json.line : listing.lines.joined(separator: "\n"))
    }

    /// Whether a person looks at standard output. `NO_COLOR` and `TERM=dumb` ask for plain text.
    static var isInteractive: Bool { isatty(STDOUT_FILENO) == 1 && variable("TERM") != "dumb" }
    static var style: TerminalStyle { isInteractive && variable("NO_COLOR") == nil ? .colored : .plain }

    /// Rows of the terminal; 24 where that cannot be found out.
    static var rows: Int {
        var size = winsize()
        return ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_row > 0 ? Int(size.ws_row) : 24
    }

    static func write(_ text: String, to descriptor: Int32 = STDOUT_FILENO) {
        var text = text
        text.withUTF8 { bytes in
            var bytes = bytes[...]
            while !bytes.isEmpty {
                let count = Glibc.write(descriptor, UnsafeBufferPointer(rebasing: bytes).baseAddress, bytes.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return }
                bytes = bytes.dropFirst(count)
            }
        }
    }

    private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}
