// SPDX-License-Identifier: Apache-2.0
#if Northbound
import GRPCCore
@testable import Northbound
import Packet
import PiccoloProto
import SwiftProtobuf
import Tables
import TestSupport
import Testing

@Suite("Entries as messages")
struct WireTests {
    @Test("every entry comes back from its message as it was", arguments: TableID.allCases)
    func roundTrip(table: TableID) throws {
        var random = RandomEntries(seed: 1)
        for _ in 0..<2000 {
            let entry = random.entry(of: table)
            let bytes: [UInt8] = try Piccolo_V1_Entry(entry).serializedBytes()
            #expect(try Piccolo_V1_Entry(serializedBytes: bytes).model() == entry)
        }
    }

    @Test("where a flow is, and the card, come back as they were")
    func card() throws {
        var random = RandomEntries(seed: 3)
        for place in ["", "card: emh type 3, slot 0x1a2b, rule 17"] {
            let flow = FlowReport(
                entry: random.flow(), counter: Counter(packets: 5), idleMilliseconds: 7, port: PortID(rawValue: 3),
                place: place, reason: place.isEmpty ? "" : "822 pps")
            #expect(try FlowReport(flow.wire) == flow)
        }
        var status = NodeStatus(version: "1", pid: 2, uptimeMilliseconds: 3, configuration: "f", dataPlane: "xdp")
        #expect(try NodeStatus(status.wire) == status)
        status.card = CardReport(
            name: "flowengine", problem: "broken", tables: [.init(name: "emh", capacity: 511, used: 12)],
            packets: 1, placed: 2, cold: 3, replaced: 4, overtaken: 5, refused: ["full": 6, "no_key": 7],
            counts: [.init(port: "p1", what: "received", packets: 8)])
        status.cpuPort = [
            .init(port: "rt0", what: "received", counter: Counter(packets: 1, bytes: 2)),
            .init(port: nil, what: "unknown_ingress", counter: Counter(packets: 3)),
        ]
        #expect(try NodeStatus(status.wire) == status)
    }

    @Test("every operation comes back", arguments: [TableUpdate.Operation.insert, .modify, .delete])
    func operations(operation: TableUpdate.Operation) throws {
        var random = RandomEntries(seed: 2)
        let update = TableUpdate(operation, random.entry(of: .ipv6))
        #expect(try Piccolo_V1_Update(update).model() == update)
    }

    @Test("an entry that gives only what it must has the model's defaults")
    func defaults() throws {
        let port = Piccolo_V1_Entry.with { $0.port = .with { $0.port = 5 } }
        #expect(try port.model() == .port(PortEntry(port: PortID(rawValue: 5))))
        let vlan = Piccolo_V1_Entry.with { $0.vlan = .with { $0.vlan = 10 } }
        #expect(try vlan.model() == .vlan(VLANEntry(vlan: VLANID(rawValue: 10))))
    }

    static let everyResult: [UpdateResult] = [
        .applied,
        .rejected(.alreadyExists(table: .mac, entry: "e")),
        .rejected(.notFound(table: .acl, entry: "e")),
        .rejected(.tableFull(table: .flowCache, capacity: 12345)),
        .rejected(.missingReference(table: .ipv4, entry: "e", refersTo: "r")),
        .rejected(.inUse(table: .nextHop, entry: "e", by: "b")),
        .rejected(.invalidValue(table: .port, field: "f", value: "v", expected: "x")),
        .rejected(.unsupported(table: .ipv6, entry: "e", why: "w")),
        .rejected(.backEnd(table: .vlan, "message")),
    ]

    @Test("every result of an update comes back", arguments: everyResult)
    func results(result: UpdateResult) throws {
        #expect(try Piccolo_V1_UpdateResult(result).model() == result)
    }

