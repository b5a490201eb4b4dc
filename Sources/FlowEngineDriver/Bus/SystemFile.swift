// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import Glibc

/// Owns a file descriptor; closing is `deinit`.
struct FileDescriptor: ~Copyable, Sendable {
    let number: Int32

    init(owning number: Int32) { self.number = number }

    init(opening path: String, _ flags: Int32) throws(SystemFailure) {
        let number = open(path, flags | O_CLOEXEC)
        guard number >= 0 else { throw SystemFailure("open(\(path))") }
        self.number = number
    }

    deinit { close(number) }

    /// Takes the file for this process alone; `flock(2)`, which only programs that ask for it respect.
    func lock(_ path: String) throws(SystemFailure) {
        guard flock(number, LOCK_EX | LOCK_NB) == 0 else { throw SystemFailure("flock(\(path))") }
    }
}

/// A system call that failed: which, on what, and why.
struct SystemFailure: Error {
    let call: String
    let number: Int32

    init(_ call: String, _ number: Int32 = errno) { (self.call, self.number) = (call, number) }

    /// For the user of a bus. A lock that is held has an explanation of its own.
    var cause: BusError.Cause {
        if number == EWOULDBLOCK, call.hasPrefix("flock") {
            return .configuration(
                "\(call): another process of Piccolo owns it; a card has one owner at a time: stop that one, or ask it")
        }
        return .system(call: call, errno: number)
    }
}

/// Files of sysfs and procfs: small, and text.
enum SystemFile {
    /// The first bytes of a file.
    static func bytes(_ path: String, upTo limit: Int = 4096) throws(SystemFailure) -> [UInt8] {
        let file = try FileDescriptor(opening: path, O_RDONLY)
        var bytes = [UInt8](repeating: 0, count: limit)
        let count = read(file.number, &bytes, limit)
        guard count >= 0 else { throw SystemFailure("read(\(path))") }
        return Array(bytes.prefix(count))
    }

    /// Without the white space around.
    static func text(_ path: String) throws(SystemFailure) -> String {
        let bytes = try bytes(path)
        let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x0a || byte == 0x09 || byte == 0x0d }
        let end = bytes.lastIndex { !isSpace($0) }.map { $0 + 1 } ?? 0
        return String(decoding: bytes[..<end].drop(while: isSpace), as: UTF8.self)
    }

    /// `0x10ee`, or decimal digits.
    static func number(_ text: some StringProtocol) -> UInt64? {
        text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
    }

    static func write(_ path: String, _ text: String) throws(SystemFailure) {
        let file = try FileDescriptor(opening: path, O_WRONLY)
        let bytes = Array(text.utf8)
        guard Glibc.write(file.number, bytes, bytes.count) == bytes.count else {
            throw SystemFailure("write(\(path))")
        }
    }

    /// Names in a folder, sorted; none if there is no such folder.
    static func names(in folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// The last part of what a symbolic link points at.
    static func linkTarget(_ path: String) -> String? {
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &bytes, bytes.count)
        guard count > 0 else { return nil }
        let target = String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return target.split(separator: "/").last.map(String.init)
    }
}
