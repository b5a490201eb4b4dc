// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// Which flows have packets that the data plane behind does not see, as far as addresses, ports and stations tell: static entries
/// with an idle time must not be taken for idle because a rule that covers more than one flow decides their frames.
///
/// Too careful: a rule may say more than is compared here. One look is O(kinds of rules), and most entries need none:
/// hardware only drops, or sends on as it came.
struct HiddenFlows {
    private static let compared: MegaflowFields = [
        .ipv4Source, .ipv4Destination, .ipProtocol, .sourcePort, .destinationPort,
    ]

    private struct Kind {
        var fields: MegaflowFields
        var lastHits: [UInt64: CoarseTime] = [:]
    }

    private var kinds: [Kind] = []

    /// - Parameter stations: all of `my_station_table`: they say which router interfaces a rule's frames can arrive by.
    init(_ placements: [Megaflow: HardwareCounts.Placement], stations: [MyStationEntry], now: CoarseTime) {
        for (megaflow, placement) in placements {
            guard let hit = placement.lastHit else { continue }
            let fields = megaflow.fields.intersection(Self.compared)
            let index: Int
            if let known = kinds.firstIndex(where: { $0.fields == fields }) {
                index = known
            } else {
                index = kinds.count
                kinds.append(Kind(fields: fields))
            }
            let interfaces = Set(stations.filter { $0.canAdmit(megaflow) }.map(\.routerInterface))
            for interface in interfaces {
                let key = Self.fingerprint(
                    interface, source: megaflow.ipv4Source?.rawValue ?? 0,
                    destination: megaflow.ipv4Destination?.rawValue ?? 0, ipProtocol: megaflow.ipProtocol ?? 0,
                    ports: (megaflow.sourcePort ?? 0, megaflow.destinationPort ?? 0))
                let before = kinds[index].lastHits[key]
                guard before.map({ now.ticks(since: hit) < now.ticks(since: $0) }) ?? true else { continue }
                kinds[index].lastHits[key] = hit
            }
        }
        kinds.removeAll { $0.lastHits.isEmpty }
    }

    /// When a rule was hit last that may have been hit by the entry's packets.
    func lastHit(of entry: borrowing FlowEntry) -> CoarseTime? {
        guard !kinds.isEmpty else { return nil }
        switch entry.action {
        case .drop, .port: break
        case .nextHop, .kernel, .cpu: return nil
        }
        let key = entry.key
        var latest: CoarseTime?
        for kind in kinds {
            let fields = kind.fields
            // No IPv4 in an IPv6 packet.
            if key.isIPv6, fields.contains(.ipv4Source) || fields.contains(.ipv4Destination) { continue }
            let fingerprint = Self.fingerprint(
                key.routerInterface,
                source: fields.contains(.ipv4Source) ? UInt32(truncatingIfNeeded: key.source.low) : 0,
                destination: fields.contains(.ipv4Destination) ? UInt32(truncatingIfNeeded: key.destination.low) : 0,
                ipProtocol: fields.contains(.ipProtocol) ? key.ipProtocol : 0,
                ports: (
                    fields.contains(.sourcePort) ? key.sourcePort : 0,
                    fields.contains(.destinationPort) ? key.destinationPort : 0
                ))
            guard let hit = kind.lastHits[fingerprint] else { continue }
            if latest.map({ hit.ticks(since: $0) < 0x8000 }) ?? true { latest = hit }
        }
        return latest
    }

    private static func fingerprint(
        _ interface: RouterInterfaceID, source: UInt32, destination: UInt32, ipProtocol: UInt8, ports: (UInt16, UInt16)
    ) -> UInt64 {
        mix(
            UInt64(source) << 32 | UInt64(destination),
            UInt64(ipProtocol) << 32 | UInt64(ports.0) << 16 | UInt64(ports.1)
                | UInt64(interface.rawValue) << 40 | 1 << 63)
    }
}

extension MyStationEntry {
    /// Whether some of a megaflow's frames may be for it. Untagged frames belong to a VLAN that is not looked up here.
    fileprivate func canAdmit(_ megaflow: Megaflow) -> Bool {
        if let port, let ingress = megaflow.ingressPort, port != ingress { return false }
        if let destination = megaflow.destinationMAC, (destination.rawValue ^ mac.rawValue) & macMask.rawValue != 0 {
            return false
        }
        if let vlan, let tag = megaflow.vlan, tag != .untagged, tag != vlan { return false }
        return true
    }
}
