// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// When to sweep the tables, and what a sweep removes.
///
/// A sweep costs time in proportion to the table, so the pause after it is in proportion to what it took: sweeping takes a
/// fixed small share of one core, whatever the table's size. Open vSwitch bounds its dumps likewise, by limiting the flows; here
/// the table may be full, and only the sweeps become rarer. When the table is nearly full, idle times shrink: much for flows
/// that were hardly used since they were entered, as those of a flood are, a little for those in use.
struct FlowAgeing: Sendable {
    /// One core's share for sweeping is 1 / this.
    static let pauseFactor: UInt64 = 250
    static let shortestPause: UInt64 = 500_000_000
    static let longestPause: UInt64 = 15_000_000_000
    /// From this fill on idle times shrink: down to a 64th when full, for flows in use to a quarter; not below `shortestIdle`.
    static let shrinksFrom = 0.8
    static let shortestIdle: UInt16 = 2
    /// Packets that hit an entry until its flow counts as in use.
    static let packetsInUse: UInt64 = 2

    var timeouts: Configuration.Ageing
    private(set) var nextSweep: UInt64 = 0
    private(set) var lastDuration: UInt64 = 0

    init(timeouts: Configuration.Ageing) { self.timeouts = timeouts }

    /// What a sweep goes by, in ticks of `CoarseTime`.
    struct Rules: Sendable {
        var now: CoarseTime
        var generation: PolicyGeneration
        var tcp, udp, icmp, other, mac: UInt16
        /// What is left of the idle time of flows in use, and of others: 0...1.
        var shareInUse, shareUnproven: Double

        func isExpired(_ flow: borrowing FlowRecord, idleTimeouts: borrowing [FlowKey: UInt16]) -> Bool {
            let idle = now.ticks(since: flow.lastHit)
            switch flow.entry.origin {
            case .static:
                guard !idleTimeouts.isEmpty, let limit = idleTimeouts[flow.entry.key] else { return false }
                return Self.isOver(idle, limit)
            case .derived(let generation):
                if generation != self.generation { return true }
                let limit =
                    switch flow.entry.key.ipProtocol {
                    case 6: tcp
                    case 17: udp
                    case 1, 58: icmp
                    default: other
                    }
                guard shareUnproven < 1 else { return Self.isOver(idle, limit) }
                let share = flow.counter.packets >= FlowAgeing.packetsInUse ? shareInUse : shareUnproven
                return Self.isOver(idle, max(FlowAgeing.shortestIdle, UInt16(Double(limit) * share)))
            }
        }

        func isExpired(_ record: borrowing MACRecord) -> Bool {
            if record.entry.isStatic { return false }
            return Self.isOver(now.ticks(since: record.lastHit), mac)
        }

        /// The clock of the packets may be a little ahead of ours: a negative difference is no idle time.
        private static func isOver(_ idle: UInt16, _ limit: UInt16) -> Bool { idle >= limit && idle < 0xff00 }
    }

    /// - Parameter fill: share of the flow table in use.
    func rules(now: CoarseTime, generation: PolicyGeneration, fill: Double, macFill: Double) -> Rules {
        let over = min(1, max(0, fill - Self.shrinksFrom) / (1 - Self.shrinksFrom))
        let macTime = Self.ticks(timeouts.mac)
        let macOver = min(1, max(0, macFill - Self.shrinksFrom) / (1 - Self.shrinksFrom))
        return Rules(
            now: now, generation: generation, tcp: Self.ticks(timeouts.tcp), udp: Self.ticks(timeouts.udp),
            icmp: Self.ticks(timeouts.icmp), other: Self.ticks(timeouts.other),
            mac: max(Self.shortestIdle, UInt16(Double(macTime) * (1 - macOver * 63 / 64))),
            shareInUse: 1 - over * 3 / 4, shareUnproven: 1 - over * 63 / 64)
    }

    static func ticks(_ time: Duration) -> UInt16 {
        let milliseconds = time.components.seconds * 1000 + time.components.attoseconds / 1_000_000_000_000_000
        return UInt16(clamping: max(1, milliseconds / CoarseTime.millisecondsPerTick))
    }

    func isDue(now: UInt64) -> Bool { now >= nextSweep }

    /// Policy changed: sweep the entries it made useless soon, but let changes that come in a row pass first.
    mutating func requestSweep(now: UInt64) {
        nextSweep = min(nextSweep, now + max(Self.shortestPause, lastDuration * 20))
    }

    /// A sweep took so long.
    mutating func swept(duration: UInt64, now: UInt64, fill: Double) {
        lastDuration = duration
        var pause = min(max(duration * Self.pauseFactor, Self.shortestPause), Self.longestPause)
        // Room is worth more than time.
        if fill > Self.shrinksFrom { pause = max(Self.shortestPause, pause / 4) }
        nextSweep = now + pause
    }
}
