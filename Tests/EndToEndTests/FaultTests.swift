// SPDX-License-Identifier: Apache-2.0
#if Northbound
import Foundation
import Glibc
import Netlink
import TestSupport
import Testing

@Suite("Faults of interfaces", .requiresKernel)
struct InterfaceFaultTests {
    @Test("an interface that is unplugged is missed by its port alone, and is attached again when it is back")
    func unplugged() throws {
        let node = try LiveDaemon(.forXDP(hosts: 3))
        try node.start()
        let hosts = node.topology.hosts
        let index = try node.interfaceIndex("p1")
        #expect(try hosts[0].pings(hosts[1]))
        try node.topology.unplug(hosts[0])
        #expect(try eventually { try !node.port("p1").up })
        #expect(try node.port("p1").interfaceIndex == 0)
        #expect(try node.status().complaints.contains { $0.contains("there is no interface p1") })
        #expect(access("\(node.pinPath)/link-\(index)", F_OK) != 0)
        #expect(try hosts[1].pings(hosts[2]))

        try node.topology.plug(hosts[0])
        #expect(try eventually { try node.port("p1").up && node.port("p1").attachMode == "native" })
        #expect(try node.program(at: "p1") == node.program(at: "p2"))
        #expect(try node.status().complaints.isEmpty)
        #expect(try hosts[0].pings(hosts[1]))
        let flow = try DatagramFlow(from: hosts[0], to: hosts[1])
        try node.establish(flow)
        #expect(flow.exchange(50) == 50)
        #expect(try node.stop() == 0)
        #expect(try node.leftovers() == [])
    }

