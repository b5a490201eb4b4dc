// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import Testing

@Suite("The pipeline")
struct PipelineTests {
    // MARK: Ports

    @Test("a packet at an interface that is no port goes to the kernel and counts under port 0")
    func unknownPort() throws {
        let network = Network()
        #expect(try network.reason(Network.ipv4().bytes, port: 9) == "kernel unknown_port")
        let counters = network.plane.verdictCounters()
        #expect(counters.map(\.port.rawValue) == [0])
        #expect(counters.map(\.reason) == [.unknownPort])
    }

    @Test("a port that does not admit drops everything, malformed or not")
    func admit() throws {
        let network = Network()
        var port = PortEntry(port: Network.port(1))
        port.admit = false
        #expect(network.plane.write([.modify(.port(port))]) == [.applied])
        #expect(try network.reason(Network.ipv4().bytes) == "drop port")
        #expect(try network.reason([1]) == "drop port")
    }

    @Test("malformed frames are dropped with their reason, or go to the kernel with it where the port says so")
    func malformed() throws {
        let network = Network()
        let bytes = Array(Network.ipv4().bytes.dropLast())
        #expect(try network.send(bytes) == PacketVerdict(disposition: .drop, reason: .ipv4TotalLength))
        var port = PortEntry(port: Network.port(1))
        port.malformed = .kernel
        _ = network.plane.write([.modify(.port(port))])
        #expect(try network.send(bytes) == PacketVerdict(disposition: .kernel, reason: .ipv4TotalLength, output: bytes))
    }

