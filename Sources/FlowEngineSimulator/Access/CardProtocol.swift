// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// The messages between a card's process and its users, all numbers big-endian, an answer for each request:
///
///     0x01 SPI      01 00 count16, count × (length16, bytes)        → 81 00 count16, count × (length16, bytes)
///     0x02 frame    02 port length16 bytes (port ff: from the host)  → 82 00 count16, count × (kind, number, length16, bytes)
///     0x03 advance  03 00 0000 nanoseconds64                         → 83 00 0000
///     0x04 board    04 00 0000                                       → 84 board 0000 (0 Real-Time HAT, 1 TrustNode)
///     0x05 word     05 kind 0000 address32 value32                   → 85 00 0000 value32 (kind 0 read, 1 write)
///     0x06 table    06 table 0000                                    → 86 table width16, words32 …
///     anything else                                                  → ff 00 length16, text
///
/// Of a frame that came out, kind 0 is a port, 1 the CPU. A word is read and written as a processor does it in a BAR: what went wrong is in
/// MMI_STATUS. A table is the back door: all its words, `width` an entry, in the order of `SimulatedCard.Table`.
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
            case 0x04: board(message)
            case 0x05: word(message)
            case 0x06: table(message)
            case let kind:
                Self.error(
                    "a request 0x\(String(kind, radix: 16)) is not known; 1 is SPI, 2 a frame, 3 time, 4 the board, 5 a word, 6 a table"
                )
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

    private func board(_ message: [UInt8]) -> [UInt8] {
        guard message.count == Self.headerLength else {
            return Self.error("a request for the board has \(Self.headerLength) bytes, not \(message.count)")
        }
        return [0x84, card.configuration.profile == .realTimeHAT ? 0 : 1, 0, 0]
    }

    private func word(_ message: [UInt8]) -> [UInt8] {
        guard message.count == 12, message[1] <= 1 else {
            return Self.error(
                "a request for a word has 12 bytes and kind 0 or 1, not \(message.count) and \(message[1])")
        }
        let address = RegisterAddress(rawValue: Self.uint32(message, 4))
        guard address.isValid else { return Self.error("\(address) is no address: 24 bits, a multiple of 4") }
        var value = Self.uint32(message, 8)
        if message[1] == 0 { value = card.load(address) } else { card.store(address, value) }
        return [0x85, 0, 0, 0] + Self.bytes(value)
    }

    private func table(_ message: [UInt8]) -> [UInt8] {
        guard message.count == Self.headerLength, let table = SimulatedCard.Table(rawValue: message[1]) else {
            return Self.error(
                "there is no table \(message[1]); there are 0 to \(SimulatedCard.Table.allCases.count - 1), asked for in 4 bytes"
            )
        }
        let (width, words) = card.words(of: table)
        return [0x86, message[1], UInt8(width >> 8), UInt8(width & 0xff)] + words.flatMap(Self.bytes)
    }

    private static func bytes(_ word: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) }
    }

    private static func uint32(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
        bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static func uint16(_ bytes: [UInt8], _ offset: Int) -> Int {
        Int(bytes[offset]) << 8 | Int(bytes[offset + 1])
    }
}
