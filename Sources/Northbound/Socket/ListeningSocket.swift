// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A listening Unix socket of mode 0600, and the lock that makes its path this process's.
///
/// It has its mode from the moment it is there. A dead daemon's socket is replaced, a living one's refused; two daemons
/// that start at once are told apart by a lock on `PATH.lock`, held for the life of this value.
struct ListeningSocket: ~Copyable {
    let path: String
    private let lock: SocketLock
    private var descriptor: Int32
    private let inode: ino_t

    /// - Throws: `SocketError.inUse` when a daemon answers at the path, or is about to.
    init(path: String) throws(SocketError) {
        guard path.utf8.count <= NodeAddress.longestPath else { throw .pathTooLong(path) }
        let folder = Self.folder(of: path)
        if mkdir(folder, 0o755) != 0, errno != EEXIST {
            throw .system(what: "cannot make the folder", path: folder, errno: errno)
        }
        let lock = try SocketLock(socket: path)
        switch try SocketProbe(path: path) {
        case .nothing: break
        case .stale:
            guard unlink(path) == 0 else { throw .system(what: "cannot remove the stale", path: path, errno: errno) }
        case .alive(let pid): throw .inUse(path: path, pid: pid)
        case .notASocket: throw .notASocket(path: path)
        case .notPermitted: throw .system(what: "cannot connect to", path: path, errno: EACCES)
        }
        let socket = try Self.listen(path: path)
        var status = stat()
        guard lstat(path, &status) == 0 else { throw .system(what: "cannot look at", path: path, errno: errno) }
        self.path = path
        self.lock = lock
        inode = status.st_ino
        descriptor = socket.release()
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        // Somebody may have put something else there meanwhile; that is not ours to remove.
        var status = stat()
        if lstat(path, &status) == 0, status.st_ino == inode { unlink(path) }
    }

    /// Gives the listening descriptor away; the path stays this value's.
    mutating func takeDescriptor() -> Int32 {
        defer { descriptor = -1 }
        return descriptor
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func listen(path: String) throws(SocketError) -> SocketDescriptor {
        let socket = try SocketDescriptor.unix(path: path)
        // The mode a socket is made with is what the umask leaves of 0777; changing it afterwards would be too late.
        let mask = umask(0o177)
        defer { umask(mask) }
        let bound = try socket.address(path, { bind($0, $1, $2) })
        guard bound == 0 else { throw .system(what: "cannot bind", path: path, errno: bound) }
        guard Glibc.listen(socket.rawValue, 128) == 0 else {
            let code = errno
            unlink(path)
            throw .system(what: "cannot listen at", path: path, errno: code)
        }
        return socket
    }
}

/// The right to a socket's path: a lock on the file `PATH.lock`, which holds the owner's process number and goes with it.
private struct SocketLock: ~Copyable {
    private let path: String
    private let descriptor: Int32

    init(socket: String) throws(SocketError) {
        path = socket + ".lock"
        while true {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
            guard descriptor >= 0 else { throw .system(what: "cannot open the lock", path: path, errno: errno) }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                let code = errno
                let pid = Self.readPID(descriptor)
                close(descriptor)
                guard code == EWOULDBLOCK else { throw .system(what: "cannot lock", path: path, errno: code) }
                throw .inUse(path: socket, pid: pid)
            }
            // A daemon that ended between the two calls has removed the file; a lock on it means nothing then.
            var held = stat()
            var named = stat()
            if fstat(descriptor, &held) == 0, stat(path, &named) == 0, held.st_ino == named.st_ino {
                let text = Array("\(getpid())\n".utf8)
                ftruncate(descriptor, 0)
                _ = text.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
                self.descriptor = descriptor
                return
            }
            close(descriptor)
        }
    }

    deinit {
        unlink(path)
        close(descriptor)
    }

    private static func readPID(_ descriptor: Int32) -> Int32 {
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        return Int32(String(decoding: bytes.prefix(max(count, 0)).prefix { $0 != 10 }, as: UTF8.self)) ?? 0
    }
}
