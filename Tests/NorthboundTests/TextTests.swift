// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import TestSupport
import Testing

@testable import Northbound

@Suite("Tables, JSON and numbers")
struct TextTests {
    @Test("columns stand two blanks apart, numbers to the right, lines without trailing blanks")
    func table() {
        var table = TextTable([.left("PORT"), .right("PACKETS"), .left("NOTE")])
        table.add(["p1", "5", "x"])
        table.add(["uplink0", "123456789"])
        #expect(
            table.lines() == [
                "PORT       PACKETS  NOTE",
                "p1               5  x",
                "uplink0  123456789",
            ])
    }

    @Test("a table wider than allowed shortens its widest words in the middle")
    func width() {
        var table = TextTable([.left("A"), .right("N"), .left("B")])
        table.add([String(repeating: "a", count: 40) + "END", "12345", "short"])
        #expect(table.lines(width: 30).map(\.count).max() == 30)
        #expect(table.lines(width: 30)[1] == "aaaaaaaa…aaaaEND  12345  short")
        #expect(table.lines(width: nil)[1].hasPrefix(String(repeating: "a", count: 40) + "END"))
    }

    @Test("columns without content are left out")
    func emptyColumns() {
        var table = TextTable([.left("A"), .left("B"), .left("C")])
        table.add(["1", "", "3"])
        #expect(table.withoutEmptyColumns().lines() == ["A  C", "1  3"])
    }

    @Test(
        "numbers keep three digits",
        arguments: [
            (0, "0"), (7, "7"), (999, "999"), (999.6, "1.00k"), (1234, "1.23k"), (45_600, "45.6k"), (999_499, "999k"),
            (999_500, "1.00M"), (1_234_567, "1.23M"), (2.5e9, "2.50G"), (9.996e12, "10.0T"),
        ] as [(Double, String)])
    func short(value: Double, text: String) { #expect(Quantity.short(value) == text) }

    @Test(
        "durations show the two units that matter",
        arguments: [
            (0, "0s"), (250, "250ms"), (12_900, "12s"), (185_000, "3m05s"), (7_800_000, "2h10m"),
            (273_600_000, "3d04h"),
        ] as [(UInt64, String)])
    func duration(milliseconds: UInt64, text: String) {
        #expect(Quantity.duration(milliseconds: milliseconds) == text)
    }

    @Test("JSON keeps the order of keys, escapes what must be, and puts an element on a line")
    func json() {
        let value = JSONValue.array([
            .object(["z": 1, "a": "quote \" backslash \\ newline \n bell \u{7} ü", "n": .null]),
            .object(["b": true, "d": .number(1.5), "u": .unsigned(.max), "e": .array([]), "o": .object([])]),
        ])
        #expect(
            value.text == """
                [
                  {"z": 1, "a": "quote \\" backslash \\\\ newline \\n bell \\u0007 ü", "n": null},
                  {"b": true, "d": 1.500, "u": 18446744073709551615, "e": [], "o": {}}
                ]
                """)
        #expect(JSONValue.object(["a": 1, "b": .array([1, 2])]).text == "{\n  \"a\": 1,\n  \"b\": [1, 2]\n}")
        #expect(JSONValue.array([]).text == "[]")
        #expect(JSONValue.number(.nan).text == "null")
    }
}

@Suite("What commands print")
struct ListingTests {
    private let node = FakeNode()
    private let names = EntrySyntaxTests.names

