// SPDX-License-Identifier: Apache-2.0
#if Northbound
import Glibc
import Netlink
import TestSupport
import Testing

@Suite("A running node", .requiresKernel)
struct ForwardingTests {
    @Test("traffic of both families crosses, is learned as flows, and is decided in XDP")
    func forwards() throws {
        let node = try LiveDaemon(.forXDP())
        try node.start()
        let (h1, h2) = (node.topology.hosts[0], node.topology.hosts[1])
        for family in AddressFamily.allCases {
            #expect(try h1.pings(h2, family))
            let flow = try DatagramFlow(from: h1, to: h2, family)
            #expect(flow.exchange(20) == 20)
            // Once the kernel has told of the neighbour, the next miss is answered with an entry.
            try node.establish(flow, from: "\(h1.address(family))")
            let before = try node.statistics()
            #expect(flow.exchange(200) == 200)
            let after = try node.statistics()
            #expect(after.packets("forward", "flow_cache") - before.packets("forward", "flow_cache") >= 200)
        }
        let statistics = try node.statistics()
        #expect(statistics.flows.installed >= 2)
        #expect(statistics.packets("forward") > statistics.packets("kernel"))
        let learned = try node.flows().first { $0.sourcePort == 4000 && $0.source == "10.0.1.2" }
        #expect(learned?.destination == "10.0.2.2" && learned?.packets ?? 0 >= 200)
        #expect(try node.status().complaints.isEmpty)
        #expect(try node.stop() == 0)
        #expect(try node.leftovers() == [])
    }

    @Test("an ACL entry takes effect at once on a flow that is established, and so does its removal")
    func policyInvalidatesFlows() throws {
        let node = try LiveDaemon(.forXDP())
        try node.start()
        let flow = try DatagramFlow(from: node.topology.hosts[0], to: node.topology.hosts[1])
        try node.establish(flow)
        let generation = try node.status().generation
        let rule = ["id=7", "priority=50", "protocol=udp", "destination_port=5000", "action=drop"]
        #expect(try node.ask(["entry", "add", "acl_ingress_table"] + rule).isSuccess)
        #expect(try node.status().generation > generation)
        #expect(flow.exchange(50, patience: 1) == 0)
        #expect(try node.statistics().packets("drop", "acl") >= 50)
        #expect(try node.ask("entry", "delete", "acl_ingress_table", "id=7", "priority=50").isSuccess)
        #expect(flow.exchange(50) == 50)
        #expect(try node.stop() == 0)
        #expect(try node.leftovers() == [])
    }

    @Test("SIGHUP applies what changed in the file, and nothing of a file with a mistake")
    func reloads() throws {
        let node = try LiveDaemon(.forXDP())
        try node.start()
        let flow = try DatagramFlow(from: node.topology.hosts[0], to: node.topology.hosts[1])
        try node.establish(flow)
        let program = try node.program(at: "p1")
        let drop = "acl:\n  - {id: 3, priority: 10, match: {protocol: udp, destination_port: 5000}, action: drop}\n"
        try node.configure(drop)
        node.send(signal: SIGHUP)
        #expect(try eventually { try node.ask("entry", "list", "acl_ingress_table").output.contains("5000") })
        #expect(flow.exchange(20, patience: 1) == 0)

        try node.configure("acl:\n  - {id: 3, priority: 10, match: {protocol: udq}, action: drop}\n")
        node.send(signal: SIGHUP)
        #expect(node.logSays("reload_refused"), "\(node.log)")
        // Line and column of the word that is wrong.
        #expect(node.log.contains("node.yaml:9:45: "), "\(node.log)")
        #expect(try node.ask("entry", "list", "acl_ingress_table").output.contains("5000"))
        #expect(flow.exchange(20, patience: 1) == 0)
        let refused = try node.ask("reload")
        #expect(refused.status == 1 && refused.errorOutput.contains("udq"))

        try node.configure()
        node.send(signal: SIGHUP)
        #expect(try eventually { try !node.ask("entry", "list", "acl_ingress_table").output.contains("5000") })
        #expect(flow.exchange(20) == 20)
        #expect(try node.program(at: "p1") == program)
        #expect(try node.stop() == 0)
        #expect(try node.leftovers() == [])
    }

    @Test("the socket and the pins are for the daemon's user alone")
    func modes() throws {
        let node = try LiveDaemon(.forXDP())
        try node.start()
        for (path, mode) in [(node.socket, mode_t(0o600)), (node.pinPath, 0o700)] {
            var status = stat()
            #expect(stat(path, &status) == 0 && status.st_mode & 0o7777 == mode, "\(path)")
        }
        #expect(try node.stop() == 0)
        #expect(try node.leftovers() == [])
    }
}

extension LiveDaemon {
    /// Sends until the flow has an entry and all its packets arrive.
    func establish(_ flow: DatagramFlow, from source: String = "10.0.1.2") throws {
        let isEstablished = try eventually {
            guard flow.exchange(5) == 5 else { return false }
            return try flows().contains { $0.sourcePort == 4000 && $0.source == source }
        }
        guard isEstablished else {
            throw Unexpected(description: "the flow is not learned:\n\(try ask("stats").output)\n\(log)")
        }
    }
}
#endif
