// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import FlowEngineSimulator
import Glibc
import Testing

@Suite("A card behind a socket")
struct ServerTests {
    /// One connection, message by message.
    struct Client: ~Copyable {
        let descriptor: Int32

        init(_ path: String) throws {
            descriptor = socket(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            let connected = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            try #require(connected == 0)
            var size: Int32 = 1 << 20
            setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }

        deinit { close(descriptor) }

        func ask(_ message: [UInt8]) -> [UInt8] {
            guard send(descriptor, message, message.count, Int32(MSG_NOSIGNAL)) == message.count else { return [] }
            var buffer = [UInt8](repeating: 0, count: 256 * 1024)
            let length = recv(descriptor, &buffer, buffer.count, 0)
            return Array(buffer[..<max(0, length)])
        }
    }

    /// A directory of its own, removed at the end.
    static func withServer(_ bench: CardTrial, _ body: (SimulatedCardServer) throws -> Void) throws {
        var template = Array("/tmp/card-XXXXXX".utf8CString)
        let made = mkdtemp(&template).map { String(cString: $0) }
        let directory = try #require(made)
        defer { rmdir(directory) }
        let server = try SimulatedCardServer(bench.card, path: directory + "/card")
        defer { server.stop() }
        try body(server)
    }

    static func error(_ answer: [UInt8]) -> String? {
        guard answer.count >= 4, answer[0] == 0xff, answer[1] == 0,
            Int(answer[2]) << 8 | Int(answer[3]) == answer.count - 4
        else { return nil }
        return String(decoding: answer[4...], as: UTF8.self)
    }

