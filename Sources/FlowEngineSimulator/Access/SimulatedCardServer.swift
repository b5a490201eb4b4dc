// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization

/// Why a card could not be served.
public enum CardServerError: Error, Hashable, Sendable, CustomStringConvertible {
    case pathTooLong(String)
    /// Another process answers there.
    case inUse(path: String)
    /// Something that is no socket stands at the path.
    case notASocket(path: String)
    case system(call: String, path: String, errno: Int32)

    public var description: String {
        switch self {
        case .pathTooLong(let path):
            "the socket's path \(path) is \(path.utf8.count) bytes long; at most \(SocketPath.longest) fit"
        case .inUse(let path): "another card answers at \(path): stop it, or choose another path"
        case .notASocket(let path): "\(path) is there and is no socket: remove it, or choose another path"
        case .system(let call, let path, let number):
            "\(call) for \(path) failed: \(String(cString: strerror(number))) (errno \(number))"
        }
    }
}

/// Serves a card at a Unix SOCK_SEQPACKET socket, so that a driver in another process reaches it at the level of SPI frames.
/// Runs on a thread of its own from `init` until `stop()`, or until nothing refers to it; then the socket is removed.
public final class SimulatedCardServer: Sendable {
    /// Users at a time; one more is turned away.
    public static let maximumClients = 16

    public let path: String
    private let loop: ServerLoop

    public init(_ card: SimulatedCard, path: String) throws(CardServerError) {
        self.path = path
        loop = try ServerLoop(card, path: path)
        try loop.start()
    }

    deinit { loop.stop() }

    /// Ends the thread, closes all connections and removes the socket. Returns when that is done.
    public func stop() { loop.stop() }
}

/// A path as `bind` wants it.
enum SocketPath {
    /// `sun_path` holds 107 bytes and a zero (unix(7)).
    static let longest = 107

    /// Calls `bind` or `connect`; returns 0 or the errno.
    static func call(
        _ path: String, _ descriptor: Int32, _ call: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(longest)) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                call(descriptor, pointer, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0 ? 0 : errno
            }
        }
    }
}

/// A descriptor, closed with its owner.
struct Descriptor: ~Copyable, Sendable {
    let rawValue: Int32
    init(_ rawValue: Int32) { self.rawValue = rawValue }
    deinit { close(rawValue) }

    static func seqPacket(path: String) throws(CardServerError) -> Descriptor {
        let number = socket(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw .system(call: "socket", path: path, errno: errno) }
        return Descriptor(number)
    }
}

/// The thread: one `poll` over listener, clients and the pipe that ends it.
private final class ServerLoop: Sendable {
    private struct State {
        var thread: pthread_t?
        var isStopped = false
    }

    private let card: SimulatedCard
    private let path: String
    private let listener: Descriptor
    private let wakeRead: Descriptor
    private let wakeWrite: Descriptor
    /// Device and inode of the socket, so that only this one is removed.
    private let identity: (dev_t, ino_t)
    private let state = Mutex(State())