    @Test("a port follows its interface when that is renamed, and says so")
    func renamed() throws {
        let node = try LiveDaemon(.forXDP())
        try node.start()
        let flow = try DatagramFlow(from: node.topology.hosts[0], to: node.topology.hosts[1])
        try node.establish(flow)
        let link = try node.linkID(of: "p2")
        var netlink = try NetlinkSocket(in: node.topology.node)
        let index = try netlink.link(named: "p2").index
        try netlink.setDown(index)
        try netlink.rename(index, to: "uplink")
        try netlink.setUp(index)
        #expect(
            try eventually {
                try node.port("p2").up
                    && node.status().complaints.contains { $0.contains("interface p2 is now called uplink") }
            })
        try node.establish(flow)
        #expect(flow.exchange(50) == 50)
        #expect(try node.linkID(of: "uplink") == link)
        try netlink.setDown(index)
        try netlink.rename(index, to: "p2")
        try netlink.setUp(index)
        #expect(
            try eventually { try node.port("p2").up && node.status().complaints.allSatisfy { !$0.contains("uplink") } })
        #expect(try node.stop() == 0)
        #expect(try node.leftovers() == [])
    }

    @Test(
        "a port that goes down and up again, at either end of its cable, forwards as before", arguments: [true, false])
    func downAndUp(here: Bool) throws {
        let node = try LiveDaemon(.forXDP())
        try node.start()
        let (h1, h2) = (node.topology.hosts[0], node.topology.hosts[1])
        let flow = try DatagramFlow(from: h1, to: h2)
        try node.establish(flow)
        let link = try node.linkID(of: "p2")
        var netlink = try here ? NetlinkSocket(in: node.topology.node) : NetlinkSocket(in: h2.namespace)
        let index = try netlink.link(named: here ? "p2" : "eth0").index
        try netlink.setDown(index)
        #expect(try eventually { try !node.port("p2").up })
        #expect(flow.exchange(5, patience: 0.2) == 0)
        try netlink.setUp(index)
        if !here { try h2.acceptRedirectedFrames() }
        #expect(try eventually { try node.port("p2").up })
        try node.establish(flow)
        #expect(flow.exchange(50) == 50)
        #expect(try node.linkID(of: "p2") == link)
        #expect(try node.stop() == 0)
        #expect(try node.leftovers() == [])
    }

    @Test("frames of 9000 bytes cross by the kernel, smaller ones by the fast path")
    func jumbo() throws {
        let node = try LiveDaemon(.forXDP(mtu: 9000))
        try node.start()
        let (h1, h2) = (node.topology.hosts[0], node.topology.hosts[1])
        #expect(try node.port("p1").mtu == 9000 && node.port("p1").attachMode == "native")
        for family in AddressFamily.allCases {
            #expect(try h1.pings(h2, family, length: family == .v4 ? 8972 : 8952))
            let jumbo = try DatagramFlow(from: h1, to: h2, family, ports: (4001, 5000), length: 8900)
            #expect(jumbo.exchange(100) == 100)
            #expect(try node.statistics().packets("kernel", "multi_buffer") >= 100)
            let small = try DatagramFlow(from: h1, to: h2, family, ports: (4000, 5001))
            try node.establish(small, from: "\(h1.address(family))")
            #expect(small.exchange(100) == 100)
        }
        #expect(try node.stop() == 0)
        #expect(try node.leftovers() == [])
    }

    @Test("an interface without native XDP fails with its errno, or steps down where that is allowed, visibly")
    func withoutNative() throws {
        let topology = try RouterTopology.forXDP()
        var netlink = try NetlinkSocket(in: topology.node)
        for name in ["d1", "d2"] {
            try netlink.createBridge(name)
            try netlink.setUp(netlink.link(named: name).index)
        }
        let node = try LiveDaemon(
            topology,
            portLines: """
                  - {name: d1, attach: native, addresses: [10.0.8.1/24]}
                  - {name: d2, attach: "native,skb", addresses: [10.0.9.1/24]}

                """)
        try node.start()
        let (native, stepping) = (try node.port("d1"), try node.port("d2"))
        #expect(native.attachMode == "" && native.attachReason.contains("native: EOPNOTSUPP"), "\(native)")
        #expect(stepping.attachMode == "skb" && stepping.attachReason.contains("native: EOPNOTSUPP"), "\(stepping)")
        let complaints = try node.status().complaints
        #expect(complaints.contains { $0.contains("port d1: not attached") && $0.contains("EOPNOTSUPP") })
        #expect(complaints.contains { $0.contains("port d2: attached as skb only") })
        #expect(try topology.hosts[0].pings(topology.hosts[1]))
        #expect(try node.port("p1").attachMode == "native")
        #expect(try node.stop() == 0)
        #expect(try node.leftovers() == [])
        #expect(try netlink.link(named: "d2").xdp.isEmpty)
    }

    @Test("another's XDP program is named and left alone, unless it is to be replaced")
    func foreignProgram() throws {
        let topology = try RouterTopology.forXDP()
        let object = try ForeignObject()
        try topology.node.run {
            _ = try Command.check("ip", "link", "set", "dev", "p1", "xdpdrv", "object", object.path, "section", "xdp")
        }
        let node = try LiveDaemon(topology)
        let foreign = try #require(try node.program(at: "p1"))
        try node.start()
        let port = try node.port("p1")
        #expect(port.attachMode == "" && port.attachReason.contains("program \(foreign) pass tag"), "\(port)")
        #expect(try node.port("p2").attachMode == "native")
        #expect(try node.stop() == 0)
        #expect(try node.program(at: "p1") == foreign)

        try node.start(["--replace-foreign"])
        #expect(try node.port("p1").attachMode == "native")
        #expect(try node.program(at: "p1") == node.program(at: "p2"))
        let flow = try DatagramFlow(from: topology.hosts[0], to: topology.hosts[1])
        try node.establish(flow)
        #expect(try node.stop() == 0)
        #expect(try node.leftovers() == [])
    }

    @Test("a link of another process is never replaced, and the process is named")
    func foreignLink() throws {
        let topology = try RouterTopology.forXDP()
        let node = try LiveDaemon(topology)
        try node.start()
        let other = try LiveDaemon(topology)
        try other.start(["--replace-foreign"])
        let port = try other.port("p1")
        #expect(port.attachMode == "" && port.attachReason.contains("process \(node.processID) (piccolo)"), "\(port)")
        #expect(try other.stop() == 0)
        #expect(try node.linkID(of: "p1") > 0)
        #expect(try topology.hosts[0].pings(topology.hosts[1]))
        #expect(try node.stop() == 0)
        #expect(try node.leftovers() == [])
        #expect(try other.leftovers() == [])
    }
}

