// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import Testing

/// Hardware with ports 1 to 5, in front of the tests' network.
struct Card {
    var network = Network()
    var traits = Card.known
    var ports = Set((1...5).map { Network.port(UInt16($0)) })

    /// All that could be known.
    static let known: OffloadTraits = {
        var traits = OffloadTraits()
        (traits.skipsMalformed, traits.skipsInvalidSource, traits.skipsReservedMulticast) = (true, true, true)
        (traits.dropsToIngress, traits.knowsFragments, traits.readsServiceTags) = (true, true, true)
        (traits.tagsRead, traits.minimumFrame, traits.maximumFrame) = (1, 60, 1518)
        return traits
    }()

    func prove(_ change: (inout Megaflow) -> Void) -> Result<MegaflowProof, OffloadRefusal> {
        var megaflow = Megaflow()
        change(&megaflow)
        do throws(OffloadRefusal) {
            return .success(
                try MegaflowProof(
                    megaflow, state: network.plane.state, entries: network.plane, traits: traits, ports: ports))
        } catch {
            return .failure(error)
        }
    }

    /// `drop`, `forward 5`, or why not.
    func decide(_ change: (inout Megaflow) -> Void) -> String {
        switch prove(change) {
        case .success(let proof):
            switch proof.decision {
            case .drop: "drop"
            case .forward(let port): "forward \(port.rawValue)"
            }
        case .failure(let refusal): "\(refusal)"
        }
    }

    func change(port number: UInt16, _ change: (inout PortEntry) -> Void) {
        guard var port = network.plane.state.port(Network.port(number)) else { return }
        change(&port)
        #expect(network.plane.write([.modify(.port(port))]) == [.applied])
    }

    func block(_ change: (inout ACLEntry.Match) -> Void, action: ACLEntry.Action = .drop, mirror: Bool = false) {
        var match = ACLEntry.Match()
        change(&match)
        network.add([.acl(ACLEntry(id: 7, priority: 1, match: match, action: action, mirror: mirror))])
    }

    /// Ports 3 and 5 carry VLAN 20 with tags; `host` is learned at port 5, `peer` at port 3.
    func addStations() {
        var vlan = VLANEntry(vlan: Network.vlan(20))
        vlan.tagged = [Network.port(3), Network.port(5)]
        vlan.untagged = [Network.port(4)]
        network.add([
            .vlan(vlan),
            .mac(
                MACEntry(vlan: vlan.vlan, mac: Network.host, action: .port(Network.port(5)), isStatic: false)),
            .mac(
                MACEntry(vlan: vlan.vlan, mac: Network.peer, action: .port(Network.port(3)), isStatic: false)),
        ])
    }

    static func peerToHost(_ megaflow: inout Megaflow) {
        (megaflow.ingressPort, megaflow.vlan) = (Network.port(3), Network.vlan(20))
        (megaflow.sourceMAC, megaflow.destinationMAC) = (Network.peer, Network.host)
    }
}

@Suite("What is the same for every frame of a megaflow")
struct OffloadProofTests {
    @Test("a port that admits nothing can be shut by its number alone, whatever is known of the hardware")
    func closedPort() {
        var card = Card()
        card.traits = OffloadTraits()
        card.change(port: 2) { $0.admit = false }
        #expect(card.decide { $0.ingressPort = Network.port(2) } == "drop")
        #expect(card.decide { _ in }.hasPrefix("not all its frames are decided alike"))
    }

    @Test("a port that the hardware does not have receives nothing")
    func unknownPort() {
        let refusal = Card().decide { $0.ingressPort = Network.port(9) }
        #expect(refusal == "ingress_port cannot be 9; expected one of the card's ports: 1, 2, 3, 4, 5")
    }

    @Test("a frame between known stations goes by itself, and renews its source")
    func switched() throws {
        let card = Card()
        card.addStations()
        let proof = try card.prove(Card.peerToHost).get()
        #expect(proof.decision == .forward(Network.port(5)))
        #expect(proof.refreshes == MACKey(vlan: Network.vlan(20), mac: Network.peer))
        let both = [Network.peer, Network.host].map { MACKey(vlan: Network.vlan(20), mac: $0) }
        #expect(proof.macsRead == Set(both))
    }