    @Test("SPI frames, frames at ports and time pass")
    func passes() throws {
        let bench = try CardTrial.hat()
        try Self.withServer(bench) { server in
            let client = try Client(server.path)
            let write: [UInt8] = [0xc3, 0, 0x04, 0x20, 1, 2, 3, 4]
            let read: [UInt8] = [0xf0, 0, 0x04, 0x20, 0, 0, 0, 0, 0, 0, 0, 0]
            let answer = client.ask([1, 0, 0, 2, 0, 8] + write + [0, 12] + read)
            #expect(
                answer == [0x81, 0, 0, 2, 0, 8] + Array(repeating: 0, count: 8) + [0, 12]
                    + Array(repeating: 0, count: 8) + [1, 2, 3, 4])
            #expect(client.ask([1, 0, 0, 0]) == [0x81, 0, 0, 0])
            let frame = TestFrame.udp()
            let out = client.ask([2, 2, 0, UInt8(frame.count)] + frame)
            #expect(Array(out[..<8]) == [0x82, 0, 0, 1, 1, 2, 0, UInt8(frame.count + 24)])
            #expect(Array(out[20..<22]) == [0x81, 0x3e])
            let tagged =
                Array(frame[..<12]) + [0x81, 0x3e, 0xf8, 0x40, 255, 255, 255, 255]
                + Array(repeating: 0, count: 16) + Array(frame[12...])
            #expect(
                client.ask([2, 0xff, 0, UInt8(tagged.count)] + tagged)
                    == [0x82, 0, 0, 1, 0, 2, 0, UInt8(frame.count)] + frame)
            let before = bench.card.time
            #expect(client.ask([3, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 5]) == [0x83, 0, 0, 0])
            #expect(bench.card.time - before == 1 << 32 + 5)
        }
    }

    struct Malformed: Sendable, CustomTestStringConvertible {
        let sentence: String
        let message: [UInt8]
        var testDescription: String { sentence }
        init(_ sentence: String, _ message: [UInt8]) { (self.sentence, self.message) = (sentence, message) }
    }

    static let malformed = [
        Malformed("shorter than a header", [1]),
        Malformed("an unknown request", [9, 0, 0, 0]),
        Malformed("an SPI batch that ends in a length", [1, 0, 0, 1, 0]),
        Malformed("an SPI batch that ends in a frame", [1, 0, 0, 1, 0, 8, 0xc3]),
        Malformed("bytes behind an SPI batch", [1, 0, 0, 0, 7]),
        Malformed("an SPI batch with another second byte", [1, 1, 0, 0]),
        Malformed("too many SPI frames", [1, 0, 0x10, 0x01] + Array(repeating: 0, count: 0x1001 * 2)),
        Malformed("a frame shorter than its length", [2, 0, 0, 60, 1, 2, 3]),
        Malformed("a frame longer than its length", [2, 0, 0, 1, 1, 2, 3]),
        Malformed("a port that is not there", [2, 3, 0, 1, 0]),
        Malformed("time without its number", [3, 0, 0, 0]),
        Malformed("a message beyond 128 KiB", Array(repeating: 1, count: 128 * 1024 + 1)),
    ]

    @Test("a malformed message has an error for an answer, and nothing is carried out", arguments: malformed)
    func refuses(_ malformed: Malformed) throws {
        let bench = try CardTrial.hat()
        let counters = bench.card.counters
        try Self.withServer(bench) { server in
            let client = try Client(server.path)
            #expect(Self.error(client.ask(malformed.message))?.isEmpty == false)
            #expect(bench.card.counters == counters)
            #expect(client.ask([3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]) == [0x83, 0, 0, 0])
        }
    }

    @Test("a TrustNode has no port for tagged frames")
    func trustNode() throws {
        try Self.withServer(try CardTrial.trustNode()) { server in
            let client = try Client(server.path)
            #expect(Self.error(client.ask([2, 0xff, 0, 1, 0])) != nil)
        }
    }

    @Test("the largest batch fits, and several users share the card")
    func many() throws {
        let bench = try CardTrial.hat()
        try Self.withServer(bench) { server in
            let first = try Client(server.path)
            let second = try Client(server.path)
            let write: [UInt8] = [0, 8, 0xc3, 0, 0x04, 0x20, 0, 0, 0, 9]
            let batch: [UInt8] = [1, 0, 0x10, 0] + (0..<4096).flatMap { _ in write }
            #expect(first.ask(batch).count == batch.count)
            let answer = second.ask([1, 0, 0, 1, 0, 12, 0xf0, 0, 0x04, 0x20, 0, 0, 0, 0, 0, 0, 0, 0])
            #expect(answer.last == 9)
        }
    }

    @Test("a second server is told that the path is in use; a stale socket is replaced, other files are left alone")
    func path() throws {
        let bench = try CardTrial.hat()
        try Self.withServer(bench) { server in
            #expect(throws: CardServerError.inUse(path: server.path)) {
                try SimulatedCardServer(bench.card, path: server.path)
            }
            server.stop()
            #expect(access(server.path, F_OK) != 0)
            // A socket whose process is dead.
            let stale = socket(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: server.path.utf8) }
            _ = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(stale, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            close(stale)
            let again = try SimulatedCardServer(bench.card, path: server.path)
            #expect(try Client(server.path).ask([1, 0, 0, 0]) == [0x81, 0, 0, 0])
            again.stop()
            again.stop()
            let file = open(server.path, O_CREAT | O_WRONLY, 0o600)
            close(file)
            #expect(throws: CardServerError.notASocket(path: server.path)) {
                try SimulatedCardServer(bench.card, path: server.path)
            }
            unlink(server.path)
        }
        let long = "/tmp/" + String(repeating: "x", count: 120)
        #expect(throws: CardServerError.pathTooLong(long)) { try SimulatedCardServer(bench.card, path: long) }
    }

    @Test("a server nobody refers to any more ends and removes its socket")
    func forgotten() throws {
        let bench = try CardTrial.hat()
        try Self.withServer(bench) { server in
            let other = server.path + "2"
            do {
                let forgotten = try SimulatedCardServer(bench.card, path: other)
                #expect(access(forgotten.path, F_OK) == 0)
            }
            #expect(access(other, F_OK) != 0)
        }
    }
}
