// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The hold of one daemon on one state (a pin directory): a second one is refused and told who holds it. Given up when the process
/// ends, however it ends.
struct StateLock: ~Copyable {
    private let descriptor: Int32
    private let path: String

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// - Parameter state: what is held, the path where the data plane is pinned.
    init(state: String, directory: String = "/run/piccolo") throws(Failure) {
        if mkdir(directory, 0o755) != 0, errno != EEXIST {
            throw Failure(description: "cannot make \(directory): \(String(cString: strerror(errno)))")
        }
        let name = state.split(separator: "/").joined(separator: "-")
        let path = "\(directory)/\(name).lock"
        while true {
            let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard file >= 0 else {
                throw Failure(description: "cannot open \(path): \(String(cString: strerror(errno)))")
            }
            guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
                let holder = Self.content(of: file)
                close(file)
                throw Failure(
                    description:
                        "another piccolo daemon (process \(holder)) holds \(state); stop that one, or give this one "
                        + "another pin_path")
            }
            // A daemon that ended between the two calls has removed the file; a lock on it means nothing then.
            var held = stat()
            var named = stat()
            if fstat(file, &held) == 0, stat(path, &named) == 0, held.st_ino == named.st_ino {
                let text = "\(getpid())\n"
                _ = ftruncate(file, 0)
                _ = text.utf8CString.withUnsafeBufferPointer { pwrite(file, $0.baseAddress, $0.count - 1, 0) }
                descriptor = file
                self.path = path
                return
            }
            close(file)
        }
    }

    deinit {
        unlink(path)
        close(descriptor)
    }

    private static func content(of file: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = pread(file, &bytes, bytes.count, 0)
        let text = String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
        let pid = text.prefix { $0.isNumber }
        return pid.isEmpty ? "unknown" : String(pid)
    }
}
