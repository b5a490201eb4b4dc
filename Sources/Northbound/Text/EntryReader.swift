// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// Makes an entry of fields. With `keyOnly` what is not part of the key may be absent, and holds nothing of meaning.
struct EntryReader {
    typealias Result = (entry: TableEntry, before: [TableUpdate])

    private let fields: FieldReader
    private let keyOnly: Bool

    init(_ fields: FieldReader, keyOnly: Bool) { (self.fields, self.keyOnly) = (fields, keyOnly) }

    func entry() throws(SyntaxError) -> Result {
        switch fields.table {
        case .port: (.port(try port()), [])
        case .vlan: (.vlan(try vlan()), [])
        case .myStation: (.myStation(try myStation()), [])
        case .mac: (.mac(try mac()), [])
        case .acl: (.acl(try acl()), [])
        case .flowCache: (.flow(try flow()), [])
        case .ipv4, .ipv6: try route()
        case .nextHop: (.nextHop(try nextHop()), [])
        case .nextHopGroup: (.nextHopGroup(try group()), [])
        case .neighbor: (.neighbor(try neighbor()), [])
        case .routerInterface: (.routerInterface(try routerInterface()), [])
        }
    }

    /// A field that must be there, unless only the key matters.
    private func value<T>(_ name: String, _ value: T?, placeholder: T) throws(SyntaxError) -> T {
        keyOnly ? value ?? placeholder : try fields.required(name, value)
    }

    /// Complains of two fields that say what is done.
    private func oneAction() throws(SyntaxError) {
        let names = EntrySyntax.fields(of: fields.table).filter { $0.role == .action }.map(\.name)
        let given = names.filter(fields.has)
        if given.count > 1 {
            throw SyntaxError("\(given.joined(separator: " and ")) exclude each other; give one of \(list(names))")
        }
        if given.isEmpty, !keyOnly {
            throw SyntaxError("\(fields.table.rawValue) needs one of \(list(names)) to say what is done")
        }
    }

    private func list(_ names: [String]) -> String { names.map { $0 + "=" }.joined(separator: ", ") }

    private func port() throws(SyntaxError) -> PortEntry {
        var entry = PortEntry(port: try fields.required("port", try fields.port("port")))
        entry.admit = try fields.bool("admit") ?? entry.admit
        entry.mode = try fields.choice("mode", [("routed", .routed), ("switched", .switched)]) ?? entry.mode
        entry.pvid = try fields.vlan("pvid") ?? entry.pvid
        entry.malformed =
            try fields.choice("malformed", [("drop", .drop), ("kernel", .kernel), ("ignore", .ignore)])
            ?? entry.malformed
        entry.learnFlows = try fields.bool("learn_flows") ?? entry.learnFlows
        entry.learnMACs = try fields.bool("learn_macs") ?? entry.learnMACs
        entry.mtu = try fields.number("mtu", in: 1...UInt16.max) ?? entry.mtu
        entry.up = try fields.bool("up") ?? entry.up
        return entry
    }

    private func vlan() throws(SyntaxError) -> VLANEntry {
        var entry = VLANEntry(vlan: try fields.required("vlan", try fields.vlan()))
        entry.tagged = try fields.ports("tagged") ?? []
        entry.untagged = try fields.ports("untagged") ?? []
        if let both = entry.tagged.intersection(entry.untagged).min() {
            throw SyntaxError("port \(fields.names.name(of: both)) is both in tagged and in untagged; it can be in one")
        }
        let policies: [(String, FloodPolicy)] = [("flood", .flood), ("drop", .drop), ("kernel", .kernel)]
        entry.unknownUnicast = try fields.choice("unknown_unicast", policies) ?? .flood
        entry.broadcast = try fields.choice("broadcast", policies) ?? .flood
        entry.multicast = try fields.choice("multicast", policies) ?? .flood
        return entry
    }

    private func myStation() throws(SyntaxError) -> MyStationEntry {
        let mac = try fields.required("mac", try fields.ternaryMAC("mac"))
        let interface: UInt16 = try value(
            "router_interface", try fields.number("router_interface", in: 1...1023), placeholder: 1)
        var entry = MyStationEntry(
            port: try fields.port("port"), vlan: try fields.vlan(untagged: true), mac: MACAddress(rawValue: mac.value),
            routerInterface: RouterInterfaceID(rawValue: interface))
        entry.macMask = MACAddress(rawValue: mac.mask)
        entry.priority = try fields.number("priority", in: 0...UInt32.max) ?? entry.priority
        return entry
    }

    private func mac() throws(SyntaxError) -> MACEntry {
        try oneAction()
        var action = MACEntry.Action.drop
        if let port = try fields.port("port") {
            action = .port(port)
        } else if let other: MACEntry.Action = try fields.choice(
            "action", [("drop", .drop), ("kernel", .kernel), ("cpu", .cpu)])
        {
            action = other
        }
        return MACEntry(
            vlan: try fields.required("vlan", try fields.vlan()),
            mac: try fields.required("mac", try fields.mac("mac")),
            action: action, isStatic: try fields.bool("static") ?? true)
    }

