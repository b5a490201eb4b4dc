// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import Yams

// VLANs, MAC entries, neighbours and routes.
extension ConfigurationParser {
    mutating func readVLANs(_ file: YAMLMapping) {
        var seen: [VLANID: SourceLocation] = [:]
        for node in file.elements("vlans") {
            guard
                let reader = YAMLMapping(
                    node, what: "a VLAN",
                    keys: ["id", "tagged", "untagged", "unknown_unicast", "broadcast", "multicast"],
                    complaints: complaints),
                let number = reader.requiredInteger("id", in: 1...4094)
            else { continue }
            var vlan = Configuration.VLAN(id: VLANID(rawValue: UInt16(number)), location: node.location)
            if let first = seen[vlan.id] { duplicate("VLAN \(number)", at: reader.location(of: "id"), first: first) }
            seen[vlan.id] = node.location
            vlan.tagged = members(reader, "tagged", vlan: number)
            vlan.untagged = members(reader, "untagged", vlan: number)
            for member in vlan.untagged {
                if let first = vlan.tagged.first(where: { $0.value == member.value }) {
                    complaints.add(
                        member.location,
                        "port \(member.value) is tagged in VLAN \(number) (line \(first.location.line)) and untagged; it can be one of them"
                    )
                }
            }
            vlan.unknownUnicast = reader.choice("unknown_unicast", Configuration.Flood.self) ?? vlan.unknownUnicast
            vlan.broadcast = reader.choice("broadcast", Configuration.Flood.self) ?? vlan.broadcast
            vlan.multicast = reader.choice("multicast", Configuration.Flood.self) ?? vlan.multicast
            result.vlans.append(vlan)
        }
        for port in result.ports where port.mode == .switched {
            let isMember = result.vlans.contains { vlan in
                (vlan.tagged + vlan.untagged).contains { $0.value == port.name }
            }
            if !isMember {
                complaints.add(
                    port.location,
                    "port \(port.name) is switched but a member of no VLAN; name it under \"tagged\" or \"untagged\" of a VLAN"
                )
            }
        }
    }

    private func members(_ reader: YAMLMapping, _ key: String, vlan: Int) -> [Located<String>] {
        var result: [Located<String>] = []
        for node in reader.elements(key) {
            guard let name = complaints.text(node, what: key), let port = port(name) else { continue }
            if port.mode == .routed {
                complaints.add(
                    name.location,
                    "port \(port.name) is routed and cannot be a member of VLAN \(vlan); make it \"mode: switched\", or give it a subinterface"
                )
            } else if let first = result.first(where: { $0.value == name.value }) {
                duplicate("member \(name.value)", at: name.location, first: first.location)
            } else {
                result.append(name)
            }
        }
        return result
    }

    mutating func readMACs(_ file: YAMLMapping) {
        for node in file.elements("macs") {
            guard
                let reader = YAMLMapping(
                    node, what: "a MAC entry", keys: ["vlan", "mac", "port", "action"], complaints: complaints),
                let number = reader.requiredInteger("vlan", in: 1...4094),
                let mac = reader.required("mac").flatMap({ complaints.stationMAC($0, what: "mac") })
            else { continue }
            let id = VLANID(rawValue: UInt16(number))
            guard let vlan = result.vlans.first(where: { $0.id == id }) else {
                complaints.add(reader.location(of: "vlan"), "there is no VLAN \(number); add it under \"vlans\"")
                continue
            }
            if let first = result.macs.first(where: { $0.vlan == id && $0.mac == mac }) {
                duplicate("\(mac) in VLAN \(number)", at: reader.location(of: "mac"), first: first.location)
                continue
            }
            let action: Configuration.StaticMAC.Action
            switch (reader["port"], reader["action"]) {
            case (let node?, nil):
                guard let name = complaints.text(node, what: "port"), let port = port(name) else { continue }
                if !(vlan.tagged + vlan.untagged).contains(where: { $0.value == port.name }) {
                    complaints.add(name.location, "port \(port.name) is not a member of VLAN \(number)")
                }
                action = .port(port.name)
            case (nil, let node?):
                let read: Configuration.StaticMAC.Action? = complaints.value(
                    node, what: "action", expected: "drop, kernel or cpu; a port is given by \"port\""
                ) {
                    switch $0 {
                    case "drop": .drop
                    case "kernel": .kernel
                    case "cpu": .cpu
                    default: nil
                    }
                }
                guard let read else { continue }
                action = read
            default:
                complaints.add(reader.location, "a MAC entry needs either \"port\" or \"action\"")
                continue
            }
            result.macs.append(.init(vlan: id, mac: mac, action: action, location: node.location))
        }
    }