    @Test("ports, with the reason for a mode that was not preferred below")
    func ports() async throws {
        let listing = Listing.ports(try await node.ports())
        #expect(
            listing.lines == [
                "PORT  ID  STATE  MODE    XDP      MTU  RECEIVED  BYTES  FORWARDED  DROPPED  KERNEL  CPU",
                "p1     0  up     routed  native  1500      1003  64.2k       1000        3       0    0",
                "p2     1  down   routed  skb     1500      1003  64.2k       1000        3       0    0",
                "p2: native: EOPNOTSUPP (95), the driver has no XDP",
            ])
        guard case .array(let ports) = listing.json else { throw SyntaxError("no array") }
        #expect(
            ports[0].line == """
                {"port": "p1", "id": 0, "interface_index": 10, "up": true, "admit": true, "mode": "routed", "mtu": 1500, \
                "attach_mode": "native", "attach_reason": "", "received": {"forward": {"packets": 1000, "bytes": 64000}, \
                "drop": {"packets": 3, "bytes": 180}, "kernel": {"packets": 0, "bytes": 0}, "cpu": {"packets": 0, "bytes": 0}}}
                """)
    }

    @Test("tables")
    func tables() async throws {
        let listing = Listing.tables(try await node.tables())
        #expect(
            listing.lines == [
                "TABLE                USED  CAPACITY   FILL  COST  MATCH",
                "flow_cache_table   250000   1000000  25.0%    32  exact",
                "acl_ingress_table       3       512   0.6%   192  ternary,range,optional",
            ])
        guard case .array(let tables) = listing.json else { throw SyntaxError("no array") }
        #expect(
            tables[1].line == """
                {"table": "acl_ingress_table", "capacity": 512, "used": 3, \
                "match_kinds": ["ternary", "range", "optional"], "cost_per_entry": 192}
                """)
    }

    private func updates(_ table: TableID, _ text: String) throws -> [TableUpdate] {
        try EntrySyntax.updates(
            .insert, table: table, words: text.split(separator: " ").map(String.init), names: names)
    }

    @Test("entries, a column for each field in use, in order of their numbers")
    func entries() throws {
        let texts = [
            "id=20 priority=5 source=10.0.0.0/8 protocol=tcp destination_port=1024-2047 action=drop",
            "id=3 priority=7 port=p1 redirect=p2 mirror=yes",
        ]
        let reports = try texts.flatMap { try updates(.acl, $0) }.map { update in
            EntryReport(update.entry, counter: Counter(packets: 5, bytes: 6000))
        }
        let listing = Listing.entries(reports, names: names)
        #expect(
            listing.lines == [
                "ID  PRIORITY  PORT  SOURCE      PROTOCOL  DESTINATION_PORT  ACTION  REDIRECT  MIRROR  PACKETS  BYTES",
                " 3         7  p1                                                    p2        yes           5  6.00k",
                "20         5        10.0.0.0/8  tcp       1024-2047         drop                            5  6.00k",
            ])
        #expect(
            listing.json.text == """
                [
                  {"id": 3, "priority": 7, "port": "p1", "redirect": "p2", "mirror": true, "packets": 5, "bytes": 6000},
                  {"id": 20, "priority": 5, "source": "10.0.0.0/8", "protocol": "tcp", "destination_port": "1024-2047", \
                "action": "drop", "packets": 5, "bytes": 6000}
                ]
                """)
        #expect(Listing.entries([], names: names).lines == ["no entries"])
        #expect(Listing.entries([], names: names).json.text == "[]")
    }

    @Test("flows")
    func flows() throws {
        let texts = [
            "port=p1 source=10.0.1.2 destination=10.0.2.2 protocol=tcp source_port=4000 destination_port=80 via=10.0.2.1",
            "port=p2 source=2001:db8::1 destination=2001:db8::2 protocol=udp source_port=1 destination_port=53 action=drop",
            "port=p1 source=10.0.1.2 destination=10.0.2.2 protocol=icmp icmp_type=8 out=p2",
        ]
        var flows: [FlowReport] = []
        for update in try texts.flatMap({ try updates(.flowCache, $0) }) {
            guard case .flow(let entry) = update.entry else { continue }
            flows.append(
                FlowReport(
                    entry: entry, counter: Counter(packets: 12, bytes: 3400), idleMilliseconds: 1500,
                    port: PortID(rawValue: 0), place: flows.isEmpty ? "xdp" : "card: emh type 3, rule 17",
                    reason: "822 pps"))
        }
        let listing = Listing.flows(flows, names: names)
        #expect(
            listing.lines == [
                "PORT  PROTO     SOURCE          DESTINATION     ACTION           ORIGIN  PACKETS  BYTES  IDLE  WHERE",
                "p1    tcp       10.0.1.2:4000   10.0.2.2:80     via 10.0.2.1     static       12  3.40k    1s  xdp",
                "p1    udp       [2001:d…::1]:1  [2001:d…:2]:53  drop flow_cache  static       12  3.40k    1s  card",
                "p1    icmp 8/0  10.0.1.2        10.0.2.2        out p2           static       12  3.40k    1s  card",
            ])
        let wide = Listing.flows(flows, names: names, width: nil).lines
        #expect(wide[0].hasSuffix("WHERE                      WHY"))
        #expect(wide[2].hasSuffix("card: emh type 3, rule 17  822 pps"))
        let plain = Listing.flows(
            flows.map { FlowReport(entry: $0.entry, counter: $0.counter, idleMilliseconds: 0, port: $0.port) },
            names: names)
        #expect(plain.lines[0].hasSuffix("BYTES  IDLE"), "nothing is known of where")
        guard case .array(let elements) = listing.json else { throw SyntaxError("no array") }
        #expect(
            elements[2].line == """
                {"port": "p1", "router_interface": 1, "source": "10.0.1.2", "destination": "10.0.2.2", \
                "protocol": "icmp", "icmp_type": 8, "icmp_code": 0, "out": "p2", "origin": "static", "acl_done": false, \
                "reason": "flow_cache", "packets": 12, "bytes": 3400, "idle_ms": 1500, \
                "where": "card: emh type 3, rule 17", "why": "822 pps"}
                """)
    }

    @Test("no list is wider than 100 columns")
    func hundredColumns() throws {
        var random = RandomEntries(seed: 9)
        let flows = (0..<200).map { _ in
            FlowReport(
                entry: random.flow(),
                counter: Counter(packets: random.number(0...1 << 40), bytes: random.number(0...1 << 50)),
                idleMilliseconds: random.number(0...1 << 30), port: random.port())
        }
        #expect(Listing.flows(flows, names: names).lines.allSatisfy { $0.count <= 100 })
        #expect(!Listing.flows(flows, names: names, width: nil).lines.allSatisfy { $0.count <= 100 })
        for table in TableID.allCases where table != .acl && table != .flowCache {
            let reports = (0..<50).map { _ in EntryReport(random.entry(of: table)) }
            #expect(Listing.entries(reports, names: names).lines.allSatisfy { $0.count <= 100 }, "\(table)")
        }
    }

    @Test("statistics")
    func statistics() async throws {
        let listing = Listing.statistics(try await node.statistics(), names: names)
        #expect(
            listing.lines == [
                "PORT  DISPOSITION  REASON      PACKETS  BYTES",
                "p1    forward      flow_cache     1000  64000",
                "",
                "flows   5 installed, 1 aged, 2 evicted, 3 refused, 4 rejected",
                "events  1 sent, 2 repeated, 3 lost",
            ])
        #expect(
            listing.json.line == """
                {"time_ns": 1000000000, "verdicts": [{"port": "p1", "disposition": "forward", "reason": "flow_cache", \
                "packets": 1000, "bytes": 64000}], "tables": [{"table": "flow_cache_table", "capacity": 100, "used": 25, \
                "match_kinds": [], "cost_per_entry": 0}], "flows": {"installed": 5, "aged": 1, "evicted": 2, \
                "refused": 3, "rejected": 4}, "events": {"sent": 1, "repeated": 2, "lost": 3}}
                """)
    }

    /// A second in which p1 forwarded 300 packets by the cache, dropped 100, and sent 100 to the kernel.
    private var interval: (NodeStatistics, NodeStatistics) {
        func verdict(_ disposition: Disposition, _ reason: Reason, _ packets: UInt64) -> VerdictCounter {
            VerdictCounter(
                port: PortID(rawValue: 0), disposition: disposition, reason: reason,
                counter: Counter(packets: packets, bytes: packets * 100))
        }
        let tables = [
            TableReport(table: .flowCache, capacity: 200, used: 50), TableReport(table: .acl, capacity: 8, used: 0),
        ]
        return (
            NodeStatistics(
                timeNanoseconds: 1_000_000_000, verdicts: [verdict(.forward, .flowCache, 50)], tables: tables,
                flows: FlowTotals(installed: 10)),
            NodeStatistics(
                timeNanoseconds: 2_000_000_000,
                verdicts: [
                    verdict(.forward, .flowCache, 350), verdict(.drop, .acl, 30), verdict(.drop, .ipv4Checksum, 70),
                    verdict(.kernel, .noRoute, 100),
                ], tables: tables, flows: FlowTotals(installed: 60), events: EventTotals(lost: 3))
        )
    }

    @Test("a line of watch")
    func watchLine() {
        let (before, after) = interval
        #expect(
            WatchView(previous: before, current: after).line(names: names)
                == "rx=500pps rx_bits=400kbps fast=80.0% drop=100 kernel=100 flows=50/200 new_flows=50/s events_lost=3 "
                + "top_drop=ipv4_checksum:70")
    }

    @Test("the page of watch")
    func watchPage() {
        let (before, after) = interval
        #expect(
            WatchView(previous: before, current: after).page(names: names) == [
                "received 500 packets/s, 400kbit/s   decided in the fast path 80.0%   new flows 50/s",
                "",
                "PORT  PACKETS/S  BIT/S  SHARE",
                "p1          500   400k  ████████████████████ 100.0%",
                "p2            0      0  ···················· 0.0%",
                "p3            0      0  ···················· 0.0%",
                "",
                "dropped  ipv4_checksum 70/s, acl 30/s",
                "",
                "to the kernel  no_route 100/s",
                "",
                "TABLE             USED  CAPACITY  FILL",
                "flow_cache_table    50       200  █████··············· 25.0%",
                "",
                "flows   60 installed, 0 aged, 0 evicted, 0 refused, 0 rejected",
                "events  0 sent, 0 repeated, 3 lost",
            ])
    }

    @Test("the first look of watch has no rates, and a daemon started anew counts from zero")
    func watchEdges() {
        let (before, after) = interval
        #expect(WatchView(previous: nil, current: after).total == WatchView.Rate())
        var restarted = before
        restarted.timeNanoseconds = 3_000_000_000
        #expect(WatchView(previous: after, current: restarted).total.packets == 50)
    }

    @Test("what was written, and what would be")
    func changes() throws {
        let updates = try updates(.ipv4, "prefix=10.9.0.0/16 via=10.0.9.1 port=p1")
        #expect(
            Listing.plan(updates, names: names).lines == [
                "would insert nexthop_table id=8 router_interface=1 neighbor=10.0.9.1",
                "would insert ipv4_table vrf=0 prefix=10.9.0.0/16 next_hop=8",
            ])
        let results = Listing.results(
            updates, [.applied, .rejected(.tableFull(table: .ipv4, capacity: 4))], names: names)
        #expect(results.lines == ["inserted nexthop_table id=8 router_interface=1 neighbor=10.0.9.1"])
        #expect(
            results.json.text == """
                [
                  {"operation": "insert", "table": "nexthop_table", "entry": {"id": 8, "router_interface": 1, \
                "neighbor": "10.0.9.1"}, "applied": true, "error": null},
                  {"operation": "insert", "table": "ipv4_table", "entry": {"vrf": 0, "prefix": "10.9.0.0/16", \
                "next_hop": 8}, "applied": false, "error": "ipv4_table is full (4 entries); the entries in it are unchanged"}
                ]
                """)
    }
}