    private func acl() throws(SyntaxError) -> ACLEntry {
        try oneAction()
        var match = ACLEntry.Match()
        match.ingressPort = try fields.port("port")
        match.vlan = try fields.vlan(untagged: true)
        match.etherType = try fields.number("ether_type", in: 0...UInt16.max)
        match.destinationMAC = try fields.ternaryMAC("destination_mac")
        match.sourceMAC = try fields.ternaryMAC("source_mac")
        match.source = try fields.prefix("source")
        match.destination = try fields.prefix("destination")
        match.ipProtocol = try fields.ipProtocol()
        match.dscp = try fields.number("dscp", in: 0...63)
        match.sourcePorts = try fields.portRange("source_port")
        match.destinationPorts = try fields.portRange("destination_port")
        match.tcpFlags = try fields.ternaryByte("tcp_flags")
        match.icmpType = try fields.number("icmp_type", in: 0...255)
        match.icmpCode = try fields.number("icmp_code", in: 0...255)
        let fragments: [(String, ACLEntry.Fragment)] = [
            ("first", .first), ("later", .later), ("any", .any), ("none", .none),
        ]
        match.fragment = try fields.choice("fragment", fragments)
        match.routed = try fields.bool("routed")
        let actions: [(String, ACLEntry.Action)] = [
            ("permit", .permit), ("drop", .drop), ("kernel", .kernel), ("cpu", .cpu),
        ]
        var action = try fields.choice("action", actions) ?? .drop
        if let port = try fields.port("redirect") { action = .redirect(port) }
        return ACLEntry(
            id: try fields.required("id", try fields.number("id", in: 0...UInt32.max)),
            priority: try value("priority", try fields.number("priority", in: 0...UInt32.max), placeholder: 0),
            match: match, action: action, mirror: try fields.bool("mirror") ?? false)
    }

    private func flow() throws(SyntaxError) -> FlowEntry {
        try oneAction()
        let source = try fields.required("source", try fields.address("source"))
        let destination = try fields.required("destination", try fields.address("destination"))
        guard source.isIPv6 == destination.isIPv6 else {
            throw fields.error("destination", expected: "an address of the same family as source")
        }
        let ipProtocol = try fields.required("protocol", try fields.ipProtocol())
        var ports: (source: UInt16, destination: UInt16) = (0, 0)
        let isIPv6 = source.isIPv6
        switch ipProtocol {
        case 6, 17:
            try refuse(["icmp_type", "icmp_code"], ipProtocol)
            ports.source = try fields.required("source_port", try fields.number("source_port", in: 0...UInt16.max))
            ports.destination = try fields.required(
                "destination_port", try fields.number("destination_port", in: 0...UInt16.max))
        case 1 where !isIPv6, 58 where isIPv6:
            try refuse(["source_port", "destination_port"], ipProtocol)
            let type: UInt16 = try fields.required("icmp_type", try fields.number("icmp_type", in: 0...255))
            ports.source = type << 8 | (try fields.number("icmp_code", in: 0...255) ?? 0)
        default:
            try refuse(["icmp_type", "icmp_code", "source_port", "destination_port"], ipProtocol)
        }
        let key = FlowKey(
            routerInterface: try fields.required("port", try fields.routerInterface()), source: source,
            destination: destination, ipProtocol: ipProtocol, sourcePort: ports.source,
            destinationPort: ports.destination)
        return FlowEntry(key: key, action: try flowAction(), mirror: try fields.bool("mirror") ?? false)
    }

    private func refuse(_ names: [String], _ ipProtocol: UInt8) throws(SyntaxError) {
        if let name = names.first(where: fields.has) {
            throw SyntaxError(
                "\(name) means nothing with protocol \(EntryFields.protocolName(ipProtocol)); leave it out")
        }
    }

    private func flowAction() throws(SyntaxError) -> ForwardingAction {
        if let address = try fields.address("via") { return .nextHop(try existingNextHop(address, interface: nil)) }
        if let id: UInt32 = try fields.number("next_hop", in: 0...UInt32.max) {
            return .nextHop(NextHopID(rawValue: id))
        }
        if let port = try fields.port("out") { return .port(port) }
        return try fields.choice("action", [("drop", .drop), ("kernel", .kernel), ("cpu", .cpu)]) ?? .drop
    }

