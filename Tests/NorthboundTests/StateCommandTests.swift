// SPDX-License-Identifier: Apache-2.0
#if Northbound
import Controller
import Foundation
import Packet
import Store
import Synchronization
import Tables
import Testing

@Suite("The state's commands", .timeLimit(.minutes(3)))
struct StateCommandTests {
    static let yaml = """
        # Kept by hand.
        node: {name: edge1}
        ports:
          - {name: p1, addresses: [10.0.1.1/24]}   # to the south

        """

    /// Runs `piccolo state` in a directory.
    private func state(_ directory: String, _ arguments: String...) async throws -> CommandOutcome {
        try await piccolo(["state"] + arguments + ["--state-dir", directory])
    }

    /// Imports the file, and lets calls change something.
    private func prepare(_ directory: String, _ amendments: [Amendment] = []) async throws {
        let file = directory + "/node.yaml"
        try Self.yaml.write(toFile: file, atomically: false, encoding: .utf8)
        let outcome = try await state(directory, "import", file)
        #expect(outcome.status == 0, "\(outcome.errors)")
        guard !amendments.isEmpty else { return }
        let store = try SQLiteStore.open(directory: directory, node: "edge1")
        defer { store.close() }
        var change = StoreChange()
        change.amendments = amendments
        let problem: StoreProblem? = await withCheckedContinuation { continuation in
            store.commit(change) { continuation.resume(returning: $0) }
        }
        #expect(problem == nil)
    }

    private func route(_ text: String, _ action: RouteEntry.Action) throws -> TableEntry {
        .route(RouteEntry(prefix: try #require(IPPrefix(text)), action: action))
    }

    @Test("what is imported comes back as it was, comments and all, while calls have changed nothing")
    func untouched() async throws {
        try await withFolder { folder in
            try await prepare(folder)
            let exported = try await state(folder, "export")
            #expect(exported.status == 0 && exported.output == Self.yaml && exported.errors.isEmpty)
            let checked = try await state(folder, "check")
            #expect(checked.status == 0)
            #expect(checked.output.hasPrefix("\(folder) is sound\nowner          node edge1"))
            let json = try await state(folder, "check", "--json")
            let report = try #require(
                try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
            #expect(report["sound"] as? Bool == true && report["node"] as? String == "edge1")
        }
    }

    @Test("what calls changed is part of the file that is exported, and the file can be imported")
    func exported() async throws {
        try await withFolder { folder in
            try await prepare(folder, [Amendment(.set, try route("10.9.0.0/16", .drop), time: 7)])
            let exported = try await state(folder, "export")
            #expect(exported.status == 0 && exported.errors.isEmpty)
            #expect(
                exported.output == """
                    # \(folder)/node.yaml with what calls have changed, as of revision 2.

                    node: {name: edge1}

                    ports:
                      - {name: p1, addresses: [10.0.1.1/24]}

                    routes:
                      - {prefix: 10.9.0.0/16, action: drop}

                    """)
            let file = folder + "/exported.yaml"
            try exported.output.write(toFile: file, atomically: false, encoding: .utf8)
            let imported = try await state(folder, "import", file, "--json")
            #expect(imported.status == 0 && imported.output.contains("\"forgotten\": 1"))
            #expect(try await state(folder, "export").output == exported.output)
        }
    }

    @Test("what a file cannot say is in comments and on standard error, and the status is 1")
    func unsaid() async throws {
        try await withFolder { folder in
            var station = MyStationEntry(
                port: nil, vlan: nil, mac: MACAddress(rawValue: 0x0200_0000_0000),
                routerInterface: RouterInterfaceID(rawValue: 1))
            station.macMask = MACAddress(rawValue: 0xffff_ff00_0000)
            try await prepare(
                folder,
                [
                    Amendment(.set, .myStation(station), time: 7),
                    Amendment(.set, try route("10.9.0.0/16", .nextHop(NextHopID(rawValue: 3))), time: 7),
                ])
            let exported = try await state(folder, "export")
            #expect(exported.status == 1)
            #expect(
                exported.output.hasPrefix(
                    """
                    # \(folder)/node.yaml with what calls have changed, as of revision 2.
                    # Not in this file, because it cannot be said in one:
                    # - station 02:00:00:00:00:00/ff:ff:ff:00:00:00 at any port, any VLAN, priority 1: stations are made
                    #   of the ports' own addresses; "mac" of a port changes both
                    # - route 10.9.0.0/16 in VRF 0: next hop 3 is not there

                    node: {name: edge1}
                    """))
            let lines = exported.errors.split(separator: "\n")
            #expect(lines.count == 2 && lines.allSatisfy { $0.hasPrefix("piccolo: not in the file: ") })
        }
    }

    @Test("a file with mistakes is not imported, and nothing has changed")
    func mistakes() async throws {
        try await withFolder { folder in
            try await prepare(folder)
            let file = folder + "/bad.yaml"
            try "ports:\n  - {nam: p1}\n".write(toFile: file, atomically: false, encoding: .utf8)
            let outcome = try await state(folder, "import", file)
            #expect(outcome.status == 1 && outcome.errors.contains("\(file):2:6:"))
            #expect(try await state(folder, "export").output == Self.yaml)
        }
    }

    @Test("while a process has it, it is looked at and not changed; whose it is, is said")
    func held() async throws {
        try await withFolder { folder in
            try await prepare(folder)
            let store = try SQLiteStore.open(directory: folder, node: "edge1")
            defer { store.close() }
            for command in [["import", folder + "/node.yaml"], ["claim"]] {
                let outcome = try await piccolo(["state"] + command + ["--state-dir", folder])
                #expect(outcome.status == 1)
                #expect(
                    outcome.errors
                        == "piccolo: the state in \(folder) is held by process \(getpid()); stop that one first\n")
            }
            #expect(try await state(folder, "export").output == Self.yaml)
            let checked = try await state(folder, "check")
            #expect(checked.status == 0 && checked.output.contains("held by        process \(getpid())\n"))
        }
    }

    @Test("another node's memory is claimed, under its own name or a new one")
    func claim() async throws {
        try await withFolder { folder in
            try await prepare(folder)
            #expect(throws: StoreProblem.foreign(path: folder, owner: "edge1", node: "edge2")) {
                try SQLiteStore.open(directory: folder, node: "edge2").close()
            }
            let same = try await state(folder, "claim")
            #expect(same.status == 0 && same.output == "\(folder) is node edge1's now\n")
            let other = try await state(folder, "claim", "--node", "edge2")
            #expect(other.status == 0 && other.output == "\(folder) is node edge2's now, and was node edge1's\n")
            try SQLiteStore.open(directory: folder, node: "edge2").close()
        }
    }

    @Test("a directory without a memory is said to be one, by each command in its way")
    func nothing() async throws {
        try await withFolder { folder in
            for command in ["check", "export", "claim"] {
                let outcome = try await state(folder, command)
                #expect(outcome.status == 1)
                #expect((outcome.output + outcome.errors).contains("there is no node.db"), "\(command)")
            }
        }
    }
}
#endif
