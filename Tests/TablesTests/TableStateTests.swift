// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import Testing

@Suite("What the tables accept and reject")
struct TableStateTests {
    func state(_ capacities: [TableID: Int] = [:], _ entries: [TableEntry] = Network.entries) throws -> TableState {
        var state = TableState(capacities: capacities)
        for entry in entries { _ = try state.apply(.insert(entry)) }
        return state
    }

    static let samples: [TableEntry] = {
        var rule = ACLEntry(id: 5, priority: 1, match: .init(), action: .drop)
        rule.match.dscp = 4
        return [
            Network.entries[0], Network.entries[5], Network.entries[6], Network.entries[8], Network.entries[9],
            Network.entries[10], Network.entries[13], Network.entries[14],
            .nextHopGroup(NextHopGroupEntry(id: .init(rawValue: 1), members: [.init(nextHop: Network.nextHop4)])),
            .acl(rule),
        ]
    }()

    @Test("an entry is inserted once, modified and deleted only while it is there", arguments: samples)
    func semantics(entry: TableEntry) throws {
        var state = try state()
        if state.stored(entry) == nil { _ = try state.apply(.insert(entry)) }
        #expect(state.stored(entry) == entry)
        #expect(state.entries(of: entry.table).contains(entry))
        #expect(throws: TableError.alreadyExists(table: entry.table, entry: entry.keyText)) {
            try state.apply(.insert(entry))
        }
        #expect(try state.apply(.modify(entry)) == TableChange(table: entry.table, old: entry, new: entry))
        var empty = try self.state()
        // Users before what they use.
        for user in Network.entries.reversed() + [] where user != entry { _ = try? empty.apply(.delete(user)) }
        if empty.stored(entry) != nil {
            #expect(try empty.apply(.delete(entry)) == TableChange(table: entry.table, old: entry, new: nil))
        }
        #expect(throws: TableError.notFound(table: entry.table, entry: entry.keyText)) {
            try empty.apply(.delete(entry))
        }
        #expect(throws: TableError.notFound(table: entry.table, entry: entry.keyText)) {
            try empty.apply(.modify(entry))
        }
    }

    @Test("everything that is named must exist, and the error names it")
    func missing() throws {
        let empty = try state([:], [])
        for (entry, names) in [
            (Network.entries[5], "port"), (Network.entries[6], "port 1"), (Network.entries[9], "router interface 2"),
            (Network.entries[10], "router interface 2"), (Network.entries[13], "next hop 4"),
            (
                .route(RouteEntry(prefix: Network.prefix("::/0"), action: .group(.init(rawValue: 9)))),
                "next-hop group 9"
            ),
            (
                .nextHopGroup(NextHopGroupEntry(id: .init(rawValue: 1), members: [.init(nextHop: .init(rawValue: 3))])),
                "next hop 3"
            ),
            (.acl(ACLEntry(id: 1, priority: 1, match: .init(), action: .redirect(Network.port(7)))), "port 7"),
        ] as [(TableEntry, String)] {
            guard case .missingReference(entry.table, entry.keyText, let refersTo) = empty.validate(.insert(entry))
            else {
                Issue.record("\(entry.keyText): \(String(describing: empty.validate(.insert(entry))))")
                continue
            }
            #expect(refersTo.hasPrefix(names))
        }
    }

    @Test("what is named cannot be deleted, and the error says by what")
    func inUse() throws {
        var state = try state()
        for (entry, user) in [
            (Network.entries[0], "station 02:00:00:00:00:01 at port 1, untagged, priority 1 and 1 more"),
            (Network.entries[2], "VLAN 10"),
            (Network.entries[9], "route 10.0.0.0/8"), (Network.entries[6], "station 02:00:00:00:00:01"),
            (Network.entries[7], "next hop 4 and 3 more"),
        ] {
            guard case .inUse(_, _, let by) = state.validate(.delete(entry)) else {
                Issue.record("\(entry.keyText) could be deleted")
                continue
            }
            #expect(by.contains(user), "\(entry.keyText): \(by)")
        }
        // Users go first, in reverse; then everything can go.
        for entry in Network.entries.reversed() { _ = try state.apply(.delete(entry)) }
        #expect(TableID.allCases.allSatisfy { state.count(of: $0) == 0 })
    }

    @Test("a modification moves references: what is no longer named can go, what is now named cannot")
    func moveReferences() throws {
        var state = try state()
        let prefix = Network.prefix("10.0.0.0/8")
        _ = try state.apply(.modify(.route(RouteEntry(prefix: prefix, action: .nextHop(Network.nextHop6)))))
        _ = try state.apply(.delete(Network.entries[9]))
        #expect(state.validate(.delete(Network.entries[11])) != nil)
        _ = try state.apply(.modify(.route(RouteEntry(prefix: prefix, action: .drop))))
        _ = try state.apply(.modify(.route(RouteEntry(prefix: Network.prefix("2001:db8::/32"), action: .drop))))
        _ = try state.apply(.delete(Network.entries[11]))
    }

    @Test("a static flow holds what it names until it is gone; a derived one holds nothing")
    func flowReferences() throws {
        var state = try state()
        let extra = NextHopEntry(
            id: .init(rawValue: 99), routerInterface: Network.interface2, neighbor: Network.ip("192.0.2.9"))
        _ = try state.apply(.insert(.nextHop(extra)))
        let key = FlowKey(
            routerInterface: Network.interface1, source: Network.ip("10.0.0.1"), destination: Network.ip("10.0.0.2"),
            ipProtocol: 47)
        let flow = FlowEntry(key: key, action: .nextHop(extra.id))
        state.countReferences(removed: nil, inserted: flow)
        #expect(
            state.validate(.delete(.nextHop(extra)))
                == .inUse(table: .nextHop, entry: "next hop 99", by: "a static flow"))
        state.countReferences(removed: flow, inserted: nil)
        #expect(state.validate(.delete(.nextHop(extra))) == nil)
        state.countReferences(
            removed: nil,
            inserted: FlowEntry(key: key, action: .nextHop(extra.id), origin: .derived(.init(rawValue: 1))))
        #expect(state.validate(.delete(.nextHop(extra))) == nil)
    }

    @Test("an insertion into a full table is refused by name, and the entries in it stay")
    func full() throws {
        var state = try state([.ipv4: 2])
        _ = try state.apply(.insert(.route(RouteEntry(prefix: Network.prefix("10.1.0.0/16"), action: .drop))))
        let before = Set(state.entries(of: .ipv4))
        #expect(throws: TableError.tableFull(table: .ipv4, capacity: 2)) {
            try state.apply(.insert(.route(RouteEntry(prefix: Network.prefix("10.2.0.0/16"), action: .drop))))
        }
        #expect(Set(state.entries(of: .ipv4)) == before)
        _ = try state.apply(.delete(.route(RouteEntry(prefix: Network.prefix("10.1.0.0/16"), action: .cpu))))
        _ = try state.apply(.insert(.route(RouteEntry(prefix: Network.prefix("10.2.0.0/16"), action: .drop))))
    }

    @Test("a change that could not be written is undone, references too")
    func revert() throws {
        var state = try state()
        let other = RouteEntry(prefix: Network.prefix("10.0.0.0/8"), action: .drop)
        let change = try state.apply(.modify(.route(other)))
        #expect(state.validate(.delete(Network.entries[9])) == nil)
        state.revert(change)
        #expect(state.stored(.route(other)) == Network.entries[13])
        #expect(state.validate(.delete(Network.entries[9])) != nil)
        let rule = ACLEntry(id: 1, priority: 1, match: .init(), action: .drop)
        state.revert(try state.apply(.insert(.acl(rule))))
        #expect(state.acl.isEmpty)
    }

    @Test("values that cannot be are refused, and the error says what can")
    func values() throws {
        let state = try state()
        func field(_ entry: TableEntry) -> String? {
            if case .invalidValue(_, let field, _, _) = state.validate(.insert(entry)) { field } else { nil }
        }
        func acl(_ change: (inout ACLEntry.Match) -> Void) -> TableEntry {
            var match = ACLEntry.Match()
            change(&match)
            return .acl(ACLEntry(id: 1, priority: 1, match: match, action: .drop))
        }
        #expect(field(.port(PortEntry(port: Network.port(64)))) == "port")
        #expect(field(.vlan(VLANEntry(vlan: Network.vlan(4095)))) == "vlan")
        #expect(field(.vlan(VLANEntry(vlan: Network.vlan(0)))) == "vlan")
        #expect(
            field(
                .routerInterface(
                    RouterInterfaceEntry(id: .init(rawValue: 0), port: Network.port(1), mac: Network.router))) == "id")
        #expect(
            field(
                .routerInterface(RouterInterfaceEntry(id: .init(rawValue: 9), port: Network.port(1), mac: .broadcast)))
                == "mac")
        #expect(
            field(.route(RouteEntry(vrf: .init(rawValue: 256), prefix: Network.prefix("::/0"), action: .drop))) == "vrf"
        )
        #expect(field(.nextHopGroup(NextHopGroupEntry(id: .init(rawValue: 1), members: []))) == "members")
        let heavy = NextHopGroupEntry.Member(nextHop: Network.nextHop4, weight: 33)
        #expect(field(.nextHopGroup(NextHopGroupEntry(id: .init(rawValue: 1), members: [heavy, heavy]))) == "weights")
        #expect(field(acl { $0.sourcePorts = 1...2 }) == "source_ports")
        #expect(field(acl { ($0.sourcePorts, $0.ipProtocol) = (1...2, 1) }) == "source_ports")
        #expect(field(acl { ($0.tcpFlags, $0.ipProtocol) = (Ternary(value: 1), 17) }) == "tcp_flags")
        #expect(field(acl { ($0.icmpCode, $0.ipProtocol) = (1, 6) }) == "icmp_code")
        #expect(
            field(acl { ($0.source, $0.destination) = (Network.prefix("10.0.0.0/8"), Network.prefix("::/0")) })
                == "destination")
        #expect(field(acl { $0.dscp = 64 }) == "dscp")
        #expect(field(acl { $0.sourceMAC = Ternary(value: 3, mask: 1) }) == "source_mac")
        #expect(field(.mac(MACEntry(vlan: Network.vlan(1), mac: .broadcast, action: .drop, isStatic: true))) == "mac")
        #expect(
            field(.mac(MACEntry(vlan: Network.vlan(1), mac: Network.host, action: .drop, isStatic: false))) == "action")
        var station = MyStationEntry(port: nil, vlan: nil, mac: Network.router, routerInterface: Network.interface1)
        station.macMask = MACAddress(rawValue: 0xff00)
        #expect(field(.myStation(station)) == "mac")
        let key = FlowKey(
            routerInterface: Network.interface1, source: Network.ip("10.0.0.1"), destination: Network.ip("10.0.0.2"),
            ipProtocol: 1,
            sourcePort: 0x0800, destinationPort: 1)
        #expect(field(.flow(FlowEntry(key: key, action: .drop))) == "destination_port")
        var good = key
        good.destinationPort = 0
        #expect(state.validate(.insert(.flow(FlowEntry(key: good, action: .drop)))) == nil)
        #expect(field(.flow(FlowEntry(key: good, action: .drop, aclDone: true))) == "acl_done")
    }

    @Test("a ninth station that concerns a port is not supported, wherever it comes from")
    func stations() throws {
        var state = try state()
        func station(_ port: UInt16?, _ number: UInt64) -> TableEntry {
            .myStation(
                MyStationEntry(
                    port: port.map(Network.port), vlan: nil, mac: MACAddress(rawValue: number),
                    routerInterface: Network.interface1))
        }
        for number in 1...4 as ClosedRange<UInt64> { _ = try state.apply(.insert(station(nil, number))) }
        for number in 5...7 as ClosedRange<UInt64> { _ = try state.apply(.insert(station(1, number))) }
        #expect(state.stations(of: Network.port(1)).count == 8)
        for entry in [station(1, 8), station(nil, 8)] {
            guard case .unsupported = state.validate(.insert(entry)) else {
                Issue.record("a ninth was accepted")
                continue
            }
        }
        _ = try state.apply(.insert(station(2, 8)))
        #expect(state.stations(of: Network.port(2)).count == 5)
    }

    @Test("stations are consulted by priority, then port before any, VLAN before any, then by address and mask")
    func stationOrder() throws {
        var state = try state()
        func add(_ port: PortID?, _ vlan: VLANID?, _ mac: UInt64, _ mask: UInt64, _ priority: UInt32) throws {
            var entry = MyStationEntry(
                port: port, vlan: vlan, mac: MACAddress(rawValue: mac), priority: priority,
                routerInterface: Network.interface1)
            entry.macMask = MACAddress(rawValue: mask)
            _ = try state.apply(.insert(.myStation(entry)))
        }
        try add(nil, nil, 0x10, 0xff, 1)
        try add(Network.port(2), nil, 0x30, 0xff, 1)
        try add(Network.port(2), nil, 0x10, 0xf0, 1)
        try add(Network.port(2), nil, 0x10, 0x10, 1)
        try add(nil, Network.vlan(3), 0x20, 0xff, 1)
        try add(Network.port(2), Network.vlan(3), 0x50, 0xff, 1)
        try add(nil, nil, 0x60, 0xff, 2)
        let order = state.stations(of: Network.port(2)).map { "\($0.mac.rawValue)/\($0.macMask.rawValue)" }
        #expect(order == ["96/255", "80/255", "16/16", "16/240", "48/255", "32/255", "16/255"])
    }

    @Test("a next hop is resolved from its neighbour, interface and port, and follows each of them")
    func resolve() throws {
        var state = try state()
        let resolved = try #require(state.resolve(Network.nextHop4))
        #expect(resolved.egressPort == Network.port(2))
        #expect(resolved.destination == Network.peer)
        #expect(resolved.source == Network.router)
        #expect(resolved.mtu == 1500)
        #expect(resolved.isUp)

        var port = PortEntry(port: Network.port(2))
        (port.up, port.mtu) = (false, 1280)
        let portChange = try state.apply(.modify(.port(port)))
        #expect(state.nextHops(affectedBy: portChange) == [Network.nextHop4, Network.nextHop6])
        #expect(state.resolve(Network.nextHop4)?.isUp == false)
        #expect(state.resolve(Network.nextHop4)?.mtu == 1280)

        let neighborChange = try state.apply(.delete(Network.entries[10]))
        #expect(state.nextHops(affectedBy: neighborChange) == [Network.nextHop4])
        #expect(state.resolve(Network.nextHop4) == nil)
        #expect(state.resolve(Network.nextHop6) != nil)

        var interface = RouterInterfaceEntry(id: Network.interface2, port: Network.port(1), mac: Network.host)
        interface.vlan = Network.vlan(7)
        let change = try state.apply(.modify(.routerInterface(interface)))
        #expect(state.nextHops(affectedBy: change) == [Network.nextHop4, Network.nextHop6])
        #expect(state.resolve(Network.nextHop6)?.vlan == Network.vlan(7))
        #expect(state.resolve(Network.nextHop6)?.egressPort == Network.port(1))
        #expect(state.nextHops(affectedBy: try state.apply(.modify(.port(port)))) == [])
    }

    @Test("the longest prefix wins, at every length, in its VRF alone")
    func longestPrefix() throws {
        var state = try state()
        let destination = Network.ip("2001:db8:aaaa:5555:aaaa:5555:aaaa:5555")
        for length in 0...128 where length != 32 {
            let prefix = try #require(IPPrefix(destination, length: length))
            _ = try state.apply(.insert(.route(RouteEntry(prefix: prefix, action: length % 2 == 0 ? .drop : .cpu))))
        }
        for length in (1...128).reversed() {
            #expect(state.route(vrf: .default, to: destination)?.prefix.length == UInt8(length))
            let prefix = try #require(IPPrefix(destination, length: length))
            _ = try state.apply(.delete(.route(RouteEntry(prefix: prefix, action: .drop))))
        }
        #expect(state.route(vrf: .default, to: destination)?.prefix.length == 0)
        #expect(state.route(vrf: .init(rawValue: 1), to: destination) == nil)
        #expect(state.route(vrf: .default, to: Network.ip("11.0.0.1")) == nil)
    }

    @Test("ACL entries are searched by priority, then by id, whatever order they came in")
    func aclOrder() throws {
        var state = try state()
        for (id, priority) in [(5, 1), (1, 1), (9, 7), (3, 0), (4, 7)] as [(UInt32, UInt32)] {
            _ = try state.apply(.insert(.acl(ACLEntry(id: id, priority: priority, match: .init(), action: .drop))))
        }
        #expect(state.acl.map(\.id) == [4, 9, 1, 5, 3])
        _ = try state.apply(.modify(.acl(ACLEntry(id: 3, priority: 9, match: .init(), action: .permit))))
        #expect(state.acl.map(\.id) == [3, 4, 9, 1, 5])
        _ = try state.apply(.delete(.acl(ACLEntry(id: 9, priority: 0, match: .init(), action: .permit))))
        #expect(state.acl.map(\.id) == [3, 4, 1, 5])
    }
}
