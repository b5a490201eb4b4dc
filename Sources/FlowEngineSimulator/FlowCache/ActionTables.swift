// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// What the word of an action says.
public struct DecodedAction: Hashable, Sendable, BitwiseCopyable {
    public var word: UInt32 = 0
    /// 0...15 physical, 16 + x CPU interface x; nil: the action names no port.
    public var port: Int?
    public var drops = false
    public var cutsThrough = false
}

/// The action id of a rule, taken apart.
public struct DecodedActionID: Hashable, Sendable, BitwiseCopyable {
    /// Index of the action, and flow id in statistics and limits.
    public var action: Int
    public var queue: Int
    /// Overlaps with the stream gate's number: both are told as they are. 0: none.
    public var overwrite = 0
    /// Stream gate, nil if it is not enabled. Gates are not modelled.
    public var gate: Int?
}

/// Where the parts of action words and action ids are in this build.
struct ActionFormat: Sendable {
    private struct Place: Sendable {
        let shift: UInt32
        let mask: UInt32

        /// A field the layout lacks reads as zero.
        init(_ layout: EntryLayout, _ name: String) {
            let field = layout[name]
            shift = UInt32(field?.lowestBit ?? 0)
            mask = field.map { $0.width >= 32 ? .max : (1 << UInt32($0.width)) - 1 } ?? 0
        }

        func callAsFunction(_ word: UInt32) -> UInt32 { word >> shift & mask }
    }

    private let portEnable: Place
    private let port: Place
    private let drop: Place
    private let cut: Place
    private let index: Place
    private let queue: Place?
    private let overwrite: Place
    private let gateEnable: Place
    private let gate: Place

    init(_ variants: CardVariants) {
        let word = variants.actionWord == .trustNode ? FlowCacheLayouts.action : FlowCacheLayouts.actionUseCase1
        portEnable = Place(word, "out_port_enable")
        port = Place(word, "out_port")
        // The HAT's example shows neither: they are taken to be where the TrustNode has them.
        drop = Place(FlowCacheLayouts.action, "bad_enable")
        cut = Place(FlowCacheLayouts.action, "cut_enable")
        switch variants.actionID {
        case .queueInIndex:
            index = Place(FlowCacheLayouts.actionIDOverwrite, "index")
            queue = nil
            overwrite = Place(FlowCacheLayouts.actionIDOverwrite, "overwrite")
            gateEnable = Place(FlowCacheLayouts.actionIDGate, "gate_enable")
            gate = Place(FlowCacheLayouts.actionIDGate, "gate")
        case .sixteenActions:
            let layout = FlowCacheLayouts.actionIDUseCase1
            index = Place(layout, "index")
            queue = Place(layout, "queue")
            overwrite = Place(layout, "overwrite")
            gateEnable = Place(layout, "gate_enable")
            gate = Place(layout, "gate")
        }
    }

    func action(_ word: UInt32) -> DecodedAction {
        DecodedAction(
            word: word, port: portEnable(word) != 0 ? Int(port(word)) : nil, drops: drop(word) != 0,
            cutsThrough: cut(word) != 0)
    }

    func id(_ word: UInt32) -> DecodedActionID {
        let action = index(word)
        // Eight queues of 128 ids each, where the id has no queue of its own.
        return DecodedActionID(
            action: Int(action), queue: Int(queue.map { $0(word) } ?? action >> 7 & 7), overwrite: Int(overwrite(word)),
            gate: gateEnable(word) != 0 ? Int(gate(word)) : nil)
    }
}

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
