// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// Writes a configuration as the file a person would have written: settings that are as by default are left out, a route or a
/// neighbour is one line, and the order is that of `Docs/configuration.md`.
///
/// `Configuration.parse` reads what it writes, and gives the same configuration back but for the places of things in the file.
public struct ConfigurationWriter {
    let configuration: Configuration
    private let vrfs: [VRFID: String]
    /// Names of ports, to tell `p1.10` the subinterface from `p1.10` the port.
    private let portNames: Set<String>
    private let networks: ConnectedNetworks
    /// Where the router is, and in which VRF.
    private let places: [Configuration.RouterPort: VRFID]

    /// The file's text.
    public static func text(of configuration: Configuration) -> String {
        ConfigurationWriter(configuration).sections.map { $0.joined(separator: "\n") + "\n" }.joined(separator: "\n")
    }

    private init(_ configuration: Configuration) {
        self.configuration = configuration
        var names: [VRFID: String] = [:]
        for vrf in configuration.vrfs where names[vrf.id] == nil { names[vrf.id] = vrf.name }
        vrfs = names
        portNames = Set(configuration.ports.map(\.name))
        networks = ConnectedNetworks(configuration)
        places = Dictionary(configuration.routerPlaces.map { ($0.port, $0.vrf) }) { first, _ in first }
    }

    func vrf(of place: Configuration.RouterPort) -> VRFID { places[place] ?? .default }

    private var sections: [[String]] {
        let standard = Configuration()
        var settings = YAMLFields()
        func add(_ key: String, _ fields: YAMLFields) {
            if !fields.list.isEmpty { settings.add(key, .mapping(fields)) }
        }
        add("node", node)
        if configuration.pinPath != standard.pinPath { settings.add("pin_path", .text(configuration.pinPath)) }
        if configuration.aclDefault != standard.aclDefault {
            settings.add("acl_default", .text(configuration.aclDefault.rawValue))
        }
        add("limits", limits)
        add("ageing", ageing)
        let lists: [(String, [YAMLText])] = [
            // A port names its VRF, and it is nicer to have read of it.
            ("vrfs", configuration.vrfs.map(vrf)), ("ports", configuration.ports.map(port)),
            ("vlans", configuration.vlans.map(vlan)), ("macs", configuration.macs.map(mac)),
            ("routes", configuration.routes.map(route)), ("neighbors", configuration.neighbors.map(neighbor)),
            ("acl", configuration.acl.map(rule)), ("flows", configuration.flows.map(flow)),
        ]
        let card = card
        return (settings.list.isEmpty ? [] : [settings.lines()])
            + lists.compactMap { key, elements in
                elements.isEmpty ? nil : [key + ":"] + YAMLText.items(elements, indentation: 2)
            } + (card.list.isEmpty ? [] : [YAMLFields("card", .mapping(card)).lines()])
    }

    // MARK: Settings

    private var node: YAMLFields {
        var fields = YAMLFields()
        if configuration.node.name != Configuration.Node().name { fields.add("name", .text(configuration.node.name)) }
        fields.add("hash_seed", configuration.node.hashSeed.map { .number($0) })
        return fields
    }

    private var limits: YAMLFields {
        let paths: [(String, KeyPath<Configuration.Limits, Int>)] = [
            ("ipv4_flows", \.ipv4Flows), ("ipv6_flows", \.ipv6Flows), ("macs", \.macs),
            ("macs_per_port", \.macsPerPort),
            ("routes", \.routes), ("acl", \.acl), ("new_flows_per_second_per_port", \.newFlowsPerSecondPerPort),
            ("new_flows_per_second_per_source", \.newFlowsPerSecondPerSource),
            ("events_per_second_per_port", \.eventsPerSecondPerPort), ("flow_high_water", \.flowHighWater),
        ]
        let standard = Configuration.Limits()
        var fields = YAMLFields()
        for (key, path) in paths where configuration.limits[keyPath: path] != standard[keyPath: path] {
            fields.add(key, .number(configuration.limits[keyPath: path]))
        }
        return fields
    }

