// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// The entry that counts a rule's packets, if there is one that would have counted all of them.
public enum OffloadSubject: Hashable, Sendable {
    case flow(FlowKey)
    case station(VLANID, MACAddress)
}

extension OffloadSubject {
    /// One word of it, keyed: for tables of fixed size that a sender must not be able to aim at.
    func fingerprint(seed: UInt64) -> UInt64 {
        switch self {
        case .flow(let key): key.fingerprint(seed: seed)
        case .station(let vlan, let mac): mix(mac.rawValue ^ seed, UInt64(vlan.rawValue) | 1 << 32)
        }
    }
}

extension FlowKey {
    func fingerprint(seed: UInt64) -> UInt64 {
        let ports =
            UInt64(sourcePort) | UInt64(destinationPort) << 16 | UInt64(ipProtocol) << 32
            | UInt64(routerInterface.rawValue) << 40 | (isIPv6 ? 1 << 63 : 0)
        let low = mix(source.low ^ seed, destination.low ^ ports)
        return isIPv6 ? mix(source.high ^ low, destination.high) : low
    }
}

/// A flow or station that is hot: what a rule is planned from.
public struct OffloadSample: Hashable, Sendable {
    public enum Entry: Hashable, Sendable {
        case flow(FlowEntry)
        case station(MACEntry)
    }

    public var entry: Entry
    /// Packets per second, as measured between two sweeps.
    public var rate: Double
    /// Whose share of the card the rule takes.
    public var owner: OffloadOwner

    public init(_ entry: Entry, rate: Double, owner: OffloadOwner) {
        (self.entry, self.rate, self.owner) = (entry, rate, owner)
    }

    public var subject: OffloadSubject {
        switch entry {
        case .flow(let flow): .flow(flow.key)
        case .station(let station): .station(station.vlan, station.mac)
        }
    }

    /// The entry that counts, in the tables, exactly the packets that a rule decides in this way; nil: none that is known to.
    ///
    /// A rule that says less than the entry's key has packets of others too. Of the interface a flow arrives by hardware knows no
    /// more than port and VLAN: a rule with the whole 5-tuple counts for the flow it was made for.
    func subject(of megaflow: Megaflow, _ decision: OffloadDecision) -> OffloadSubject? {
        switch entry {
        case .flow(let flow):
            let tuple: MegaflowFields = [
                .ipv4Source, .ipv4Destination, .ipProtocol, .sourcePort, .destinationPort,
            ]
            guard megaflow.fields.isSuperset(of: tuple), flow.key.ipProtocol == 6 || flow.key.ipProtocol == 17 else {
                return nil
            }
            switch (flow.action, decision) {
            case (.drop, .drop): return subject
            case (.port(let one), .forward(let other)) where one == other: return subject
            default: return nil
            }
        case .station(let station):
            guard megaflow.destinationMAC == station.mac, megaflow.vlan != nil else { return nil }
            switch (station.action, decision) {
            case (.drop, .drop): return subject
            case (.port(let one), .forward(let other)) where one == other: return subject
            default: return nil
            }
        }
    }
}

/// Whose rules count together against a share of the card: the tenant whose port the traffic comes in at, or the station is behind. A port
/// that is no tenant's is one by itself.
public struct OffloadOwner: RawRepresentable, Hashable, Sendable, Comparable {
    /// Of the tenant's ports the lowest number; 0 where it is not known.
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = min(rawValue, PortID.maximum) }
    public init(_ port: PortID?) { self.init(rawValue: port?.rawValue ?? 0) }

    /// One of its ports; nil where it is not known.
    var port: PortID? { rawValue == 0 ? nil : PortID(rawValue: rawValue) }

    /// There are no more.
    static let count = Int(PortID.maximum) + 1

    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}
