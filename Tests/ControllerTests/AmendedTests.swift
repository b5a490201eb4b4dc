// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import Testing

@testable import Controller

/// Tables as text without numbers: next hops and groups are written where they are used, router interfaces by their names.
private struct Named: Equatable {
    var entries: [String: String] = [:]
    let all: [TableEntry]

    private let ports: [PortID: String]
    private let interfaces: [RouterInterfaceID: String]
    private var hops: [NextHopID: NextHopEntry] = [:]
    private var groups: [NextHopGroupID: [NextHopGroupEntry.Member]] = [:]

    init(_ entries: [TableEntry], _ plan: TablePlan, idleTimeouts: [FlowKey: UInt16]) {
        all = entries
        let ports = Dictionary(plan.bindings.map { ($0.port, $0.name) }) { first, _ in first }
        self.ports = ports
        var interfaces: [RouterInterfaceID: String] = [:]
        // A port may be called like another's subinterface.
        for case .routerInterface(let entry) in plan.entries {
            interfaces[entry.id] = plan.interfaceNames[entry.id].map { "\($0) at \(ports[entry.port] ?? "")" }
        }
        self.interfaces = interfaces
        for entry in entries {
            switch entry {
            case .nextHop(let hop): hops[hop.id] = hop
            case .nextHopGroup(let group): groups[group.id] = group.members
            default: break
            }
        }
        for entry in entries { self.entries[key(entry)] = value(entry, idleTimeouts) }
    }

    private func name(_ port: PortID) -> String { ports[port] ?? "port \(port.rawValue)" }
    private func name(_ id: RouterInterfaceID) -> String { interfaces[id] ?? "interface \(id.rawValue)" }

    func key(_ entry: TableEntry) -> String {
        switch entry {
        case .port(let port): "port \(name(port.port))"
        case .myStation(let station):
            "station \(station.mac)/\(station.macMask) \(station.port.map(name) ?? "") \(station.vlan?.rawValue ?? 9999) \(station.priority)"
        case .routerInterface(let interface): "interface \(name(interface.id))"
        case .neighbor(let neighbor): "neighbor \(neighbor.address) \(name(neighbor.routerInterface))"
        case .flow(let flow):
            "flow \(flow.key.description.split(separator: ":", maxSplits: 1)[1]) \(name(flow.key.routerInterface))"
        // They decide nothing by themselves.
        case .nextHop, .nextHopGroup: ""
        default: entry.keyText
        }
    }

    private func text(_ id: NextHopID) -> String {
        hops[id].map { "\($0.neighbor) at \(name($0.routerInterface))" } ?? "missing"
    }

    private func value(_ entry: TableEntry, _ idleTimeouts: [FlowKey: UInt16]) -> String {
        switch entry {
        case .port(var port):
            port.port = PortID(rawValue: 0)
            return "\(port)"
        case .vlan(let vlan):
            return "\(vlan.tagged.map(name).sorted()) \(vlan.untagged.map(name).sorted()) "
                + "\(vlan.unknownUnicast) \(vlan.broadcast) \(vlan.multicast)"
        case .myStation(let station): return name(station.routerInterface)
        case .routerInterface(let interface):
            return "\(name(interface.port)) \(interface.vlan) \(interface.mac) \(interface.vrf)"
        case .neighbor(let neighbor): return "\(neighbor.mac)"
        case .route(let route):
            switch route.action {
            case .nextHop(let id): return "via \(text(id))"
            case .group(let id):
                let members = groups[id] ?? []
                if members.count == 1 { return "via \(text(members[0].nextHop))" }
                return "via " + members.map { "\(text($0.nextHop)) * \($0.weight)" }.joined(separator: ", ")
            default: return "\(route.action)"
            }
        case .acl(var rule):
            let ingress = rule.match.ingressPort.map(name) ?? ""
            rule.match.ingressPort = nil
            if case .redirect(let port) = rule.action {
                rule.action = .drop
                return "\(ingress) redirect \(name(port)) \(rule)"
            }
            return "\(ingress) \(rule)"
        case .mac(let mac):
            if case .port(let port) = mac.action { return name(port) }
            return "\(mac.action)"
        case .flow(let flow):
            let action =
                switch flow.action {
                case .nextHop(let id): "via \(text(id))"
                case .port(let port): "redirect \(name(port))"
                default: "\(flow.action)"
                }
            return "\(action) \(flow.mirror) \(idleTimeouts[flow.key] ?? 0)"
        case .nextHop, .nextHopGroup: return ""
        }
    }
}

