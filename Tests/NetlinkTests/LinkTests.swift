// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Netlink
import TestSupport
import Testing

@Suite("Links", .requiresKernel)
struct LinkTests {
    @Test("a new namespace has a loopback that is down, and nothing else of ours")
    func loopback() throws {
        let namespace = try NetworkNamespace.anonymous()
        var netlink = try NetlinkSocket(in: namespace)
        let lo = try netlink.link(named: "lo")
        #expect(lo.isLoopback)
        #expect(!lo.isAdministrativelyUp)
        #expect(lo.index == 1)
        #expect(try netlink.links().contains(lo))
        try netlink.setUp(lo.index)
        #expect(try netlink.link(index: 1).isAdministrativelyUp)
    }

    @Test("a veth pair knows its peer, and goes as a pair")
    func vethPair() throws {
        let namespace = try NetworkNamespace.anonymous()
        var netlink = try NetlinkSocket(in: namespace)
        try netlink.createVethPair("a", peer: "b", options: .init(queues: 2, mtu: 9000))
        let a = try netlink.link(named: "a")
        let b = try netlink.link(named: "b")
        #expect(a.kind == "veth")
        #expect(a.mtu == 9000)
        #expect(a.queues == NetworkLink.Queues(receive: 2, transmit: 2))
        #expect(a.peer == NetworkLink.Peer(index: b.index, namespaceID: nil))
        #expect(a.operationalState == .down)
        try netlink.setUp(a.index)
        try netlink.setUp(b.index)
        #expect(try netlink.link(named: "a").operationalState == .up)
        #expect(try netlink.link(named: "a").hasCarrier)
        try netlink.deleteLink(b.index)
        #expect(throws: NetlinkError.notFound(object: "link a")) { try netlink.link(named: "a") }
    }