    @Test("where malformed is ignored, a frame that is malformed above Ethernet is not IP")
    func malformedIgnored() throws {
        var blocked = ACLEntry.Match()
        blocked.ipProtocol = 17
        var marked = ACLEntry.Match()
        marked.etherType = EtherType.ipv4
        let network = Network(
            .acl(ACLEntry(id: 1, priority: 2, match: blocked, action: .drop)),
            .acl(ACLEntry(id: 2, priority: 1, match: marked, action: .redirect(Network.port(2)))))
        var port = PortEntry(port: Network.port(1))
        port.malformed = .ignore
        _ = network.plane.write([.modify(.port(port))])
        let whole = Network.ipv4().bytes
        #expect(try network.reason(whole) == "drop acl")
        let short = Array(whole.dropLast())
        #expect(
            try network.send(short)
                == PacketVerdict(disposition: .forward, reason: .acl, egressPort: Network.port(2), output: short))
        #expect(try network.reason(Array(whole.prefix(13))) == "drop ethernet_truncated")
        var tagged = Network.ipv4()
        tagged.tags = [Frame.Tag(vid: 7)]
        #expect(try network.reason(Array(tagged.bytes.prefix(17))) == "drop vlan_truncated")
        let short6 = Array(Network.ipv6().bytes.dropLast())
        #expect(try network.reason(short6) == "kernel not_ip")
    }

    @Test("a switched frame whose headers are malformed goes its way where that is ignored")
    func malformedSwitched() throws {
        let network = Network(
            .mac(MACEntry(vlan: Network.vlan(10), mac: Network.peer, action: .port(Network.port(5)), isStatic: true)))
        var port = try #require(network.plane.state.port(Network.port(3)))
        var frame = Network.ipv4()
        frame.destination = Network.peer
        let short = Array(frame.bytes.dropLast())
        #expect(try network.reason(short, port: 3) == "drop ipv4_total_length")
        port.malformed = .ignore
        _ = network.plane.write([.modify(.port(port))])
        let verdict = try network.send(short, port: 3)
        #expect(verdict.egressPort == Network.port(5))
        #expect(verdict.output == Array(short[..<12]) + [0x81, 0, 0, 10] + Array(short[12...]))
    }

    // MARK: Routing

    @Test("a routed IPv4 packet leaves with new addresses, one hop less and a valid checksum; padding stays")
    func routed() throws {
        let network = Network()
        var frame = Network.ipv4()
        frame.padding = [0xaa, 0xbb]
        let verdict = try network.send(frame.bytes)
        frame.destination = Network.peer
        frame.source = Network.router
        if case .ipv4(var packet) = frame.payload {
            packet.timeToLive -= 1
            frame.payload = .ipv4(packet)
        }
        #expect(
            verdict
                == PacketVerdict(
                    disposition: .forward, reason: .route, egressPort: Network.port(2), output: frame.bytes))
    }

    @Test("a routed IPv6 packet leaves with new addresses and one hop less")
    func routedIPv6() throws {
        let network = Network()
        let verdict = try network.send(Network.ipv6(extensions: [.routing([])]).bytes)
        var expected = Network.ipv6(extensions: [.routing([])]) { $0.hopLimit -= 1 }
        (expected.destination, expected.source) = (Network.peer, Network.router)
        #expect(
            verdict
                == PacketVerdict(
                    disposition: .forward, reason: .route, egressPort: Network.port(2), output: expected.bytes))
    }

    @Test("the tag is taken off, and the router interface's put on, with priority 0")
    func routedTags() throws {
        let network = Network()
        var interface = RouterInterfaceEntry(id: Network.interface2, port: Network.port(2), mac: Network.router)
        interface.vlan = Network.vlan(77)
        network.plane.write([
            .modify(.routerInterface(interface)),
            .insert(
                .myStation(
                    MyStationEntry(
                        port: Network.port(1), vlan: Network.vlan(5), mac: Network.router,
                        routerInterface: Network.interface1))),
        ]).forEach { #expect($0 == .applied) }
        var frame = Network.ipv4 { $0.timeToLive = 9 }
        frame.tags = [.init(tpid: EtherType.serviceVLAN, priority: 6, vid: 5)]
        let verdict = try network.send(frame.bytes)
        var expected = Network.ipv4 { $0.timeToLive = 8 }
        (expected.destination, expected.source) = (Network.peer, Network.router)
        expected.tags = [.init(vid: 77)]
        #expect(verdict.output == expected.bytes)
        // A priority tag is no VLAN: the untagged station admits it, and the tag goes.
        frame.tags = [.init(priority: 6, vid: 0)]
        #expect(try network.send(frame.bytes).output == expected.bytes)
        frame.tags = [.init(vid: 6)]
        #expect(try network.reason(frame.bytes) == "kernel not_my_station")
    }

    @Test(
        "what cannot be routed goes to the kernel with the reason, unchanged",
        arguments: [
            (Network.ipv4 { $0.timeToLive = 1 }, "ttl_expired"), (Network.ipv4 { $0.timeToLive = 0 }, "ttl_expired"),
            (Network.ipv6 { $0.hopLimit = 1 }, "ttl_expired"),
            (Network.ipv4(.raw(ipProtocol: 47, bytes: .init(repeating: 0, count: 1481))), "mtu_exceeded"),
            (Network.ipv6(.raw(ipProtocol: 47, bytes: .init(repeating: 0, count: 1461))), "mtu_exceeded"),
            (Network.ipv4(to: "192.168.0.1"), "no_route"), (Network.ipv4 { $0.options = [1] }, "ip_options"),
            (Network.ipv4 { $0.moreFragments = true }, "fragment"),
            (Network.ipv4 { $0.fragmentOffset = 9 }, "fragment"),
            (Network.ipv6(extensions: [.hopByHop([])]), "hop_by_hop"),
            (Network.ipv6(extensions: [.fragment(offset: 0, more: false, identification: 0)]), "fragment"),
            (Network.ipv4(to: "127.0.0.1"), "special_address"), (Network.ipv4(to: "224.0.0.1"), "special_address"),
            (Network.ipv4(to: "255.255.255.255"), "special_address"), (Network.ipv4(to: "0.1.2.3"), "special_address"),
            (Network.ipv4 { $0.source = Network.v4("127.0.0.1") }, "special_address"),
            (Network.ipv6(to: "::"), "special_address"), (Network.ipv6(to: "::1"), "special_address"),
            (Network.ipv6(to: "ff02::1"), "special_address"), (Network.ipv6(to: "febf::1"), "special_address"),
            (Network.ipv6 { $0.source = Network.v6("fe80::1") }, "special_address"),
            (Network.ipv6(to: "fec0::1"), "no_route"), (Network.ipv6(to: "::2"), "no_route"),
            (
                Frame(destination: Network.router, source: Network.host, payload: .other(etherType: 0x0806, bytes: [])),
                "not_ip"
            ),
        ])
    func toTheKernel(frame: Frame, reason: String) throws {
        let network = Network()
        let verdict = try network.send(frame.bytes)
        #expect(verdict.disposition == .kernel)
        #expect(verdict.reason.name == reason)
        #expect(verdict.output == frame.bytes)
    }

    @Test("packets of exactly the MTU, and with two hops left, are forwarded")
    func edges() throws {
        let network = Network()
        #expect(
            try network.reason(Network.ipv4(.raw(ipProtocol: 47, bytes: .init(repeating: 0, count: 1480))).bytes)
                == "forward route")
        #expect(
            try network.reason(Network.ipv6(.raw(ipProtocol: 47, bytes: .init(repeating: 0, count: 1460))).bytes)
                == "forward route")
        #expect(try network.reason(Network.ipv4 { $0.timeToLive = 2 }.bytes) == "forward route")
    }

    @Test("more than one tag for the router is the kernel's")
    func vlanDepth() throws {
        let network = Network()
        var frame = Network.ipv4()
        frame.tags = [.init(vid: 0), .init(vid: 3)]
        #expect(try network.reason(frame.bytes) == "kernel vlan_depth")
        // Even with options: the first of the reasons is the one.
        frame = Network.ipv4 { $0.options = [1] }
        frame.tags = [.init(vid: 0), .init(vid: 3)]
        #expect(try network.reason(frame.bytes) == "kernel vlan_depth")
    }

    @Test("routes decide as they say, and count")
    func routeActions() throws {
        let network = Network(
            .route(RouteEntry(prefix: Network.prefix("10.1.0.0/16"), action: .drop)),
            .route(RouteEntry(prefix: Network.prefix("10.2.0.0/16"), action: .kernel)),
            .route(RouteEntry(prefix: Network.prefix("10.3.0.0/16"), action: .cpu)))
        #expect(try network.reason(Network.ipv4(to: "10.1.0.1").bytes) == "drop route")
        #expect(try network.reason(Network.ipv4(to: "10.2.0.1").bytes) == "kernel local")
        #expect(try network.reason(Network.ipv4(to: "10.3.0.1").bytes) == "cpu route")
        let counters = network.plane.counters(of: .ipv4).filter { $0.counter.packets == 1 }
        #expect(
            Set(counters.map(\.entry.keyText)) == [
                "route 10.1.0.0/16 in VRF 0", "route 10.2.0.0/16 in VRF 0", "route 10.3.0.0/16 in VRF 0",
            ])
        var packetIns = 0
        _ = network.plane.pollEvents(maximum: 100) { if case .packetIn(_, .route, false, _, _) = $0 { packetIns += 1 } }
        #expect(packetIns == 1)
    }

    @Test("an unknown neighbour comes before a port that is down, and that before the hop limit")
    func nextHopOrder() throws {
        let network = Network()
        let bytes = Network.ipv4 { $0.timeToLive = 1 }.bytes
        var port = PortEntry(port: Network.port(2))
        port.up = false
        _ = network.plane.write([.modify(.port(port)), .delete(Network.entries[10])])
        #expect(try network.reason(bytes) == "kernel neighbor_unresolved")
        _ = network.plane.write([.insert(Network.entries[10])])
        #expect(try network.reason(bytes) == "kernel egress_port_down")
        port.up = true
        _ = network.plane.write([.modify(.port(port))])
        #expect(try network.reason(bytes) == "kernel ttl_expired")
    }

    @Test("flows are spread over a group by their hash, in proportion to the weights")
    func group() throws {
        let ecmpSeed = HashSeed((1...12).map { $0 &* 0x9e37_79b9_7f4a_7c15 })
        var network = Network()
        network.plane = ReferenceDataPlane(ecmpSeed: ecmpSeed)
        network.add(Network.entries)
        let other = NextHopEntry(
            id: .init(rawValue: 40), routerInterface: Network.interface1, neighbor: Network.ip("192.0.2.40"))
        network.add([
            .nextHop(other),
            .neighbor(NeighborEntry(routerInterface: Network.interface1, address: other.neighbor, mac: Network.host)),
            .nextHopGroup(
                NextHopGroupEntry(
                    id: .init(rawValue: 1),
                    members: [.init(nextHop: Network.nextHop4, weight: 3), .init(nextHop: other.id)])),
            .route(RouteEntry(prefix: Network.prefix("10.9.0.0/16"), action: .group(.init(rawValue: 1)))),
        ])
        var byPort: [PortID: Int] = [:]
        for source in 0..<4000 as Range<UInt16> {
            let frame = Network.ipv4(.udp(source: source, destination: 53), to: "10.9.0.1")
            let verdict = try network.send(frame.bytes)
            #expect(try network.send(frame.bytes) == verdict)
            byPort[try #require(verdict.egressPort), default: 0] += 1
        }
        #expect((2800...3200).contains(byPort[Network.port(2)] ?? 0), "\(byPort)")
    }

    // MARK: Flow cache

    @Test("a static flow decides in place of the route, behind the ACL; a derived one may stand for the ACL too")
    func flowAndACL() throws {
        let network = Network(.acl(ACLEntry(id: 1, priority: 1, match: .init(), action: .drop)))
        let fields = try PacketFields(parsing: Network.ipv4().bytes.span.bytes)
        let key = try #require(fields.flowKey(at: Network.interface1))
        network.add([.flow(FlowEntry(key: key, action: .port(Network.port(5))))])
        #expect(try network.reason(Network.ipv4().bytes) == "drop acl")
        let derived = FlowEntry(
            key: key, action: .port(Network.port(5)), origin: .derived(network.plane.generation), aclDone: true,
            reason: .acl)
        _ = network.plane.write([.modify(.flow(derived))])
        #expect(
            try network.send(Network.ipv4().bytes)
                == PacketVerdict(
                    disposition: .forward, reason: .flowCache, egressPort: Network.port(5), output: Network.ipv4().bytes
                ))
        network.plane.advanceGeneration()
        #expect(try network.reason(Network.ipv4().bytes) == "drop acl")
        // A stale entry is as good as absent to an insertion; a valid one is not.
        let anew = FlowEntry(
            key: key, action: .drop, origin: .derived(network.plane.generation), aclDone: true, reason: .route)
        #expect(
            network.plane.write([.insert(.flow(anew)), .insert(.flow(anew))]).map { $0 == .applied } == [true, false])
        #expect(try network.reason(Network.ipv4().bytes) == "drop route")
    }

    @Test("a flow counts its packets and bytes, and when it was hit last")
    func flowCounters() throws {
        let network = Network()
        let bytes = Network.ipv4().bytes
        let key = try #require(try PacketFields(parsing: bytes.span.bytes).flowKey(at: Network.interface1))
        network.plane.setTime(CoarseTime(rawValue: 5))
        network.add([.flow(FlowEntry(key: key, action: .nextHop(Network.nextHop4)))])
        network.plane.setTime(CoarseTime(rawValue: 9))
        _ = try network.send(bytes)
        network.plane.setTime(CoarseTime(rawValue: 11))
        _ = try network.send(bytes)
        network.plane.setTime(CoarseTime(rawValue: 12))
        var records: [FlowRecord] = []
        network.plane.sweepFlows { record in
            records.append(copy record)
            return .remove
        }
        #expect(records.map(\.counter) == [Counter(packets: 2, bytes: UInt64(bytes.count * 2))])
        #expect(records.first?.lastHit == CoarseTime(rawValue: 11))
        #expect(network.plane.entries(of: .flowCache).isEmpty)
        // The sweep gave back what the static flow held.
        #expect(try network.reason(bytes) == "forward route")
    }

    @Test("a miss is reported once an epoch for each flow, with what became of the packet")
    func misses() throws {
        let network = Network(
            .acl(
                ACLEntry(
                    id: 1, priority: 1,
                    match: {
                        var m = ACLEntry.Match(); m.dscp = 7; return m
                    }(), action: .drop)))
        func misses() -> [Reason] {
            var reasons: [Reason] = []
            _ = network.plane.pollEvents(maximum: 100) {
                if case .flowMiss(let miss) = $0 { reasons.append(miss.reason) }
            }
            return reasons
        }
        for _ in 0..<3 { _ = try network.send(Network.ipv4().bytes) }
        _ = try network.send(Network.ipv4(to: "192.168.0.1").bytes)
        _ = try network.send(Network.ipv4(to: "10.0.0.9") { $0.dscp = 7 }.bytes)
        // No key, no miss.
        _ = try network.send(Network.ipv4 { $0.moreFragments = true }.bytes)
        #expect(misses() == [.route, .noRoute, .acl])
        #expect(network.plane.health().eventsRepeated == 2)
        network.plane.setTime(CoarseTime(rawValue: 1))
        _ = try network.send(Network.ipv4().bytes)
        #expect(misses() == [.route])
        var port = PortEntry(port: Network.port(1))
        port.learnFlows = false
        _ = network.plane.write([.modify(.port(port))])
        network.plane.setTime(CoarseTime(rawValue: 2))
        _ = try network.send(Network.ipv4().bytes)
        #expect(misses() == [])
    }

    // MARK: ACL

    @Test("a later fragment never matches on ports, a first one does")
    func fragmentPorts() throws {
        var match = ACLEntry.Match()
        (match.ipProtocol, match.destinationPorts) = (17, 0...65535)
        let network = Network(.acl(ACLEntry(id: 1, priority: 1, match: match, action: .drop)))
        #expect(try network.reason(Network.ipv4().bytes) == "drop acl")
        #expect(try network.reason(Network.ipv4 { $0.moreFragments = true }.bytes) == "drop acl")
        #expect(try network.reason(Network.ipv4 { $0.fragmentOffset = 1 }.bytes) == "kernel fragment")
    }

    @Test("a permit entry ends the search, and a mirror copies what it permits")
    func permitAndMirror() throws {
        let network = Network(
            .acl(ACLEntry(id: 1, priority: 2, match: .init(), action: .permit, mirror: true)),
            .acl(ACLEntry(id: 2, priority: 1, match: .init(), action: .drop)))
        let verdict = try network.send(Network.ipv4().bytes)
        #expect(verdict.mirrored)
        #expect(verdict.reason == .route)
        var copies: [[UInt8]] = []
        _ = network.plane.pollEvents(maximum: 10) {
            if case .packetIn(_, .acl, true, _, let bytes) = $0 { copies.append(bytes) }
        }
        #expect(copies == [Network.ipv4().bytes])
        #expect(network.plane.counters(of: .acl).map(\.counter.packets) == [1, 0])
    }

    @Test("a redirect sends by its port, unmodified; by the kernel if the port is down")
    func redirect() throws {
        let network = Network(.acl(ACLEntry(id: 1, priority: 2, match: .init(), action: .redirect(Network.port(4)))))
        let bytes = Network.ipv4().bytes
        #expect(
            try network.send(bytes)
                == PacketVerdict(disposition: .forward, reason: .acl, egressPort: Network.port(4), output: bytes))
        var port = PortEntry(port: Network.port(4))
        port.up = false
        _ = network.plane.write([.modify(.port(port))])
        #expect(try network.reason(bytes) == "kernel egress_port_down")
    }

    @Test("with the default drop, what no entry permits is dropped")
    func defaultDrop() throws {
        var network = Network()
        network.plane = ReferenceDataPlane(aclDefault: .drop)
        network.add(Network.entries)
        #expect(try network.reason(Network.ipv4().bytes) == "drop acl")
        #expect(try network.reason([UInt8](repeating: 2, count: 14), port: 3) == "drop acl")
    }

    @Test("a field that a packet does not have never matches: fragment, protocol and DSCP want IP")
    func absentFields() throws {
        for change in [{ $0.fragment = .some(.none) }, { $0.dscp = 0 }, { $0.ipProtocol = 0 }]
            as [(inout ACLEntry.Match) -> Void]
        {
            var match = ACLEntry.Match()
            change(&match)
            let network = Network(.acl(ACLEntry(id: 1, priority: 1, match: match, action: .drop)))
            let arp = Frame(
                destination: Network.router, source: Network.host, payload: .other(etherType: 0x0806, bytes: []))
            #expect(try network.reason(arp.bytes) == "kernel not_ip")
        }
    }

    // MARK: Switching

    /// A frame in VLAN 10 from port 3.
    static func switched(to destination: MACAddress, tags: [Frame.Tag] = [], length: Int = 46) -> Frame {
        Frame(
            destination: destination, source: Network.host, tags: tags,
            payload: .other(etherType: 0x88b5, bytes: .init(repeating: 7, count: length)))
    }

    func switching(_ action: MACEntry.Action = .port(Network.port(5))) -> Network {
        Network(.mac(MACEntry(vlan: Network.vlan(10), mac: Network.peer, action: action, isStatic: true)))
    }

    @Test("a frame gets the VLAN's tag where the VLAN is tagged and loses it where it is not")
    func tags() throws {
        let network = switching()
        let verdict = try network.send(Self.switched(to: Network.peer).bytes, port: 3)
        #expect(verdict.output == Self.switched(to: Network.peer, tags: [.init(vid: 10)]).bytes)
        #expect(verdict.reason == .mac)
        // A priority tag gets the VLAN's VID and keeps its priority and TPID.
        let priority = Self.switched(to: Network.peer, tags: [.init(tpid: 0x88a8, priority: 5, vid: 0), .init(vid: 3)])
        #expect(
            try network.send(priority.bytes, port: 3).output
                == Self.switched(to: Network.peer, tags: [.init(tpid: 0x88a8, priority: 5, vid: 10), .init(vid: 3)])
                .bytes)
        let other = switching(.port(Network.port(4)))
        let tagged = Self.switched(to: Network.peer, tags: [.init(vid: 10), .init(vid: 3)])
        #expect(
            try other.send(tagged.bytes, port: 5).output == Self.switched(to: Network.peer, tags: [.init(vid: 3)]).bytes
        )
        #expect(
            try other.send(Self.switched(to: Network.peer).bytes, port: 3).output
                == Self.switched(to: Network.peer).bytes)
    }

    @Test(
        "what the MAC table says is done",
        arguments: [
            (MACEntry.Action.drop, "drop mac"), (.kernel, "kernel mac"), (.cpu, "cpu mac"),
            (.port(Network.port(3)), "drop same_port"),
            (.port(Network.port(2)), "drop vlan_egress"), (.port(Network.port(4)), "forward mac"),
        ])
    func macActions(action: MACEntry.Action, expected: String) throws {
        let network = switching(action)
        #expect(try network.reason(Self.switched(to: Network.peer).bytes, port: 3) == expected)
        var counted = Counter()
        network.plane.sweepMACs { record in
            counted = record.counter
            return .keep
        }
        #expect(counted == Counter(packets: 1, bytes: 60))
    }

    @Test("a switched frame may be as long as the MTU, an Ethernet header and its tags")
    func switchedMTU() throws {
        let network = switching()
        #expect(try network.reason(Self.switched(to: Network.peer, length: 1500).bytes, port: 3) == "forward mac")
        #expect(try network.reason(Self.switched(to: Network.peer, length: 1501).bytes, port: 3) == "drop mtu_exceeded")
        let tagged = { Self.switched(to: Network.peer, tags: [.init(vid: 10), .init(vid: 2)], length: $0) }
        #expect(try network.reason(tagged(1500).bytes, port: 3) == "forward mac")
        #expect(try network.reason(tagged(1501).bytes, port: 3) == "drop mtu_exceeded")
    }

    @Test("group and unknown addresses follow the VLAN's policies; a flood carries the tag")
    func floods() throws {
        let network = Network()
        let flooded = try network.send(Self.switched(to: .broadcast).bytes, port: 3)
        #expect(
            flooded
                == PacketVerdict(
                    disposition: .forward, reason: .flood, floodVLAN: Network.vlan(10),
                    output: Self.switched(to: .broadcast, tags: [.init(vid: 10)]).bytes))
        guard case .vlan(var vlan) = Network.entries[5] else { return }
        (vlan.broadcast, vlan.multicast, vlan.unknownUnicast) = (.drop, .kernel, .drop)
        _ = network.plane.write([.modify(.vlan(vlan))])
        #expect(try network.reason(Self.switched(to: .broadcast).bytes, port: 3) == "drop broadcast")
        #expect(
            try network.reason(Self.switched(to: MACAddress(rawValue: 0x0100_5e00_0001)).bytes, port: 3)
                == "kernel multicast")
        #expect(try network.reason(Self.switched(to: Network.peer).bytes, port: 3) == "drop unknown_unicast")
    }

    @Test(
        "a frame of a VLAN that the port is not in, or from no possible station, is dropped; reserved addresses never cross"
    )
    func ingress() throws {
        let network = Network()
        #expect(
            try network.reason(Self.switched(to: Network.peer, tags: [.init(vid: 11)]).bytes, port: 3)
                == "drop vlan_ingress")
        #expect(
            try network.reason(Self.switched(to: Network.peer, tags: [.init(vid: 4095)]).bytes, port: 3)
                == "drop vlan_ingress")
        for source in [MACAddress.broadcast, MACAddress(rawValue: 0)] {
            var frame = Self.switched(to: Network.peer)
            frame.source = source
            #expect(try network.reason(frame.bytes, port: 3) == "drop source_mac")
        }
        for (address, expected) in [
            (0x0180_c200_000f, "kernel reserved_multicast"), (0x0180_c200_0010, "forward flood"),
        ] as [(UInt64, String)] {
            #expect(try network.reason(Self.switched(to: MACAddress(rawValue: address)).bytes, port: 3) == expected)
        }
    }

    @Test(
        "at a routed port, what is for others is the kernel's",
        arguments: [
            (MACAddress.broadcast, "kernel broadcast"), (MACAddress(rawValue: 0x3333_0000_0001), "kernel multicast"),
            (Network.peer, "kernel not_my_station"),
        ])
    func notMyStation(destination: MACAddress, expected: String) throws {
        #expect(try Network().reason(Self.switched(to: destination).bytes, port: 1) == expected)
    }

    @Test("a source address is reported until it is learned where it is; a static entry is left alone")
    func learning() throws {
        let network = Network()
        func sightings() -> [PortID] {
            var ports: [PortID] = []
            _ = network.plane.pollEvents(maximum: 100) { if case .macMiss(_, _, let port) = $0 { ports.append(port) } }
            return ports
        }
        let bytes = Self.switched(to: Network.peer).bytes
        for _ in 0..<3 { _ = try network.send(bytes, port: 3) }
        #expect(sightings() == [Network.port(3)])
        var entry = MACEntry(vlan: Network.vlan(10), mac: Network.host, action: .port(Network.port(3)), isStatic: false)
        network.add([.mac(entry)])
        network.plane.setTime(CoarseTime(rawValue: 8))
        _ = try network.send(bytes, port: 3)
        #expect(sightings() == [])
        network.plane.sweepMACs { record in
            #expect(record.lastHit == CoarseTime(rawValue: 8))
            return .keep
        }
        _ = try network.send(bytes, port: 4)
        #expect(sightings() == [Network.port(4)])
        entry.isStatic = true
        _ = network.plane.write([.modify(.mac(entry))])
        network.plane.setTime(CoarseTime(rawValue: 9))
        _ = try network.send(bytes, port: 4)
        #expect(sightings() == [])
    }

    @Test("events that find no room are counted and lost, and cost no packet")
    func eventsLost() throws {
        var network = Network()
        network.plane = ReferenceDataPlane(eventCapacity: 3)
        network.add(Network.entries)
        for source in 0..<10 as Range<UInt16> {
            #expect(try network.reason(Network.ipv4(.udp(source: source, destination: 1)).bytes) == "forward route")
        }
        #expect(network.plane.health().eventsSent == 3)
        #expect(network.plane.health().eventsLost == 7)
        #expect(network.plane.pollEvents(maximum: 2) { _ in } == 2)
        #expect(network.plane.pollEvents(maximum: 9) { _ in } == 1)
    }

    @Test("a packet goes out by a port that is there, as it is")
    func packetOut() throws {
        var sent: [(PortID, [UInt8])] = []
        let plane = ReferenceDataPlane(transmit: { sent.append(($0, $1)) })
        let bytes: [UInt8] = [1, 2]
        #expect(throws: DataPlaneError.unknownPort(Network.port(1))) {
            try plane.packetOut(bytes.span.bytes, port: Network.port(1))
        }
        _ = plane.write([.insert(Network.entries[0])])
        try plane.packetOut(bytes.span.bytes, port: Network.port(1))
        #expect(sent.map(\.1) == [bytes])
    }
}