    private var ageing: YAMLFields {
        let paths: [(String, KeyPath<Configuration.Ageing, Duration>)] = [
            ("tcp", \.tcp), ("udp", \.udp), ("icmp", \.icmp), ("other", \.other), ("mac", \.mac),
        ]
        let standard = Configuration.Ageing()
        var fields = YAMLFields()
        for (key, path) in paths where configuration.ageing[keyPath: path] != standard[keyPath: path] {
            fields.add(key, Self.duration(configuration.ageing[keyPath: path]))
        }
        return fields
    }

    /// In the largest unit that gives a whole number: `5m`, `90s`, `500ms`.
    static func duration(_ time: Duration) -> YAMLText {
        let milliseconds = time.components.seconds * 1000 + time.components.attoseconds / 1_000_000_000_000_000
        for (unit, length) in [("h", 3_600_000), ("m", 60_000), ("s", 1000)] as [(String, Int64)]
        where milliseconds % length == 0 {
            return .scalar("\(milliseconds / length)\(unit)")
        }
        return .scalar("\(milliseconds)ms")
    }

    // MARK: Ports and VLANs

    private func vrf(_ vrf: Configuration.VRF) -> YAMLText {
        var fields = YAMLFields()
        fields.add("name", .text(vrf.name))
        fields.add("id", .number(vrf.id.rawValue))
        return .mapping(fields)
    }

    /// What stands behind `vrf:`, the name or else the number; nil for the default one.
    private func vrf(_ id: VRFID) -> YAMLText? {
        guard id != .default else { return nil }
        if let name = vrfs[id] { return .text(name) }
        // A VRF may be called like another's number; with zeros before it a number is no such name.
        var number = "\(id.rawValue)"
        while configuration.vrfs.contains(where: { $0.name == number }) { number = "0" + number }
        return .scalar(number)
    }

    private func port(_ port: Configuration.Port) -> YAMLText {
        let standard = Configuration.Port(name: port.name, interface: port.name, location: port.location)
        var fields = YAMLFields()
        func add<Value: Equatable>(
            _ key: String, _ path: KeyPath<Configuration.Port, Value>, _ write: (Value) -> YAMLText?
        ) {
            if port[keyPath: path] != standard[keyPath: path] { fields.add(key, write(port[keyPath: path])) }
        }
        fields.add("name", .text(port.name))
        add("interface", \.interface) { .text($0) }
        add("id", \.id) { $0.map { .number($0.rawValue) } }
        add("mode", \.mode) { .text($0.rawValue) }
        add("pvid", \.pvid) { .number($0.rawValue) }
        add("attach", \.attach) { .text($0.map(\.rawValue).joined(separator: ",")) }
        fields.add("addresses", addresses(port.addresses))
        fields.add("mac", port.mac.map { .text($0.description) })
        fields.add("mtu", port.mtu.map { .number($0) })
        fields.add("vrf", vrf(port.vrf))
        add("tenant", \.tenant) { $0.map { .text($0) } }
        add("malformed", \.malformed) { .text($0.rawValue) }
        add("admit", \.admit) { .flag($0) }
        add("learn_flows", \.learnFlows) { .flag($0) }
        add("learn_macs", \.learnMACs) { .flag($0) }
        if !port.subinterfaces.isEmpty {
            fields.isTall = true
            fields.add("subinterfaces", .list(port.subinterfaces.map { subinterface($0, of: port) }))
        }
        return .mapping(fields)
    }

    private func subinterface(_ sub: Configuration.Subinterface, of port: Configuration.Port) -> YAMLText {
        var fields = YAMLFields()
        fields.add("vlan", .number(sub.vlan.rawValue))
        if sub.interface != "\(port.interface).\(sub.vlan.rawValue)" { fields.add("interface", .text(sub.interface)) }
        fields.add("addresses", addresses(sub.addresses))
        fields.add("mac", sub.mac.map { .text($0.description) })
        fields.add("vrf", vrf(sub.vrf))
        return .mapping(fields)
    }