    @Test("counters are those of the interface that was asked for")
    func counters() throws {
        let namespace = try NetworkNamespace.anonymous()
        var netlink = try NetlinkSocket(in: namespace)
        try netlink.setUp(1)
        #expect(try netlink.counters(ofLink: 1).sentPackets == 0)
        try namespace.run {
            let socket = packet_socket()
            #expect(socket >= 0)
            defer { close(socket) }
            let frame = [UInt8](repeating: 0, count: 60)
            for _ in 0..<5 { #expect(packet_send(socket, 1, frame, frame.count) == 0) }
        }
        // What is sent by the loopback is received by it.
        let after = try netlink.counters(ofLink: 1)
        #expect(after.sentPackets == 5 && after.sentBytes == 5 * 46, "the loopback counts without the Ethernet header")
        #expect(after.receivedPackets == 5 && after.receivedBytes == 5 * 46)
        #expect(throws: NetlinkError.notFound(object: "link with index 77")) { try netlink.counters(ofLink: 77) }
        #expect(throws: NetlinkError.notFound(object: "link with index 0")) { try netlink.counters(ofLink: 0) }
    }

    @Test("a peer in another namespace is reported with that namespace's number")
    func peerElsewhere() throws {
        let here = try NetworkNamespace.anonymous()
        let there = try NetworkNamespace.anonymous()
        var netlink = try NetlinkSocket(in: here)
        try netlink.createVethPair("p1", peer: "eth0", in: there)
        var other = try NetlinkSocket(in: there)
        let peer = try #require(try netlink.link(named: "p1").peer)
        #expect(peer.namespaceID != nil)
        #expect(peer.index == (try other.link(named: "eth0").index))
        #expect(throws: NetlinkError.self) { try netlink.link(named: "eth0") }
    }

    @Test("MTU, MAC address, name, alternative name and state are what they were set to")
    func settings() throws {
        let namespace = try NetworkNamespace.anonymous()
        var netlink = try NetlinkSocket(in: namespace)
        try netlink.createVethPair("d0", peer: "e0")
        let index = try netlink.link(named: "d0").index
        let address = try #require(LinkLayerAddress("02:00:5e:10:00:01"))
        try netlink.setMTU(1400, of: index)
        try netlink.setAddress(address, of: index)
        try netlink.rename(index, to: "d1")
        try netlink.addAlternativeName("a-name-longer-than-fifteen-bytes", to: index)
        try netlink.setUp(index)
        let link = try netlink.link(named: "a-name-longer-than-fifteen-bytes")
        #expect(link.name == "d1")
        #expect(link.index == index)
        #expect(link.mtu == 1400)
        #expect(link.address == address)
        #expect(link.alternativeNames == ["a-name-longer-than-fifteen-bytes"])
        #expect(link.isAdministrativelyUp)
        try netlink.setDown(index)
        #expect(try !netlink.link(index: index).isAdministrativelyUp)
    }

    @Test("a port of a bridge names its controller until it is taken out")
    func bridge() throws {
        let namespace = try NetworkNamespace.anonymous()
        var netlink = try NetlinkSocket(in: namespace)
        try netlink.createBridge("br0")
        try netlink.createVethPair("d0", peer: "d1")
        let bridge = try netlink.link(named: "br0")
        let port = try netlink.link(named: "d0").index
        #expect(bridge.kind == "bridge")
        try netlink.setController(bridge.index, of: port)
        #expect(try netlink.link(index: port).controller == bridge.index)
        try netlink.setController(nil, of: port)
        #expect(try netlink.link(index: port).controller == nil)
    }

    @Test("a link moved to another namespace is found there and not here")
    func move() throws {
        let here = try NetworkNamespace.anonymous()
        let there = try NetworkNamespace.anonymous()
        var netlink = try NetlinkSocket(in: here)
        var other = try NetlinkSocket(in: there)
        try netlink.createVethPair("d0", peer: "d1")
        try netlink.move(try netlink.link(named: "d0").index, to: there)
        #expect(try other.link(named: "d0").kind == "veth")
        #expect(throws: NetlinkError.notFound(object: "link d0")) { try netlink.link(named: "d0") }
    }

    @Test("offloads switch on and off", arguments: [NetlinkSocket.Offload.genericReceive, .transmitChecksum])
    func offloads(_ offload: NetlinkSocket.Offload) throws {
        let namespace = try NetworkNamespace.anonymous()
        var netlink = try NetlinkSocket(in: namespace)
        try netlink.createVethPair("a", peer: "b")
        for wanted in [false, true, false] {
            try netlink.setOffload(offload, wanted, of: "a")
            #expect(try netlink.offload(offload, of: "a") == wanted)
        }
    }

    @Test("an XDP program attached by another tool is reported with mode and id", arguments: ["xdpdrv", "xdpgeneric"])
    func attachment(_ word: String) throws {
        let namespace = try NetworkNamespace.anonymous()
        var netlink = try NetlinkSocket(in: namespace)
        try netlink.createVethPair("a", peer: "b")
        #expect(try netlink.link(named: "a").xdp.isEmpty)
        let program = try MinimalXDPObject()
        try namespace.run {
            _ = try Command.check("ip", "link", "set", "dev", "a", word, "object", program.path, "section", "xdp")
        }
        let xdp = try netlink.link(named: "a").xdp
        #expect(xdp.map(\.mode) == [word == "xdpdrv" ? .native : .generic])
        #expect(xdp.allSatisfy { $0.programID > 0 })
        try namespace.run { _ = try Command.check("ip", "link", "set", "dev", "a", word, "off") }
        #expect(try netlink.link(named: "a").xdp.isEmpty)
    }

    @Test("a refusal names operation, object and errno, and quotes the kernel")
    func refusal() throws {
        let namespace = try NetworkNamespace.anonymous()
        var netlink = try NetlinkSocket(in: namespace)
        try netlink.createBridge("d0")
        let index = try netlink.link(named: "d0").index
        let error = #expect(throws: NetlinkError.self) { try netlink.setMTU(1, of: 4711) }
        #expect(error?.errorNumber?.name == "ENODEV")
        // The kernel has a sentence for an MTU that is too small.
        try netlink.createVethPair("a", peer: "b")
        let tooSmall = #expect(throws: NetlinkError.self) {
            try netlink.setMTU(10, of: try netlink.link(named: "a").index)
        }
        let text = try #require(tooSmall).description
        #expect(text.contains("cannot set MTU 10 on link with index"))
        #expect(text.contains("EINVAL (Invalid argument)"))
        #expect(text.contains("the kernel says \"mtu less than device minimum\""))
        let taken = #expect(throws: NetlinkError.self) { try netlink.createBridge("d0") }
        #expect(taken?.errorNumber?.name == "EEXIST")
        #expect(try netlink.link(index: index).name == "d0")
    }

    @Test("a name the kernel could not hold is refused before anything is sent", arguments: ["", "sixteen-bytes-xx"])
    func longName(_ name: String) throws {
        let namespace = try NetworkNamespace.anonymous()
        var netlink = try NetlinkSocket(in: namespace)
        let error = #expect(throws: NetlinkError.self) { try netlink.createBridge(name) }
        guard case .invalid = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("a dummy link is made, where the kernel knows the kind")
    func dummy() throws {
        let namespace = try NetworkNamespace.anonymous()
        var netlink = try NetlinkSocket(in: namespace)
        let outcome = Result { () throws(NetlinkError) in try netlink.createDummy("d0") }
        if case .failure(let error) = outcome {
            #expect(error.errorNumber?.name == "EOPNOTSUPP", "\(error)")
            return
        }
        #expect(try netlink.link(named: "d0").kind == "dummy")
    }

    @Test("a table that takes several datagrams is read whole")
    func manyLinks() throws {
        let namespace = try NetworkNamespace.anonymous()
        var netlink = try NetlinkSocket(in: namespace)
        for number in 0..<40 { try netlink.createVethPair("a\(number)", peer: "b\(number)") }
        let names = Set(try netlink.links().map(\.name))
        #expect((0..<40).allSatisfy { names.contains("a\($0)") && names.contains("b\($0)") })
    }
}