    mutating func readNeighbors(_ file: YAMLMapping) {
        for node in file.elements("neighbors") {
            guard
                let reader = YAMLMapping(
                    node, what: "a neighbor", keys: ["address", "mac", "port", "vlan", "vrf", "route"],
                    complaints: complaints),
                let addressNode = reader.required("address"),
                let address = complaints.address(addressNode, what: "address"),
                let macNode = reader.required("mac"),
                let port = locate(address, at: addressNode.location, reader, vrf: vrf(reader))
            else { continue }
            var mac: MACAddress?
            if macNode.scalar?.string != "none" {
                guard let read = complaints.stationMAC(macNode, what: "mac") else { continue }
                mac = read
            }
            if let first = result.neighbors.first(where: { $0.address == address && $0.port == port }) {
                duplicate("neighbor \(address) at \(port.text)", at: addressNode.location, first: first.location)
                continue
            }
            result.neighbors.append(
                .init(
                    address: address, mac: mac, port: port, makesRoute: reader.boolean("route") ?? true,
                    location: node.location))
        }
    }

    /// The router interface a next hop or neighbour is behind: the one named, or the one whose network holds the address.
    func locate(_ address: IPAddress, at location: SourceLocation, _ reader: YAMLMapping, vrf: VRFID) -> RouterPort? {
        if let name = reader.text("port") {
            guard let place = routerPort(name, vlan: reader.integer("vlan", in: 1...4094)) else { return nil }
            return isOwn(address, at: location, vrf: place.vrf) ? nil : place.port
        }
        return locate(address, at: location, vrf: vrf)
    }

    /// Complains of an address of the node's own.
    private func isOwn(_ address: IPAddress, at location: SourceLocation, vrf: VRFID) -> Bool {
        guard let own = connected.own(address, vrf: vrf) else { return false }
        complaints.add(
            location, "\(address) is the node's own address (line \(own.location.line)), not a neighbor's")
        return true
    }

    func locate(_ address: IPAddress, at location: SourceLocation, vrf: VRFID) -> RouterPort? {
        if isOwn(address, at: location, vrf: vrf) { return nil }
        if address.isLinkLocal {
            complaints.add(location, "\(address) is link-local; add the \"port\" it is at")
            return nil
        }
        if let place = connected.place(of: address, vrf: vrf) { return place }
        let networks = connected.list.filter { $0.vrf == vrf && $0.address.address.isIPv6 == address.isIPv6 }
            .map { "\($0.address.prefix) at \($0.port.text)" }
        complaints.add(
            location,
            "\(address) is in no connected network"
                + (vrf == .default ? "" : " of VRF \(vrf.rawValue)")
                + (networks.isEmpty
                    ? "; give a port an address of that network, or name the \"port\""
                    : "; connected are \(networks.joined(separator: ", ")); or name the \"port\""))
        return nil
    }

