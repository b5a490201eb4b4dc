// SPDX-License-Identifier: Apache-2.0

/// What the word of an action says.
public struct DecodedAction: Hashable, Sendable, BitwiseCopyable {
    public var word: UInt32
    /// 0...15 physical, 16 + x CPU interface x; nil: the action names no port.
    public var port: Int?
    public var drops: Bool
    public var cutsThrough: Bool

    init(_ word: UInt32, _ format: CardVariants.ActionWord) {
        self.word = word
        let field = format == .trustNode ? word >> 1 & 31 : word >> 3 & 7
        port = word & 1 != 0 ? Int(field) : nil
        drops = word & 1 << 6 != 0
        cutsThrough = word & 1 << 7 != 0
    }
}

/// The action id of a rule, taken apart.
public struct DecodedActionID: Hashable, Sendable, BitwiseCopyable {
    /// Index of the action, and flow id in statistics and limits.
    public var action: Int
    public var queue: Int
    /// Overlaps with the stream gate's number: both are told as they are.
    public var overwrite: Int
    public var gate: Int?

    init(_ id: UInt32, _ format: CardVariants.ActionID) {
        switch format {
        case .queueInIndex: (action, queue) = (Int(id & 0x3ff), Int(id >> 7 & 7))
        case .sixteenActions: (action, queue) = (Int(id & 15), Int(id >> 4 & 7))
        }
        overwrite = Int(id >> 16 & 127)
        gate = id & 1 << 12 != 0 ? Int(id >> 14 & 15) : nil
    }
}

/// Header overwrite of one datapath.
struct OverwriteTable: Sendable {
    struct Entry: BitwiseCopyable {
        var valid: UInt8 = 0
        var destinationMAC: UInt64 = 0
        var sourceMAC: UInt64 = 0
        var ipv4Destination: UInt32 = 0
        var ipv4Source: UInt32 = 0
        var destinationPort: UInt16 = 0
        var sourcePort: UInt16 = 0
    }

    static let entryCount = 128
    static let words = 8
    /// Bits of `valid`, from the lowest.
    enum Part: UInt8 { case destinationMAC, sourceMAC, ipv4Destination, ipv4Source, destinationPort, sourcePort }

    private(set) var store = EntryStore(count: entryCount, wordsPerEntry: words)
    private(set) var entries = Array(repeating: Entry(), count: entryCount)

    mutating func write(_ entry: Int, word: Int, _ value: UInt32) {
        guard store.write(entry, word: word, value) else { return }
        // Six valid bits, 58 unused, then the values (TNflowtable, `tnlibflowtable.h`).
        entries[entry] = Entry(
            valid: UInt8(store.bits(entry, 0, 6)), destinationMAC: store.bits(entry, 64, 48),
            sourceMAC: store.bits(entry, 112, 48), ipv4Destination: UInt32(store.bits(entry, 160, 32)),
            ipv4Source: UInt32(store.bits(entry, 192, 32)), destinationPort: UInt16(store.bits(entry, 224, 16)),
            sourcePort: UInt16(store.bits(entry, 240, 16)))
    }

    mutating func clear() {
        store.clear()
        for index in entries.indices { entries[index] = Entry() }
    }
}
