// SPDX-License-Identifier: Apache-2.0
import Netlink
import TestSupport
import Testing

@Suite("Addresses, routes and neighbours", .requiresKernel)
struct AddressAndRouteTests {
    let namespace: NamespaceWithLink

    init() throws { namespace = try NamespaceWithLink() }

    @Test(
        "an address is listed as it was added, and gone when it was removed",
        arguments: ["10.0.1.1/24", "fd00:1::1/64"])
    func address(_ text: String) throws {
        var netlink = try NetlinkSocket(in: namespace.namespace)
        let prefix = try #require(InternetPrefix(text))
        try netlink.addAddress(prefix, to: namespace.index, skippingDuplicateDetection: true)
        let found = try #require(try netlink.addresses(of: namespace.index).first { $0.prefix == prefix })
        #expect(!found.isTentative)
        #expect(found.linkIndex == namespace.index)
        try netlink.removeAddress(prefix, from: namespace.index)
        #expect(try !netlink.addresses().contains { $0.prefix == prefix })
    }

    @Test("an address that is there already is refused with EEXIST")
    func duplicateAddress() throws {
        var netlink = try NetlinkSocket(in: namespace.namespace)
        let prefix = try #require(InternetPrefix("10.0.1.1/24"))
        try netlink.addAddress(prefix, to: namespace.index)
        let error = #expect(throws: NetlinkError.self) { try netlink.addAddress(prefix, to: namespace.index) }
        #expect(error?.errorNumber?.name == "EEXIST")
    }

    @Test("a route is listed with gateway, link and metric", arguments: [AddressFamily.v4, .v6])
    func route(_ family: AddressFamily) throws {
        var netlink = try NetlinkSocket(in: namespace.namespace)
        try namespace.addAddresses(&netlink)
        let destination = try #require(InternetPrefix(family == .v4 ? "192.0.2.0/24" : "2001:db8:7::/48"))
        let gateway = try #require(InternetAddress(family == .v4 ? "10.0.1.2" : "fd00:1::2"))
        let wanted = Route(to: destination, via: [.init(gateway: gateway, linkIndex: namespace.index)], metric: 77)
        try netlink.addRoute(wanted)
        let found = try netlink.routes(family).filter { $0.destination == destination }
        #expect(found == [wanted])
        try netlink.deleteRoute(wanted)
        #expect(try !netlink.routes().contains { $0.destination == destination })
    }

    @Test("an ECMP route keeps its next hops and their weights", arguments: [AddressFamily.v4, .v6])
    func multipath(_ family: AddressFamily) throws {
        var netlink = try NetlinkSocket(in: namespace.namespace)
        try namespace.addAddresses(&netlink)
        let network = family == .v4 ? "10.0.1." : "fd00:1::"
        let gateways = ["2", "3", "4"].compactMap { InternetAddress(network + $0) }
        let nextHops = zip(gateways, [UInt16(1), 3, 256]).map {
            Route.NextHop(gateway: $0, linkIndex: namespace.index, weight: $1)
        }
        try netlink.addRoute(Route(to: .everything(family), via: nextHops))
        let found = try #require(try netlink.routes(family).first { $0.destination.length == 0 })
        #expect(Set(found.nextHops) == Set(nextHops))
        try netlink.replaceRoute(Route(to: .everything(family), via: [nextHops[0]], metric: found.metric))
        #expect(try netlink.routes(family).first { $0.destination.length == 0 }?.nextHops == [nextHops[0]])
    }

    @Test("a blackhole route has no next hop")
    func blackhole() throws {
        var netlink = try NetlinkSocket(in: namespace.namespace)
        var route = Route(to: try #require(InternetPrefix("198.51.100.0/24")), via: [])
        route.kind = .blackhole
        try netlink.addRoute(route)
        #expect(try netlink.routes(.v4).contains(route))
    }

    @Test("a route over a gateway nobody can reach is refused with the kernel's sentence")
    func unreachableGateway() throws {
        var netlink = try NetlinkSocket(in: namespace.namespace)
        let route = Route(to: .everything(.v4), via: [.init(gateway: InternetAddress("203.0.113.1"))])
        let error = #expect(throws: NetlinkError.self) { try netlink.addRoute(route) }
        #expect(try #require(error).description.contains("ENETUNREACH"))
        #expect(try #require(error).description.contains("Nexthop has invalid gateway"))
    }

    @Test(
        "a permanent neighbour is listed with state and MAC address until it is deleted",
        arguments: ["10.0.1.9", "fd00:1::9"])
    func neighbor(_ text: String) throws {
        var netlink = try NetlinkSocket(in: namespace.namespace)
        try namespace.addAddresses(&netlink)
        let address = try #require(InternetAddress(text))
        let wanted = Neighbor(
            linkIndex: namespace.index, address: address, linkLayerAddress: LinkLayerAddress("02:00:00:00:00:09"))
        try netlink.setNeighbor(wanted)
        #expect(try netlink.neighbors(of: namespace.index).contains(wanted))
        #expect(wanted.state.isUsable)
        try netlink.deleteNeighbor(address, on: namespace.index)
        #expect(try !netlink.neighbors().contains { $0.address == address && $0.state.isUsable })
    }
}

/// A namespace with one veth end that is up.
final class NamespaceWithLink: Sendable {
    let namespace: NetworkNamespace
    let index: Int32

    init() throws {
        let namespace = try NetworkNamespace.anonymous()
        var netlink = try NetlinkSocket(in: namespace)
        try netlink.createVethPair("a", peer: "b")
        let index = try netlink.link(named: "a").index
        try netlink.setUp(index)
        try netlink.setUp(try netlink.link(named: "b").index)
        self.index = index
        self.namespace = namespace
    }

    func addAddresses(_ netlink: inout NetlinkSocket) throws {
        for text in ["10.0.1.1/24", "fd00:1::1/64"] {
            guard let prefix = InternetPrefix(text) else { continue }
            try netlink.addAddress(prefix, to: index, skippingDuplicateDetection: true)
        }
    }
}