    @Test("a rejection has the canonical code of its kind and the sentence")
    func codes() {
        #expect(
            Self.everyResult.map { Piccolo_V1_UpdateResult($0).code } == [
                .ok, .alreadyExists, .notFound, .resourceExhausted, .failedPrecondition, .failedPrecondition,
                .invalidArgument, .unimplemented, .internal,
            ])
        #expect(
            Piccolo_V1_UpdateResult(Self.everyResult[3]).message
                == "flow_cache_table is full (12345 entries); the entries in it are unchanged")
    }

    struct Broken: Sendable, CustomTestStringConvertible {
        var field: String
        var value: String
        var expected: String
        var entry: Piccolo_V1_Entry
        var testDescription: String { field }

        init(_ field: String, _ value: String, _ expected: String, _ fill: (inout Piccolo_V1_Entry) -> Void) {
            (self.field, self.value, self.expected) = (field, value, expected)
            entry = .with(fill)
        }
    }

    static let brokenEntries: [Broken] = [
        Broken("entry", "absent", "one of port, vlan, my_station, mac, acl, flow, route, next_hop, ...") { _ in },
        Broken("port.port", "64", "0...63") { $0.port.port = 64 },
        Broken("port.pvid", "0", "1...4094") { $0.port.pvid = 0 },
        Broken("port.mtu", "70000", "1...65535") { $0.port.mtu = 70000 },
        Broken("vlan.vlan", "4095", "1...4094") { $0.vlan.vlan = 4095 },
        Broken("vlan.tagged[1]", "99", "0...63") { $0.vlan = .with { ($0.vlan, $0.tagged) = (1, [3, 99]) } },
        Broken("vlan.untagged[0]", "3", "a port that is not in tagged") {
            $0.vlan = .with { ($0.vlan, $0.tagged, $0.untagged) = (1, [3], [3]) }
        },
        Broken("my_station.mac", "5 bytes long", "6 bytes") { $0.myStation.mac = .init(repeating: 0, count: 5) },
        Broken("router_interface.id", "0", "1...1023") { $0.routerInterface.id = 0 },
        Broken("neighbor.address", "7 bytes long", "4 bytes for IPv4 or 16 for IPv6") {
            $0.neighbor = .with { ($0.routerInterface, $0.address) = (1, .init(repeating: 0, count: 7)) }
        },
        Broken("route.prefix", "absent", "an address and a length") { $0.route.drop = Piccolo_V1_Empty() },
        Broken("route.prefix.length", "33", "0...32") {
            $0.route.prefix = .with { ($0.address, $0.length) = (.init(repeating: 0, count: 4), 33) }
        },
        Broken("route.prefix.address", "10.1.2.3/16", "no bits behind the prefix: 10.1.0.0/16") {
            $0.route.prefix = .with { ($0.address, $0.length) = (.init([10, 1, 2, 3]), 16) }
        },
        Broken("route.action", "absent", "one of next_hop, group, drop, kernel, cpu") {
            $0.route.prefix = .with { $0.address = .init(repeating: 0, count: 4) }
        },
        Broken("next_hop_group.members[0].weight", "65", "1...64") {
            $0.nextHopGroup.members = [.with { $0.weight = 65 }]
        },
        Broken("flow.key", "absent", "router interface, addresses, protocol and ports") { $0.flow.aclDone = true },
        Broken("flow.key.destination", "16 bytes long", "4 bytes, as source") {
            $0.flow.key = .with {
                ($0.source, $0.destination) = (.init(repeating: 0, count: 4), .init(repeating: 0, count: 16))
            }
        },
        Broken("acl.match.destination_ports.high", "10", "20...65535") {
            $0.acl = .with {
                $0.permit = Piccolo_V1_Empty()
                $0.match.destinationPorts = .with { ($0.low, $0.high) = (20, 10) }
            }
        },
        Broken("acl.match.fragment", "9", "0...4 (first, later, any, none)") {
            $0.acl = .with {
                $0.permit = Piccolo_V1_Empty()
                $0.match.fragment = .UNRECOGNIZED(9)
            }
        },
    ]

    @Test("a field that cannot be is named with its path and what it can be", arguments: brokenEntries)
    func invalid(broken: Broken) {
        #expect(throws: NodeError.invalid(field: broken.field, value: broken.value, expected: broken.expected)) {
            try broken.entry.model()
        }
    }
}
#endif