extension RandomConfiguration {
    /// An update as calls make them, often of what is there, sometimes of what cannot be.
    fileprivate mutating func update(_ core: NodeCore) -> TableUpdate {
        let all = core.wanted.all
        if chance(25), let entry = some(all) { return .delete(entry) }
        let operation: TableUpdate.Operation = chance(50) ? .modify : .insert
        func each<T>(_ pick: (TableEntry) -> T?) -> [T] { all.compactMap(pick) }
        let interfaces = each { if case .routerInterface(let entry) = $0 { entry } else { nil } }
        let ports = each { if case .port(let entry) = $0 { entry } else { nil } }
        let hops = each { if case .nextHop(let entry) = $0 { entry.id } else { nil } }
        let groups = each { if case .nextHopGroup(let entry) = $0 { entry.id } else { nil } }
        let interface = some(interfaces)?.id ?? RouterInterfaceID(rawValue: 900)
        let port = some(ports)?.port ?? PortID(rawValue: 9)
        let ipv6 = chance(35)
        var neighbor = Fixture.address("203.0.113.9")
        if let place = some(configuration.routerPlaces) { neighbor = address(at: place, ipv6: ipv6) }
        switch number(0...19) {
        case 0...4:
            let vrf = VRFID(rawValue: pick([0, 0, 1, 2, 7]))
            var action = pick([.drop, .kernel, .cpu] as [RouteEntry.Action])
            if let hop = some(hops), chance(60) { action = .nextHop(hop) }
            if let group = some(groups), chance(30) { action = .group(group) }
            return TableUpdate(operation, .route(RouteEntry(vrf: vrf, prefix: prefix(ipv6: ipv6), action: action)))
        case 5, 6:
            let id = chance(60) ? NextHopID(rawValue: number(900...904)) : some(hops) ?? NextHopID(rawValue: 1)
            return TableUpdate(
                operation, .nextHop(NextHopEntry(id: id, routerInterface: interface, neighbor: neighbor)))
        case 7:
            let id =
                chance(60) ? NextHopGroupID(rawValue: number(900...902)) : some(groups) ?? NextHopGroupID(rawValue: 1)
            let members = (0..<number(1...3)).compactMap { _ in some(hops) }.map {
                NextHopGroupEntry.Member(nextHop: $0, weight: number(1...9))
            }
            return TableUpdate(operation, .nextHopGroup(NextHopGroupEntry(id: id, members: members)))
        case 8, 9:
            return TableUpdate(
                operation, .neighbor(NeighborEntry(routerInterface: interface, address: neighbor, mac: mac())))
        case 10, 11:
            let rule = rule(id: pick([0, 1, 2, 3, 10, 11, UInt32.max]))
            var entry = ACLEntry(id: rule.id, priority: rule.priority, match: rule.match, action: .permit)
            if rule.id == .max { entry = chance(50) ? TablePlan.aclDefault : entry }
            if rule.ingressPort != nil { entry.match.ingressPort = port }
            if case .redirect = rule.action { entry.action = .redirect(port) }
            return TableUpdate(operation, .acl(entry))
        case 12, 13:
            let mac = MACAddress(rawValue: 0x0200_0000_0001 + UInt64(number(0...4) as UInt32))
            let action = pick([MACEntry.Action.port(port), .drop, .kernel, .cpu])
            return TableUpdate(
                operation,
                .mac(MACEntry(vlan: VLANID(rawValue: pick([1, 10, 20, 30])), mac: mac, action: action, isStatic: true)))
        case 14, 15:
            let (source, destination, ipProtocol, sourcePort, destinationPort) = tuple(ipv6: ipv6)
            let key = FlowKey(
                routerInterface: interface, source: source, destination: destination, ipProtocol: ipProtocol,
                sourcePort: sourcePort, destinationPort: destinationPort)
            let action = pick(
                [.drop, .kernel, .cpu, .port(port)] + hops.prefix(3).map { ForwardingAction.nextHop($0) })
            return TableUpdate(operation, .flow(FlowEntry(key: key, action: action, mirror: chance(20))))
        case 16:
            var entry = VLANEntry(vlan: VLANID(rawValue: pick([1, 10, 20, 30])))
            for port in ports.map(\.port) + [PortID(rawValue: 63)] where chance(50) {
                if chance(50) { entry.tagged.insert(port) } else { entry.untagged.insert(port) }
            }
            entry.broadcast = pick([.flood, .drop])
            return TableUpdate(operation, .vlan(entry))
        case 17:
            var entry = some(ports) ?? PortEntry(port: port)
            (entry.admit, entry.learnFlows, entry.learnMACs) = (chance(50), chance(50), chance(50))
            entry.malformed = pick([.drop, .kernel, .ignore])
            if chance(30) { entry.mtu = number(68...9000) }
            if chance(20) { entry.pvid = VLANID(rawValue: pick([1, 10, 20])) }
            if chance(10) { entry.mode = pick([.routed, .switched]) }
            if chance(10) { entry.port = PortID(rawValue: 63) }
            return TableUpdate(operation, .port(entry))
        case 18:
            var entry = RouterInterfaceEntry(id: interface, port: port, mac: mac())
            if chance(50) { entry = RouterInterfaceEntry(id: .init(rawValue: 900), port: port, mac: mac()) }
            return TableUpdate(operation, .routerInterface(entry))
        default:
            return TableUpdate(
                operation, .myStation(MyStationEntry(port: port, vlan: nil, mac: mac(), routerInterface: interface)))
        }
    }
}

