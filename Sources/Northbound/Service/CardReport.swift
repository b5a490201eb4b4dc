// SPDX-License-Identifier: Apache-2.0
import Tables

/// The card in front of the fast path.
public struct CardReport: Hashable, Sendable {
    /// One of its tables of rules, or of what rules need.
    public struct Table: Hashable, Sendable {
        /// `emh`, `collision`, `ema`, `action`.
        public var name: String
        public var capacity: Int
        public var used: Int

        public init(name: String, capacity: Int, used: Int) {
            (self.name, self.capacity, self.used) = (name, capacity, used)
        }
    }

    /// What one of its ports counted since the start.
    public struct PortCount: Hashable, Sendable {
        /// The node's port; the card's number where it is none of the node's.
        public var port: String
        /// `received`, `sent`, `dropped_runt`, `handed_over_proc_acc_default`.
        public var what: String
        public var packets: UInt64

        public init(port: String, what: String, packets: UInt64) {
            (self.port, self.what, self.packets) = (port, what, packets)
        }
    }

    /// As its driver calls it.
    public var name: String
    /// Why nothing is offloaded; empty: the card is in use.
    public var problem: String
    public var tables: [Table]
    /// Packets that it has decided.
    public var packets: UInt64
    /// Rules placed since the start.
    public var placed: UInt64
    /// Rules that left: they were cold; they made room for hotter ones; tables changed, or the card was reset.
    public var cold: UInt64
    public var replaced: UInt64
    public var overtaken: UInt64
    /// How often something was refused, by reason.
    public var refused: [String: UInt64]
    public var counts: [PortCount]

    public init(
        name: String, problem: String = "", tables: [Table] = [], packets: UInt64 = 0, placed: UInt64 = 0,
        cold: UInt64 = 0, replaced: UInt64 = 0, overtaken: UInt64 = 0, refused: [String: UInt64] = [:],
        counts: [PortCount] = []
    ) {
        (self.name, self.problem, self.tables, self.packets) = (name, problem, tables, packets)
        (self.placed, self.cold, self.replaced, self.overtaken) = (placed, cold, replaced, overtaken)
        (self.refused, self.counts) = (refused, counts)
    }
}

/// A count of a card's CPU port that is not 0.
public struct CPUPortCount: Hashable, Sendable {
    /// The port's interface; nil: of frames that belong to none.
    public var port: String?
    /// `received`, `unknown_ingress`; `reason_proc_fc_rule` of frames that the card handed up for this reason.
    public var what: String
    public var counter: Counter

    public init(port: String?, what: String, counter: Counter) {
        (self.port, self.what, self.counter) = (port, what, counter)
    }
}
