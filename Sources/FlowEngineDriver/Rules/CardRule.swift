// SPDX-License-Identifier: Apache-2.0
import Tables

/// A rule and where it is.
public struct CardRule: Sendable {
    /// How far the card is known to have it.
    public enum State: UInt8, Sendable {
        /// It is to be written, or is being written.
        case placed
        /// The card has it.
        case live
        /// An access failed while it was written, changed or taken out: what the card has of it is not known. It is to go; until
        /// then its place, hash slot and action are nobody else's.
        case condemned
    }

    public let megaflow: Megaflow
    public var decision: OffloadDecision
    public let place: RulePlace
    /// Index in `CardKeys.exact`; its count for a masked rule.
    public let keySet: Int
    /// Hash slot of an exact-match rule, also of one in the collision table; -1 of a masked one.
    public let slot: Int
    /// Number in the action table, which is the flow id it is counted under.
    public let action: Int
    public var actionWord: UInt32
    /// The rule's words, valid.
    public let words: EntryWords
    /// Words of a masked rule's TCAM entry; of the others none.
    public let tcam: EntryWords
    public var state = State.placed
    /// Frames since it was placed.
    public var packets: UInt64 = 0

    /// Words of the rule, its action, and what points at it.
    public var costInWords: Int {
        switch place {
        case .exact: words.count + 2
        case .collision: words.count + 1
        case .masked: words.count + 1 + tcam.count
        }
    }
}