    struct Difference: CustomTestStringConvertible, Sendable {
        var words: String
        var change: @Sendable (inout Card) -> Void
        var testDescription: String { words }
    }

    static let differences: [Difference] = [
        Difference(words: "malformed IPv4 are dropped") { $0.traits.skipsMalformed = false },
        Difference(words: "longer than 1518 bytes") { $0.traits.maximumFrame = 1522 },
        Difference(words: "longer than 1518 bytes") { $0.traits.maximumFrame = nil },
        Difference(words: "end within the Ethernet header") { $0.traits.minimumFrame = nil },
        Difference(words: "have to be learned") { $0.network.plane.sweepMACs { _ in .remove } },
        Difference(words: "are flooded in VLAN 20") { card in
            card.network.plane.sweepMACs { $0.entry.mac == Network.host ? .remove : .keep }
        },
        Difference(words: "are copied to the controller") { card in
            card.block({ $0.dscp = 46 }, action: .permit, mirror: true)
        },
        Difference(words: "which the card does not have") { $0.ports.remove(Network.port(5)) },
    ]

    @Test(
        "a frame between known stations does not go by itself where something can differ", arguments: differences)
    func switchedRefused(_ difference: Difference) {
        var card = Card()
        card.addStations()
        difference.change(&card)
        let refusal = card.decide(Card.peerToHost)
        #expect(refusal.contains(difference.words), "\(refusal)")
    }

    @Test("a frame between known stations goes by itself where headers are not judged")
    func malformedIgnored() {
        var card = Card()
        card.addStations()
        card.traits.skipsMalformed = false
        #expect(card.decide(Card.peerToHost).contains("malformed IPv4 are dropped"))
        card.change(port: 3) { $0.malformed = .ignore }
        #expect(card.decide(Card.peerToHost) == "forward 5")
        // Truncated ones are still dropped.
        card.traits.minimumFrame = 21
        #expect(card.decide(Card.peerToHost).contains("end within the Ethernet header or a tag are dropped"))
    }

    @Test("a frame for a station behind a port that is down is dropped by itself")
    func egressDown() {
        let card = Card()
        card.addStations()
        card.change(port: 5) { $0.up = false }
        #expect(card.decide(Card.peerToHost) == "drop")
    }

    @Test("a frame of any VLAN does not go by itself: those of other VLANs are dropped")
    func anyVLAN() {
        let card = Card()
        card.addStations()
        for port in [3, 5] as [UInt16] { card.change(port: port) { $0.learnMACs = false } }
        let refusal = card.decide { megaflow in
            Card.peerToHost(&megaflow)
            megaflow.vlan = nil
        }
        #expect(refusal.contains("of a VLAN that the port is not in are dropped (vlan_ingress)"), "\(refusal)")
    }

    @Test("a tag that has to be added or taken off is not the hardware's to change")
    func tags() {
        let card = Card()
        card.addStations()
        let key = { (mac: MACAddress) in MACEntry(vlan: Network.vlan(20), mac: mac, action: .drop, isStatic: true) }
        var atUntagged = key(Network.host)
        atUntagged.action = .port(Network.port(4))
        _ = card.network.plane.write([.modify(.mac(atUntagged))])
        #expect(card.decide(Card.peerToHost).hasSuffix("leave by port 4 without their tag"))
        card.change(port: 3) { $0.pvid = Network.vlan(20) }
        _ = card.network.plane.write([
            .modify(
                .mac(
                    MACEntry(vlan: Network.vlan(20), mac: Network.host, action: .port(Network.port(5)), isStatic: true))
            )
        ])
        let untagged = card.decide { megaflow in
            Card.peerToHost(&megaflow)
            megaflow.vlan = .untagged
        }
        #expect(untagged.hasSuffix("leave by port 5 with the VLAN's tag"))
    }

