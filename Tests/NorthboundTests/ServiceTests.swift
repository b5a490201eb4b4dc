// SPDX-License-Identifier: Apache-2.0
#if Northbound
import Glibc
import GRPCCore
import GRPCNIOTransportHTTP2Posix
@testable import Northbound
import Packet
import PiccoloProto
import Synchronization
import Tables
import TestSupport
import Testing

/// A folder of its own for the length of a test.
func withFolder<T>(_ body: (String) async throws -> T) async throws -> T {
    var template = Array("/tmp/northbound-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer {
        for name in (try? contents(of: folder)) ?? [] { unlink("\(folder)/\(name)") }
        rmdir(folder)
    }
    return try await body(folder)
}

func contents(of folder: String) throws -> [String] {
    let directory = try #require(opendir(folder))
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
}

/// Runs a server for a node in a folder of its own, with a client.
func withNode<T: Sendable>(
    _ node: some NodeService, _ body: @escaping @Sendable (NodeClient) async throws -> T
) async throws -> T {
    try await withFolder { folder in
        try await withServer(node, socket: folder + "/n.sock") { socket in
            try await NodeClient.connect(to: socket, body)
        }
    }
}

func withServer<T: Sendable>(
    _ node: some NodeService, socket: String, _ body: @escaping @Sendable (String) async throws -> T
) async throws -> T {
    let (listening, isListening) = AsyncStream.makeStream(of: Void.self)
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            defer { isListening.finish() }
            try await NodeServer.serve(node, socket: socket) { isListening.finish() }
        }
        for await _ in listening {}
        let result = try await body(socket)
        group.cancelAll()
        try await group.waitForAll()
        return result
    }
}

@Suite("The service on its socket", .timeLimit(.minutes(2)))
struct ServiceTests {
    @Test("status, ports, tables and statistics arrive as the node gave them")
    func reports() async throws {
        let node = FakeNode()
        try await withNode(node) { client in
            let (status, ports, tables) = (
                try await client.status(), try await client.ports(), try await client.tables()
            )
            #expect(try await node.status() == status)
            #expect(try await node.ports() == ports)
            #expect(try await node.tables() == tables)
            let statistics = try await client.statistics()
            #expect(statistics.verdicts.first?.counter == Counter(packets: 1000, bytes: 64000))
        }
    }

    @Test("entries arrive with their counters")
    func entries() async throws {
        var random = RandomEntries(seed: 3)
        var reports: [EntryReport] = []
        for index in 0..<2500 {
            var report = EntryReport(random.entry(of: .acl))
            if index % 2 == 0 { report.counter = Counter(packets: UInt64(index), bytes: 9) }
            if index % 3 == 0 { report.idleMilliseconds = UInt64(index) }
            reports.append(report)
        }
        let node = FakeNode()
        await node.hold(reports, in: .acl)
        try await withNode(node) { [reports] client in
            let (acl, mac) = (try await client.entries(of: .acl), try await client.entries(of: .mac))
            #expect(acl == reports)
            #expect(mac.isEmpty)
        }
    }

    @Test("each update has its own result, in order")
    func write() async throws {
        let node = FakeNode()
        await node.answerWrites(with: [.applied, .rejected(.tableFull(table: .flowCache, capacity: 8)), .applied])
        var random = RandomEntries(seed: 4)
        let updates: [TableUpdate] = [
            .insert(random.entry(of: .flowCache)), .modify(random.entry(of: .ipv4)), .delete(random.entry(of: .vlan)),
        ]
        try await withNode(node) { client in
            let results = try await client.write(updates)
            #expect(results == [.applied, .rejected(.tableFull(table: .flowCache, capacity: 8)), .applied])
        }
        #expect(await node.writes == [updates])
    }

    @Test("many updates go in several messages and keep their order")
    func manyUpdates() async throws {
        let node = FakeNode()
        var random = RandomEntries(seed: 5)
        let updates = (0..<12_000).map { _ in TableUpdate.insert(random.entry(of: .flowCache)) }
        try await withNode(node) { client in
            let results = try await client.write(updates)
            #expect(results == updates.map { _ in .applied })
        }
        #expect(await node.writes.map(\.count) == [5000, 5000, 2000])
        #expect(await node.writes.flatMap { $0 } == updates)
    }

