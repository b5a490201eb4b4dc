// SPDX-License-Identifier: Apache-2.0
#if Northbound
import Controller
import Foundation
import Glibc
import Netlink
import Store
import TestSupport
import Testing

extension LiveDaemon {
    /// A route that a call makes, or what the node says instead.
    fileprivate func add(_ prefix: String) throws -> CommandResult {
        try ask("entry", "add", "ipv4_table", "prefix=\(prefix)", "action=drop")
    }

    fileprivate func has(_ prefix: String) throws -> Bool {
        let list = try ask("entry", "list", "ipv4_table", "--json")
        guard list.isSuccess else { throw Unexpected(description: list.description) }
        return list.output.contains("\"\(prefix)\"")
    }

    fileprivate func isDegraded(_ problem: String) throws -> Bool {
        let state = try status().state
        return state?.condition == "degraded" && state?.problem == problem
    }

    /// A change is refused with the reason, and packets cross.
    fileprivate func refusesAndForwards(_ prefix: String, _ reason: String) throws {
        let refused = try add(prefix)
        #expect(refused.status == 1 && "\(refused)".contains(reason), "\(refused)")
        #expect(try !has(prefix))
        #expect(try topology.hosts[0].pings(topology.hosts[1]))
        let status = try ask("status")
        #expect(status.isSuccess && status.output.hasPrefix("DEGRADED"), "\(status)")
    }

    /// What runs the daemon in a mount namespace of its own, with a file system of its own at a path; `none`: with what is there.
    fileprivate func mounting(_ kind: String, at path: String, options: String = "defaults") throws -> [String] {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let mount =
            kind == "none"
            ? "mount --bind '\(path)' '\(path)' && mount -o remount,\(options) '\(path)'"
            : "mount -t \(kind) -o \(options) none '\(path)'"
        let script = "\(mount) && exec \"$@\""
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]
    }

    /// A command in the daemon's mount namespace.
    fileprivate func inside(_ arguments: String...) throws {
        let result = try Command.run(["nsenter", "--mount", "--target", "\(processID)"] + arguments)
        guard result.isSuccess else { throw Unexpected(description: result.description) }
    }
}