    @Test("without learning the source does not matter, and frames from the egress port do if hardware sends them back")
    func anySource() {
        var card = Card()
        card.addStations()
        for port in [3, 4, 5] as [UInt16] { card.change(port: port) { $0.learnMACs = false } }
        card.ports = [Network.port(3), Network.port(5)]
        let toHost = { (megaflow: inout Megaflow) in
            (megaflow.vlan, megaflow.destinationMAC) = (Network.vlan(20), Network.host)
        }
        #expect(card.decide(toHost) == "forward 5")
        card.traits.dropsToIngress = false
        #expect(card.decide(toHost).contains("frames at port 5, with a tag of VLAN 20, IPv4 are dropped (same_port)"))
        card.traits.dropsToIngress = true
        card.traits.skipsInvalidSource = false
        #expect(card.decide(toHost).contains("from a multicast or zero address are dropped (source_mac)"))
        // A third port, that is no member with a tag or without.
        card.traits.skipsInvalidSource = true
        card.ports.insert(Network.port(1))
        #expect(card.decide(toHost).contains("not_my_station"))
    }

    @Test("a routed flow is not the hardware's: TTL and addresses would have to change")
    func routed() {
        let card = Card()
        let refusal = card.decide { megaflow in
            (megaflow.ingressPort, megaflow.destinationMAC) = (Network.port(1), Network.router)
            (megaflow.vlan, megaflow.etherType) = (.untagged, EtherType.ipv4)
            megaflow.ipv4Source = Network.v4("198.51.100.7")
            megaflow.ipv4Destination = Network.v4("10.1.2.3")
            (megaflow.ipProtocol, megaflow.sourcePort, megaflow.destinationPort) = (17, 1000, 53)
        }
        #expect(
            refusal == """
                not all its frames are decided alike: frames at port 1, untagged, IPv4 leave by port 2 rewritten, \
                frames at port 1, untagged, IPv4, with TTL 0 or 1 go to the kernel (ttl_expired)
                """)
    }

    @Test("a flow blocked by its addresses is blocked whatever its packets are like")
    func blocked() {
        var card = Card()
        card.block { match in
            match.source = Network.prefix("198.51.100.0/24")
        }
        let fromNet = { (megaflow: inout Megaflow) in
            (megaflow.ingressPort, megaflow.destinationMAC) = (Network.port(1), Network.router)
            megaflow.ipv4Source = Network.v4("198.51.100.7")
        }
        #expect(card.decide(fromNet) == "drop")
        // Malformed packets are dropped as well; for another reason, which does not matter.
        card.traits = OffloadTraits()
        #expect(card.decide(fromNet) == "drop")
        card.change(port: 1) { $0.malformed = .kernel }
        #expect(card.decide(fromNet).contains("malformed IPv4 go to the kernel"))
        card.traits.skipsMalformed = true
        #expect(card.decide(fromNet) == "drop")
        #expect(card.decide { $0.ipv4Source = Network.v4("198.51.101.7") } != "drop")
    }

    @Test("ports say nothing of a later fragment or behind options")
    func fragments() {
        var card = Card()
        card.block { match in
            (match.ipProtocol, match.destinationPorts) = (17, 53...53)
        }
        let dns = { (megaflow: inout Megaflow) in
            (megaflow.ingressPort, megaflow.destinationMAC) = (Network.port(1), Network.router)
            (megaflow.etherType, megaflow.ipProtocol, megaflow.destinationPort) = (EtherType.ipv4, 17, 53)
        }
        card.traits.knowsFragments = false
        card.traits.skipsOptions = true
        #expect(card.decide(dns).contains("IPv4 later fragments go to the kernel (fragment)"))
        card.traits.knowsFragments = true
        #expect(card.decide(dns) == "drop")
        card.traits.skipsOptions = false
        #expect(card.decide(dns).contains("with options"))
        // Without the EtherType the frame need not be IPv4 at all.
        card.traits.skipsOptions = true
        #expect(
            !card.decide { megaflow in
                dns(&megaflow)
                megaflow.etherType = nil
            }.hasPrefix("drop"))
    }

    @Test("a rule on any port does not match a later fragment, which has none")
    func anyPort() {
        var card = Card()
        card.block { match in
            (match.ipProtocol, match.destinationPorts) = (17, 0...UInt16.max)
        }
        let udp = { (megaflow: inout Megaflow) in
            (megaflow.ingressPort, megaflow.destinationMAC) = (Network.port(1), Network.router)
            (megaflow.etherType, megaflow.ipProtocol) = (EtherType.ipv4, 17)
        }
        #expect(card.decide(udp).contains("IPv4 later fragments go to the kernel (fragment)"))
        card.traits.skipsFragments = true
        #expect(card.decide(udp) == "drop")
    }

    @Test("an EtherType is found behind the tags that hardware reads past")
    func etherType() {
        var card = Card()
        card.block({ $0.etherType = 0x88f7 }, action: .redirect(Network.port(2)))
        let ptp = { (megaflow: inout Megaflow) in
            (megaflow.ingressPort, megaflow.etherType) = (Network.port(1), 0x88f7)
        }
        #expect(card.decide(ptp) == "forward 2")
        card.traits.tagsRead = nil
        #expect(card.decide(ptp) == "forward 2")
        // A frame with two tags is none of them if hardware reads one; a rule on VLAN 0 takes only those without.
        _ = card.network.plane.write([.delete(card.network.plane.entries(of: .acl)[0])])
        card.block({ ($0.etherType, $0.vlan) = (0x88f7, .untagged) }, action: .redirect(Network.port(2)))
        card.traits.tagsRead = 0
        #expect(card.decide(ptp) == "forward 2")
        card.traits.tagsRead = 1
        #expect(card.decide(ptp).contains("with a tag, EtherType 0x88f7, not for the router go to the kernel"))
        card.traits.skipsReservedMulticast = false
        #expect(card.decide(ptp).contains("to a reserved multicast address go to the kernel"))
    }

    @Test("between access ports frames go by themselves only if those with a priority tag are told apart")
    func priorityTags() {
        var card = Card()
        _ = card.network.plane.write([
            .insert(
                .mac(
                    MACEntry(
                        vlan: Network.vlan(10), mac: Network.host, action: .port(Network.port(4)), isStatic: true)))
        ])
        card.change(port: 3) { $0.learnMACs = false }
        let untagged = { (megaflow: inout Megaflow) in
            (megaflow.ingressPort, megaflow.vlan) = (Network.port(3), .untagged)
            megaflow.destinationMAC = Network.host
        }
        card.traits.maximumFrame = 1514
        #expect(card.decide(untagged).contains("with a priority tag, IPv4 leave by port 4 without their tag"))
        card.traits.skipsPriorityTags = true
        #expect(card.decide(untagged) == "forward 4")
    }

    @Test("a service tag may pass for none")
    func serviceTag() {
        var card = Card()
        card.block({ $0.vlan = .untagged })
        let untagged = { (megaflow: inout Megaflow) in
            (megaflow.ingressPort, megaflow.vlan) = (Network.port(1), .untagged)
        }
        #expect(card.decide(untagged) == "drop")
        card.traits.readsServiceTags = false
        #expect(card.decide(untagged).contains("with a tag, IPv4"))
    }

    @Test("a protocol alone is read only in IPv4 whose tags are all read past")
    func protocolBehindTags() {
        var card = Card()
        func rule(_ priority: UInt32, _ action: ACLEntry.Action, _ match: ACLEntry.Match) -> TableEntry {
            .acl(ACLEntry(id: priority, priority: priority, match: match, action: action))
        }
        var (ipv6, tcp) = (ACLEntry.Match(), ACLEntry.Match())
        (ipv6.etherType, tcp.ipProtocol) = (EtherType.ipv6, 6)
        card.network.add([rule(3, .drop, ipv6), rule(2, .kernel, tcp), rule(1, .drop, ACLEntry.Match())])
        let udp = { (megaflow: inout Megaflow) in
            (megaflow.ingressPort, megaflow.ipProtocol) = (Network.port(1), 17)
        }
        card.traits.tagsRead = 2
        #expect(card.decide(udp) == "drop")
        card.traits.tagsRead = 1
        #expect(card.decide(udp).contains("and another, IPv4, matched by ACL entry 2 go to the kernel"))
        card.traits.tagsRead = nil
        #expect(card.decide(udp).contains("with a priority tag, IPv4, matched by ACL entry 2 go to the kernel"))
        card.traits.tagsRead = 2
        card.traits.readsServiceTags = false
        #expect(card.decide(udp).contains("with a priority tag, IPv4, matched by ACL entry 2 go to the kernel"))
    }

    @Test("how many tags hardware reads past may not be known")
    func tagsUnknown() {
        var card = Card()
        card.network.add([
            .myStation(
                MyStationEntry(
                    port: Network.port(2), vlan: nil, mac: Network.router, routerInterface: Network.interface2))
        ])
        let key = FlowKey(
            routerInterface: Network.interface2, source: Network.ip("198.51.100.7"),
            destination: Network.ip("10.1.2.3"), ipProtocol: 47)
        card.network.add([.flow(FlowEntry(key: key, action: .drop))])
        (card.traits.skipsFragments, card.traits.skipsOptions) = (true, true)
        let flow = { (megaflow: inout Megaflow) in
            megaflow = Megaflow.samples(of: key, state: card.network.plane.state)[0]
        }
        #expect(card.decide(flow) == "drop")
        card.traits.tagsRead = nil
        #expect(card.decide(flow).contains("and another, IPv4 go to the kernel (vlan_depth)"))
    }

    @Test("frames are not sent back by hardware where they came in")
    func back() {
        let card = Card()
        card.block({ $0.ingressPort = Network.port(2) }, action: .redirect(Network.port(2)))
        let refusal = card.decide { $0.ingressPort = Network.port(2) }
        #expect(refusal.hasPrefix("the card cannot do this:") && refusal.hasSuffix("where they came in"))
    }

    @Test("one static flow among others that goes another way is enough")
    func staticFlows() {
        var card = Card()
        (card.traits.skipsFragments, card.traits.skipsOptions) = (true, true)
        func flow(_ port: UInt16, _ action: ForwardingAction) -> TableEntry {
            let key = FlowKey(
                routerInterface: Network.interface1, source: Network.ip("198.51.100.7"),
                destination: Network.ip("192.0.2.77"), ipProtocol: 17, sourcePort: port, destinationPort: 53)
            return .flow(FlowEntry(key: key, action: action))
        }
        card.network.add((1...9).map { flow($0, .drop) })
        card.network.add([.route(RouteEntry(prefix: Network.prefix("192.0.2.77/32"), action: .drop))])
        let toHost = { (megaflow: inout Megaflow) in
            (megaflow.ingressPort, megaflow.vlan) = (Network.port(1), .untagged)
            (megaflow.destinationMAC, megaflow.ipProtocol) = (Network.router, 17)
            megaflow.ipv4Source = Network.v4("198.51.100.7")
            megaflow.ipv4Destination = Network.v4("192.0.2.77")
        }
        #expect(card.decide(toHost) == "drop")
        card.network.add([flow(10, .port(Network.port(2)))])
        #expect(card.decide(toHost).hasPrefix("not all its frames are decided alike"))
    }

    @Test("a static flow decides only what has its key")
    func staticFlow() {
        var card = Card()
        let key = FlowKey(
            routerInterface: Network.interface1, source: Network.ip("198.51.100.7"),
            destination: Network.ip("10.1.2.3"), ipProtocol: 17, sourcePort: 1000, destinationPort: 53)
        card.network.add([.flow(FlowEntry(key: key, action: .port(Network.port(2))))])
        let flow = { (megaflow: inout Megaflow) in
            megaflow = Megaflow.samples(of: key, state: card.network.plane.state)[0]
        }
        (card.traits.skipsFragments, card.traits.skipsOptions) = (true, true)
        #expect(card.decide(flow) == "forward 2")
        card.traits.skipsFragments = false
        #expect(card.decide(flow).contains("IPv4 first fragments go to the kernel (fragment)"))
        card.traits.skipsFragments = true
        #expect(
            card.decide { megaflow in
                flow(&megaflow)
                megaflow.sourcePort = nil
            }.contains("of flow \(key) leave by port 2"))
    }
}
