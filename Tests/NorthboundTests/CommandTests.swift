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
        ["watch", "--interval", "0"], ["watch", "--count", "-1"], ["flow", "list", "--sort", "age"], ["run"],
        ["replay", "--config", "x"], ["replay", "a.pcap", "--config", "x", "--through", "fpga"],
        ["replay", "a.pcap", "--config", "x", "--compare"], ["completions", "tcsh"],
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

    @Test("the completion scripts know the commands", arguments: ["bash", "zsh", "fish"])
    func completions(shell: String) async throws {
        let outcome = try await piccolo("completions", shell)
        #expect(outcome.status == 0)
        for word in ["entry", "replay", "flow_cache_table", "completions"] { #expect(outcome.output.contains(word)) }
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
