// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import TestSupport
import Testing

@testable import Northbound

@Suite("What is remembered, and what changes, as text")
struct MemoryTextTests {
    private let names = EntrySyntaxTests.names

    @Test("status")
    func status() async throws {
        let listing = Listing.status(try await FakeNode().status())
        #expect(
            listing.lines == [
                "piccolo 1.2.3, process 4711, up 1h02m",
                "configuration  /etc/piccolo/node.yaml",
                "data plane     xdp, policy generation 7",
                "state          /var/lib/piccolo, revision 42, 3 entries changed by calls",
                "start          took over tables in 420ms: compared 1200, repaired 2, not repaired 1",
                "               the process before was killed",
                "compared       7 times: found 3, repaired 2, not repaired 1, last at 2026-05-01T12:00:00Z",
                "               ipv4_table: route 10.9.0.0/16 in VRF 0: missing",
                "               link of port p1: altered: detached; not repaired: EBUSY",
                "program        build 0123456789ab, tag a1b2c3d4e5f60718, id 57",
                "               replaced by x.o: confirmed",
                "ports          1 of 2 up",
                "events         10 sent, 2 repeated, 1 lost",
                "memory         123MB resident",
                "health         p2 is down: plug the cable in",
            ])
        #expect(
            listing.json.line == """
                {"version": "1.2.3", "pid": 4711, "uptime_ms": 3723000, "configuration": "/etc/piccolo/node.yaml", \
                "data_plane": "xdp", "generation": 7, "ports": 2, "ports_up": 1, \
                "events": {"sent": 10, "repeated": 2, "lost": 1}, "resident_bytes": 123456789, \
                "complaints": ["p2 is down: plug the cable in"], \
                "state": {"condition": "ok", "problem": null, "message": null, "directory": "/var/lib/piccolo", \
                "revision": 42, "amendments": 3, "pending": 0}, \
                "start": {"tables": "adopted", "reason": "the process before was killed", "checked": 1200, \
                "repaired": 2, "failed": 1, "milliseconds": 420}, \
                "reconciliation": {"runs": 7, "found": 3, "repaired": 2, "failed": 1, "time": "2026-05-01T12:00:00Z", \
                "discrepancies": [{"kind": "missing", "table": "ipv4_table", "subject": "route 10.9.0.0/16 in VRF 0", \
                "detail": "", "failure": null}, {"kind": "altered", "table": null, "subject": "link of port p1", \
                "detail": "detached", "failure": "EBUSY"}]}, \
                "program": {"digest": "0123456789abcdef0123", "tag": "a1b2c3d4e5f60718", "id": 57, \
                "replacement": "replaced by x.o: confirmed"}, "card": null, "cpu_port": []}
                """)
    }

    @Test("a card is shown with its room, what moved and what was refused")
    func card() async throws {
        var status = try await FakeNode().status()
        status.card = CardReport(
            name: "flowengine", problem: "it did not take port 1: the bus is dead",
            tables: [.init(name: "emh", capacity: 511, used: 12), .init(name: "collision", capacity: 4, used: 1)],
            packets: 123_456, placed: 40, cold: 20, replaced: 5, overtaken: 2, refused: ["no_key": 7, "full": 3],
            counts: [
                .init(port: "p1", what: "received", packets: 9), .init(port: "p1", what: "dropped_runt", packets: 1),
            ])
        status.cpuPort = [
            .init(port: "rt0", what: "received", counter: Counter(packets: 7)),
            .init(port: "rt0", what: "reason_proc_fc_rule", counter: Counter(packets: 7)),
            .init(port: nil, what: "unknown_ingress", counter: Counter(packets: 3, bytes: 180)),
        ]
        let listing = Listing.status(status)
        #expect(
            listing.lines.drop { !$0.hasPrefix("card") }.prefix(7) == [
                "card           flowengine: emh 12/511, collision 1/4; 123456 packets",
                "               rules placed 40, left: cold 20, replaced 5, overtaken 2; refused: full 3, no_key 7",
                "               p1: received 9, dropped_runt 1",
                "               not in use: it did not take port 1: the bus is dead",
                "cpu port       rt0: received 7, reason_proc_fc_rule 7",
                "               no port: unknown_ingress 3",
                "state          /var/lib/piccolo, revision 42, 3 entries changed by calls",
            ])
        #expect(
            listing.json["card"]?.line == """
                {"name": "flowengine", "problem": "it did not take port 1: the bus is dead", \
                "tables": [{"name": "emh", "capacity": 511, "used": 12}, {"name": "collision", "capacity": 4, "used": 1}], \
                "packets": 123456, "placed": 40, "cold": 20, "replaced": 5, "overtaken": 2, \
                "refused": {"full": 3, "no_key": 7}, \
                "ports": [{"port": "p1", "what": "received", "packets": 9}, \
                {"port": "p1", "what": "dropped_runt", "packets": 1}]}
                """)
    }

    @Test("a degraded node says so before anything else, and why, in lines that fit a terminal")
    func degraded() async throws {
        let node = FakeNode()
        await node.degrade(
            .init(
                name: "foreign",
                sentence:
                    "the state in /var/lib/piccolo belongs to node edge1, and this is node edge2; give this one another "
                    + "--state-dir, or make it this node's with `piccolo state claim`"))
        let listing = Listing.status(try await node.status())
        #expect(
            listing.lines.prefix(6) == [
                "DEGRADED: packets are forwarded, changes are refused",
                "piccolo 1.2.3, process 4711, up 1h02m",
                "degraded       the state in /var/lib/piccolo belongs to node edge1, and this is node edge2; give",
                "               this one another --state-dir, or make it this node's with `piccolo state claim`",
                "configuration  /etc/piccolo/node.yaml",
                "data plane     xdp, policy generation 7",
            ])
        #expect(listing.lines.contains { $0.hasSuffix("3 entries changed by calls, 2 changes not on disk yet") })
        #expect(listing.lines.allSatisfy { $0.count <= TextTable.width })
        #expect(listing.json["state"]?["condition"] == "degraded")
        #expect(listing.json["state"]?["problem"] == "foreign")
        let colored = Listing.status(try await node.status(), style: .colored)
        #expect(colored.lines[0] == "\u{1b}[31mDEGRADED: packets are forwarded, changes are refused\u{1b}[0m")
    }

    @Test(
        "the words of an entry can be given again, with next hops and places by their names",
        arguments: TableID.allCases)
    func words(table: TableID) throws {
        var random = RandomEntries(seed: 11)
        for _ in 0..<1000 {
            var entry = random.entry(of: table)
            let interface = RouterInterfaceID(rawValue: random.number(1...5))
            switch entry {
            case .flow(var flow):
                (flow.origin, flow.aclDone, flow.reason) = (.static, false, .flowCache)
                flow.key.routerInterface = interface
                if random.bool() { flow.action = .nextHop(NextHopID(rawValue: 7)) }
                entry = .flow(flow)
            case .route(var route):
                if random.bool(), table == .ipv4 { route.action = .nextHop(NextHopID(rawValue: random.number(6...8))) }
                entry = .route(route)
            case .neighbor(var neighbor):
                neighbor.routerInterface = interface
                entry = .neighbor(neighbor)
            case .nextHop(var hop):
                hop.routerInterface = interface
                entry = .nextHop(hop)
            case .nextHopGroup(let group) where group.members.isEmpty: continue
            default: break
            }
            let words = EntryWords.line(entry, names: names).split(separator: " ").map(String.init)
            let updates = try EntrySyntax.updates(
                .insert, table: try EntrySyntax.table(named: words[0]), words: Array(words.dropFirst()), names: names)
            #expect(updates == [.insert(entry)], "\(words)")
            let key = EntryWords.line(entry, names: names, keyOnly: true).split(separator: " ").map(String.init)
            let deletion = try EntrySyntax.updates(
                .delete, table: table, words: Array(key.dropFirst()), names: names)
            #expect(
                deletion.map { EntrySyntax.keyText(of: $0.entry, names: names) }
                    == [EntrySyntax.keyText(of: entry, names: names)], "\(key)")
        }
    }

    private func route(_ prefix: String, _ action: RouteEntry.Action) throws -> TableEntry {
        .route(RouteEntry(prefix: try #require(IPPrefix(prefix)), action: action))
    }

    private func changes() throws -> ChangesReport {
        var interface = RouterInterfaceEntry(
            id: RouterInterfaceID(rawValue: 9), port: PortID(rawValue: 8), mac: MACAddress(rawValue: 9))
        interface.vrf = VRFID(rawValue: 1)
        let hop = NextHopEntry(
            id: NextHopID(rawValue: 12), routerInterface: interface.id,
            neighbor: .v4(IPv4Address(rawValue: 0x0a00_0902)))
        var match = ACLEntry.Match()
        (match.ipProtocol, match.dscp) = (6, 46)
        var other = match
        (other.dscp, other.ingressPort) = (nil, PortID(rawValue: 0))
        return ChangesReport(
            changes: [
                .init(.insert, .routerInterface(interface)), .init(.insert, .nextHop(hop)),
                .init(.insert, try route("10.9.0.0/16", .nextHop(hop.id))),
                .init(
                    .modify, try route("10.8.0.0/16", .nextHop(hop.id)),
                    before: try route("10.8.0.0/16", .nextHop(NextHopID(rawValue: 7)))),
                .init(
                    .modify, .acl(ACLEntry(id: 4, priority: 9, match: other, action: .redirect(PortID(rawValue: 8)))),
                    before: .acl(ACLEntry(id: 4, priority: 8, match: match, action: .permit))),
                .init(.delete, try route("10.7.0.0/16", .drop)),
            ], notices: ["port p9: there is no interface p9; the port is down until it appears"],
            portNames: [PortID(rawValue: 8): "p9"])
    }

    @Test("a dry run has a line for each change, new names included, and their number")
    func dryRun() throws {
        let report = try changes()
        #expect(
            Listing.changes(report, dryRun: true, names: names).lines == [
                "+ router_interface_table id=9 port=p9 vlan=untagged mac=00:00:00:00:00:09 vrf=1",
                "+ nexthop_table id=12 port=p9 neighbor=10.0.9.2",
                "+ ipv4_table vrf=0 prefix=10.9.0.0/16 via=10.0.9.2 port=p9",
                "~ ipv4_table vrf=0 prefix=10.8.0.0/16 via: 10.0.2.1 → 10.0.9.2, port: p2 → p9",
                "~ acl_ingress_table id=4 priority: 8 → 9, dscp: 46 → -, action: permit → -, port: - → p1, redirect: - → p9",
                "- ipv4_table vrf=0 prefix=10.7.0.0/16",
                "entries would be inserted 3, modified 2, deleted 1",
                "notice: port p9: there is no interface p9; the port is down until it appears",
            ])
        #expect(
            Listing.changes(report, dryRun: false, names: names).lines == [
                "entries inserted 3, modified 2, deleted 1",
                "notice: port p9: there is no interface p9; the port is down until it appears",
            ])
        #expect(Listing.changes(ChangesReport(), dryRun: true, names: names).lines == ["nothing would change"])
        #expect(Listing.changes(ChangesReport(), dryRun: false, names: names).lines == ["nothing changed"])
        let json = Listing.changes(report, dryRun: true, names: names).json
        #expect(
            json["changes"]?.text.split(separator: "\n")[4]
                == """
                  {"operation": "modify", "table": "ipv4_table", "entry": {"vrf": 0, "prefix": "10.8.0.0/16", \
                "next_hop": 12}, "before": {"vrf": 0, "prefix": "10.8.0.0/16", "next_hop": 7}},
                """)
        #expect(json["inserted"] == 3 && json["modified"] == 2 && json["deleted"] == 1 && json["dry_run"] == true)
    }

    @Test("what calls made different is listed in the order it was made")
    func differences() throws {
        let added = try route("10.9.0.0/16", .nextHop(NextHopID(rawValue: 7)))
        let reports = [
            DifferenceReport(
                entry: nil, configured: try route("10.7.0.0/16", .drop), timeSeconds: 1_777_636_802),
            DifferenceReport(entry: added, configured: nil, timeSeconds: 1_777_636_801),
            DifferenceReport(
                entry: try route("10.8.0.0/16", .drop), configured: try route("10.8.0.0/16", .cpu), timeSeconds: 0),
        ]
        #expect(reports.map(\.kind) == [.deleted, .added, .changed])
        let listing = Listing.differences(reports, configuration: "/etc/piccolo/node.yaml", names: names)
        #expect(
            listing.lines == [
                "~ ipv4_table vrf=0 prefix=10.8.0.0/16 action: cpu → drop  # 1970-01-01T00:00:00Z",
                "+ ipv4_table vrf=0 prefix=10.9.0.0/16 via=10.0.2.1 port=p2  # 2026-05-01T12:00:01Z",
                "- ipv4_table vrf=0 prefix=10.7.0.0/16  # 2026-05-01T12:00:02Z",
                "different from /etc/piccolo/node.yaml: added 1, changed 1, deleted 1",
            ])
        #expect(
            listing.json.text == """
                [
                  {"kind": "changed", "table": "ipv4_table", "entry": {"vrf": 0, "prefix": "10.8.0.0/16", "action": "drop"}, \
                "configured": {"vrf": 0, "prefix": "10.8.0.0/16", "action": "cpu"}, "time": "1970-01-01T00:00:00Z", \
                "idle_timeout_ms": null},
                  {"kind": "added", "table": "ipv4_table", "entry": {"vrf": 0, "prefix": "10.9.0.0/16", "next_hop": 7}, \
                "configured": null, "time": "2026-05-01T12:00:01Z", "idle_timeout_ms": null},
                  {"kind": "deleted", "table": "ipv4_table", "entry": null, \
                "configured": {"vrf": 0, "prefix": "10.7.0.0/16", "action": "drop"}, "time": "2026-05-01T12:00:02Z", \
                "idle_timeout_ms": null}
                ]
                """)
        #expect(Listing.differences([], configuration: "f", names: names).lines == ["nothing differs from f"])
    }

    @Test("a comparison says what it found, and what became of it")
    func reconciliation() {
        var report = ReconcileReport(repairs: true)
        report.checked = 12
        #expect(Listing.reconciliation(report).lines == ["compared 12: all as wanted"])
        report.add(Discrepancy(.missing, table: .ipv4, subject: "route 10.9.0.0/16 in VRF 0"))
        report.add(Discrepancy(.altered, table: nil, subject: "pin flow4", detail: "gone", failure: "EROFS"))
        #expect(
            Listing.reconciliation(report).lines == [
                "ipv4_table: route 10.9.0.0/16 in VRF 0: missing", "pin flow4: altered: gone; not repaired: EROFS",
                "compared 12: missing 1, extra 0, altered 1; repaired 1, not repaired 1",
            ])
        var dry = ReconcileReport(repairs: false)
        for index in 0..<1500 { dry.add(Discrepancy(.extra, table: .mac, subject: "\(index)")) }
        let listing = Listing.reconciliation(dry)
        #expect(
            listing.lines.suffix(2) == [
                "and 500 more", "compared 0: missing 0, extra 1500, altered 0; nothing was repaired",
            ])
        #expect(listing.json["extra"] == 1500 && listing.json["repaired"] == 0 && listing.json["dry_run"] == true)
    }

    @Test(
        "a time is written as people and programs read it",
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (951_782_399, "2000-02-28T23:59:59Z"), (951_782_400, "2000-02-29T00:00:00Z"),
            (1_777_636_800, "2026-05-01T12:00:00Z"), (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"), (1_735_689_599, "2024-12-31T23:59:59Z"),
        ] as [(UInt64, String)])
    func time(seconds: UInt64, text: String) { #expect(Quantity.time(seconds) == text) }

    @Test("sentences break at blanks, and words that are too long stay whole")
    func paragraph() {
        #expect(
            Paragraph.lines("one two three", first: "- ", rest: "  ", width: 9) == ["- one two", "  three"])
        #expect(Paragraph.lines("", first: "# ", width: 9) == ["# "])
        #expect(Paragraph.lines("a-word-that-is-long b", width: 9) == ["a-word-that-is-long", "b"])
    }
}
