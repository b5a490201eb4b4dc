// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import TestSupport
import Testing

@testable import Northbound

@Suite("Entries as name=value words")
struct EntrySyntaxTests {
    /// p1 and p2 with a router interface each, p3 with two; a next hop behind p2.
    static let names: Directory = {
        func interface(_ id: UInt16, _ port: UInt16, _ vlan: UInt16) -> RouterInterfaceEntry {
            var entry = RouterInterfaceEntry(
                id: RouterInterfaceID(rawValue: id), port: PortID(rawValue: port), mac: MACAddress(rawValue: 2))
            entry.vlan = VLANID(rawValue: vlan)
            return entry
        }
        let nextHop = NextHopEntry(
            id: NextHopID(rawValue: 7), routerInterface: RouterInterfaceID(rawValue: 2),
            neighbor: .v4(IPv4Address(rawValue: 0x0a00_0201)))
        return Directory(
            portNames: [PortID(rawValue: 0): "p1", PortID(rawValue: 1): "p2", PortID(rawValue: 2): "p3"],
            routerInterfaces: [interface(1, 0, 0), interface(2, 1, 0), interface(3, 2, 0), interface(4, 2, 10)],
            nextHops: [nextHop])
    }()

    func insert(_ table: TableID, _ text: String) throws -> [TableUpdate] {
        try EntrySyntax.updates(
            .insert, table: table, words: text.split(separator: " ").map(String.init), names: Self.names)
    }

    func complaint(_ table: TableID, _ text: String, _ operation: TableUpdate.Operation = .insert) -> String {
        do {
            let words = text.split(separator: " ").map(String.init)
            let updates = try EntrySyntax.updates(operation, table: table, words: words, names: Self.names)
            return "accepted: \(updates)"
        } catch { return error.description }
    }

    @Test("what is printed of an entry can be given again", arguments: TableID.allCases)
    func roundTrip(table: TableID) throws {
        var random = RandomEntries(seed: 7)
        for _ in 0..<1000 {
            var entry = random.entry(of: table)
            if case .flow(var flow) = entry {
                // What a user gives is static, and has no reason of its own.
                (flow.origin, flow.aclDone, flow.reason) = (.static, false, .flowCache)
                entry = .flow(flow)
            }
            if case .nextHopGroup(let group) = entry, group.members.isEmpty { continue }
            let words = EntryFields.fields(of: entry, names: Directory()).map {
                "\($0.key)=\(EntryFields.text($0.value))"
            }
            let updates = try EntrySyntax.updates(.insert, table: table, words: words, names: Directory())
            #expect(updates == [.insert(entry)])
        }
    }

    @Test("every field that is printed is among those documented", arguments: TableID.allCases)
    func documented(table: TableID) {
        var random = RandomEntries(seed: 8)
        let known = Set(EntrySyntax.fields(of: table).map(\.name))
        for _ in 0..<500 {
            let printed = EntryFields.fields(of: random.entry(of: table), names: Self.names).map(\.key)
            #expect(known.isSuperset(of: printed))
        }
    }

    @Test("a flow is given with its port of arrival")
    func flow() throws {
        let updates = try insert(
            .flowCache,
            "port=p1 source=10.0.1.2 destination=10.0.2.2 protocol=tcp source_port=4000 destination-port=80 action=drop"
        )
        let key = FlowKey(
            routerInterface: RouterInterfaceID(rawValue: 1), source: .v4(IPv4Address(rawValue: 0x0a00_0102)),
            destination: .v4(IPv4Address(rawValue: 0x0a00_0202)), ipProtocol: 6, sourcePort: 4000, destinationPort: 80)
        #expect(updates == [.insert(.flow(FlowEntry(key: key, action: .drop)))])
    }