@Suite("Faults of the system", .requiresKernel)
struct SystemFaultTests {
    @Test(
        "without a BPF file system to pin on, or with one that is read-only, the node runs and complains",
        arguments: [true, false])
    func unpinned(isReadOnly: Bool) throws {
        let readOnly = [
            "unshare", "--mount", "sh", "-c", "mount -t bpf -o ro bpf /sys/fs/bpf && exec \"$0\" \"$@\"",
        ]
        let topology = try RouterTopology.forXDP()
        let elsewhere = "/tmp/piccolo-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let node = try isReadOnly ? LiveDaemon(topology) : LiveDaemon(topology, pinPath: elsewhere)
        try node.start(by: isReadOnly ? readOnly : [])
        let complaints = try node.status().complaints
        #expect(complaints.count == 1 && complaints[0].contains("nothing is pinned"), "\(complaints)")
        #expect(complaints[0].contains(isReadOnly ? "read-only" : "not on a BPF file system"), "\(complaints)")
        #expect(complaints[0].contains(node.pinPath))
        let flow = try DatagramFlow(from: topology.hosts[0], to: topology.hosts[1])
        try node.establish(flow)
        #expect(try node.port("p1").attachMode == "native")
        #expect(try node.stop() == 0)
        #expect(try node.leftovers() == [])
    }

    @Test(
        "without a capability it needs the node does not start, and the error names it",
        arguments: [("bpf", "CAP_BPF"), ("perfmon", "CAP_PERFMON")])
    func withoutCapability(word: String, name: String) throws {
        let node = try LiveDaemon(.forXDP())
        let (status, log) = try node.startRefused(by: ["setpriv", "--bounding-set", "-\(word),-sys_admin"])
        #expect(status == 1)
        #expect(log.contains(name), "\(log)")
        #expect(try node.leftovers() == [])
    }

    @Test("without CAP_NET_ADMIN the error names that")
    func withoutNetAdmin() throws {
        let node = try LiveDaemon(.forXDP())
        let (status, log) = try node.startRefused(by: ["setpriv", "--bounding-set", "-net_admin,-sys_admin"])
        #expect(status == 1)
        #expect(log.contains("CAP_NET_ADMIN"), "\(log)")
        #expect(try node.leftovers() == [])
    }

    @Test("a full flow table keeps what it has, counts what it refuses, and lets every packet cross")
    func fullTable() throws {
        let node = try LiveDaemon(.forXDP(), limits: "ipv4_flows: 64, ipv6_flows: 64, routes: 1024")
        try node.start()
        let (h1, h2) = (node.topology.hosts[0], node.topology.hosts[1])
        let flow = try DatagramFlow(from: h1, to: h2)
        try node.establish(flow)
        #expect(try DatagramFlow.newFlows(from: h1, to: h2, sourcePorts: 10_000..<10_600) == 600)
        let statistics = try node.statistics()
        #expect(statistics.flows.refused + statistics.flows.rejected > 0)
        let before = try node.flows()
        #expect(before.count <= 64 && before.count > 32)
        #expect(before.contains { $0.sourcePort == 4000 })

        #expect(try DatagramFlow.newFlows(from: h1, to: h2, sourcePorts: 20_000..<20_600) == 600)
        let after = Set(try node.flows().map { "\($0.source) \($0.sourcePort ?? 0)" })
        #expect(before.allSatisfy { after.contains("\($0.source) \($0.sourcePort ?? 0)") })
        let count = try node.statistics().packets("forward", "flow_cache")
        #expect(flow.exchange(100) == 100)
        #expect(try node.statistics().packets("forward", "flow_cache") >= count + 100)
        #expect(try node.stop() == 0)
        #expect(try node.leftovers() == [])
    }

