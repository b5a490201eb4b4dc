// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// The BAR of a TrustNode that runs as a process of its own (`CardSocket` has the protocol): a message for each word, as each is an access
/// of its own on PCIe.
public struct SocketWindow: ~Copyable, RegisterWindow {
    private final class Connection {
        static let word: UInt8 = 0x05

        var socket: CardSocket
        /// What went wrong in this batch. Nothing more is asked in it: a process that answers again may be another.
        var failure: String?
        init(_ socket: consuming CardSocket) { self.socket = socket }

        /// All ones if nobody answers: so a processor reads where no card is.
        func access(_ access: RegisterAccess) -> UInt32 {
            guard failure == nil else { return BusError.absentPattern }
            do throws(CardSocketError) { return try ask(access) } catch {
                failure = "\(error)"
                return BusError.absentPattern
            }
        }

        private func ask(_ access: RegisterAccess) throws(CardSocketError) -> UInt32 {
            socket.begin(Self.word, access.kind == .read ? 0 : 1)
            socket.append(UInt16(0))
            socket.append(access.address.rawValue)
            socket.append(access.value)
            try socket.ask()
            var reader = socket.reader()
            _ = try reader.word()
            return try reader.word()
        }
    }

    private let connection: Connection

    /// - Parameters:
    ///   - timeout: how long to wait for an answer, in milliseconds.
    ///   - restFactor: after one that did not come nothing is asked for so many times as long, so that its user is held up a small part
    ///     of the time.
    public init(path: String, timeout: Int = 2000, restFactor: Int = 5) throws(CardSocketError) {
        connection = Connection(try CardSocket(path: path, timeout: timeout, restFactor: restFactor))
    }

    public var size: Int { Int(RegisterAddress.limit) }

    public func begin() { connection.failure = nil }
    public var failure: String? { connection.failure }

    public func load(_ address: RegisterAddress) -> UInt32 { connection.access(.read(address)) }
    public func store(_ address: RegisterAddress, _ value: UInt32) { _ = connection.access(.write(address, value)) }
}