    @Test("a route goes via a neighbour whose next hop is known")
    func routeVia() throws {
        let prefix = try #require(IPPrefix("10.9.0.0/16"))
        #expect(
            try insert(.ipv4, "prefix=10.9.0.0/16 via=10.0.2.1")
                == [.insert(.route(RouteEntry(prefix: prefix, action: .nextHop(NextHopID(rawValue: 7)))))])
    }

    @Test("a route via a new neighbour at a port makes its next hop first")
    func routeViaNew() throws {
        let prefix = try #require(IPPrefix("2001:db8:9::/48"))
        let neighbor = try #require(IPAddress("2001:db8:2::1"))
        let id = NextHopID(rawValue: 8)
        #expect(
            try insert(.ipv6, "prefix=2001:db8:9::/48 via=2001:db8:2::1 port=p3 vlan=10") == [
                .insert(
                    .nextHop(
                        NextHopEntry(id: id, routerInterface: RouterInterfaceID(rawValue: 4), neighbor: neighbor))),
                .insert(.route(RouteEntry(prefix: prefix, action: .nextHop(id)))),
            ])
    }

    @Test("a deletion needs the key alone")
    func delete() throws {
        let words = ["prefix=10.9.0.0/16"]
        let updates = try EntrySyntax.updates(.delete, table: .ipv4, words: words, names: Self.names)
        #expect(updates.map(\.operation) == [.delete])
        #expect(complaint(.acl, "id=5", .delete).hasPrefix("accepted"))
        #expect(complaint(.acl, "priority=5", .delete) == "acl_ingress_table needs id=: a number of your choice")
    }

    @Test("a modification keeps what is not given")
    func modify() throws {
        var present = PortEntry(port: PortID(rawValue: 1))
        (present.mtu, present.learnMACs, present.mode) = (9000, false, .switched)
        var other = PortEntry(port: PortID(rawValue: 0))
        other.mtu = 1280
        let updates = try EntrySyntax.updates(
            .modify, table: .port, words: ["port=p2", "admit=no"], names: Self.names,
            candidates: [.port(other), .port(present)])
        present.admit = false
        #expect(updates == [.modify(.port(present))])
    }

    @Test("a modification that gives another action replaces the one there is")
    func modifyAction() throws {
        let prefix = try #require(IPPrefix("10.9.0.0/16"))
        let present = RouteEntry(vrf: VRFID(rawValue: 3), prefix: prefix, action: .group(NextHopGroupID(rawValue: 2)))
        let updates = try EntrySyntax.updates(
            .modify, table: .ipv4, words: ["vrf=3", "prefix=10.9.0.0/16", "action=drop"], names: Self.names,
            candidates: [.route(present)])
        #expect(updates == [.modify(.route(RouteEntry(vrf: VRFID(rawValue: 3), prefix: prefix, action: .drop)))])
    }

    struct Complaint: Sendable, CustomTestStringConvertible {
        var table: TableID
        var words: String
        var text: String
        var testDescription: String { "\(table.rawValue) \(words)" }
        init(_ table: TableID, _ words: String, _ text: String) {
            (self.table, self.words, self.text) = (table, words, text)
        }
    }

    static let complaints: [Complaint] = [
        Complaint(
            .ipv4, "prefix=10.0.0.0/8 gateway=10.0.0.1",
            "ipv4_table has no field gateway; its fields are vrf, prefix, via, port, vlan, next_hop, group, action"),
        Complaint(.ipv4, "10.0.0.0/8", "\"10.0.0.0/8\" is no field; expected name=value, such as vlan=10"),
        Complaint(.ipv4, "prefix=1.0.0.0/8 prefix=2.0.0.0/8", "prefix is given twice"),
        Complaint(
            .ipv4, "prefix=10.1.2.3/16 action=drop",
            "prefix cannot be \"10.1.2.3/16\"; expected no bits behind the prefix: 10.1.0.0/16"),
        Complaint(
            .ipv4, "prefix=2001:db8::/32 action=drop", "this is an entry of ipv6_table, not of ipv4_table"),
        Complaint(
            .ipv4, "prefix=10.0.0.0/8",
            "ipv4_table needs one of via=, next_hop=, group=, action= to say what is done"),
        Complaint(
            .ipv4, "prefix=10.0.0.0/8 action=drop group=1",
            "group and action exclude each other; give one of via=, next_hop=, group=, action="),
        Complaint(
            .ipv4, "prefix=10.0.0.0/8 action=permit",
            "action cannot be \"permit\"; expected one of drop, kernel, cpu"),
        Complaint(
            .ipv4, "prefix=10.0.0.0/8 via=10.0.3.1",
            "there is no next hop with the neighbour 10.0.3.1: say where it is with port=PORT"),
        Complaint(
            .ipv4, "prefix=10.0.0.0/8 via=10.0.3.1 port=p3",
            "port p3 has 2 router interfaces; say which with vlan=untagged, vlan=10"),
        Complaint(
            .neighbor, "port=p9 address=10.0.0.1 mac=02:00:00:00:00:01",
            "port cannot be \"p9\"; expected a port: p1, p2, p3"),
        Complaint(
            .neighbor, "port=p1 address=10.0.0.1 mac=02:00:00:00:00",
            "mac cannot be \"02:00:00:00:00\"; expected an Ethernet address, such as 02:00:00:00:00:01"),
        Complaint(.vlan, "vlan=4095", "vlan cannot be \"4095\"; expected 1...4094"),
        Complaint(
            .vlan, "vlan=5 tagged=p1 untagged=p1,p2", "port p1 is both in tagged and in untagged; it can be in one"),
        Complaint(.port, "port=p1 mtu=70000", "mtu cannot be \"70000\"; expected a number, 1...65535"),
        Complaint(
            .nextHopGroup, "id=1 members=1*65",
            "members cannot be \"1*65\"; expected next hops such as 1,2*3 (weights 1...64, 64 together)"),
        Complaint(
            .flowCache, "port=p1 source=10.0.0.1 destination=2001:db8::1 protocol=tcp action=drop",
            "destination cannot be \"2001:db8::1\"; expected an address of the same family as source"),
        Complaint(
            .flowCache, "port=p1 source=10.0.0.1 destination=10.0.0.2 protocol=icmp destination_port=1 action=drop",
            "destination_port means nothing with protocol icmp; leave it out"),
        Complaint(
            .flowCache, "port=p1 source=10.0.0.1 destination=10.0.0.2 protocol=tcp source_port=1 action=drop",
            "flow_cache_table needs destination_port=: 0...65535, for tcp and udp"),
        Complaint(
            .acl, "id=1 priority=1 tcp_flags=syn action=drop",
            "tcp_flags cannot be \"syn\"; expected VALUE/MASK, such as 0x02/0x12 (SYN set, ACK not)"),
    ]

    @Test("a mistake is named with what would be right", arguments: complaints)
    func mistakes(complaint expected: Complaint) {
        #expect(complaint(expected.table, expected.words) == expected.text)
    }

    @Test("a table can be named with or without its ending")
    func tableNames() throws {
        #expect(try EntrySyntax.table(named: "ipv4") == .ipv4)
        #expect(try EntrySyntax.table(named: "acl_ingress_table") == .acl)
        #expect(throws: SyntaxError.self) { try EntrySyntax.table(named: "ipv5") }
    }
}
