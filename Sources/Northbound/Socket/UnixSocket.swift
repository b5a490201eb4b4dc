// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The address a daemon is reached at.
public enum NodeAddress {
    /// Where the daemon listens unless told otherwise.
    public static let defaultSocket = "/run/piccolo/piccolo.sock"

    /// Longest path of the socket, bytes. `sun_path` would hold 107 and a zero (unix(7)); the transport connects to no more
    /// than fits on every system.
    static let longestPath = 103
}

/// Why a daemon could not listen.
public enum SocketError: Error, Hashable, Sendable, CustomStringConvertible {
    case pathTooLong(String)
    /// Another daemon answers there. `pid` is 0 if it could not be found out.
    case inUse(path: String, pid: Int32)
    /// Something that is no socket stands at the path.
    case notASocket(path: String)
    case system(what: String, path: String, errno: Int32)

    public var description: String {
        switch self {
        case .pathTooLong(let path):
            "the socket's path \(path) is \(path.utf8.count) bytes long; at most \(NodeAddress.longestPath) fit"
        case .inUse(let path, let pid):
            "another piccolo daemon\(pid > 0 ? ", process \(pid)," : "") answers at \(path): "
                + "stop it, or choose another socket with --socket"
        case .notASocket(let path):
            "\(path) is there and is no socket: remove it, or choose another path with --socket"
        case .system(let what, let path, let errno):
            "\(what) \(path): \(String(cString: strerror(errno)))"
        }
    }
}

/// A descriptor of a socket, closed with its owner.
struct SocketDescriptor: ~Copyable {
    let rawValue: Int32

    init(rawValue: Int32) { self.rawValue = rawValue }

    static func unix(path: String) throws(SocketError) -> SocketDescriptor {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .system(what: "cannot make a socket for", path: path, errno: errno) }
        return SocketDescriptor(rawValue: descriptor)
    }

    deinit { close(rawValue) }

    /// Gives the descriptor away.
    consuming func release() -> Int32 {
        let descriptor = rawValue
        discard self
        return descriptor
    }

    /// Calls `bind` or `connect` with a path; returns 0 or the errno.
    func address(
        _ path: String, _ call: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws(SocketError) -> Int32 {
        guard path.utf8.count <= NodeAddress.longestPath else { throw .pathTooLong(path) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                call(rawValue, pointer, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0 ? 0 : errno
            }
        }
    }
}

/// What answers at a path, found out by connecting to it.
enum SocketProbe: Equatable {
    case nothing
    /// A socket that nobody listens on: its daemon is dead.
    case stale
    case alive(pid: Int32)
    case notPermitted
    case notASocket

    init(path: String) throws(SocketError) {
        let socket = try SocketDescriptor.unix(path: path)
        switch try socket.address(path, { connect($0, $1, $2) }) {
        case 0:
            // struct ucred: pid, uid, gid; those of the process that called listen (unix(7)).
            var peer: [Int32] = [0, 0, 0]
            var length = socklen_t(peer.count * MemoryLayout<Int32>.stride)
            let known = getsockopt(socket.rawValue, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0
            self = .alive(pid: known ? peer[0] : 0)
        case ENOENT, ENOTDIR: self = .nothing
        case EACCES, EPERM: self = .notPermitted
        case ECONNREFUSED:
            // The kernel says this of a file that is no socket as well.
            var status = stat()
            guard lstat(path, &status) == 0 else {
                self = .nothing
                return
            }
            self = status.st_mode & S_IFMT == S_IFSOCK ? .stale : .notASocket
        case EAGAIN: self = .alive(pid: 0)  // its backlog is full
        case let code: throw .system(what: "cannot connect to", path: path, errno: code)
        }
    }
}
