// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

extension OffloadSample {
    /// Ways that the frames to a station can come by, at most: each may take a rule.
    private static let ways = 6

    /// What its frames look like, as far as the tables tell: in each way that they can.
    func megaflows(_ state: borrowing TableState, sources: borrowing PortStations) -> [Megaflow] {
        switch entry {
        case .flow(let flow): return Megaflow.samples(of: flow.key, state: state)
        case .station(let station):
            guard let vlan = state.vlan(station.vlan) else { return [] }
            var samples: [Megaflow] = []
            for port in vlan.tagged.union(vlan.untagged).sorted() where station.action != .port(port) {
                guard let entry = state.port(port), entry.mode == .switched else { continue }
                var tags: [VLANID] = []
                if entry.pvid == vlan.vlan { tags.append(.untagged) }
                if vlan.tagged.contains(port) { tags.append(vlan.vlan) }
                // At a port that learns, frames can be kept from being seen only if their station is known there.
                let known: [MACAddress?] = sources.stations(at: port, in: station.vlan).map(\.mac)
                for tag in tags {
                    for source in known.isEmpty ? [nil] : known {
                        var sample = Megaflow()
                        (sample.ingressPort, sample.vlan) = (port, tag)
                        (sample.sourceMAC, sample.destinationMAC) = (source, station.mac)
                        samples.append(sample)
                    }
                }
            }
            return Array(samples.prefix(Self.ways))
        }
    }
}

/// The stations of each port, where they are few: what comes in there comes from one of them. Filled by a sweep; its size is fixed.
struct PortStations: Sendable {
    /// With more of them, which one a frame is from is anybody's guess.
    private static let most = 3

    private var stations: [[MACEntry]] = Array(repeating: [], count: OffloadOwner.count)
    private var counts = [Int](repeating: 0, count: OffloadOwner.count)

    mutating func removeAll() {
        for index in counts.indices {
            counts[index] = 0
            stations[index].removeAll(keepingCapacity: true)
        }
    }

    mutating func add(_ station: borrowing MACEntry) {
        guard case .port(let port) = station.action, Int(port.rawValue) < counts.count else { return }
        counts[Int(port.rawValue)] += 1
        if counts[Int(port.rawValue)] <= Self.most { stations[Int(port.rawValue)].append(copy station) }
    }

    /// Empty if there are none, or many.
    func stations(at port: PortID, in vlan: VLANID) -> [MACEntry] {
        guard counts[Int(port.rawValue)] <= Self.most else { return [] }
        return stations[Int(port.rawValue)].filter { $0.vlan == vlan }
    }
}
