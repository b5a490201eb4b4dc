// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// The HAT's SPI interface, one chip-select assertion at a time. Source: L:hat `spi.c`, HAT configurations.
///
/// What the sources leave open and is assumed here: MISO is zero outside of data; a read is carried out as soon as its
/// address is complete, also if the frame then ends early; an access that is too short or misaligned has no other effect.
public final class SimulatedSPISlave {
    private enum Command: UInt8 {
        case writeLocal = 0x0f
        case readLocal = 0x3c
        case writeMMI = 0xc3
        case readMMI = 0xf0

        var isRead: Bool { self == .readLocal || self == .readMMI }
        var isLocal: Bool { self == .readLocal || self == .writeLocal }
        /// Bytes of a whole access.
        var length: Int { self == .readMMI ? 12 : 8 }
    }

    private let card: SimulatedCard
    /// SCK, Hz. Virtual time goes on by what the bits take.
    public var clock: UInt64
    /// Chip select is off for so long between two frames, nanoseconds.
    public var gap: UInt64 = 20
    /// Above this clock a bit of the data flips in every frame, Hz.
    public var reliableClock: UInt64

    public init(_ card: SimulatedCard, clock: UInt64 = 20_000_000, reliableClock: UInt64 = 50_000_000) {
        (self.card, self.clock, self.reliableClock) = (card, max(clock, 1), reliableClock)
    }

    /// Bytes out for bytes in, as many.
    public func exchange(_ mosi: [UInt8]) -> [UInt8] {
        let nanoseconds = UInt64(mosi.count) * 8 * 1_000_000_000 / clock + gap
        let flips = clock > reliableClock
        return card.withCore { core in
            core.counters.spiFrames += 1
            core.counters.spiBits += mosi.count * 8
            core.counters.spiNanoseconds += nanoseconds
            defer { core.advance(nanoseconds) }
            return Self.exchange(mosi, flips: flips, &core)
        }
    }

    private static func exchange(_ mosi: [UInt8], flips: Bool, _ core: inout CardCore) -> [UInt8] {
        guard core.isPowered else { return Array(repeating: 0xff, count: mosi.count) }
        var miso = [UInt8](repeating: 0, count: mosi.count)
        guard let first = mosi.first else {
            core.noteSPI(.undersized)
            return miso
        }
        guard let command = Command(rawValue: first) else {
            core.noteSPI(.command)
            return miso
        }
        guard mosi.count >= 4, command.isRead || mosi.count >= command.length else {
            core.noteSPI(.undersized)
            return miso
        }
        let address = RegisterAddress(rawValue: UInt32(mosi[1]) << 16 | UInt32(mosi[2]) << 8 | UInt32(mosi[3]))
        if let error = error(of: command, address) {
            core.noteSPI(error)
            return miso
        }
        if mosi.count > command.length {
            core.noteSPI(.oversized)
            if !command.isRead, core.variants.oversizeWrite == .ignored { return miso }
        }
        guard command.isRead else {
            var word = UInt32(mosi[4]) << 24 | UInt32(mosi[5]) << 16 | UInt32(mosi[6]) << 8 | UInt32(mosi[7])
            if flips { word ^= core.drawBit() }
            if core.access(.write(address, word)) == .absent { return Array(repeating: 0xff, count: mosi.count) }
            return miso
        }
        let outcome = core.access(.read(address))
        if outcome == .absent { return Array(repeating: 0xff, count: mosi.count) }
        if mosi.count < command.length { core.noteSPI(.undersized) }
        let word = outcome.word ^ (flips ? core.drawBit() : 0)
        for index in 0..<4 where command.length - 4 + index < mosi.count {
            miso[command.length - 4 + index] = UInt8(truncatingIfNeeded: word >> UInt32(24 - index * 8))
        }
        return miso
    }

    private static func error(of command: Command, _ address: RegisterAddress) -> SPIErrors? {
        if command.isLocal != CardCore.isLocal(address) { return .command }
        return address.isValid ? nil : .misaligned
    }
}

extension CardCore {
    fileprivate mutating func drawBit() -> UInt32 { 1 << UInt32.random(in: 0..<32, using: &generator) }
}
