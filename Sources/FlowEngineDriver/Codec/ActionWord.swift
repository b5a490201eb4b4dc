// SPDX-License-Identifier: Apache-2.0
import Tables

/// What the card does with a frame: a word of its action table.
public enum CardAction: Hashable, Sendable {
    case drop
    /// By the card's port of this number.
    case output(Int)
}

extension CardAction: CustomStringConvertible {
    /// `drop`, `port 2`
    public var description: String {
        switch self {
        case .drop: "drop"
        case .output(let port): "port \(port)"
        }
    }
}

extension CardAction {
    /// The word, or why this card cannot be told.
    public func word(_ quirks: CardQuirks) throws(OffloadRefusal) -> UInt32 {
        let rest: UInt32 = quirks.actionWord == .headerFile ? 0xffff_ff00 : 0
        switch self {
        case .drop:
            guard let bit = quirks.dropBit else { throw .action("drop; how this card is told to is not known") }
            return rest | 1 << UInt32(bit)
        case .output(let port):
            let (shift, last): (UInt32, Int) = quirks.actionWord == .headerFile ? (1, 31) : (3, 7)
            guard (0...last).contains(port) else {
                throw .value(field: "egress_port", value: "\(port)", expected: "a port of the card in 0...\(last)")
            }
            return rest | UInt32(port) << shift | 1
        }
    }

    /// What a word means; nil if it neither drops nor names a port.
    public init?(word: UInt32, _ quirks: CardQuirks) {
        if let bit = quirks.dropBit, word & 1 << UInt32(bit) != 0 {
            self = .drop
        } else if word & 1 != 0 {
            self = .output(quirks.actionWord == .headerFile ? Int(word >> 1 & 31) : Int(word >> 3 & 7))
        } else {
            return nil
        }
    }
}

/// Which action a rule's frames get, 24 bits: an index into the action table, which is the flow id that counts them too, and
/// the queue they leave by.
public struct ActionID: Hashable, Sendable {
    public var rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue & 0xff_ffff }

    /// `index`: in 1..<actionCount. The queue is part of it (`.queueInIndex`), or given beside it.
    public init(index: Int, queue: Int, _ layout: CardQuirks.ActionIDLayout) {
        switch layout {
        case .queueInIndex: self.init(rawValue: UInt32(index & 0x3ff))
        case .sixteenActions: self.init(rawValue: UInt32(index & 0xf) | UInt32(queue & 7) << 4)
        }
    }

    public func index(_ layout: CardQuirks.ActionIDLayout) -> Int {
        switch layout {
        case .queueInIndex: Int(rawValue & 0x3ff)
        case .sixteenActions: Int(rawValue & 0xf)
        }
    }

    public func queue(_ layout: CardQuirks.ActionIDLayout) -> Int {
        switch layout {
        case .queueInIndex: Int(rawValue >> 7 & 7)
        case .sixteenActions: Int(rawValue >> 4 & 7)
        }
    }
}

/// A word of the hash table: the rule in bits 8:0, the rest ones ("triggers hardware"); zero for none.
public enum HashWord {
    public static let empty: UInt32 = 0

    /// `rule`: 1...511; the card has no rule 0.
    public static func pointing(to rule: Int) -> UInt32 { 0xffff_fe00 | UInt32(rule) & 0x1ff }

    public static func rule(_ word: UInt32) -> Int? { word & 0x1ff == 0 ? nil : Int(word & 0x1ff) }
}
