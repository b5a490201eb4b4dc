// SPDX-License-Identifier: Apache-2.0
import Glibc
import Netlink
import TestSupport
import Testing

@Suite("Monitor", .requiresKernel)
struct MonitorTests {
    @Test("links, addresses, neighbours and routes are announced as they come and go")
    func changes() throws {
        let namespace = try NetworkNamespace.anonymous()
        var monitor = try NetlinkMonitor(in: namespace)
        var netlink = try NetlinkSocket(in: namespace)
        #expect(try monitor.next().isEmpty)
        try netlink.createVethPair("d0", peer: "d1")
        let index = try netlink.link(named: "d0").index
        try netlink.setUp(index)
        try netlink.setUp(try netlink.link(named: "d1").index)
        let prefix = try #require(InternetPrefix("10.0.1.1/24"))
        try netlink.addAddress(prefix, to: index)
        let neighbor = Neighbor(
            linkIndex: index, address: try #require(InternetAddress("10.0.1.2")),
            linkLayerAddress: LinkLayerAddress("02:00:00:00:00:02"))
        try netlink.setNeighbor(neighbor)
        let route = Route(
            to: try #require(InternetPrefix("192.0.2.0/24")), via: [.init(gateway: neighbor.address, linkIndex: index)])
        try netlink.addRoute(route)
        try netlink.deleteRoute(route)
        try netlink.deleteNeighbor(neighbor.address, on: index)
        try netlink.removeAddress(prefix, from: index)
        try netlink.deleteLink(index)

        let events = try drain(&monitor)
        func position(_ matches: (NetlinkEvent) -> Bool) throws -> Int {
            let found = events.firstIndex(where: matches)
            return try #require(found)
        }
        let order = [
            try position { if case .linkChanged(let link) = $0 { link.name == "d0" } else { false } },
            try position {
                if case .addressAdded(let address) = $0 { address.prefix == prefix } else { false }
            },
            try position { $0 == .neighborChanged(neighbor) },
            try position { $0 == .routeAdded(route) },
            try position { $0 == .routeRemoved(route) },
            try position {
                if case .addressRemoved(let address) = $0 { address.prefix == prefix } else { false }
            },
            try position { if case .linkRemoved(let link) = $0 { link.index == index } else { false } },
        ]
        #expect(order == order.sorted())
        #expect(events.contains { if case .linkChanged(let link) = $0 { link.isAdministrativelyUp } else { false } })
    }

    @Test("a port that leaves a bridge is not reported as removed")
    func bridgePort() throws {
        let namespace = try NetworkNamespace.anonymous()
        var netlink = try NetlinkSocket(in: namespace)
        try netlink.createBridge("br0")
        try netlink.createVethPair("d0", peer: "d1")
        let port = try netlink.link(named: "d0").index
        try netlink.setController(try netlink.link(named: "br0").index, of: port)
        var monitor = try NetlinkMonitor(.links, in: namespace)
        try netlink.setController(nil, of: port)
        let events = try drain(&monitor)
        #expect(!events.isEmpty)
        #expect(!events.contains { if case .linkRemoved = $0 { true } else { false } })
    }

    @Test("only what was asked for is announced")
    func subjects() throws {
        let namespace = try NetworkNamespace.anonymous()
        var monitor = try NetlinkMonitor(.addresses, in: namespace)
        var netlink = try NetlinkSocket(in: namespace)
        try netlink.createBridge("d0")
        #expect(try drain(&monitor).isEmpty)
    }

    @Test("the descriptor becomes readable with an event and is quiet after it")
    func readiness() throws {
        let namespace = try NetworkNamespace.anonymous()
        var monitor = try NetlinkMonitor(.links, in: namespace)
        #expect(!isReadable(monitor.fileDescriptor))
        var netlink = try NetlinkSocket(in: namespace)
        try netlink.createBridge("d0")
        #expect(isReadable(monitor.fileDescriptor))
        _ = try drain(&monitor)
        #expect(!isReadable(monitor.fileDescriptor))
    }

    @Test("events lost for want of room end in an overrun, after which the monitor goes on")
    func overrun() throws {
        let namespace = try NetworkNamespace.anonymous()
        var monitor = try NetlinkMonitor(.links, in: namespace, receiveBufferSize: 4096)
        var netlink = try NetlinkSocket(in: namespace)
        let loopback = try netlink.link(named: "lo").index
        for mtu in UInt32(1000)..<1100 { try netlink.setMTU(mtu, of: loopback) }
        #expect(try drain(&monitor).contains(.overrun))
        try netlink.createBridge("last")
        let events = try drain(&monitor)
        #expect(events.contains { if case .linkChanged(let link) = $0 { link.name == "last" } else { false } })
    }

    private func drain(_ monitor: inout NetlinkMonitor) throws -> [NetlinkEvent] {
        var all: [NetlinkEvent] = []
        while true {
            let events = try monitor.next()
            if events.isEmpty { return all }
            all += events
        }
    }

    private func isReadable(_ descriptor: Int32) -> Bool {
        var question = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&question, 1, 0) == 1
    }
}
