// SPDX-License-Identifier: Apache-2.0
#if Northbound
import Foundation
import Northbound
import Packet
import Tables
import Testing

/// What a run of the `piccolo` command left behind.
struct CommandOutcome: Sendable {
    var status: Int32
    var output: String
    var errors: String
}

/// Runs the command that was built beside the tests.
func piccolo(_ arguments: String...) async throws -> CommandOutcome { try await piccolo(arguments) }

func piccolo(_ arguments: [String]) async throws -> CommandOutcome {
    let products =
        Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL.deletingLastPathComponent()
        ?? URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
    let process = Process()
    let (output, errors) = (Pipe(), Pipe())
    process.executableURL = products.appending(path: "piccolo")
    process.arguments = arguments
    (process.standardOutput, process.standardError) = (output, errors)
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let (outputHandle, errorHandle) = (output.fileHandleForReading, errors.fileHandleForReading)
    // Off the threads of concurrency: the server under test needs those.
    return try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread {
            do {
                let text = try outputHandle.readToEnd() ?? Data()
                let errorText = try errorHandle.readToEnd() ?? Data()
                process.waitUntilExit()
                continuation.resume(
                    returning: CommandOutcome(
                        status: process.terminationStatus, output: String(decoding: text, as: UTF8.self),
                        errors: String(decoding: errorText, as: UTF8.self)))
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }
}

@Suite("The command", .timeLimit(.minutes(3)))
struct CommandTests {
    private func withNode(
        _ node: FakeNode, _ body: @escaping @Sendable (String) async throws -> Void
    ) async throws {
        try await withFolder { folder in
            try await withServer(node, socket: folder + "/n.sock") { socket in try await body(socket) }
        }
    }

    @Test("without a daemon it ends with 3 and says how to start one")
    func noDaemon() async throws {
        let outcome = try await piccolo("status", "--socket", "/nowhere/n.sock")
        #expect(outcome.status == 3)
        #expect(outcome.output.isEmpty)
        #expect(
            outcome.errors
                == "piccolo: no piccolo daemon answers at /nowhere/n.sock: start one with `piccolo run --config FILE`\n"
        )
    }

    static let mistakes: [[String]] = [
        ["statu"], ["status", "--colour"], ["entry", "list"], ["entry", "list", "ipv5_table"],
        ["entry", "add", "ipv4_table"],
        ["watch", "--interval", "0"], ["watch", "--count", "-1"], ["flow", "list", "--sort", "age"],
        ["replay", "--config", "x"], ["replay", "a.pcap", "--config", "x", "--through", "fpga"],
        ["replay", "a.pcap", "--config", "x", "--compare"], ["completions", "tcsh"], ["apply"], ["apply", "a", "b"],
        ["program", "replace"], ["state", "import"], ["diff", "x"],
    ]

    @Test("a command it does not understand ends with 2, with the usage on standard error", arguments: mistakes)
    func usage(arguments: [String]) async throws {
        let outcome = try await piccolo(arguments)
        #expect(outcome.status == 2)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.contains("Usage: piccolo"))
    }

    @Test("lists come as tables and as JSON, without colour in a pipe")
    func lists() async throws {
        try await withNode(FakeNode()) { socket in
            for command in [["status"], ["port", "list"], ["table", "list"], ["stats"], ["flow", "list"]] {
                let first = command[0]
                let second = command.count > 1 ? command[1] : "--wide"
                let plain = try await piccolo(first, second, "--socket", socket)
                #expect(plain.status == 0, "\(command): \(plain.errors)")
                #expect(!plain.output.contains("\u{1b}"))
                let json = try await piccolo(first, second, "--socket", socket, "--json")
                #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(json.output.utf8)) }
            }
        }
    }

    @Test("an entry is added, listed, and refused with the reason and 1")
    func entries() async throws {
        let node = FakeNode()
        try await withNode(node) { socket in
            let added = try await piccolo(
                "entry", "add", "vlan", "vlan=10", "tagged=p1,p2", "broadcast=drop", "--socket", socket)
            #expect(added.status == 0)
            #expect(
                added.output
                    == "inserted vlan_table vlan=10 tagged=p1,p2 untagged= unknown_unicast=flood broadcast=drop multicast=flood\n"
            )
            let listed = try await piccolo("entry", "list", "vlan_table", "--socket", socket)
            #expect(
                listed.output == """
                    VLAN  TAGGED  UNKNOWN_UNICAST  BROADCAST  MULTICAST
                      10  p1,p2   flood            drop       flood

                    """)
            await node.answerWrites(with: [.rejected(.tableFull(table: .vlan, capacity: 1))])
            let refused = try await piccolo("entry", "add", "vlan_table", "vlan=11", "--socket", socket)
            #expect(refused.status == 1)
            #expect(
                refused.errors == "piccolo: vlan_table is full (1 entries); the entries in it are unchanged\n")
            let mistaken = try await piccolo("entry", "add", "vlan_table", "vlan=11", "member=p1", "--socket", socket)
            #expect(mistaken.status == 2)
            #expect(
                mistaken.errors == """
                    piccolo: vlan_table has no field member; its fields are vlan, tagged, untagged, unknown_unicast, \
                    broadcast, multicast

                    """)
        }
    }

    @Test("a dry run writes nothing")
    func dryRun() async throws {
        let node = FakeNode()
        try await withNode(node) { socket in
            let outcome = try await piccolo(
                "entry", "delete", "mac", "vlan=1", "mac=02:00:00:00:00:01", "--dry-run", "--socket", socket)
            #expect(outcome.output == "would delete mac_table vlan=1 mac=02:00:00:00:00:01\n")
        }
        #expect(await node.writes.isEmpty)
    }

    @Test("entries are read from a file, and a mistake in it has its line")
    func fromFile() async throws {
        let node = FakeNode()
        try await withNode(node) { socket in
            let file = socket + ".entries"
            try "# stations\n\nvlan=1 mac=02:00:00:00:00:01 port=p1\nvlan=1 mac=02:00:00:00:00:02 port=p2\n"
                .write(toFile: file, atomically: false, encoding: .utf8)
            let good = try await piccolo("entry", "add", "mac_table", "--from", file, "--socket", socket)
            #expect(good.status == 0)
            try "vlan=1 mac=02:00:00:00:00:01 port=p1\nvlan=0 mac=02:00:00:00:00:02 port=p2\n"
                .write(toFile: file, atomically: false, encoding: .utf8)
            let bad = try await piccolo("entry", "add", "mac_table", "--from", file, "--socket", socket)
            #expect(bad.status == 2)
            #expect(bad.errors == "piccolo: \(file):2: vlan cannot be \"0\"; expected 1...4094\n")
        }
        #expect(await node.writes.map(\.count) == [2])
    }

    @Test("watch prints a line an interval where nobody looks")
    func watch() async throws {
        try await withNode(FakeNode()) { socket in
            let plain = try await piccolo("watch", "--interval", "0.1", "--count", "2", "--socket", socket)
            let line =
                "rx=1.00kpps rx_bits=512kbps fast=100.0% drop=0 kernel=0 flows=25/100 new_flows=5/s events_lost=3\n"
            #expect(plain.output == line + line)
            let json = try await piccolo("watch", "--interval", "0.1", "--count", "1", "--json", "--socket", socket)
            #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(json.output.utf8)) }
        }
    }

    @Test("reload says what changed, or every complaint; stop stops")
    func control() async throws {
        let node = FakeNode()
        try await withNode(node) { socket in
            let good = try await piccolo("reload", "--socket", socket)
            #expect(good.output == "1 entries inserted, 2 modified, 3 deleted\n")
            await node.refuseReload(["node.yaml:3:5: one", "node.yaml:9:1: two"])
            let bad = try await piccolo("reload", "--socket", socket)
            #expect(bad.status == 1)
            #expect(bad.errors == "piccolo: node.yaml:3:5: one\nnode.yaml:9:1: two\n")
            let stopped = try await piccolo("stop", "--keep", "--socket", socket)
            #expect(stopped.status == 0)
        }
        #expect(await node.shutdowns == [true])
    }

    @Test("a file is applied, or what it would change is shown, and mistakes in it end with 1")
    func apply() async throws {
        let node = FakeNode()
        try await withNode(node) { socket in
            let file = socket + ".yaml"
            try "ports: [{name: p1}]\n".write(toFile: file, atomically: false, encoding: .utf8)
            let route = RouteEntry(prefix: try #require(IPPrefix("10.9.0.0/16")), action: .drop)
            await node.answerApplies(with: ChangesReport(changes: [ChangeReport(.insert, .route(route))]))
            let dry = try await piccolo("apply", file, "--dry-run", "--socket", socket)
            #expect(dry.status == 0)
            #expect(
                dry.output == """
                    + ipv4_table vrf=0 prefix=10.9.0.0/16 action=drop
                    entries would be inserted 1, modified 0, deleted 0

                    """)
            let done = try await piccolo("apply", file, "--socket", socket)
            #expect(done.status == 0 && done.output == "entries inserted 1, modified 0, deleted 0\n")
            let json = try await piccolo("apply", file, "--dry-run", "--json", "--socket", socket)
            #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(json.output.utf8)) }
            await node.refuseReload(["\(file):1:9: one"])
            let bad = try await piccolo("apply", file, "--socket", socket)
            #expect(bad.status == 1 && bad.errors == "piccolo: \(file):1:9: one\n")
            let missing = try await piccolo("apply", file + ".none", "--socket", socket)
            #expect(missing.status == 1 && missing.errors.contains("cannot open"))
            #expect(
                await node.applied.prefix(2) == [
                    .init(text: "ports: [{name: p1}]\n", path: file, dryRun: true),
                    .init(text: "ports: [{name: p1}]\n", path: file, dryRun: false),
                ])
        }
    }

    @Test("what calls changed is listed with 0; what is not as wanted ends with 1 unless it was repaired")
    func diffAndReconcile() async throws {
        let node = FakeNode()
        try await withNode(node) { socket in
            let none = try await piccolo("diff", "--socket", socket)
            #expect(none.status == 0 && none.output == "nothing differs from /etc/piccolo/node.yaml\n")
            let mac = MACEntry(
                vlan: VLANID(rawValue: 10), mac: MACAddress(rawValue: 0x0200_0000_0001),
                action: .port(PortID(rawValue: 1)),
                isStatic: true)
            await node.differ(by: [DifferenceReport(entry: .mac(mac), configured: nil, timeSeconds: 1_777_636_800)])
            let one = try await piccolo("diff", "--socket", socket)
            #expect(one.status == 0)
            #expect(
                one.output == """
                    + mac_table vlan=10 mac=02:00:00:00:00:01 port=p2 static=yes  # 2026-05-01T12:00:00Z
                    different from /etc/piccolo/node.yaml: added 1, changed 0, deleted 0

                    """)
            let clean = try await piccolo("reconcile", "--dry-run", "--socket", socket)
            #expect(clean.status == 0 && clean.output == "compared 0: all as wanted\n")
            var report = ReconcileReport(repairs: true)
            report.add(Discrepancy(.extra, table: .mac, subject: "station x"))
            await node.find(report)
            let found = try await piccolo("reconcile", "--dry-run", "--socket", socket)
            #expect(found.status == 1)
            #expect(
                found.output == """
                    mac_table: station x: extra
                    compared 0: missing 0, extra 1, altered 0; nothing was repaired

                    """)
            #expect(try await piccolo("reconcile", "--socket", socket).status == 0)
            report.add(Discrepancy(.extra, table: .mac, subject: "station y", failure: "EPERM"))
            await node.find(report)
            #expect(try await piccolo("reconcile", "--json", "--socket", socket).status == 1)
        }
    }

    @Test("a program is replaced step by step; one that is taken back ends with 1")
    func program() async throws {
        let node = FakeNode()
        try await withNode(node) { socket in
            let file = socket + ".o"
            try Data([0x7f, 0x45, 0x4c, 0x46, 0xff, 0x00]).write(to: URL(filePath: file))
            let good = try await piccolo("program", "replace", file, "--socket", socket)
            #expect(good.status == 0)
            #expect(
                good.output == """
                    loaded     build 00ff, tag a1, id 58
                    switched   packets are decided by it now
                    confirmed  it did as well as the one before

                    """)
            await node.judge(ProgramVerdict(isConfirmed: false, message: "it drops more"))
            let bad = try await piccolo("program", "replace", file, "--json", "--socket", socket)
            #expect(bad.status == 1)
            #expect(bad.output.split(separator: "\n").last == #"{"step": "reverted", "message": "it drops more"}"#)
            try Data([1, 2, 3]).write(to: URL(filePath: file))
            let refused = try await piccolo("program", "replace", file, "--socket", socket)
            #expect(refused.status == 1 && refused.errors == "piccolo: \(file) is no ELF file\n")
        }
        #expect(await node.images.first == [0x7f, 0x45, 0x4c, 0x46, 0xff, 0x00])
    }

    @Test("a degraded node is no failure of the command that says so")
    func degraded() async throws {
        let node = FakeNode()
        await node.degrade(.init(name: "full", sentence: "there is no room"))
        try await withNode(node) { socket in
            let status = try await piccolo("status", "--socket", socket)
            #expect(status.status == 0 && status.output.hasPrefix("DEGRADED"))
        }
    }

    @Test("the completion scripts know the commands", arguments: ["bash", "zsh", "fish"])
    func completions(shell: String) async throws {
        let outcome = try await piccolo("completions", shell)
        #expect(outcome.status == 0)
        for word in ["entry", "replay", "flow_cache_table", "completions", "apply", "reconcile", "claim", "dry-run"] {
            #expect(outcome.output.contains(word))
        }
    }

    @Test("a configuration with mistakes is refused with file, line and column")
    func check() async throws {
        try await withFolder { folder in
            let file = folder + "/node.yaml"
            try "ports:\n  - nam: p1\n".write(toFile: file, atomically: false, encoding: .utf8)
            let outcome = try await piccolo("check", "--config", file)
            #expect(outcome.status == 1)
            #expect(outcome.errors.contains("\(file):2:"))
            #expect(outcome.errors.contains("nothing was changed"))
            let missing = try await piccolo("check", "--config", folder + "/none.yaml")
            #expect(missing.status == 1)
            #expect(missing.errors == "piccolo: cannot open \(folder)/none.yaml: No such file or directory\n")
        }
    }
}
#endif