@Suite("A configuration with what calls changed")
struct AmendedTests {
    /// What the tables hold after a restart: the plan, and the amendments over it.
    private func wanted(_ core: NodeCore, _ configuration: Configuration, _ facts: HostFacts) -> Named {
        var identities = core.identities
        let plan = core.plan(configuration, facts, &identities)
        var wanted = core.wanted
        wanted.setPlanned(plan.byKey)
        var timeouts: [FlowKey: UInt16] = [:]
        for (key, timeout) in plan.idleTimeouts where wanted.amendment(.flow(key)) == nil {
            timeouts[key] = FlowAgeing.ticks(timeout)
        }
        wanted.forEachAmendment { amendment in
            if case .flow(let flow) = amendment.entry { timeouts[flow.key] = amendment.idleTimeout }
        }
        return Named(wanted.all, plan, idleTimeouts: timeouts)
    }

    private func planned(_ configuration: Configuration, _ facts: HostFacts) -> Named {
        var identities = Identities()
        let plan = TablePlan(configuration, facts: facts, identities: &identities)
        return Named(plan.entries, plan, idleTimeouts: plan.idleTimeouts.mapValues(FlowAgeing.ticks))
    }

    private func amendments(_ core: NodeCore) -> [Amendment] {
        var list: [Amendment] = []
        core.wanted.forEachAmendment { list.append($0) }
        return list
    }

