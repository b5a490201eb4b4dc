// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

// VLANs and stations in them.
extension ConfigurationAmender {
    mutating func amendVLANs() {
        let changed = changes({ if case .vlan(let entry) = $0 { entry } else { nil } }, orderedBy: \.vlan) {
            amender, entry, amendment throws(CannotSay) in
            (entry.vlan, amendment.kind == .deleted ? nil : amender.vlan(entry))
        }
        result.vlans = merge(result.vlans, by: \.id, changed)
        keepRouterTags(Set(changed.map(\.0)))
        keepMembership()
    }

    private mutating func vlan(_ entry: VLANEntry) -> Configuration.VLAN {
        var vlan = original.vlans.first { $0.id == entry.vlan } ?? .init(id: entry.vlan, location: Self.here)
        vlan.tagged = members(entry.tagged, vlan.tagged, of: entry)
        vlan.untagged = members(entry.untagged, vlan.untagged, of: entry)
        func flood(_ policy: FloodPolicy) -> Configuration.Flood {
            switch policy {
            case .flood: .flood
            case .drop: .drop
            case .kernel: .kernel
            }
        }
        vlan.unknownUnicast = flood(entry.unknownUnicast)
        vlan.broadcast = flood(entry.broadcast)
        vlan.multicast = flood(entry.multicast)
        return vlan
    }

    /// Names of members, those of the file in its order.
    private mutating func members(
        _ ports: Set<PortID>, _ old: [Located<String>], of entry: VLANEntry
    ) -> [Located<String>] {
        var names: [String] = []
        for port in ports.sorted() {
            guard let name = portNames[port] else {
                cannotSay(.vlan(entry), "port \(port.rawValue), a member, is none of this file")
                continue
            }
            if original.ports.contains(where: { $0.name == name && $0.mode == .routed }) {
                cannotSay(.vlan(entry), "port \(name) is routed and cannot be a member")
            } else {
                names.append(name)
            }
        }
        let kept = old.filter { names.contains($0.value) }
        return kept + names.filter { name in !kept.contains { $0.value == name } }.map { Located($0, at: Self.here) }
    }

    /// A router's interface at a switched port has the tag that its VLAN has there: who changes the one in the file changes both.
    private mutating func keepRouterTags(_ changed: Set<VLANID>) {
        for place in original.routerPlaces where place.isSwitched {
            guard let vlan = place.vlan, changed.contains(vlan) else { continue }
            func isUntagged(_ configuration: Configuration) -> Bool {
                configuration.vlans.contains { vlan == $0.id && $0.untagged.contains { $0.value == place.port.port } }
            }
            guard isUntagged(original) != isUntagged(result) else { continue }
            restore(
                place.port.port, in: vlan,
                "the membership of \(place.port.port) would change the tag of its router interface \(place.port.text)")
        }
    }

    /// A switched port of a file is a member of a VLAN.
    private mutating func keepMembership() {
        func isMember(_ name: String, _ vlan: Configuration.VLAN) -> Bool {
            (vlan.tagged + vlan.untagged).contains { $0.value == name }
        }
        for port in original.ports where port.mode == .switched {
            guard !result.vlans.contains(where: { isMember(port.name, $0) }),
                let vlan = original.vlans.first(where: { isMember(port.name, $0) })
            else { continue }
            restore(
                port.name, in: vlan.id, "\(port.name) would be in no VLAN, which a switched port of a file cannot be")
        }
    }

    /// Gives a port the part in a VLAN that the file gave it.
    private mutating func restore(_ port: String, in id: VLANID, _ reason: String) {
        let before = original.vlans.first { $0.id == id } ?? .init(id: id, location: Self.here)
        if !result.vlans.contains(where: { $0.id == id }) {
            var vlan = before
            (vlan.tagged, vlan.untagged) = ([], [])
            result.vlans.append(vlan)
        }
        guard let index = result.vlans.firstIndex(where: { $0.id == id }) else { return }
        result.vlans[index].tagged.removeAll { $0.value == port }
        result.vlans[index].untagged.removeAll { $0.value == port }
        result.vlans[index].tagged += before.tagged.filter { $0.value == port }
        result.vlans[index].untagged += before.untagged.filter { $0.value == port }
        let entry = amendments.first { $0.entry.entryKey == .vlan(id) }?.entry ?? .vlan(VLANEntry(vlan: id))
        cannotSay(entry, reason)
    }

    private struct Station: Hashable {
        var vlan: VLANID
        var mac: MACAddress
    }

    mutating func amendMACs() {
        let changed = changes({ if case .mac(let entry) = $0 { entry } else { nil } }, orderedBy: { $0.mac }) {
            amender, entry, amendment throws(CannotSay) in
            (
                Station(vlan: entry.vlan, mac: entry.mac),
                amendment.kind == .deleted ? nil : try amender.station(entry)
            )
        }
        let macs = merge(result.macs, by: { Station(vlan: $0.vlan, mac: $0.mac) }, changed)
        result.macs = []
        for mac in macs {
            if let reason = refusal(of: mac) {
                cannotSay(.mac(MACEntry(vlan: mac.vlan, mac: mac.mac, action: .drop, isStatic: true)), reason)
            } else {
                result.macs.append(mac)
            }
        }
    }

    private func station(_ entry: MACEntry) throws(CannotSay) -> Configuration.StaticMAC {
        let action: Configuration.StaticMAC.Action =
            switch entry.action {
            case .port(let port): .port(try portName(port))
            case .drop: .drop
            case .kernel: .kernel
            case .cpu: .cpu
            }
        return .init(vlan: entry.vlan, mac: entry.mac, action: action, location: Self.here)
    }

    /// Why a station cannot stand in the file.
    private func refusal(of mac: Configuration.StaticMAC) -> String? {
        guard let vlan = result.vlans.first(where: { $0.id == mac.vlan }) else {
            return "there is no such VLAN, so it does nothing"
        }
        guard case .port(let name) = mac.action,
            !(vlan.tagged + vlan.untagged).contains(where: { $0.value == name })
        else { return nil }
        return "its port \(name) is not a member of the VLAN, so its frames are dropped"
    }
}

/// A list with some of its items replaced, taken out (nil) or added at its end.
func merge<Item, Key: Hashable>(
    _ items: [Item], by key: (Item) -> Key, _ changes: [(Key, Item?)]
) -> [Item] {
    guard !changes.isEmpty else { return items }
    var left = Dictionary(changes.map { ($0.0, $0.1) }) { $1 }
    var merged: [Item] = []
    for item in items {
        guard let change = left.removeValue(forKey: key(item)) else {
            merged.append(item)
            continue
        }
        if let change { merged.append(change) }
    }
    for (key, item) in changes {
        if let item, left.removeValue(forKey: key) != nil { merged.append(item) }
    }
    return merged
}