    @Test("100,000 flows are listed whole, in pages of the size asked for")
    func paging() async throws {
        let flows = (0..<100_000).map { index in
            FlowReport(
                entry: FlowEntry(
                    key: FlowKey(
                        routerInterface: RouterInterfaceID(rawValue: 1),
                        source: .v4(IPv4Address(rawValue: UInt32(index))),
                        destination: .v4(IPv4Address(rawValue: ~UInt32(index))), ipProtocol: 17,
                        sourcePort: UInt16(truncatingIfNeeded: index), destinationPort: 53),
                    action: .drop),
                counter: Counter(packets: UInt64(index), bytes: 1), idleMilliseconds: 5, port: PortID(rawValue: 1))
        }
        try await withNode(FakeNode(flows: flows)) { client in
            #expect(try await client.flows(FlowFilter()) == flows)
            var filter = FlowFilter()
            filter.limit = 10
            #expect(try await client.flows(filter) == Array(flows.prefix(10)))
            filter = FlowFilter()
            filter.sourcePort = 7
            #expect(try await client.flows(filter).map(\.counter.packets) == [7, 65543])
            try await raw(client.socket) { stub in
                let sizes = try await stub.listFlows(.with { $0.pageSize = 7000 }) { response in
                    try await response.messages.reduce(into: []) { $0.append($1.flows.count) }
                }
                #expect(sizes == Array(repeating: 7000, count: 14) + [2000])
            }
        }
    }

    @Test("watching sends statistics until the client has enough")
    func watch() async throws {
        try await withNode(FakeNode()) { client in
            let times = Mutex<[UInt64]>([])
            try await client.watch(every: 100) { statistics in
                times.withLock {
                    $0.append(statistics.timeNanoseconds)
                    return $0.count < 3
                }
            }
            #expect(times.withLock { $0 } == [1_000_000_000, 2_000_000_000, 3_000_000_000])
        }
    }

    @Test("a server that stops ends its watchers")
    func stopWhileWatching() async throws {
        try await withFolder { folder in
            let (started, isStarted) = AsyncStream.makeStream(of: Void.self)
            let watcher = Mutex<Task<NodeError?, Never>?>(nil)
            try await withServer(FakeNode(), socket: folder + "/n.sock") { socket in
                watcher.withLock {
                    $0 = Task {
                        do {
                            try await NodeClient.connect(to: socket) { client in
                                try await client.watch(every: 3_600_000) { _ in
                                    isStarted.finish()
                                    return true
                                }
                            }
                            return nil
                        } catch { return error as? NodeError }
                    }
                }
                for await _ in started {}
            }
            let outcome = await watcher.withLock { $0 }?.value
            #expect(outcome == .stopping)
        }
    }

