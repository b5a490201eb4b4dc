// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import Testing

@Suite("The coarsest megaflow that hardware can be told")
struct OffloadPlannerTests {
    static let stationKey = OffloadKeySet(name: "type 3", fields: [.vlan, .destinationMAC], isMasked: false)
    static let flowKey = OffloadKeySet(
        name: "type 4", fields: [.etherType, .ipv4Destination, .ipProtocol, .destinationPort], isMasked: false)
    static let all = OffloadKeySet(name: "masked", fields: MegaflowFields(rawValue: 0xfff), isMasked: true)

    func planner(_ card: Card, _ keySets: [OffloadKeySet]) -> OffloadPlanner<ReferenceDataPlane> {
        OffloadPlanner(
            state: card.network.plane.state, entries: card.network.plane, traits: card.traits, ports: card.ports,
            keySets: keySets)
    }

    func peerToHost(_ card: Card) throws -> Megaflow {
        func station(_ mac: MACAddress) throws -> MACEntry {
            try #require(card.network.plane.mac(MACKey(vlan: Network.vlan(20), mac: mac)))
        }
        let samples = Megaflow.samples(
            from: try station(Network.peer), to: try station(Network.host), state: card.network.plane.state)
        #expect(samples.count == 1)
        return try #require(samples.first)
    }

    @Test("a learned station is offloaded with its source, by a masked key that leaves open what does not matter")
    func learned() throws {
        let card = Card()
        card.addStations()
        var sample = try peerToHost(card)
        sample.etherType = EtherType.ipv4
        sample.ipv4Destination = Network.v4("10.0.0.1")
        let plans = try planner(card, [Self.stationKey, Self.flowKey, Self.all]).plans(for: sample)
        #expect(plans.map(\.keySet) == ["masked"])
        #expect(plans[0].megaflow.fields == [.ingressPort, .vlan, .sourceMAC, .destinationMAC])
        #expect(plans[0].proof.refreshes?.mac == Network.peer)
    }

    @Test("where nothing is learned the exact key comes first: it covers all sources")
    func notLearned() throws {
        var card = Card()
        card.addStations()
        for port in [3, 5] as [UInt16] { card.change(port: port) { $0.learnMACs = false } }
        card.ports = [Network.port(3), Network.port(5)]
        let plans = try planner(card, [Self.all, Self.stationKey]).plans(for: try peerToHost(card))
        // Both come to the same; that it is not masked does not make it coarser.
        #expect(plans.map(\.keySet) == ["masked", "type 3"])
        #expect(plans.allSatisfy { $0.megaflow.fields == [.vlan, .destinationMAC] })
        #expect(plans.allSatisfy { $0.proof.decision == .forward(Network.port(5)) })
    }

    @Test("a sample that no key can tell is refused with the keys there are")
    func noKey() {
        let card = Card()
        #expect(
            throws: OffloadRefusal.noKey(
                fields: [.ingressPort], keys: ["type 3 (destination_mac, vlan)"])
        ) {
            try planner(card, [Self.stationKey]).plans(for: Megaflow(receivedAt: Network.port(1)))
        }
    }

    @Test("a sample that is not uniform is refused with what its finest megaflow comes to")
    func refused() throws {
        var card = Card()
        card.addStations()
        card.traits.maximumFrame = nil
        let sample = try peerToHost(card)
        let error = #expect(throws: OffloadRefusal.self) {
            try planner(card, [Self.stationKey, Self.all]).plans(for: sample)
        }
        #expect(try #require(error).description.contains("longer than 1518 bytes"))
    }

    @Test("an ACL entry on whole fields is a sample, one on parts of fields is not")
    func aclSample() {
        var match = ACLEntry.Match()
        match.etherType = 0x88f7
        match.destinationMAC = Ternary(value: Network.host.rawValue, mask: MACAddress.broadcast.rawValue)
        match.source = Network.prefix("10.0.0.1/32")
        match.sourcePorts = 0...UInt16.max
        var expected = Megaflow()
        (expected.etherType, expected.destinationMAC) = (0x88f7, Network.host)
        expected.ipv4Source = Network.v4("10.0.0.1")
        #expect(Megaflow(matchedBy: match) == expected)
        let partial: [(inout ACLEntry.Match) -> Void] = [
            { $0.source = Network.prefix("10.0.0.0/8") }, { $0.destinationPorts = 1...2 },
            { $0.sourceMAC = Ternary(value: 0, mask: 1) }, { $0.destination = Network.prefix("2001:db8::1/128") },
            { $0.tcpFlags = Ternary(value: 2) }, { $0.routed = true }, { $0.fragment = .any }, { $0.icmpType = 8 },
            { $0.icmpCode = 0 },
        ]
        for change in partial {
            var changed = match
            change(&changed)
            #expect(Megaflow(matchedBy: changed) == nil)
        }
    }

    @Test("a flow takes address, port and VLAN from the stations that lead to its interface, if they agree")
    func flowSample() throws {
        let card = Card()
        func sample(_ destination: String = "10.1.2.3") -> [Megaflow] {
            let source = destination.contains(":") ? "2001:db8:ffff::7" : "198.51.100.7"
            let key = FlowKey(
                routerInterface: Network.interface1, source: Network.ip(source),
                destination: Network.ip(destination), ipProtocol: 6, sourcePort: 1, destinationPort: 2)
            return Megaflow.samples(of: key, state: card.network.plane.state)
        }
        let alone = try #require(sample().first)
        #expect(alone.ingressPort == Network.port(1) && alone.vlan == .untagged)
        #expect(alone.destinationMAC == Network.router && alone.sourcePort == 1 && alone.destinationPort == 2)
        #expect(sample("2001:db8::9").isEmpty)
        card.network.add([
            .myStation(
                MyStationEntry(
                    port: Network.port(2), vlan: Network.vlan(7), mac: Network.router,
                    routerInterface: Network.interface1))
        ])
        let either = try #require(sample().first)
        #expect(either.ingressPort == nil && either.vlan == nil && either.destinationMAC == Network.router)
    }

    @Test("a VLAN that a port carries with and without a tag gives two samples")
    func twoSamples() {
        let card = Card()
        card.addStations()
        card.change(port: 3) { $0.pvid = Network.vlan(20) }
        let stations = [Network.peer, Network.host].compactMap {
            card.network.plane.mac(MACKey(vlan: Network.vlan(20), mac: $0))
        }
        let samples = Megaflow.samples(from: stations[0], to: stations[1], state: card.network.plane.state)
        #expect(samples.map(\.vlan) == [Network.vlan(20), .untagged])
    }
}