    private func addresses(_ addresses: [Located<InterfaceAddress>]) -> YAMLText? {
        addresses.isEmpty ? nil : .list(addresses.map { .text($0.value.description) })
    }

    private func vlan(_ vlan: Configuration.VLAN) -> YAMLText {
        var fields = YAMLFields()
        fields.add("id", .number(vlan.id.rawValue))
        for (key, ports) in [("tagged", vlan.tagged), ("untagged", vlan.untagged)] where !ports.isEmpty {
            fields.add(key, .list(ports.map { .text($0.value) }))
        }
        for (key, policy) in [
            ("unknown_unicast", vlan.unknownUnicast), ("broadcast", vlan.broadcast), ("multicast", vlan.multicast),
        ] where policy != .flood {
            fields.add(key, .text(policy.rawValue))
        }
        return .mapping(fields)
    }

    private func mac(_ mac: Configuration.StaticMAC) -> YAMLText {
        var fields = YAMLFields()
        fields.add("vlan", .number(mac.vlan.rawValue))
        fields.add("mac", .text(mac.mac.description))
        switch mac.action {
        case .port(let name): fields.add("port", .text(name))
        case .drop: fields.add("action", .text("drop"))
        case .kernel: fields.add("action", .text("kernel"))
        case .cpu: fields.add("action", .text("cpu"))
        }
        return .mapping(fields)
    }

    // MARK: Routes and neighbours

    /// `port: p1.10`, or `port: p1, vlan: 10` where a port is called `p1.10`.
    func place(_ place: Configuration.RouterPort) -> YAMLFields {
        var fields = YAMLFields()
        if let vlan = place.vlan, portNames.contains(place.text) {
            fields.add("port", .text(place.port))
            fields.add("vlan", .number(vlan.rawValue))
        } else {
            fields.add("port", .text(place.text))
        }
        return fields
    }

    /// Where a next hop or neighbour is, unless its network says so.
    private func place(of address: IPAddress, at port: Configuration.RouterPort, vrf: VRFID) -> YAMLFields {
        networks.place(of: address, vrf: vrf) == port ? YAMLFields() : place(port)
    }

    /// A next hop with all that has to be said.
    func hop(_ hop: Configuration.NextHop, vrf: VRFID) -> YAMLFields {
        var fields = YAMLFields()
        fields.add("address", .text(hop.address.description))
        if hop.weight != 1 { fields.add("weight", .number(hop.weight)) }
        fields.add(place(of: hop.address, at: hop.port, vrf: vrf))
        return fields
    }

    private func route(_ route: Configuration.Route) -> YAMLText {
        var fields = YAMLFields()
        fields.add("prefix", .text(route.prefix.description))
        switch route.action {
        case .via(let hops):
            if hops.count == 1, let only = hops.first, only.weight == 1 {
                fields.add("via", .text(only.address.description))
                fields.add(place(of: only.address, at: only.port, vrf: route.vrf))
            } else {
                let list = hops.map { each in
                    let fields = hop(each, vrf: route.vrf)
                    return fields.list.count == 1 ? YAMLText.text(each.address.description) : .mapping(fields)
                }
                fields.add("via", .list(list))
            }
        case .drop: fields.add("action", .text("drop"))
        case .kernel: fields.add("action", .text("kernel"))
        case .cpu: fields.add("action", .text("cpu"))
        case .absent: fields.add("action", .text("none"))
        }
        fields.add("vrf", vrf(route.vrf))
        return .mapping(fields)
    }

    private func neighbor(_ neighbor: Configuration.Neighbor) -> YAMLText {
        var fields = YAMLFields()
        fields.add("address", .text(neighbor.address.description))
        fields.add("mac", .text(neighbor.mac?.description ?? "none"))
        let vrf = vrf(of: neighbor.port)
        if networks.place(of: neighbor.address, vrf: vrf) == neighbor.port {
            fields.add("vrf", self.vrf(vrf))
        } else {
            fields.add(place(neighbor.port))
        }
        if !neighbor.makesRoute { fields.add("route", .flag(false)) }
        return .mapping(fields)
    }
}