    @Test("interfaces that go and come while no daemon runs are sorted out by the next one")
    func changedMeanwhile() throws {
        let node = try LiveDaemon(.forXDP(hosts: 3))
        try node.start()
        let hosts = node.topology.hosts
        let old = try node.interfaceIndex("p1")
        let kept = try node.linkID(of: "p2")
        try node.stop(SIGKILL)
        try node.topology.unplug(hosts[0])
        try node.topology.plug(hosts[0])
        try node.start()
        #expect(access("\(node.pinPath)/link-\(old)", F_OK) != 0)
        #expect(try node.linkID(of: "p2") == kept)
        #expect(try node.port("p1").attachMode == "native")
        #expect(try hosts[0].pings(hosts[1]))
        // A port taken out of the configuration meanwhile is let go.
        try node.stop(SIGKILL)
        try node.configure(ports: [1, 2])
        try node.start()
        #expect(try eventually { try node.program(at: "p3") == nil })
        #expect(try node.stop() == 0)
        #expect(try node.leftovers() == [])
    }
}

extension RouterTopology {
    /// Pulls the cable out, with both its ends.
    func unplug(_ host: Host) throws {
        var netlink = try NetlinkSocket(in: node)
        try netlink.deleteLink(netlink.link(named: host.port).index)
    }

    /// Puts a new cable in, with the addresses of the old one.
    func plug(_ host: Host) throws {
        var netlink = try NetlinkSocket(in: node)
        var inner = try NetlinkSocket(in: host.namespace)
        try netlink.createVethPair(host.port, peer: "eth0", in: host.namespace)
        let here = try netlink.link(named: host.port).index
        let there = try inner.link(named: "eth0").index
        try netlink.setAddress(host.portMACAddress, of: here)
        try inner.setAddress(host.macAddress, of: there)
        for name in [host.port] {
            try netlink.setOffload(.genericReceive, true, of: name)
            try netlink.setOffload(.transmitChecksum, false, of: name)
        }
        try inner.setOffload(.genericReceive, true, of: "eth0")
        try inner.setOffload(.transmitChecksum, false, of: "eth0")
        for family in AddressFamily.allCases {
            let length: UInt8 = family == .v4 ? 24 : 64
            if let own = InternetPrefix(address: host.portAddress(family), length: length) {
                try netlink.addAddress(own, to: here, skippingDuplicateDetection: true)
            }
            if let own = InternetPrefix(address: host.address(family), length: length) {
                try inner.addAddress(own, to: there, skippingDuplicateDetection: true)
            }
        }
        try netlink.setUp(here)
        try inner.setUp(there)
        for family in AddressFamily.allCases {
            let gateway = Route.NextHop(gateway: host.portAddress(family), linkIndex: there)
            try inner.addRoute(Route(to: .everything(family), via: [gateway]))
        }
        try host.acceptRedirectedFrames()
    }
}

/// An object file with one program that passes every packet.
private final class ForeignObject {
    let path: String

    init() throws {
        path = "/tmp/piccolo-test-\(UUID().uuidString).bpf.o"
        let source = "/tmp/piccolo-test-\(UUID().uuidString).bpf.c"
        defer { try? FileManager.default.removeItem(atPath: source) }
        try """
        __attribute__((section("xdp"), used)) int pass(void *context) { return 2; }
        char _license[] __attribute__((section("license"), used)) = "GPL";
        """.write(toFile: source, atomically: true, encoding: .utf8)
        try Command.check("clang", "-target", "bpf", "-O2", "-c", source, "-o", path)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }
}
#endif