    private func route() throws(SyntaxError) -> Result {
        try oneAction()
        let prefix = try fields.required("prefix", try fields.prefix("prefix"))
        let vrf = VRFID(rawValue: try fields.number("vrf", in: 0...255) ?? 0)
        var before: [TableUpdate] = []
        var action = RouteEntry.Action.drop
        if let address = try fields.address("via") {
            let interface = try fields.routerInterface()
            if let interface, !nextHops(address, interface: interface).isEmpty || keyOnly {
                action = .nextHop(try existingNextHop(address, interface: interface))
            } else if let interface {
                guard let id = fields.names.freeNextHop else {
                    throw SyntaxError("no number is free for a next hop; give one that is there with next_hop=")
                }
                let entry = NextHopEntry(id: id, routerInterface: interface, neighbor: address)
                (action, before) = (.nextHop(id), [.insert(.nextHop(entry))])
            } else {
                action = .nextHop(try existingNextHop(address, interface: nil))
            }
        } else if fields.has("port") || fields.has("vlan") {
            throw SyntaxError("port= and vlan= say where the neighbour is; they need via=ADDRESS")
        } else if let id: UInt32 = try fields.number("next_hop", in: 0...UInt32.max) {
            action = .nextHop(NextHopID(rawValue: id))
        } else if let id: UInt32 = try fields.number("group", in: 0...UInt32.max) {
            action = .group(NextHopGroupID(rawValue: id))
        } else {
            let actions: [(String, RouteEntry.Action)] = [("drop", .drop), ("kernel", .kernel), ("cpu", .cpu)]
            action = try fields.choice("action", actions) ?? .drop
        }
        return (.route(RouteEntry(vrf: vrf, prefix: prefix, action: action)), before)
    }

    private func nextHops(_ address: IPAddress, interface: RouterInterfaceID?) -> [NextHopEntry] {
        fields.names.nextHops.values
            .filter { $0.neighbor == address && (interface == nil || $0.routerInterface == interface) }
            .sorted { $0.id < $1.id }
    }

    private func existingNextHop(_ address: IPAddress, interface: RouterInterfaceID?) throws(SyntaxError) -> NextHopID {
        let found = nextHops(address, interface: interface)
        guard let first = found.first else {
            if keyOnly { return NextHopID(rawValue: 0) }
            let text = address.description
            throw SyntaxError(
                fields.table == .flowCache
                    ? "there is no next hop with the neighbour \(text): make it with "
                        + "`piccolo entry add nexthop_table id=NUMBER port=PORT neighbor=\(text)`"
                    : "there is no next hop with the neighbour \(text): say where it is with port=PORT")
        }
        // Several numbers for one neighbour at one interface mean the same; at several interfaces they do not.
        guard found.allSatisfy({ $0.routerInterface == first.routerInterface }) else {
            let choices = found.map { "next_hop=\($0.id.rawValue)" }.joined(separator: ", ")
            throw SyntaxError("\(address.description) is a neighbour at several interfaces; give one of \(choices)")
        }
        return first.id
    }

    private func nextHop() throws(SyntaxError) -> NextHopEntry {
        NextHopEntry(
            id: NextHopID(rawValue: try fields.required("id", try fields.number("id", in: 0...UInt32.max))),
            routerInterface: try value(
                "router_interface", try fields.routerInterface(), placeholder: RouterInterfaceID(rawValue: 1)),
            neighbor: try value(
                "neighbor", try fields.address("neighbor"), placeholder: .v4(IPv4Address(rawValue: 0))))
    }

    private func group() throws(SyntaxError) -> NextHopGroupEntry {
        let members = try fields.read("members", "next hops such as 1,2*3 (weights 1...64, 64 together)") { text in
            var members: [NextHopGroupEntry.Member] = []
            for part in text.split(separator: ",", omittingEmptySubsequences: false) {
                let pieces = part.split(separator: "*", maxSplits: 1, omittingEmptySubsequences: false)
                guard let id: UInt32 = FieldReader.integer(pieces[0]) else { return nil as [NextHopGroupEntry.Member]? }
                var weight: UInt8 = 1
                if pieces.count > 1 {
                    guard let given: UInt8 = FieldReader.integer(pieces[1]), (1...64).contains(given) else {
                        return nil
                    }
                    weight = given
                }
                members.append(.init(nextHop: NextHopID(rawValue: id), weight: weight))
            }
            return members.reduce(0) { $0 + Int($1.weight) } <= 64 ? members : nil
        }
        return NextHopGroupEntry(
            id: NextHopGroupID(rawValue: try fields.required("id", try fields.number("id", in: 0...UInt32.max))),
            members: try value("members", members, placeholder: []))
    }

    private func neighbor() throws(SyntaxError) -> NeighborEntry {
        NeighborEntry(
            routerInterface: try fields.required("port", try fields.routerInterface()),
            address: try fields.required("address", try fields.address("address")),
            mac: try value("mac", try fields.mac("mac"), placeholder: MACAddress(rawValue: 0)))
    }

    private func routerInterface() throws(SyntaxError) -> RouterInterfaceEntry {
        var entry = RouterInterfaceEntry(
            id: RouterInterfaceID(rawValue: try fields.required("id", try fields.number("id", in: 1...1023))),
            port: try value("port", try fields.port("port"), placeholder: PortID(rawValue: 0)),
            mac: try value("mac", try fields.mac("mac"), placeholder: MACAddress(rawValue: 0)))
        entry.vlan = try fields.vlan(untagged: true) ?? .untagged
        entry.vrf = VRFID(rawValue: try fields.number("vrf", in: 0...255) ?? 0)
        return entry
    }
}
