// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// Header overwrite of one datapath.
struct OverwriteTable: Sendable {
    struct Entry: BitwiseCopyable {
        /// A bit for each `Part`.
        var valid: UInt8 = 0
        var destinationMAC: UInt64 = 0
        var sourceMAC: UInt64 = 0
        var ipv4Destination: UInt32 = 0
        var ipv4Source: UInt32 = 0
        var destinationPort: UInt16 = 0
        var sourcePort: UInt16 = 0
    }

    enum Part: UInt8, CaseIterable {
        case destinationMAC, sourceMAC, ipv4Destination, ipv4Source, destinationPort, sourcePort

        var layoutName: String {
            switch self {
            case .destinationMAC: "mac_dst"
            case .sourceMAC: "mac_src"
            case .ipv4Destination: "ipv4_dst"
            case .ipv4Source: "ipv4_src"
            case .destinationPort: "port_dst"
            case .sourcePort: "port_src"
            }
        }
    }

    static let entryCount = 128
    private(set) var store = EntryStore(count: entryCount, wordsPerEntry: FlowCacheLayouts.overwrite.words)
    private(set) var entries = Array(repeating: Entry(), count: entryCount)

    mutating func write(_ entry: Int, word: Int, _ value: UInt32) {
        if store.write(entry, word: word, value) { entries[entry] = decode(entry) }
    }

    private func decode(_ entry: Int) -> Entry {
        func bits(_ name: String) -> UInt64 {
            guard let field = FlowCacheLayouts.overwrite[name] else { return 0 }
            return store.bits(entry, field.lowestBit, field.width)
        }
        func value(_ part: Part) -> UInt64 { bits(part.layoutName) }
        var valid: UInt8 = 0
        for part in Part.allCases where bits(part.layoutName + "_valid") != 0 { valid |= 1 << part.rawValue }
        return Entry(
            valid: valid, destinationMAC: value(.destinationMAC), sourceMAC: value(.sourceMAC),
            ipv4Destination: UInt32(truncatingIfNeeded: value(.ipv4Destination)),
            ipv4Source: UInt32(truncatingIfNeeded: value(.ipv4Source)),
            destinationPort: UInt16(truncatingIfNeeded: value(.destinationPort)),
            sourcePort: UInt16(truncatingIfNeeded: value(.sourcePort)))
    }

    mutating func clear() {
        store.clear()
        for index in entries.indices { entries[index] = Entry() }
    }
}