    @Test("makes the tables that the node has, but for what is named as not to be said", arguments: 0..<40)
    func property(block: Int) throws {
        for seed in block * 50..<(block + 1) * 50 {
            var random = RandomConfiguration(seed: UInt64(seed))
            let (configuration, facts) = (random.configuration, random.facts())
            let core = Fixture.core(ReferenceDataPlane())
            _ = try core.apply(configuration, facts: facts, now: 0)
            for _ in 0..<random.number(1...25) {
                var timeouts: [FlowKey: Duration] = [:]
                let update = random.update(core)
                if case .flow(let flow) = update.entry, random.chance(50) { timeouts[flow.key] = .milliseconds(7500) }
                _ = core.write([update], idleTimeouts: timeouts, now: 0)
            }
            let amended = configuration.amended(
                by: amendments(core), identities: core.identities, facts: random.chance(50) ? facts : nil)
            let text = ConfigurationWriter.text(of: amended.configuration)
            let read: Configuration
            do { read = try Configuration.parse(text, file: "amended") } catch {
                Issue.record("seed \(seed): \(error)\n\(text)")
                continue
            }
            #expect(read.unlocated == amended.configuration.unlocated, "seed \(seed)\n\(text)")

            let wanted = wanted(core, configuration, facts)
            let planned = planned(read, facts)
            var unsaid = Set(amended.unsaid.map { wanted.key($0.entry) })
            // A route that is not there keeps no neighbours behind it from their host routes.
            for case .route(let outer) in amended.unsaid.map(\.entry) {
                for case .route(let inner) in planned.all
                where inner.vrf == outer.vrf && outer.prefix.contains(inner.prefix) {
                    unsaid.insert(planned.key(.route(inner)))
                }
            }
            for key in Set(wanted.entries.keys).union(planned.entries.keys) where !key.isEmpty && !unsaid.contains(key)
            {
                #expect(
                    planned.entries[key] == wanted.entries[key],
                    """
                    seed \(seed): \(key)
                    unsaid: \(amended.unsaid)
                    \(ConfigurationWriter.text(of: configuration))
                    \(text)
                    """)
            }
        }
    }

    /// The file with what a number of calls changed, and what it cannot say. Numbers are those of the fixture's plan.
    private func amended(
        _ updates: [TableUpdate], of text: String = Fixture.yaml, idleTimeouts: [FlowKey: Duration] = [:],
        facts: HostFacts? = Fixture.facts
    ) throws -> (text: String, unsaid: [String]) {
        let core = Fixture.core(ReferenceDataPlane())
        let configuration = try Fixture.configuration(text)
        _ = try core.apply(configuration, facts: Fixture.facts, now: 0)
        let results = core.write(updates, idleTimeouts: idleTimeouts, now: 0)
        #expect(results.allSatisfy { $0 == .applied }, "\(results)")
        let amended = configuration.amended(by: amendments(core), identities: core.identities, facts: facts)
        return (ConfigurationWriter.text(of: amended.configuration), amended.unsaid.map(\.description))
    }

    private func prefix(_ text: String) -> IPPrefix { IPPrefix(text) ?? IPPrefix(host: Fixture.address("0.0.0.0")) }

    @Test("routes, neighbours, policy, flows and settings become lines of the file")
    func folded() throws {
        let p2 = RouterInterfaceID(rawValue: 2)
        let flow = FlowKey(
            routerInterface: RouterInterfaceID(rawValue: 1), source: Fixture.address("10.0.1.2"),
            destination: Fixture.address("9.9.9.9"), ipProtocol: 6, sourcePort: 4000, destinationPort: 443)
        var match = ACLEntry.Match()
        (match.ingressPort, match.ipProtocol) = (PortID(rawValue: 3), 17)
        var port = PortEntry(port: PortID(rawValue: 1))
        port.admit = false
        let hop = NextHopEntry(
            id: NextHopID(rawValue: 90), routerInterface: p2, neighbor: Fixture.address("10.0.2.9"))
        let group = NextHopGroupEntry(
            id: NextHopGroupID(rawValue: 91),
            members: [.init(nextHop: hop.id, weight: 2), .init(nextHop: NextHopID(rawValue: 1))])
        let updates: [TableUpdate] = [
            .insert(.nextHop(hop)), .insert(.nextHopGroup(group)),
            .insert(.route(RouteEntry(prefix: prefix("100.64.0.0/10"), action: .nextHop(hop.id)))),
            .modify(.route(RouteEntry(prefix: prefix("192.0.2.0/24"), action: .group(group.id)))),
            .delete(.route(RouteEntry(prefix: prefix("203.0.113.0/24"), action: .drop))),
            .delete(.route(RouteEntry(prefix: prefix("10.0.1.2/32"), action: .drop))),
            .insert(
                .neighbor(
                    NeighborEntry(routerInterface: p2, address: hop.neighbor, mac: Fixture.mac(0x29)))),
            .delete(
                .neighbor(
                    NeighborEntry(routerInterface: p2, address: Fixture.address("10.0.2.2"), mac: Fixture.mac(0x22)))),
            .insert(.acl(ACLEntry(id: 7, priority: 3, match: match, action: .redirect(PortID(rawValue: 2))))),
            .insert(.acl(TablePlan.aclDefault)),
            .insert(.flow(FlowEntry(key: flow, action: .nextHop(hop.id), mirror: true))),
            .modify(.port(port)),
        ]
        let (text, unsaid) = try amended(updates, idleTimeouts: [flow: .seconds(90)])
        #expect(unsaid.isEmpty)
        #expect(
            text == """
                acl_default: drop

                ports:
                  - {name: p1, addresses: [10.0.1.1/24, "fd00:1::1/64"], mtu: 1500, admit: false}
                  - {name: p2, addresses: [10.0.2.1/24, "fd00:2::1/64"]}
                  - {name: p3, addresses: [10.0.3.1/24]}

                routes:
                  - {prefix: 192.0.2.0/24, via: [{address: 10.0.2.9, weight: 2}, 10.0.2.2]}
                  - {prefix: 198.51.100.0/24, via: [10.0.2.2, {address: 10.0.3.2, weight: 3}]}
                  - {prefix: "2001:db8::/32", via: "fd00:2::2"}
                  - {prefix: 10.0.1.2/32, action: none}
                  - {prefix: 100.64.0.0/10, via: 10.0.2.9}

                neighbors:
                  - {address: 10.0.2.2, mac: none, route: false}
                  - {address: 10.0.2.9, mac: "02:00:00:00:00:29", route: false}

                acl:
                  - {id: 7, priority: 3, match: {port: p3, protocol: udp}, action: redirect p2}

                flows:
                  - port: p1
                    source: 10.0.1.2
                    destination: 9.9.9.9
                    protocol: tcp
                    source_port: 4000
                    destination_port: 443
                    action: via 10.0.2.9
                    mirror: true
                    idle_timeout: 90s

                """)
    }

    @Test("a route that was deleted is gone, unless the host may bring it: then the file says that it is not to be")
    func deletedRoutes() throws {
        let yaml =
            "ports: [{name: p1}]\nroutes: [{prefix: 192.0.2.0/24, action: drop}, {prefix: 10.0.1.9/32, action: drop}]"
        let deletions: [TableUpdate] = ["192.0.2.0/24", "10.0.1.9/32"].map {
            .delete(.route(RouteEntry(prefix: prefix($0), action: .drop)))
        }
        #expect(
            try amended(deletions, of: yaml).text == """
                ports:
                  - {name: p1}

                routes:
                  - {prefix: 10.0.1.9/32, action: none}

                """)
        #expect(
            try amended(deletions, of: yaml, facts: nil).text == """
                ports:
                  - {name: p1}

                routes:
                  - {prefix: 192.0.2.0/24, action: none}
                  - {prefix: 10.0.1.9/32, action: none}

                """)
    }

    @Test("a next hop that was changed changes the routes and flows of the file that use it")
    func changedNextHop() throws {
        let changed = NextHopEntry(
            id: NextHopID(rawValue: 1), routerInterface: RouterInterfaceID(rawValue: 3),
            neighbor: Fixture.address("10.0.3.7"))
        let (text, unsaid) = try amended([.modify(.nextHop(changed))])
        #expect(text.contains("{prefix: 192.0.2.0/24, via: 10.0.3.7}"))
        #expect(text.contains("{prefix: 198.51.100.0/24, via: [10.0.3.7, {address: 10.0.3.2, weight: 3}]}"))
        #expect(
            unsaid == [
                "route 10.0.2.2/32 in VRF 0: next hop 1 is 10.0.3.7 now, and the route that neighbor 10.0.2.2 has of itself "
                    + "goes there too; in a file it goes to the neighbor"
            ])
    }

    @Test("what the file's language has no words for is named, each with its reason")
    func unsaid() throws {
        let p1 = RouterInterfaceID(rawValue: 1)
        var station = MyStationEntry(
            port: PortID(rawValue: 1), vlan: .untagged, mac: MACAddress(rawValue: 0x0200_0000_0000), routerInterface: p1
        )
        station.macMask = MACAddress(rawValue: 0xffff_0000_0000)
        let hop = NextHopEntry(id: NextHopID(rawValue: 90), routerInterface: p1, neighbor: Fixture.address("10.0.1.9"))
        let group = NextHopGroupEntry(id: NextHopGroupID(rawValue: 91), members: [.init(nextHop: hop.id)])
        let own = RouterInterfaceEntry(
            id: RouterInterfaceID(rawValue: 70), port: PortID(rawValue: 1), mac: Fixture.mac(0x70))
        let there = NeighborEntry(routerInterface: own.id, address: Fixture.address("10.0.7.2"), mac: Fixture.mac(0x72))
        let (text, unsaid) = try amended([
            .insert(.myStation(station)), .insert(.nextHop(hop)), .insert(.nextHopGroup(group)),
            .insert(.routerInterface(own)), .insert(.neighbor(there)),
            .insert(.port(PortEntry(port: PortID(rawValue: 40)))),
            .insert(.acl(ACLEntry(id: 0, priority: 0, match: .init(), action: .permit))),
            .modify(.route(RouteEntry(prefix: prefix("10.0.1.0/24"), action: .drop))),
            .insert(.mac(MACEntry(vlan: VLANID(rawValue: 5), mac: Fixture.mac(5), action: .drop, isStatic: true))),
        ])
        #expect(text == ConfigurationWriter.text(of: try Fixture.configuration()))
        #expect(
            unsaid.sorted() == [
                "ACL entry 0: ids of a file begin with 1; give it another one",
                "neighbor 10.0.7.2 at router interface 70: router interface 70 is none that the ports of this file make",
                "next hop 90: no route or flow of this file uses it (10.0.1.9), and a file has no others",
                "next-hop group 91: no route of this file uses it, and a file has no others",
                "port 40: no interface stands behind it; a port of a file needs one",
                "route 10.0.1.0/24 in VRF 0: an address of this file is in that network, and its route is the kernel's",
                "router interface 70: router interfaces are made of ports and \"subinterfaces\"; change it there",
                "station 02:00:00:00:00:00/ff:ff:00:00:00:00 at port 1, untagged, priority 1: stations are made of the ports' "
                    + "own addresses; \"mac\" of a port changes both",
                "station 02:00:00:00:00:05 in VLAN 5: there is no such VLAN, so it does nothing",
            ])
    }

    @Test("VLANs change as far as a file can say it; a switched port stays in one")
    func vlans() throws {
        let yaml = """
            ports: [{name: p1, mode: switched}, {name: p2, mode: switched}, {name: p3, addresses: [10.0.3.1/24]}]
            vlans: [{id: 1, untagged: [p1, p2]}]
            macs: [{vlan: 1, mac: "02:00:00:00:00:01", port: p1}]
            """
        var ten = VLANEntry(vlan: VLANID(rawValue: 10))
        (ten.tagged, ten.broadcast) = ([PortID(rawValue: 1), PortID(rawValue: 3)], .drop)
        var one = VLANEntry(vlan: VLANID(rawValue: 1))
        one.multicast = .kernel
        let (text, unsaid) = try amended([.insert(.vlan(ten)), .modify(.vlan(one))], of: yaml)
        #expect(
            text == """
                ports:
                  - {name: p1, mode: switched}
                  - {name: p2, mode: switched}
                  - {name: p3, addresses: [10.0.3.1/24]}

                vlans:
                  - {id: 1, untagged: [p2], multicast: kernel}
                  - {id: 10, tagged: [p1], broadcast: drop}

                """)
        #expect(
            unsaid == [
                "VLAN 10: port p3 is routed and cannot be a member",
                "VLAN 1: p2 would be in no VLAN, which a switched port of a file cannot be",
                "station 02:00:00:00:00:01 in VLAN 1: its port p1 is not a member of the VLAN, so its frames are dropped",
            ])
    }

    @Test("applying a file undoes what calls made of entries that it says are not to be")
    func absentByFile() throws {
        let core = Fixture.core(ReferenceDataPlane())
        _ = try core.apply(Fixture.configuration(), facts: Fixture.facts, now: 0)
        let p1 = RouterInterfaceID(rawValue: 1)
        let neighbor = NeighborEntry(routerInterface: p1, address: Fixture.address("10.0.1.77"), mac: Fixture.mac(0x77))
        let route = RouteEntry(prefix: prefix("10.8.0.0/16"), action: .drop)
        #expect(
            core.write([.insert(.neighbor(neighbor)), .insert(.route(route))], idleTimeouts: [:], now: 0) == [
                .applied, .applied,
            ])
        _ = try core.apply(
            Fixture.configuration(
                Fixture.yaml + "\n  - {prefix: 10.8.0.0/16, action: none}\n"
                    + "neighbors: [{address: 10.0.1.77, mac: none}]\n"), facts: Fixture.facts, now: 0)
        #expect(core.wanted.amendmentCount == 0)
        #expect(core.state.stored(.route(route)) == nil && core.state.stored(.neighbor(neighbor)) == nil)
    }
}
