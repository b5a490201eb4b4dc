// SPDX-License-Identifier: Apache-2.0
import Controller
import Glibc

/// The hold of one process on a node's memory: `flock` on the file `lock`, which names the holder. Given up when the
/// process ends, however it ends; the file stays.
struct DirectoryLock: ~Copyable {
    private let descriptor: Int32

    /// - Throws: `held`; or why the lock cannot be had at all.
    init(_ place: StorePlace) throws(StoreProblem) {
        var file = open(place.lock, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        let isWritable = file >= 0
        if file < 0 {
            let number = errno
            // Nothing can be written: others are kept off all the same, if there is a file.
            file = open(place.lock, O_RDONLY | O_CLOEXEC)
            guard file >= 0 else { throw .system(number, "open", place) }
        }
        // Who only wants to know the holder has the lock for a moment.
        var patience = 5
        while flock(file, LOCK_EX | LOCK_NB) != 0 {
            patience -= 1
            guard patience > 0 else {
                let holder = Self.holderNamed(in: file)
                close(file)
                throw .held(path: place.directory, holder: holder)
            }
            usleep(20_000)
        }
        descriptor = file
        if isWritable {
            let text = Array("\(getpid())\n".utf8)
            _ = ftruncate(file, 0)
            _ = text.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, 0) }
        }
    }

    deinit { close(descriptor) }

    /// The process that holds the lock; nil if none does.
    static func holder(_ place: StorePlace) -> String? {
        let file = open(place.lock, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        return flock(file, LOCK_SH | LOCK_NB) == 0 ? nil : holderNamed(in: file)
    }

    private static func holderNamed(in file: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = pread(file, &bytes, bytes.count, 0)
        let number = String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self).prefix { $0.isNumber }
        return number.isEmpty ? "unknown" : String(number)
    }
}
