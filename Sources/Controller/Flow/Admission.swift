// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// Why a miss made no entry.
public enum Refusal: UInt8, Sendable, CaseIterable, BitwiseCopyable {
    /// The port, or the packet's source address, caused too many new flows.
    case portRate, sourceRate
    /// The table is nearly full, and the port or the source opened many flows lately.
    case highWater
    /// The data plane had no room.
    case tableFull
    /// The tables say nothing that could be kept.
    case notCacheable
    /// For a station of a connected network that the kernel is still to resolve; its entry would soon be wrong.
    case awaitsNeighbor
    /// The same flow was just looked at.
    case repeated
    /// The data plane refused for another reason.
    case rejected
    /// A station address: it moved too often; its port has learned enough; it is fixed by a static entry.
    case macFlapping, macPortLimit, macStatic

    /// As in metrics and scripts: `port_rate`.
    public var name: String {
        switch self {
        case .portRate: "port_rate"
        case .sourceRate: "source_rate"
        case .highWater: "high_water"
        case .tableFull: "table_full"
        case .notCacheable: "not_cacheable"
        case .awaitsNeighbor: "awaits_neighbor"
        case .repeated: "repeated"
        case .rejected: "rejected"
        case .macFlapping: "mac_flapping"
        case .macPortLimit: "mac_port_limit"
        case .macStatic: "mac_static"
        }
    }
}

/// A rate with a burst, in one word: the generic cell rate algorithm (ITU-T I.371, A.2), which keeps the time the next
/// unit would be due in place of a number of tokens.
struct RateLimit: Sendable {
    /// Nanoseconds a unit costs.
    let interval: UInt64
    /// How far ahead of time units may come.
    let tolerance: UInt64

    /// - Parameter burst: the share of a second's units that may come at once.
    init(perSecond: Int, burstMilliseconds: UInt64) {
        interval = 1_000_000_000 / UInt64(max(1, perSecond))
        tolerance = max(interval, burstMilliseconds * 1_000_000)
    }

    func allows(_ due: UInt64, now: UInt64) -> Bool { due <= now &+ tolerance }

    func charge(_ due: inout UInt64, now: UInt64) { due = min(max(due, now) &+ interval, now &+ tolerance &+ interval) }
}

/// Who may open new flows: at a bounded rate by port and by source address, and more strictly when the table is nearly full,
/// so that one sender can neither fill the table nor keep the node busy. Memory is fixed; a source shares its slots with others by a
/// keyed hash, in two rows, and is refused only if both slots are spent, so that one heavy source hardly ever hides a light one.
struct Admission: Sendable {
    static let slots = 32_768
    /// Above the high-water mark the rates are divided by this.
    static let strictness = 64

    private let port: RateLimit, source: RateLimit
    private let strictPort: RateLimit, strictSource: RateLimit
    private let seed: UInt64
    private var ports = [UInt64](repeating: 0, count: Int(PortID.maximum) + 1)
    private var strictPorts = [UInt64](repeating: 0, count: Int(PortID.maximum) + 1)
    /// Two rows, one behind the other.
    private var sources = [UInt64](repeating: 0, count: 2 * slots)
    private var strictSources = [UInt64](repeating: 0, count: 2 * slots)

    init(limits: Configuration.Limits, seed: UInt64) {
        self.seed = seed
        port = RateLimit(perSecond: limits.newFlowsPerSecondPerPort, burstMilliseconds: 250)
        source = RateLimit(perSecond: limits.newFlowsPerSecondPerSource, burstMilliseconds: 250)
        // Longer bursts than the plain limits': what was opened in the last seconds counts.
        strictPort = RateLimit(
            perSecond: limits.newFlowsPerSecondPerPort / Self.strictness, burstMilliseconds: 1000)
        strictSource = RateLimit(
            perSecond: limits.newFlowsPerSecondPerSource / Self.strictness, burstMilliseconds: 1000)
    }

    /// Charges one new flow; nil if it is admitted.
    mutating func admit(_ key: borrowing FlowKey, port id: PortID, now: UInt64, isNearlyFull: Bool) -> Refusal? {
        let p = Int(id.rawValue) & 63
        let hash = mix(key.source.high ^ seed, key.source.low ^ UInt64(key.routerInterface.rawValue) << 48)
        let a = Int(truncatingIfNeeded: hash & UInt64(Self.slots - 1))
        let b = Int(truncatingIfNeeded: hash >> 32 & UInt64(Self.slots - 1)) + Self.slots
        if !port.allows(ports[p], now: now) { return .portRate }
        if !source.allows(sources[a], now: now), !source.allows(sources[b], now: now) { return .sourceRate }
        if isNearlyFull {
            let sourceIsLight =
                strictSource.allows(strictSources[a], now: now) || strictSource.allows(strictSources[b], now: now)
            if !sourceIsLight || !strictPort.allows(strictPorts[p], now: now) { return .highWater }
        }
        port.charge(&ports[p], now: now)
        strictPort.charge(&strictPorts[p], now: now)
        source.charge(&sources[a], now: now)
        source.charge(&sources[b], now: now)
        strictSource.charge(&strictSources[a], now: now)
        strictSource.charge(&strictSources[b], now: now)
        return nil
    }
}

/// A hash of two words: the halves of their product folded, twice.
@inline(__always)
func mix(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let first = (a ^ 0x9e37_79b9_7f4a_7c15).multipliedFullWidth(by: b ^ 0xd1b5_4a32_d192_ed03)
    let second = (first.high ^ first.low ^ b).multipliedFullWidth(by: 0xa076_1d64_78bd_642f ^ a)
    return second.high ^ second.low
}
