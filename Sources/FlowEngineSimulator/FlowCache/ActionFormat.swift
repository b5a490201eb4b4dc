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