    @Test("a file reaches the node whole, however long it is, and what changes comes back in order")
    func apply() async throws {
        let node = FakeNode()
        var random = RandomEntries(seed: 12)
        var changes = ChangesReport(
            notices: ["one", "two"], portNames: [PortID(rawValue: 3): "p3", PortID(rawValue: 9): "p9"])
        for index in 0..<100_000 {
            let entry = random.entry(of: .ipv4)
            switch index % 3 {
            case 0: changes.changes.append(ChangeReport(.insert, entry))
            case 1: changes.changes.append(ChangeReport(.modify, entry, before: random.entry(of: .ipv4)))
            default: changes.changes.append(ChangeReport(.delete, entry))
            }
        }
        await node.answerApplies(with: changes)
        // Longer than a message may be, with characters that pieces cut apart.
        let text = String(repeating: "# ü€𝄞\n", count: 800_000)
        try await withNode(node) { [changes] client in
            let large = try await client.apply(text: text, path: "/etc/n.yaml", dryRun: true)
            #expect(large == changes)
            await node.answerApplies(with: ChangesReport())
            let empty = try await client.apply(text: "", path: "/etc/m.yaml", dryRun: false)
            #expect(empty == ChangesReport())
            await node.refuseReload(["node.yaml:3:5: one", "node.yaml:9:1: two"])
            await #expect(throws: NodeError.configuration(complaints: ["node.yaml:3:5: one", "node.yaml:9:1: two"])) {
                try await client.apply(text: "x", path: "/etc/m.yaml", dryRun: false)
            }
        }
        #expect(
            await node.applied.prefix(2) == [
                .init(text: text, path: "/etc/n.yaml", dryRun: true),
                .init(text: "", path: "/etc/m.yaml", dryRun: false),
            ])
    }

    @Test("a file with very many mistakes is refused with them, as many as a status can carry")
    func manyComplaints() async throws {
        let node = FakeNode()
        let complaints = (1...5000).map {
            "/etc/piccolo/node.yaml:\($0):7: a port has no \"nam\"; did you mean \"name\"?"
        }
        await node.refuseReload(complaints)
        try await withNode(node) { client in
            do {
                _ = try await client.apply(text: "x", path: "/etc/piccolo/node.yaml", dryRun: true)
                Issue.record("it is refused")
            } catch NodeError.configuration(let found) {
                #expect(found.count > 20 && found.dropLast() == complaints.prefix(found.count - 1))
                #expect(found.last == "and \(5000 - found.count + 1) more")
            } catch {
                Issue.record("\(error)")
            }
        }
    }

    @Test("differences arrive as the node gave them, in pages")
    func differences() async throws {
        let node = FakeNode()
        var random = RandomEntries(seed: 13)
        let differences = (0..<2500).map { index in
            let table = TableID.allCases[index % TableID.allCases.count]
            return DifferenceReport(
                entry: index % 3 == 0 ? nil : random.entry(of: table),
                configured: index % 3 == 1 ? nil : random.entry(of: table), timeSeconds: UInt64(index) << 32,
                idleTimeoutMilliseconds: index % 2 == 0 ? 500 : nil)
        }
        // One that a call deleted and the configuration has no more says nothing.
        await node.differ(by: differences + [DifferenceReport(entry: nil, configured: nil, timeSeconds: 1)])
        try await withNode(node) { client in
            #expect(try await client.differences() == differences)
            try await raw(client.socket) { stub in
                let sizes = try await stub.diff(.with { $0.pageSize = 999 }) { response in
                    try await response.messages.reduce(into: []) { $0.append($1.differences.count) }
                }
                #expect(sizes == [999, 999, 502])
            }
        }
    }

    @Test("a comparison comes back with what it found and what became of it")
    func reconcile() async throws {
        let node = FakeNode()
        var report = ReconcileReport(repairs: true)
        (report.checked, report.missing, report.extra, report.altered, report.failed) = (9, 1, 2, 3, 1)
        report.discrepancies = [
            Discrepancy(.missing, table: .ipv6, subject: "route ::/0 in VRF 0"),
            Discrepancy(.extra, table: nil, subject: "pin x", detail: "a map", failure: "EPERM"),
            Discrepancy(.altered, table: .port, subject: "port 3", detail: "", failure: ""),
        ]
        await node.find(report)
        try await withNode(node) { [report] client in
            let done = try await client.reconcile(dryRun: false)
            #expect(done == report)
            let dry = try await client.reconcile(dryRun: true)
            #expect(!dry.repairs && dry.repaired == 0 && dry.discrepancies == report.discrepancies)
        }
    }

    @Test("a program is sent whole, its steps come as they are done, and the verdict last")
    func replaceProgram() async throws {
        let node = FakeNode()
        let image = [0x7f, 0x45, 0x4c, 0x46] + (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try await withNode(node) { client in
            let steps = Mutex<[ProgramStep]>([])
            let verdict = try await client.replaceProgram(image, name: "x.o") { step in
                steps.withLock { $0.append(step) }
            }
            #expect(verdict == ProgramVerdict(isConfirmed: true, message: "it did as well as the one before"))
            #expect(
                steps.withLock { $0 } == [.loaded(ProgramReport(digest: "00ff", tag: "a1", id: 58)), .switched])
            await node.judge(ProgramVerdict(isConfirmed: false, message: "it drops more"))
            let reverted = try await client.replaceProgram(image, name: "x.o") { _ in }
            #expect(!reverted.isConfirmed)
            // As long as a verifier's log.
            let name = String(repeating: "ö", count: 500_000)
            await #expect(throws: NodeError.failed("\(name) is no ELF file")) {
                try await client.replaceProgram([1, 2], name: name) { _ in }
            }
        }
        #expect(await node.images.first == image)
    }

    @Test("reload and shutdown reach the node, and a bad configuration comes back line by line")
    func control() async throws {
        let node = FakeNode()
        try await withNode(node) { client in
            #expect(try await client.reload() == ReloadReport(inserted: 1, modified: 2, deleted: 3))
            #expect(try await client.acknowledgeCard() == ["the card was reset 1 times behind this program's back"])
            await node.refuseReload(["node.yaml:3:5: one", "node.yaml:9:1: two"])
            await #expect(throws: NodeError.configuration(complaints: ["node.yaml:3:5: one", "node.yaml:9:1: two"])) {
                try await client.reload()
            }
            try await client.shutdown(keep: true)
        }
        #expect(await node.shutdowns == [true])
    }

    @Test("a request that cannot be is INVALID_ARGUMENT with the field's path, and nothing of it is done")
    func invalidArguments() async throws {
        let node = FakeNode()
        try await withNode(node) { client in
            try await raw(client.socket) { stub in
                var random = RandomEntries(seed: 6)
                let good = Piccolo_V1_Update(.insert(random.entry(of: .mac)))
                var bad = Piccolo_V1_Update(.insert(random.entry(of: .ipv4)))
                bad.entry.route.prefix.length = 40
                await expect(
                    .invalidArgument, "updates[1].entry.route.prefix.length cannot be 40; expected 0...32"
                ) {
                    _ = try await stub.write(.with { $0.updates = [good, bad] })
                }
                await expect(
                    .invalidArgument,
                    "atomic cannot be true; expected false: updates are applied one after another, each with its own result"
                ) {
                    _ = try await stub.write(.with { $0.atomic = true })
                }
                await expect(
                    .invalidArgument, "updates[0].operation cannot be 0; expected 1...3 (insert, modify, delete)"
                ) {
                    _ = try await stub.write(.with { $0.updates = [.with { $0.entry = good.entry }] })
                }
                await expect(
                    .invalidArgument,
                    "table cannot be 0; expected one of TABLE_PORT ... TABLE_ROUTER_INTERFACE (1...12)"
                ) {
                    try await stub.listEntries(Piccolo_V1_ListEntriesRequest()) { for try await _ in $0.messages {} }
                }
                await expect(.invalidArgument, "page_size cannot be 10001; expected 1...10000") {
                    try await stub.listFlows(.with { $0.pageSize = 10001 }) { for try await _ in $0.messages {} }
                }
                await expect(.invalidArgument, "filter.port cannot be 64; expected 0...63") {
                    try await stub.listFlows(.with { $0.filter.port = 64 }) { for try await _ in $0.messages {} }
                }
                await expect(.invalidArgument, "text cannot be anything but UTF-8; expected a text in UTF-8") {
                    try await stub.apply {
                        try await $0.write(.with { $0.text = .init([0x61, 0xff]) })
                    } onResponse: {
                        for try await _ in $0.messages {}
                    }
                }
                await expect(.invalidArgument, "image cannot be absent; expected an object file") {
                    try await stub.replaceProgram {
                        try await $0.write(.with { $0.name = "x" })
                    } onResponse: {
                        for try await _ in $0.messages {}
                    }
                }
                await expect(.invalidArgument, "image cannot be longer than 16777216 bytes; expected 16777216 at most")
                {
                    try await stub.replaceProgram { writer in
                        for _ in 0..<17 {
                            try await writer.write(.with { $0.image = .init(repeating: 1, count: 1 << 20) })
                        }
                    } onResponse: {
                        for try await _ in $0.messages {}
                    }
                }
                await expect(.invalidArgument, "interval_milliseconds cannot be 1; expected 100...3600000") {
                    try await stub.watch(.with { $0.intervalMilliseconds = 1 }) { for try await _ in $0.messages {} }
                }
            }
        }
        #expect(await node.writes.isEmpty)
    }
}

private func expect(_ code: RPCError.Code, _ message: String, _ body: () async throws -> Void) async {
    await #expect {
        try await body()
    } throws: { error in
        guard let error = error as? RPCError else { return false }
        if error.code != code || error.message != message { print("got", error) }
        return error.code == code && error.message == message
    }
}

/// The generated client, to say what `NodeClient` never would.
private func raw(
    _ socket: String, _ body: @Sendable (Piccolo_V1_Node.Client<HTTP2ClientTransport.Posix>) async throws -> Void
) async throws {
    try await withGRPCClient(
        transport: HTTP2ClientTransport.Posix(target: .unixDomainSocket(path: socket), transportSecurity: .plaintext)
    ) { try await body(Piccolo_V1_Node.Client(wrapping: $0)) }
}
#endif
