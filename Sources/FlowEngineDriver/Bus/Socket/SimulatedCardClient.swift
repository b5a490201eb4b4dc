// SPDX-License-Identifier: Apache-2.0

/// What a simulated card can do that a real one's wire cannot: take frames at its ports, and let time pass. For tests and
/// `piccolo card`.
///
/// It has a connection of its own beside `SocketSPIDevice`, to the same socket.
public struct SimulatedCardClient: ~Copyable, Sendable {
    /// A frame that came out.
    public struct Emission: Hashable, Sendable {
        public enum Place: Hashable, Sendable, CustomStringConvertible {
            case port(Int)
            /// An interface of the host: over PCIe, or tagged on the port that is the host's.
            case cpu(interface: Int)

            /// `port 2`, `host`
            public var description: String {
                switch self {
                case .port(let port): "port \(port)"
                case .cpu: "host"
                }
            }
        }

        public var place: Place
        public var frame: [UInt8]
        public init(_ place: Place, _ frame: [UInt8]) { (self.place, self.frame) = (place, frame) }
    }

    /// Where a frame goes in.
    public enum Ingress: Hashable, Sendable {
        /// 0 to 254.
        case port(Int)
        /// At the host's side; the frame carries the tag that says where it is to go.
        case cpu
    }

    private enum Request {
        static let frame: UInt8 = 0x02
        static let advance: UInt8 = 0x03
        static let board: UInt8 = 0x04
        static let table: UInt8 = 0x06
        static let cpuPort: UInt8 = 0xff
    }

    private var socket: CardSocket

    /// - Parameter timeout: how long to wait for an answer, in milliseconds.
    public init(path: String, timeout: Int = 10_000) throws(CardSocketError) {
        socket = try CardSocket(path: path, timeout: timeout)
    }

    /// Puts a frame in and returns what comes out, in the card's order.
    public mutating func send(_ frame: [UInt8], at ingress: Ingress) throws(CardSocketError) -> [Emission] {
        guard let length = UInt16(exactly: frame.count) else {
            throw .tooLong(path: socket.path, what: "a frame of \(frame.count) bytes; it can have \(UInt16.max)")
        }
        socket.begin(Request.frame, try number(of: ingress))
        socket.append(length)
        socket.request.append(contentsOf: frame)
        try socket.ask()
        var reader = socket.reader()
        _ = try reader.bytes(2)
        var emissions: [Emission] = []
        for _ in 0..<(try reader.number()) {
            let kind = try reader.byte()
            let number = Int(try reader.byte())
            let place: Emission.Place
            switch kind {
            case 0: place = .port(number)
            case 1: place = .cpu(interface: number)
            default: throw .malformed(path: socket.path, what: "a frame came out at a place of kind \(kind)")
            }
            emissions.append(Emission(place, Array(try reader.bytes(Int(reader.number())))))
        }
        try reader.end()
        return emissions
    }

    /// Lets the card's time pass.
    public mutating func advance(nanoseconds: UInt64) throws(CardSocketError) {
        socket.begin(Request.advance)
        socket.append(UInt16(0))
        socket.append(nanoseconds)
        try socket.ask()
        var reader = socket.reader()
        _ = try reader.bytes(4)
        try reader.end()
    }

    /// Which board it is.
    public mutating func board() throws(CardSocketError) -> CardProfile {
        socket.begin(Request.board)
        socket.append(UInt16(0))
        try socket.ask()
        var reader = socket.reader()
        _ = try reader.byte()
        switch try reader.byte() {
        case 0: return .realTimeHAT
        case 1: return .trustNode
        case let number: throw .malformed(path: socket.path, what: "its board has number \(number)")
        }
    }

    /// A table's words, by the back door: `width` of them an entry.
    public mutating func words(of table: CardTables.Name) throws(CardSocketError) -> (width: Int, words: [UInt32]) {
        socket.begin(Request.table, table.rawValue)
        socket.append(UInt16(0))
        try socket.ask()
        var reader = socket.reader()
        _ = try reader.number()
        let width = Int(try reader.number())
        let words = try reader.words()
        guard width > 0, words.count % width == 0 else {
            throw .malformed(path: socket.path, what: "a table of \(words.count) words, \(width) an entry")
        }
        return (width, words)
    }

    private func number(of ingress: Ingress) throws(CardSocketError) -> UInt8 {
        switch ingress {
        case .cpu: return Request.cpuPort
        case .port(let port):
            guard let number = UInt8(exactly: port), number != Request.cpuPort else {
                throw .tooLong(path: socket.path, what: "port \(port); a port is 0 to \(Request.cpuPort - 1)")
            }
            return number
        }
    }
}
