// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A listening Unix socket of mode 0600, and the lock that makes its path this process's.
///
/// The socket is made in a private folder beside its path, given its mode, and only then moved there: nobody ever sees it with
/// another mode, and a dead daemon's socket is replaced without a moment at which there is none. Two daemons that
/// start at once are told apart by a lock on `PATH.lock`.
struct ListeningSocket: ~Copyable {
    let path: String
    private let lock: Int32
    private var descriptor: Int32
    private let inode: ino_t

    /// - Throws: `SocketError.inUse` when a daemon answers at the path, or is about to.
    init(path: String) throws(SocketError) {
        guard path.utf8.count <= NodeAddress.longestPath else { throw .pathTooLong(path) }
        let folder = Self.folder(of: path)
        if mkdir(folder, 0o755) != 0, errno != EEXIST {
            throw .system(what: "cannot make the folder", path: folder, errno: errno)
        }
        let lock = try SocketDescriptor(rawValue: Self.acquireLock(for: path))
        switch try SocketProbe(path: path) {
        case .nothing, .stale: break
        case .alive(let pid): throw .inUse(path: path, pid: pid)
        case .notASocket: throw .notASocket(path: path)
        case .notPermitted: throw .system(what: "cannot connect to", path: path, errno: EACCES)
        }
        let socket = try Self.listen(folder: folder, path: path)
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw .system(what: "cannot look at", path: path, errno: errno)
        }
        self.path = path
        inode = status.st_ino
        descriptor = socket.release()
        self.lock = lock.release()
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        // Somebody may have put something else there meanwhile; that is not ours to remove.
        var status = stat()
        if lstat(path, &status) == 0, status.st_ino == inode { unlink(path) }
        unlink(Self.lockPath(for: path))
        close(lock)
    }

    /// Gives the listening descriptor away; the path stays this value's.
    mutating func takeDescriptor() -> Int32 {
        defer { descriptor = -1 }
        return descriptor
    }

    private static func lockPath(for path: String) -> String { path + ".lock" }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func acquireLock(for path: String) throws(SocketError) -> Int32 {
        let lockPath = lockPath(for: path)
        while true {
            let descriptor = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
            guard descriptor >= 0 else { throw .system(what: "cannot open the lock", path: lockPath, errno: errno) }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                let code = errno
                let pid = Self.readPID(descriptor)
                close(descriptor)
                guard code == EWOULDBLOCK else { throw .system(what: "cannot lock", path: lockPath, errno: code) }
                throw .inUse(path: path, pid: pid)
            }
            // A daemon that ended between the two calls has removed the file; the lock on it means nothing then.
            var held = stat()
            var named = stat()
            if fstat(descriptor, &held) == 0, stat(lockPath, &named) == 0, held.st_ino == named.st_ino {
                let text = Array("\(getpid())\n".utf8)
                ftruncate(descriptor, 0)
                _ = text.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
                return descriptor
            }
            close(descriptor)
        }
    }

    private static func readPID(_ descriptor: Int32) -> Int32 {
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        return Int32(String(decoding: bytes.prefix(max(count, 0)).prefix { $0 != 10 }, as: UTF8.self)) ?? 0
    }

    private static func listen(folder: String, path: String) throws(SocketError) -> SocketDescriptor {
        var template = Array("\(folder)/.piccolo-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw .system(what: "cannot make a private folder in", path: folder, errno: errno)
        }
        let privateFolder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let hidden = privateFolder + "/s"
        defer {
            unlink(hidden)
            rmdir(privateFolder)
        }
        let socket = try SocketDescriptor.unix(path: path)
        let bound = try socket.address(hidden, { bind($0, $1, $2) })
        guard bound == 0 else { throw .system(what: "cannot bind", path: path, errno: bound) }
        guard chmod(hidden, 0o600) == 0 else { throw .system(what: "cannot set the mode of", path: path, errno: errno) }
        guard Glibc.listen(socket.rawValue, 128) == 0 else {
            throw .system(what: "cannot listen at", path: path, errno: errno)
        }
        guard rename(hidden, path) == 0 else { throw .system(what: "cannot place", path: path, errno: errno) }
        return socket
    }
}
