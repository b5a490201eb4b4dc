// SPDX-License-Identifier: Apache-2.0
import Tables

/// The card at a glance.
public struct CardStatus: Hashable, Sendable {
    /// As its driver calls it.
    public var name: String
    /// Why nothing is offloaded; nil: the card is in use.
    public var problem: String?
    /// What it has of rules, and how many are used.
    public var tables: [OffloadTable]
    /// Packets that it has decided.
    public var packets: UInt64
    /// Rules placed since the beginning.
    public var placed: UInt64
    /// Rules that have left: they were cold; they made room for hotter ones; tables changed, or the card was reset.
    public var cold: UInt64
    public var replaced: UInt64
    public var overtaken: UInt64
    /// How often something was refused, by reason: `no_key`, `not_uniform`, `action`, `value`, `full`, `hardware`.
    public var refused: [String: UInt64]
    /// What the driver complains of.
    public var complaints: [String]
}

extension Tiering {
    var status: CardStatus {
        CardStatus(
            name: plane.front.capabilities.name, problem: plane.distrust, tables: plane.front.offloadTables,
            packets: plane.counts.total, placed: statistics.placed, cold: statistics.cold,
            replaced: statistics.replaced, overtaken: plane.overtaken, refused: policy.memory.count,
            complaints: plane.front.health().complaints)
    }
}