    mutating func readRoutes(_ file: YAMLMapping) {
        var seen: [RouteName: SourceLocation] = [:]
        var made: [RouteName: SourceLocation] = [:]
        for item in connected.list {
            made[RouteName(vrf: item.vrf, prefix: item.address.prefix)] = item.location
            made[RouteName(vrf: item.vrf, prefix: IPPrefix(host: item.address.address))] = item.location
        }
        for node in file.elements("routes") {
            guard
                let reader = YAMLMapping(
                    node, what: "a route", keys: ["prefix", "via", "port", "vlan", "action", "vrf"],
                    complaints: complaints),
                let prefixNode = reader.required("prefix"),
                let prefix = complaints.prefix(prefixNode, what: "prefix")
            else { continue }
            let vrf = vrf(reader)
            let name = RouteName(vrf: vrf, prefix: prefix)
            if let first = seen[name] {
                duplicate("route \(prefix)", at: prefixNode.location, first: first)
                continue
            }
            seen[name] = prefixNode.location
            guard let action = routeAction(reader, prefix: prefix, vrf: vrf) else { continue }
            if action != .absent, let address = made[name] {
                complaints.add(
                    prefixNode.location, "\(prefix) is connected already, by the address in line \(address.line)")
                continue
            }
            result.routes.append(.init(prefix: prefix, vrf: vrf, action: action, location: node.location))
        }
    }

    private struct RouteName: Hashable {
        var vrf: VRFID
        var prefix: IPPrefix
    }

    private func routeAction(_ reader: YAMLMapping, prefix: IPPrefix, vrf: VRFID) -> Configuration.Route.Action? {
        switch (reader["via"], reader["action"]) {
        case (let via?, nil):
            let hops: [Configuration.NextHop]
            if case .sequence(let sequence) = via {
                let read = sequence.map { nextHop($0, reader, vrf: vrf) }
                hops = read.compactMap { $0 }
                guard hops.count == read.count else { return nil }
            } else {
                guard let hop = nextHop(via, reader, vrf: vrf) else { return nil }
                hops = [hop]
            }
            if hops.isEmpty { complaints.add(via.location, "via needs at least one next hop") }
            for (index, hop) in hops.enumerated() {
                if hop.address.isIPv6 != prefix.address.isIPv6 {
                    complaints.add(hop.location, "next hop \(hop.address) is of another family than \(prefix)")
                }
                if let first = hops[..<index].first(where: { $0.address == hop.address && $0.port == hop.port }) {
                    complaints.add(
                        hop.location,
                        "next hop \(hop.address) is given twice; first in line \(first.location.line); use \"weight\"")
                }
            }
            let weights = hops.reduce(0) { $0 + Int($1.weight) }
            if weights > 64 { complaints.add(via.location, "the weights add up to \(weights); they may add up to 64") }
            return .via(hops)
        case (nil, let action?):
            return complaints.value(
                action, what: "action", expected: "drop, kernel, cpu or none; next hops are given by \"via\""
            ) {
                switch $0 {
                case "drop": .drop
                case "kernel": .kernel
                case "cpu": .cpu
                case "none": .absent
                default: nil
                }
            }
        default:
            complaints.add(
                reader.location,
                "route \(prefix) needs either \"via\" (a next hop, or a list of them) or \"action\" (drop, kernel, cpu, none)"
            )
            return nil
        }
    }

    /// `10.0.2.1`, or `{address: 10.0.2.1, weight: 2, port: p1}`.
    func nextHop(_ node: Node, _ parent: YAMLMapping, vrf: VRFID) -> Configuration.NextHop? {
        if case .mapping = node {
            guard
                let reader = YAMLMapping(
                    node, what: "a next hop", keys: ["address", "weight", "port", "vlan"], complaints: complaints),
                let addressNode = reader.required("address"),
                let address = complaints.address(addressNode, what: "address"),
                let port = locate(address, at: addressNode.location, reader, vrf: vrf)
            else { return nil }
            let weight = reader.integer("weight", in: 1...64) ?? 1
            return .init(address: address, weight: UInt8(weight), port: port, location: node.location)
        }
        guard let address = complaints.address(node, what: "via"),
            let port = locate(address, at: node.location, parent, vrf: vrf)
        else { return nil }
        return .init(address: address, port: port, location: node.location)
    }
}
