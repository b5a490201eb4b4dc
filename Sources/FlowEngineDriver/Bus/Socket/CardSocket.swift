// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A connection to a card in another process: Unix, `SOCK_SEQPACKET`, one message each way.
///
/// Numbers are big-endian. A request's first byte says what it is, the answer's is the same with the highest bit set, or
/// `0xff` for an error with a text.
///
///     01 00 count(16)  { length(16) MOSI }…      81 00 count(16) { length(16) MISO }…
///     02 port length(16) frame                   82 00 count(16) { kind(8) number(8) length(16) frame }…
///     03 00 00 00 nanoseconds(64)                83 00 00 00
///     04 00 00 00                                84 board(8) 00 00
///     05 kind 00 00 address(32) value(32)        85 00 00 00 value(32)
///     06 table 00 00                             86 table width(16) { word(32) }…
///                                                ff 00 length(16) text
struct CardSocket: ~Copyable, Sendable {
    /// Longest message, bytes.
    static let longestMessage = 128 << 10
    /// Most SPI frames of a batch.
    static let mostFrames = 4096
    private static let errorAnswer: UInt8 = 0xff

    let path: String
    private let timeout: Int
    private var descriptor: FileDescriptor
    /// Why the connection was given up; the next request makes another.
    private var failure: String?
    /// Until then nothing is asked: a card that does not answer must not hold its user up most of the time.
    private var restsUntil: ContinuousClock.Instant?
    private let restFactor: Int
    /// The request that is being made, from its first byte on.
    var request: [UInt8] = []
    /// The last answer.
    private(set) var answer: [UInt8] = []
    private var length = 0

    /// - Parameters:
    ///   - timeout: how long to wait for an answer, in milliseconds.
    ///   - restFactor: how much longer nothing is asked after an answer that did not come.
    init(path: String, timeout: Int, restFactor: Int = 0) throws(CardSocketError) {
        self.restFactor = restFactor
        descriptor = try Self.connected(path, timeout)
        (self.path, self.timeout) = (path, timeout)
        answer = [UInt8](repeating: 0, count: Self.longestMessage)
    }

    private static func connected(_ path: String, _ timeout: Int) throws(CardSocketError) -> FileDescriptor {
        var address = sockaddr_un()
        let limit = MemoryLayout.size(ofValue: address.sun_path) - 1
        guard path.utf8.count <= limit else { throw .pathTooLong(path: path, limit: limit) }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let number = socket(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw .system(path: path, call: "socket(AF_UNIX, SOCK_SEQPACKET)", errno: errno) }
        let descriptor = FileDescriptor(owning: number)
        var patience = timeval(tv_sec: timeout / 1000, tv_usec: suseconds_t(timeout % 1000 * 1000))
        let size = socklen_t(MemoryLayout<timeval>.size)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] where setsockopt(number, SOL_SOCKET, option, &patience, size) != 0 {
            throw .system(path: path, call: "setsockopt(SO_RCVTIMEO)", errno: errno)
        }
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard connected == 0 else { throw .notThere(path: path, errno: errno) }
        return descriptor
    }

    /// Begins a request.
    mutating func begin(_ kind: UInt8, _ argument: UInt8 = 0) {
        request.removeAll(keepingCapacity: true)
        request.append(kind)
        request.append(argument)
    }

    mutating func append(_ number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.bigEndian) { request.append(contentsOf: $0) }
    }

    /// Sends the request and waits for its answer; then `reader()` reads it. A connection that was given up is made anew first: the process
    /// behind it may be another by now, which is for the driver to find out.
    mutating func ask() throws(CardSocketError) {
        if let failure {
            if let restsUntil, ContinuousClock.now < restsUntil {
                throw .closed(path: path, because: failure, now: "the card at \(path) is left alone for a while")
            }
            do { descriptor = try Self.connected(path, timeout) } catch {
                throw .closed(path: path, because: failure, now: "\(error)")
            }
            self.failure = nil
        }
        do {
            try send()
            try receive()
        } catch {
            // Requests and answers may be out of step from here on.
            failure = "\(error)"
            if case .late = error { restsUntil = .now + .milliseconds(timeout * restFactor) }
            _ = shutdown(descriptor.number, Int32(SHUT_RDWR))
            throw error
        }
        var reader = reader()
        let kind = try reader.byte()
        _ = try reader.byte()
        if kind == Self.errorAnswer {
            let bytes = try reader.bytes(Int(reader.number()))
            throw .refused(path: path, text: String(decoding: bytes, as: UTF8.self))
        }
        guard kind == request[0] | 0x80 else {
            throw .malformed(path: path, what: "it answered request \(request[0]) with a message of kind \(kind)")
        }
    }

    /// Reads the last answer from its first byte on.
    func reader() -> CardAnswerReader { CardAnswerReader(path: path, bytes: answer[..<length]) }

    private func send() throws(CardSocketError) {
        guard request.count <= Self.longestMessage else {
            throw .tooLong(path: path, what: "\(request.count) bytes; a message holds \(Self.longestMessage)")
        }
        while true {
            let sent = Glibc.send(descriptor.number, request, request.count, Int32(MSG_NOSIGNAL))
            if sent == request.count { return }
            switch errno {
            case EINTR: continue
            case EAGAIN: throw .late(path: path, milliseconds: timeout)
            case EPIPE, ECONNRESET: throw .gone(path: path)
            case let number: throw .system(path: path, call: "send", errno: number)
            }
        }
    }

    private mutating func receive() throws(CardSocketError) {
        while true {
            let count = recv(descriptor.number, &answer, answer.count, Int32(MSG_TRUNC))
            if count > answer.count {
                throw .malformed(path: path, what: "an answer of \(count) bytes; a message holds \(answer.count)")
            }
            if count > 0 {
                length = count
                return
            }
            if count == 0 { throw .gone(path: path) }
            switch errno {
            case EINTR: continue
            case EAGAIN: throw .late(path: path, milliseconds: timeout)
            case ECONNRESET: throw .gone(path: path)
            case let number: throw .system(path: path, call: "recv", errno: number)
            }
        }
    }
}

/// Reads an answer and says where it is too short.
struct CardAnswerReader {
    let path: String
    private let data: ArraySlice<UInt8>
    private var position: Int

    init(path: String, bytes: ArraySlice<UInt8>) { (self.path, data, position) = (path, bytes, bytes.startIndex) }

    mutating func bytes(_ count: Int) throws(CardSocketError) -> ArraySlice<UInt8> {
        guard data.endIndex - position >= count else {
            throw .malformed(
                path: path,
                what:
                    "an answer of \(data.count) bytes ends where \(count) more were expected at byte \(position - data.startIndex)"
            )
        }
        defer { position += count }
        return data[position..<position + count]
    }

    mutating func byte() throws(CardSocketError) -> UInt8 {
        let bytes = try bytes(1)
        return bytes[bytes.startIndex]
    }

    mutating func number() throws(CardSocketError) -> UInt16 {
        let bytes = try bytes(2)
        return UInt16(bytes[bytes.startIndex]) << 8 | UInt16(bytes[bytes.startIndex + 1])
    }

    mutating func word() throws(CardSocketError) -> UInt32 { UInt32(try number()) << 16 | UInt32(try number()) }

    /// Words until the end of the answer.
    mutating func words() throws(CardSocketError) -> [UInt32] {
        var words: [UInt32] = []
        while position < data.endIndex { words.append(try word()) }
        return words
    }

    /// Throws unless all was read.
    func end() throws(CardSocketError) {
        guard position == data.endIndex else {
            throw .malformed(path: path, what: "an answer has \(data.endIndex - position) bytes too many")
        }
    }
}
