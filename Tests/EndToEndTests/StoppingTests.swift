// SPDX-License-Identifier: Apache-2.0
#if Northbound
import Glibc
import TestSupport
import Testing

@Suite("Ends and beginnings", .requiresKernel)
struct StoppingTests {
    @Test(
        "the end leaves no program, no pin and no socket",
        arguments: [(SIGTERM, []), (SIGINT, []), (SIGTERM, ["--detach-on-exit"])])
    func leavesNothing(signal: Int32, options: [String]) throws {
        let node = try LiveDaemon(.forXDP())
        try node.start(options)
        let (h1, h2) = (node.topology.hosts[0], node.topology.hosts[1])
        #expect(try h1.pings(h2))
        #expect(try node.program(at: "p1") != nil)
        #expect(try node.stop(signal) == 0)
        #expect(try node.leftovers() == [])
        // By the kernel's stack alone.
        #expect(try h1.pings(h2))
    }

    @Test("`piccolo stop` ends the daemon as a signal does, and with --keep leaves packets flowing")
    func stopsByClient() throws {
        let node = try LiveDaemon(.forXDP())
        try node.start()
        let program = try node.program(at: "p1")
        #expect(try node.ask("stop", "--keep").isSuccess)
        #expect(try node.end() == 0)
        #expect(try node.program(at: "p1") == program && program != nil)
        try node.start()
        #expect(try node.ask("stop").isSuccess)
        #expect(try node.end() == 0)
        #expect(try node.leftovers() == [])
    }

    @Test(
        "a daemon that is killed or told to keep loses no packet, and the next one adopts its links",
        arguments: [true, false])
    func survives(isKilled: Bool) throws {
        let node = try LiveDaemon(.forXDP())
        try node.start(isKilled ? [] : ["--keep-on-exit"])
        let flow = try DatagramFlow(from: node.topology.hosts[0], to: node.topology.hosts[1])
        try node.establish(flow)
        let links = try [node.linkID(of: "p1"), node.linkID(of: "p2")]
        let program = try node.program(at: "p1")

        flow.start()
        #expect(eventually { flow.sent > 500 })
        try node.stop(isKilled ? SIGKILL : SIGTERM)
        let atTheEnd = flow.sent
        #expect(try node.program(at: "p1") == program)
        #expect(eventually { flow.sent > atTheEnd + 1000 })
        try node.start()
        let atTheStart = flow.sent
        #expect(eventually { flow.sent > atTheStart + 1000 })
        let (sent, lost) = flow.stop()
        #expect(lost.isEmpty, "\(lost.count) of \(sent), the first is \(lost.first ?? 0); the end at \(atTheEnd)")

        #expect(try [node.linkID(of: "p1"), node.linkID(of: "p2")] == links)
        #expect(try node.program(at: "p1") == program)
        #expect(try node.port("p1").attachMode == "native")
        #expect(try node.statistics().packets("forward", "flow_cache") > 0)
        #expect(try node.stop() == 0)
        #expect(try node.leftovers() == [])
    }

    @Test("a daemon that cannot apply its configuration leaves what its predecessor left forwarding")
    func refusedSuccessor() throws {
        let node = try LiveDaemon(.forXDP())
        try node.start()
        let flow = try DatagramFlow(from: node.topology.hosts[0], to: node.topology.hosts[1])
        try node.establish(flow)
        let link = try node.linkID(of: "p1")
        let program = try node.program(at: "p1")
        try node.stop(SIGKILL)
        // More than the tables hold that are there.
        let routes = (0..<1100).map { "  - {prefix: 192.0.\($0 / 256).\($0 % 256)/32, via: 10.0.2.2}\n" }.joined()
        try node.configure("routes:\n\(routes)")
        let (status, log) = try node.startRefused()
        #expect(status == 1 && log.contains("cannot start"), "\(log)")
        #expect(try node.linkID(of: "p1") == link && node.program(at: "p1") == program)
        #expect(flow.exchange(50) == 50)
        try node.configure()
        try node.start()
        #expect(try node.linkID(of: "p1") == link)
        #expect(try node.stop() == 0)
        #expect(try node.leftovers() == [])
    }

    @Test("a daemon whose socket another one has ends, and leaves nothing of its own")
    func socketInUse() throws {
        let topology = try RouterTopology.forXDP(hosts: 4)
        let one = try LiveDaemon(topology, ports: [1, 2])
        let other = try LiveDaemon(topology, ports: [3, 4])
        try one.start()
        let (status, log) = try other.startRefused(["--socket", one.socket])
        #expect(status == 1 && log.contains("\(one.processID)"), "\(log)")
        #expect(try other.program(at: "p3") == nil)
        #expect(access(other.pinPath, F_OK) != 0)
        #expect(try one.status().pid == one.processID)
        #expect(try one.stop() == 0)
        #expect(try one.leftovers() == [])
    }

    @Test("a second daemon on the same state is refused and told who holds it; the first does not notice")
    func secondDaemon() throws {
        let topology = try RouterTopology.forXDP()
        let node = try LiveDaemon(topology)
        try node.start()
        let program = try node.program(at: "p1")
        let second = try LiveDaemon(topology, pinPath: node.pinPath)
        let (status, log) = try second.startRefused()
        #expect(status == 1)
        #expect(log.contains("process \(node.processID)") && log.contains(node.pinPath), "\(log)")
        #expect(try node.program(at: "p1") == program)
        #expect(try topology.hosts[0].pings(topology.hosts[1]))
        #expect(try node.stop() == 0)
        #expect(try node.leftovers() == [])
    }

    @Test("daemons with a state and a socket of their own work side by side")
    func sideBySide() throws {
        let topology = try RouterTopology.forXDP(hosts: 4)
        let one = try LiveDaemon(topology, ports: [1, 2])
        let other = try LiveDaemon(topology, ports: [3, 4])
        try one.start()
        try other.start()
        #expect(try topology.hosts[0].pings(topology.hosts[1]))
        #expect(try topology.hosts[2].pings(topology.hosts[3]))
        #expect(try one.status().pid == one.processID && other.status().pid == other.processID)
        #expect(try one.stop() == 0)
        #expect(try other.program(at: "p3") != nil)
        #expect(try topology.hosts[2].pings(topology.hosts[3]))
        #expect(try other.stop() == 0)
        #expect(try other.leftovers() == [])
        #expect(try one.leftovers() == [])
    }
}
#endif
