// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Files read as a whole: configurations, and entries one a line.
enum LineFile {
    struct Line: Sendable {
        /// nil: from the command line.
        var number: Int?
        var words: [String]
    }

    /// Lines with their words; empty ones and those that begin with `#` are left out.
    static func lines(of path: String) throws -> [Line] {
        try text(of: path).split(separator: "\n", omittingEmptySubsequences: false).enumerated().compactMap {
            index, line in
            let words = line.split { $0 == " " || $0 == "\t" || $0 == "\r" }.map(String.init)
            return words.first.map { !$0.hasPrefix("#") } ?? false ? Line(number: index + 1, words: words) : nil
        }
    }

    /// A file's text; `-`: standard input.
    static func text(of path: String) throws -> String {
        guard let text = String(validating: try bytes(of: path), as: UTF8.self) else {
            throw CommandFailure(message: "\(path) is not UTF-8 text")
        }
        return text
    }

    /// The path from the root: what means the same file to another process.
    static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let folder = getcwd(nil, 0) else { return path }
        defer { free(folder) }
        return "\(String(cString: folder))/\(path)"
    }

    /// What is in a file; `-`: standard input.
    static func bytes(of path: String) throws -> [UInt8] {
        let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw CommandFailure(message: "cannot open \(path): \(String(cString: strerror(errno)))")
        }
        defer { if path != "-" { close(descriptor) } }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw CommandFailure(message: "cannot read \(path): \(String(cString: strerror(errno)))")
            }
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        return bytes
    }
}
