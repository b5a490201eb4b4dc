// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import Glibc

/// A folder under `/tmp` that goes away with its owner.
final class TemporaryFolder {
    let path: String

    init() throws {
        var template = Array("/tmp/piccolo-test-bus-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw SocketTestError(call: "mkdtemp", errno: errno) }
        path = String(cString: made)
    }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        let target = "\(path)/\(name)"
        var folder = path
        for part in name.split(separator: "/").dropLast() {
            folder += "/\(part)"
            mkdir(folder, 0o755)
        }
        guard let file = fopen(target, "w") else { throw SocketTestError(call: "fopen(\(target))", errno: errno) }
        defer { fclose(file) }
        guard fwrite(bytes, 1, bytes.count, file) == bytes.count else {
            throw SocketTestError(call: "fwrite(\(target))", errno: errno)
        }
    }

    func write(_ name: String, _ text: String) throws { try write(name, Array(text.utf8)) }

    func read(_ name: String) throws -> [UInt8] {
        guard let file = fopen("\(path)/\(name)", "r") else {
            throw SocketTestError(call: "fopen(\(name))", errno: errno)
        }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&bytes, 1, bytes.count, file)
        return Array(bytes.prefix(count))
    }

    deinit { Self.remove(path) }

    private static func remove(_ path: String) {
        if let directory = opendir(path) {
            while let entry = readdir(directory) {
                let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                }
                let child = "\(path)/\(name)"
                var status = stat()
                guard name != ".", name != "..", lstat(child, &status) == 0 else { continue }
                if status.st_mode & S_IFMT == S_IFDIR { remove(child) } else { unlink(child) }
            }
            closedir(directory)
        }
        rmdir(path)
    }
}

struct SocketTestError: Error {
    var call: String
    var errno: Int32
}

/// A server of the card's socket protocol on a thread of its own, one client at a time, written from the protocol's
/// description.
final class ModelCardServer {
    /// What a server does with a request.
    enum Reaction: Sendable {
        case reply([UInt8])
        case hangUp
        case silence
    }

    let path: String
    private let folder: TemporaryFolder
    private let thread: pthread_t
    /// The other end closes: time to stop.
    private let stop: Int32

    /// What the thread works on.
    private final class Work {
        let listener: Int32
        let stopped: Int32
        let react: @Sendable ([UInt8]) -> Reaction

        init(_ listener: Int32, _ stopped: Int32, _ react: @escaping @Sendable ([UInt8]) -> Reaction) {
            (self.listener, self.stopped, self.react) = (listener, stopped, react)
        }

        func run() {
            var clients: [Int32] = []
            var buffer = [UInt8](repeating: 0, count: 128 << 10)
            while true {
                var waiting = ([stopped, listener] + clients).map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
                guard poll(&waiting, nfds_t(waiting.count), -1) >= 0 else { break }
                if waiting[0].revents != 0 { break }
                if waiting[1].revents != 0 {
                    let client = accept(listener, nil, nil)
                    if client >= 0 { clients.append(client) }
                }
                for client in waiting.dropFirst(2) where client.revents != 0 {
                    let count = recv(client.fd, &buffer, buffer.count, 0)
                    let reaction = count > 0 ? react(Array(buffer.prefix(count))) : .hangUp
                    switch reaction {
                    case .reply(let bytes): _ = send(client.fd, bytes, bytes.count, Int32(MSG_NOSIGNAL))
                    case .silence: break
                    case .hangUp:
                        close(client.fd)
                        clients.removeAll { $0 == client.fd }
                    }
                }
            }
            for descriptor in clients + [listener, stopped] { close(descriptor) }
        }
    }

    init(_ react: @escaping @Sendable ([UInt8]) -> Reaction) throws {
        folder = try TemporaryFolder()
        let path = "\(folder.path)/card.sock"
        self.path = path
        let listener = socket(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0, listen(listener, 4) == 0 else { throw SocketTestError(call: "bind", errno: errno) }
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw SocketTestError(call: "pipe", errno: errno) }
        stop = ends[1]
        var thread = pthread_t()
        let work = Unmanaged.passRetained(Work(listener, ends[0], react))
        let error = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, work.toOpaque())
        guard error == 0 else {
            work.release()
            throw SocketTestError(call: "pthread_create", errno: error)
        }
        self.thread = thread
    }

    deinit {
        close(stop)
        pthread_join(thread, nil)
    }

    /// Serves the SPI of a slave.
    convenience init(_ slave: ModelSPISlave) throws {
        try self.init { request in .reply(Self.batch(request, slave)) }
    }

    /// A request of kind 1, answered.
    static func batch(_ request: [UInt8], _ slave: ModelSPISlave) -> [UInt8] {
        guard request.count >= 4, request[0] == 1, request[1] == 0 else { return error("not a batch of SPI frames") }
        var answer: [UInt8] = [0x81, 0, request[2], request[3]]
        var position = 4
        for _ in 0..<Int(request[2]) << 8 | Int(request[3]) {
            guard position + 2 <= request.count else { return error("a batch that ends too early") }
            let length = Int(request[position]) << 8 | Int(request[position + 1])
            guard position + 2 + length <= request.count else { return error("a frame that ends too early") }
            answer += request[position..<position + 2]
            answer += slave.exchange(Array(request[position + 2..<position + 2 + length]))
            position += 2 + length
        }
        return position == request.count ? answer : error("a batch with \(request.count - position) bytes too many")
    }

    static func error(_ text: String) -> [UInt8] {
        [0xff, 0, UInt8(text.utf8.count >> 8), UInt8(text.utf8.count & 0xff)] + Array(text.utf8)
    }
}
