// SPDX-License-Identifier: Apache-2.0
import Controller
import Foundation
import GRDB
import Packet
import Tables
import Testing

@testable import Store

@Suite("A memory written by another version of the program")
struct MigrationTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "../Fixtures/store")

    /// What every fixture holds, as far as its version can: to be stored, and then dumped.
    static let content: [StoreChange] = {
        let port = PortID(rawValue: 3)
        let interface = RouterInterfaceID(rawValue: 7)
        let mac = MACAddress(rawValue: 0x0200_0000_0001)
        let v4 = IPAddress.v4(IPv4Address(rawValue: 0x0a00_0001))
        let v6 = IPAddress.v6(IPv6Address(high: 0x2001_0db8_0000_0000, low: 1))
        var portEntry = PortEntry(port: port)
        portEntry.mtu = 9000
        var vlan = VLANEntry(vlan: VLANID(rawValue: 10))
        vlan.tagged = [port]
        vlan.untagged = [PortID(rawValue: 4), PortID(rawValue: 1)]
        var rule = ACLEntry(id: 1, priority: 100, match: .init(), action: .redirect(port), mirror: true)
        rule.match.destination = IPPrefix(v4, length: 24)
        rule.match.ipProtocol = 6
        rule.match.destinationPorts = 80...443
        let flow = FlowEntry(
            key: FlowKey(
                routerInterface: interface, source: v6, destination: v6, ipProtocol: 17, sourcePort: 53,
                destinationPort: 53), action: .nextHop(NextHopID(rawValue: 9)))
        let flow4 = FlowEntry(
            key: FlowKey(routerInterface: interface, source: v4, destination: v4, ipProtocol: 47), action: .drop)
        let entries: [TableEntry] = [
            .port(portEntry), .vlan(vlan),
            .myStation(MyStationEntry(port: port, vlan: nil, mac: mac, routerInterface: interface)),
            .routerInterface(RouterInterfaceEntry(id: interface, port: port, mac: mac)),
            .neighbor(NeighborEntry(routerInterface: interface, address: v4, mac: mac)),
            .nextHop(NextHopEntry(id: NextHopID(rawValue: 9), routerInterface: interface, neighbor: v4)),
            .nextHopGroup(
                NextHopGroupEntry(
                    id: NextHopGroupID(rawValue: 2), members: [.init(nextHop: NextHopID(rawValue: 9), weight: 3)])),
            .route(RouteEntry(prefix: IPPrefix(host: v4), action: .nextHop(NextHopID(rawValue: 9)))),
            .route(
                RouteEntry(
                    vrf: VRFID(rawValue: 4), prefix: IPPrefix(host: v6), action: .group(NextHopGroupID(rawValue: 2)))),
            .acl(rule), .mac(MACEntry(vlan: VLANID(rawValue: 10), mac: mac, action: .port(port), isStatic: true)),
            .flow(flow), .flow(flow4),
        ]
        var first = StoreChange()
        first.configuration = StoredConfiguration(text: "node:\n  name: 'edge-1'\n", path: "/etc/piccolo/node.yaml")
        first.generation = 513
        var identities = Identities()
        identities.ports.given = ["p1": 1, "p3": 3]
        identities.interfaceIndexes = ["p3": 12]
        identities.interfaces.given = [
            .init(port: port, vlan: VLANID(rawValue: 10)): 7, .init(port: port, vlan: nil): 8,
        ]
        identities.nextHops.given = [.init(routerInterface: interface, address: v6): 9]
        identities.groups.given = [[.init(nextHop: NextHopID(rawValue: 9), weight: 3)]: 2]
        first.identities = identities
        for (index, entry) in entries.enumerated() {
            first.amendments.append(
                Amendment(
                    index % 3 == 2 ? .deleted : .set, entry, idleTimeout: index % 4 == 0 ? 120 : nil,
                    time: 1_799_999_900 + UInt64(index)))
        }
        var second = StoreChange()
        second.shadows = ["card": .init(marker: .max, records: [0: [1, 2, 3], .max: []])]
        return [first, second]
    }()

    private func expected(version: Int) -> Contents {
        var contents = Contents()
        for var change in Self.content {
            if version < 2 { change.shadows = [:] }
            contents.apply(change)
        }
        return contents
    }

    private func make(_ scratch: Scratch, version: Int) throws {
        mkdir(scratch.state, 0o700)
        let sql = try String(contentsOf: Self.folder.appending(path: "version-\(version).sql"), encoding: .utf8)
        let queue = try DatabaseQueue(path: scratch.place.database)
        try queue.inDatabase { try $0.execute(sql: sql) }
        try queue.close()
    }

    @Test("is brought up to date, and holds what it held", arguments: 1...SQLiteStore.schemaVersion)
    func migration(version: Int) throws {
        let scratch = Scratch()
        try make(scratch, version: version)
        #expect(SQLiteStore.check(directory: scratch.state).schemaVersion == version)
        #expect(SQLiteStore.check(directory: scratch.state).isSound)
        // Read only, it is read as it is.
        let reader = try SQLiteStore.openReader(directory: scratch.state)
        #expect(reader.schemaVersion == version)
        #expect(try Contents { body throws(StoreProblem) in try reader.load(body) } == expected(version: version))
        reader.close()

        let store = try SQLiteStore.open(scratch)
        #expect(try store.contents() == expected(version: version))
        #expect(store.store(Self.content[1]) == nil)
        #expect(
            try store.contents().node.shadows == ["card": Shadow(marker: .max, records: [0: [1, 2, 3], .max: []])])
        store.close()
        let report = SQLiteStore.check(directory: scratch.state)
        #expect(report.isSound)
        #expect(report.schemaVersion == SQLiteStore.schemaVersion)
    }

    @Test("has the tables of one made today")
    func schema() throws {
        func tables(_ scratch: Scratch) throws -> Set<String> {
            let queue = try DatabaseQueue(path: scratch.place.database)
            return try queue.inDatabase { db in
                Set(try String.fetchAll(db, sql: "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"))
            }
        }
        let fresh = Scratch()
        try SQLiteStore.open(fresh).close()
        for version in 1...SQLiteStore.schemaVersion {
            let old = Scratch()
            try make(old, version: version)
            try SQLiteStore.open(old).close()
            #expect(try tables(old) == tables(fresh))
        }
    }

    @Test("of a later version is refused and left as it is to the byte", arguments: [false, true])
    func newer(withLog: Bool) throws {
        let scratch = Scratch()
        try make(scratch, version: SQLiteStore.schemaVersion)
        let later = SQLiteStore.schemaVersion + 3
        let queue = try DatabaseQueue(path: scratch.place.database)
        try queue.inDatabase { db in
            if withLog { try db.execute(sql: "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0") }
            try db.execute(sql: "PRAGMA user_version = \(later); CREATE TABLE later (a)")
        }
        // With its log, as a crash leaves it; the version stands in it alone.
        let files = ["node.db", "node.db-wal"].map { scratch.content($0) }
        try queue.close()
        scratch.write(files[0], to: "node.db")
        if withLog { scratch.write(files[1], to: "node.db-wal") }
        // Made now, so that the directory does not change later.
        scratch.write([], to: "lock")
        let before = scratch.snapshot().filter { !$0.key.hasPrefix("lock") }
        let error = StoreProblem.newerSchema(path: scratch.state, found: later, known: SQLiteStore.schemaVersion)
        #expect(throws: error) { try SQLiteStore.open(scratch) }
        #expect(throws: error) { try SQLiteStore.claim(directory: scratch.state, node: "x") }
        let report = SQLiteStore.check(directory: scratch.state)
        #expect(report.problem == error)
        #expect(report.schemaVersion == later)
        #expect(report.owner == "edge-1")
        #expect(scratch.snapshot().filter { !$0.key.hasPrefix("lock") } == before)
        #expect(throws: error) { try SQLiteStore.openReader(directory: scratch.state) }
    }

    @Test("of no version holds nothing")
    func unfinished() throws {
        let scratch = Scratch()
        mkdir(scratch.state, 0o700)
        let queue = try DatabaseQueue(path: scratch.place.database)
        try queue.inDatabase { try $0.execute(sql: "PRAGMA journal_mode = WAL; PRAGMA user_version = 0") }
        try queue.close()
        #expect(SQLiteStore.check(directory: scratch.state).schemaVersion == 0)
        let store = try SQLiteStore.open(scratch)
        #expect(try store.contents() == Contents())
    }
}