    init(_ card: SimulatedCard, path: String) throws(CardServerError) {
        (self.card, self.path) = (card, path)
        guard path.utf8.count <= SocketPath.longest else { throw .pathTooLong(path) }
        try ServerLoop.clear(path)
        listener = try Descriptor.seqPacket(path: path)
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .system(call: "pipe", path: path, errno: errno) }
        wakeRead = Descriptor(ends[0])
        wakeWrite = Descriptor(ends[1])
        for end in ends where fcntl(end, F_SETFD, FD_CLOEXEC) != 0 {
            throw .system(call: "fcntl", path: path, errno: errno)
        }
        let bound = SocketPath.call(path, listener.rawValue) { bind($0, $1, $2) }
        guard bound == 0 else { throw .system(call: "bind", path: path, errno: bound) }
        var status = stat()
        guard lstat(path, &status) == 0, listen(listener.rawValue, 8) == 0 else {
            let number = errno
            unlink(path)
            throw .system(call: "listen", path: path, errno: number)
        }
        identity = (status.st_dev, status.st_ino)
    }

    /// Removes a socket nobody listens on any more.
    private static func clear(_ path: String) throws(CardServerError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path: path) }
        let probe = try Descriptor.seqPacket(path: path)
        let answer = SocketPath.call(path, probe.rawValue) { connect($0, $1, $2) }
        guard answer == ECONNREFUSED else {
            if answer == ENOENT { return }
            throw answer == 0 || answer == EAGAIN || answer == EPROTOTYPE
                ? .inUse(path: path) : .system(call: "connect", path: path, errno: answer)
        }
        guard unlink(path) == 0 || errno == ENOENT else { throw .system(call: "unlink", path: path, errno: errno) }
    }

    func start() throws(CardServerError) {
        let box = Unmanaged.passRetained(self)
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<ServerLoop>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, box.toOpaque())
        guard result == 0 else {
            box.release()
            remove()
            throw .system(call: "pthread_create", path: path, errno: result)
        }
        state.withLock { $0.thread = thread }
    }

    func stop() {
        let thread = state.withLock { state -> pthread_t? in
            defer { (state.thread, state.isStopped) = (nil, true) }
            return state.isStopped ? nil : state.thread
        }
        guard let thread else { return }
        var byte: UInt8 = 1
        while write(wakeWrite.rawValue, &byte, 1) < 0, errno == EINTR {}
        pthread_join(thread, nil)
        remove()
    }

    private func remove() {
        var status = stat()
        guard lstat(path, &status) == 0, (status.st_dev, status.st_ino) == identity else { return }
        unlink(path)
    }

    private func run() {
        let answers = CardProtocol(card)
        var clients: [Int32] = []
        var buffer = [UInt8](repeating: 0, count: CardProtocol.maximumMessage + 1)
        defer { for client in clients { close(client) } }
        while true {
            var polled = [wakeRead.rawValue, listener.rawValue] + clients
            var entries = polled.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            let ready = poll(&entries, nfds_t(entries.count), -1)
            guard ready >= 0 || errno == EINTR else { return }
            guard ready > 0 else { continue }
            guard entries[0].revents == 0 else { return }
            polled.removeFirst(2)
            for (index, client) in polled.enumerated() where entries[index + 2].revents != 0 {
                guard !serve(client, answers, &buffer) else { continue }
                close(client)
                clients.removeAll { $0 == client }
            }
            if entries[1].revents != 0 { admit(&clients) }
        }
    }

    private func admit(_ clients: inout [Int32]) {
        let client = accept(listener.rawValue, nil, nil)
        guard client >= 0 else { return }
        // A user that does not read its answers must not hold the others up.
        var patience = timeval(tv_sec: 1, tv_usec: 0)
        guard clients.count < SimulatedCardServer.maximumClients, fcntl(client, F_SETFD, FD_CLOEXEC) == 0,
            setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size)) == 0
        else {
            close(client)
            return
        }
        clients.append(client)
    }

    /// Answers one message; false: the connection is over.
    private func serve(_ client: Int32, _ answers: CardProtocol, _ buffer: inout [UInt8]) -> Bool {
        // With MSG_TRUNC the result is the message's whole length.
        let length = recv(client, &buffer, buffer.count, Int32(MSG_TRUNC) | Int32(MSG_DONTWAIT))
        if length < 0 { return errno == EINTR || errno == EAGAIN }
        guard length > 0 else { return false }
        let answer =
            length > CardProtocol.maximumMessage
            ? CardProtocol.error("a message of \(length) bytes; at most \(CardProtocol.maximumMessage) are taken")
            : answers.answer(Array(buffer[..<length]))
        return send(client, answer, answer.count, Int32(MSG_NOSIGNAL)) == answer.count
    }
}
