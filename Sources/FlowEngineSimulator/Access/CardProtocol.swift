// SPDX-License-Identifier: Apache-2.0

/// The messages between a card's process and its users, all numbers big-endian, an answer for each request:
///
///     0x01 SPI      01 00 count16, count × (length16, bytes)        → 81 00 count16, count × (length16, bytes)
///     0x02 frame    02 port length16 bytes (port ff: from the host)  → 82 00 count16, count × (kind, number, length16, bytes)
///     0x03 advance  03 00 0000 nanoseconds64                         → 83 00 0000
///     anything else                                                  → ff 00 length16, text
///
/// Kind 0 is a port, 1 the CPU.
struct CardProtocol {
    static let maximumMessage = 128 * 1024
    static let maximumFrames = 4096
    private static let hostPort: UInt8 = 0xff
    private static let headerLength = 4

    private let card: SimulatedCard
    private let slave: SimulatedSPISlave

    init(_ card: SimulatedCard) {
        self.card = card
        slave = SimulatedSPISlave(card)
    }

    func answer(_ message: [UInt8]) -> [UInt8] {
        guard message.count <= Self.maximumMessage else {
            return Self.error("a message of \(message.count) bytes; at most \(Self.maximumMessage) are taken")
        }
        guard message.count >= Self.headerLength else {
            return Self.error("a message of \(message.count) bytes; a header has \(Self.headerLength)")
        }
        let answer: [UInt8] =
            switch message[0] {
            case 0x01: exchange(message)
            case 0x02: receive(message)
            case 0x03: advance(message)
            case let kind:
                Self.error("a request 0x\(String(kind, radix: 16)) is not known; 1 is SPI, 2 a frame, 3 time")
            }
        guard answer.count <= Self.maximumMessage else {
            return Self.error(
                "the answer would have \(answer.count) bytes; at most \(Self.maximumMessage) fit a message")
        }
        return answer
    }

    static func error(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8.prefix(1024))
        return [0xff, 0, UInt8(bytes.count >> 8), UInt8(bytes.count & 0xff)] + bytes
    }

    private func exchange(_ message: [UInt8]) -> [UInt8] {
        let count = Self.uint16(message, 2)
        guard message[1] == 0 else { return Self.error("the second byte of an SPI request is \(message[1]), not 0") }
        guard count <= Self.maximumFrames else {
            return Self.error("a batch of \(count) SPI frames; at most \(Self.maximumFrames) are taken")
        }
        // The whole message is looked at first: a malformed batch is not carried out in part.
        var frames: [Range<Int>] = []
        frames.reserveCapacity(count)
        var offset = Self.headerLength
        for index in 0..<count {
            guard offset + 2 <= message.count, offset + 2 + Self.uint16(message, offset) <= message.count else {
                return Self.error("the message ends in SPI frame \(index) of \(count)")
            }
            let end = offset + 2 + Self.uint16(message, offset)
            frames.append(offset + 2..<end)
            offset = end
        }
        guard offset == message.count else {
            return Self.error("\(message.count - offset) bytes follow the \(count) SPI frames")
        }
        var answer: [UInt8] = [0x81, 0, message[2], message[3]]
        answer.reserveCapacity(message.count)
        for frame in frames {
            let miso = slave.exchange(Array(message[frame]))
            answer += [UInt8(miso.count >> 8), UInt8(miso.count & 0xff)]
            answer += miso
        }
        return answer
    }

    private func receive(_ message: [UInt8]) -> [UInt8] {
        let length = Self.uint16(message, 2)
        guard message.count == Self.headerLength + length else {
            return Self.error("a frame of \(length) bytes in a message of \(message.count)")
        }
        let frame = Array(message[Self.headerLength...])
        let emissions: [CardEmission]
        if message[1] == Self.hostPort {
            guard card.configuration.hostPort != nil else {
                return Self.error(
                    "a TrustNode's host sends by PCIe, with descriptors; there is no port for tagged frames")
            }
            emissions = card.receiveFromCPU(frame)
        } else {
            guard Int(message[1]) < card.configuration.portCount else {
                return Self.error(
                    "there is no port \(message[1]); this card has 0 to \(card.configuration.portCount - 1), and 255 is the host"
                )
            }
            emissions = card.receive(frame, port: Int(message[1]))
        }
        var answer: [UInt8] = [0x82, 0, UInt8(emissions.count >> 8), UInt8(emissions.count & 0xff)]
        for emission in emissions {
            let (kind, number): (UInt8, Int) =
                switch emission {
                case .port(let port, _): (0, port)
                case .cpu(let interface, _): (1, interface)
                }
            let frame = emission.frame
            answer += [kind, UInt8(truncatingIfNeeded: number), UInt8(frame.count >> 8), UInt8(frame.count & 0xff)]
            answer += frame
        }
        return answer
    }

    private func advance(_ message: [UInt8]) -> [UInt8] {
        guard message.count == 12 else {
            return Self.error("a request to advance time has 12 bytes, not \(message.count)")
        }
        card.advance(nanoseconds: message[4..<12].reduce(0) { $0 << 8 | UInt64($1) })
        return [0x83, 0, 0, 0]
    }

    private static func uint16(_ bytes: [UInt8], _ offset: Int) -> Int {
        Int(bytes[offset]) << 8 | Int(bytes[offset + 1])
    }
}