@Suite("What a node remembers", .requiresKernel)
struct MemoryTests {
    @Test(
        "a node that was killed has what calls had made, its flows and its counters, by the program that ran all the while"
    )
    func killed() throws {
        let node = try LiveDaemon(.forXDP())
        try node.start()
        #expect(try node.status().start?.tables == "new")
        let flow = try DatagramFlow(from: node.topology.hosts[0], to: node.topology.hosts[1])
        #expect(try node.add("198.51.100.0/24").isSuccess)
        try node.establish(flow)
        #expect(flow.exchange(50) == 50)
        let program = try node.program(at: "p1")
        let packets = try node.statistics().packets("forward", "flow_cache")
        try node.stop(SIGKILL)
        #expect(flow.exchange(50) == 50)
        try node.start()
        let start = try node.status().start
        #expect(
            start?.tables == "adopted" && start?.repaired == 0 && start?.failed == 0, "\(String(describing: start))")
        #expect(try node.status().state?.amendments == 1)
        #expect(try node.has("198.51.100.0/24"))
        #expect(try node.program(at: "p1") == program)
        #expect(try node.statistics().packets("forward", "flow_cache") >= packets + 50)
        #expect(try node.flows().contains { $0.packets >= 100 })
        #expect(try node.ask("reconcile", "--dry-run").isSuccess)
        #expect(try node.stop() == 0)
        #expect(try node.leftovers() == [])
        // Nothing but the disk is left now.
        try node.start()
        #expect(try node.status().start?.tables == "new")
        #expect(try node.has("198.51.100.0/24"))
        #expect(try node.stop() == 0)
        #expect(try node.leftovers() == [])
    }

    @Test("without a file the node runs by the one applied last; without that it says what is missing")
    func withoutFile() throws {
        let node = try LiveDaemon(.forXDP())
        node.givesFile = false
        let (status, log) = try node.startRefused()
        #expect(status == 1 && log.contains("no configuration is remembered") && log.contains("--config"), "\(log)")
        node.givesFile = true
        try node.start()
        #expect(try node.stop() == 0)
        node.givesFile = false
        try node.start()
        #expect(try node.topology.hosts[0].pings(node.topology.hosts[1]))
        #expect(try node.stop() == 0)
        #expect(try node.leftovers() == [])
    }

    enum Damage: String, CaseIterable, CustomTestStringConvertible {
        case corrupt
        case newer = "newer_schema"
        case foreign
        var testDescription: String { rawValue }
    }

    @Test(
        "a memory that cannot be used is left as it is: the node forwards, degraded, and refuses changes",
        arguments: Damage.allCases)
    func unusable(_ damage: Damage) throws {
        let node = try LiveDaemon(.forXDP())
        try node.start()
        #expect(try node.add("198.51.100.0/24").isSuccess)
        #expect(try node.stop() == 0)
        let path = "\(node.stateFolder)/node.db"
        var bytes = try Data(contentsOf: URL(filePath: path))
        switch damage {
        case .corrupt: bytes.replaceSubrange(0..<200, with: Data(repeating: 0x55, count: 200))
        // The database header's `user version`, big-endian (SQLite file format, 1.3).
        case .newer: bytes.replaceSubrange(60..<64, with: [0, 0, 0, 99])
        case .foreign: try node.configure("node: {name: another}\n")
        }
        try bytes.write(to: URL(filePath: path))
        try node.start()
        #expect(try node.isDegraded(damage.rawValue), "\(node.log)")
        try node.refusesAndForwards("198.51.101.0/24", node.stateFolder)
        #expect(try node.stop() == 0)
        #expect(try Data(contentsOf: URL(filePath: path)) == bytes)
        #expect(try node.leftovers() == [])
        guard damage == .foreign else { return }
        // The owner has it all.
        try node.configure()
        try node.start()
        #expect(try node.has("198.51.100.0/24"))
        #expect(try node.stop() == 0)
    }

    @Test("a disk that fills up, and has room again")
    func full() throws {
        let node = try LiveDaemon(.forXDP())
        try node.start(by: node.mounting("tmpfs", at: node.stateFolder, options: "size=4m"))
        #expect(try node.add("198.51.100.0/24").isSuccess)
        let filler = "/proc/\(node.processID)/root\(node.stateFolder)/filler"
        FileManager.default.createFile(atPath: filler, contents: nil)
        let file = try FileHandle(forWritingTo: URL(filePath: filler))
        while (try? file.write(contentsOf: Data(count: 4096))) != nil {}
        try file.close()
        // The log may have a page left.
        var added = ["198.51.100.0/24"]
        for number in 0..<100 {
            let prefix = "198.51.\(101 + number).0/24"
            guard try node.add(prefix).isSuccess else { break }
            added.append(prefix)
        }
        #expect(try eventually { try node.isDegraded("full") })
        try node.refusesAndForwards("203.0.113.0/24", "no room")
        unlink(filler)
        #expect(try eventually { try node.status().state?.condition == "ok" })
        #expect(try node.add("203.0.113.0/24").isSuccess)
        #expect(try (added + ["203.0.113.0/24"]).allSatisfy(node.has))
        #expect(try node.status().state?.amendments == added.count + 1)
        #expect(try node.stop() == 0)
        #expect(try node.leftovers() == [])
    }

    @Test("a disk that is read-only at the start is read all the same, and written when it can be")
    func readOnly() throws {
        let node = try LiveDaemon(.forXDP())
        try node.start()
        #expect(try node.add("198.51.100.0/24").isSuccess)
        try node.stop(SIGKILL)
        try node.start(by: node.mounting("none", at: node.stateFolder, options: "bind,ro"))
        #expect(try node.isDegraded("read_only"), "\(node.log)")
        #expect(try node.has("198.51.100.0/24"))
        try node.refusesAndForwards("198.51.101.0/24", "read-only")
        try node.inside("mount", "-o", "remount,bind,rw", node.stateFolder)
        #expect(try eventually { try node.status().state?.condition == "ok" })
        #expect(try node.add("198.51.102.0/24").isSuccess)
        #expect(try node.has("198.51.100.0/24"))
        #expect(try node.stop() == 0)
        #expect(try node.leftovers() == [])
    }

    @Test("files that are removed under the node are missed")
    func missing() throws {
        let node = try LiveDaemon(.forXDP())
        try node.start()
        #expect(try node.add("198.51.100.0/24").isSuccess)
        try FileManager.default.removeItem(atPath: node.stateFolder)
        try node.refusesAndForwards("198.51.101.0/24", "removed")
        #expect(try node.isDegraded("missing"))
        #expect(try node.has("198.51.100.0/24"))
        #expect(try node.stop() == 0)
        #expect(try node.leftovers() == [])
    }

    @Test("two nodes cannot have one memory: the second is refused and told who has it")
    func twice() throws {
        let topology = try RouterTopology.forXDP(hosts: 4)
        let node = try LiveDaemon(topology, ports: [1, 2])
        let other = try LiveDaemon(topology, ports: [3, 4])
        other.stateFolder = node.stateFolder
        try node.start()
        let (status, log) = try other.startRefused()
        #expect(status == 1 && log.contains("process \(node.processID)") && log.contains(node.stateFolder), "\(log)")
        #expect(access(other.pinPath, F_OK) != 0)
        #expect(try node.add("198.51.100.0/24").isSuccess)
        #expect(try node.stop() == 0)
        #expect(try node.leftovers() == [])
    }

    @Test("a clock that was set back is named and does no harm")
    func clock() throws {
        let node = try LiveDaemon(.forXDP())
        try node.start()
        #expect(try node.add("198.51.100.0/24").isSuccess)
        #expect(try node.stop() == 0)
        let store = try SQLiteStore.open(
            directory: node.stateFolder, node: "piccolo", clock: { UInt64(time(nil)) + 86_400 })
        var change = StoreChange()
        change.generation = 1
        store.commit(change) { _ in }
        store.close()
        try node.start()
        #expect(try node.status().complaints.contains { $0.contains("clock_set_back") })
        #expect(try node.status().state?.condition == "ok")
        #expect(try node.has("198.51.100.0/24"))
        #expect(try node.add("198.51.101.0/24").isSuccess)
        #expect(try node.stop() == 0)
    }

    @Test("an interface that was renamed while no daemon ran, and one that is renamed again and again while it starts")
    func renamed() throws {
        let node = try LiveDaemon(.forXDP())
        try node.start()
        let flow = try DatagramFlow(from: node.topology.hosts[0], to: node.topology.hosts[1])
        try node.establish(flow)
        let link = try node.linkID(of: "p2")
        var netlink = try NetlinkSocket(in: node.topology.node)
        let index = try netlink.link(named: "p2").index
        func rename(_ name: String) throws {
            try netlink.setDown(index)
            try netlink.rename(index, to: name)
            try netlink.setUp(index)
        }
        try node.stop(SIGKILL)
        try rename("uplink")
        try node.start()
        #expect(
            try eventually {
                try node.port("p2").up
                    && node.status().complaints.contains { $0.contains("interface p2 is now called uplink") }
            })
        #expect(try node.linkID(of: "uplink") == link)
        try node.establish(flow)
        #expect(flow.exchange(50) == 50)
        try node.stop(SIGKILL)
        try node.startWhile {
            for number in 0..<10 { try rename(number % 2 == 0 ? "down\(number)" : "uplink") }
            try rename("p2")
        }
        // What the kernel took with the interface when it went down is not the node's: its IPv6 addresses.
        #expect(
            try eventually {
                try node.port("p2").up && !node.status().complaints.contains { $0.contains("is now called") }
            })
        #expect(try node.linkID(of: "p2") == link)
        try node.establish(flow)
        #expect(flow.exchange(50) == 50)
        #expect(try node.ask("reconcile", "--dry-run").isSuccess)
        #expect(try node.stop() == 0)
        #expect(try node.leftovers() == [])
    }

    @Test("a BPF file system that is unmounted while the node runs is missed, and pinned on again when it is back")
    func unmounted() throws {
        let topology = try RouterTopology.forXDP()
        let place = "/tmp/piccolo-test-bpf-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        defer { rmdir(place) }
        let node = try LiveDaemon(topology, pinPath: "\(place)/node")
        try node.start(by: node.mounting("bpf", at: place))
        let program = try node.program(at: "p1")
        #expect(try node.ask("reconcile", "--dry-run").isSuccess)
        try node.inside("umount", "--lazy", place)
        let missed = try node.ask("reconcile")
        #expect(missed.status == 1 && missed.output.contains("pin \(place)/node"), "\(missed)")
        #expect(try node.status().complaints.contains { $0.contains("pin") })
        #expect(try node.program(at: "p1") == program && topology.hosts[0].pings(topology.hosts[1]))
        try node.inside("mount", "-t", "bpf", "bpf", place)
        let repaired = try node.ask("reconcile")
        #expect(repaired.isSuccess && repaired.output.contains("pin \(place)/node"), "\(repaired)")
        #expect(try node.ask("reconcile", "--dry-run").isSuccess)
        #expect(try node.program(at: "p1") == program)
        #expect(try node.stop() == 0)
        unlink("/run/piccolo/\("\(place)/node".split(separator: "/").joined(separator: "-")).lock")
    }
}
#endif
