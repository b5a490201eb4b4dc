// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import Testing

@testable import Controller

@Suite("A node with a card")
struct TierNodeTests {
    private static let yaml = """
        ports:
          - {name: p1, addresses: [10.0.1.1/24]}
          - {name: p2, addresses: [10.0.2.1/24]}
        flows:
          - {port: p1, source: 10.0.1.2, destination: 192.0.2.9, protocol: udp, source_port: 1000, destination_port: 53, action: drop,
             idle_timeout: 20s}
          - {port: p1, source: 10.0.1.2, destination: 192.0.2.9, protocol: udp, source_port: 1001, destination_port: 53, action: kernel}
        card: {bus: "simulated:/run/card.sock", ports: {p1: 0, p2: 2}, promote: 20pps, demote: 2pps, share: 100%}
        """

    private func node() throws -> (core: NodeCore, card: TierCard, back: ReferenceDataPlane) {
        let back = ReferenceDataPlane()
        let keys = [
            TierWorld.key(
                "emh type 2",
                [
                    .ingressPort, .vlan, .destinationMAC, .etherType, .ipv4Source, .ipv4Destination, .ipProtocol,
                    .sourcePort, .destinationPort,
                ])
        ]
        let card = TierCard(keySets: keys, ports: [PortID(rawValue: 1), PortID(rawValue: 2)])
        let core = Fixture.core(TieredDataPlane(back: back, front: card, planner: card, seed: 1))
        _ = try core.apply(try Fixture.configuration(Self.yaml), facts: Fixture.facts, now: Fixture.second)
        return (core, card, back)
    }

    @Test("a hot flow moves, is listed with its place, does not age there, and comes back")
    func moves() throws {
        let (core, card, back) = try node()
        let frame = Fixture.frame()
        var now = Fixture.second
        var sent: UInt64 = 0
        func second(_ packets: Int) throws {
            now += Fixture.second
            core.setTime(now)
            for _ in 0..<packets {
                sent += 1
                if card.decide(frame, port: 1) == nil { _ = try back.process(frame, port: 1) }
            }
            core.sweep(now: now, clock: { now })
        }
        func record() throws -> EntryRecord {
            try #require(
                core.flows(FlowFilter()).first { record in
                    if case .flow(let flow) = record.entry { flow.key.sourcePort == 1000 } else { false }
                })
        }
        try second(10)
        #expect(try record().location == EntryLocation(place: "reference", reason: "under 20 pps"))
        for _ in 0..<3 { try second(50) }
        #expect(card.rules.count == 1)
        var seen = try record()
        #expect(seen.location?.place.hasPrefix("card: emh slot ") == true, "\(seen.location?.place ?? "")")
        for _ in 0..<40 { try second(50) }
        seen = try record()
        #expect(seen.location?.reason == "50 pps")
        #expect(seen.counter?.packets == sent && seen.origin == .configuration)
        #expect(core.statistics(now: now).verdicts.reduce(0) { $0 + $1.counter.packets } == sent)
        let status = try #require(core.status(now: now).card)
        #expect(status.name == "card" && status.problem == nil && status.placed == 1)
        #expect(status.tables.map(\.used) == [1, 0] && status.packets > 1000)

        // It ends: first the rule goes, then the entry, in its time.
        for _ in 0..<15 { try second(0) }
        #expect(card.rules.isEmpty)
        #expect(try record().counter?.packets == sent)
        for _ in 0..<10 { try second(0) }
        #expect(core.flows(FlowFilter()).count == 1)
        #expect(card.context.entries(of: .flowCache).count == 1, "the card knows too")
        #expect(core.status(now: now).card?.cold == 1)
    }

    @Test("why a flow is not on the card is said")
    func reasons() throws {
        let (core, card, back) = try node()
        let frame = Fixture.frame(sourcePort: 1001)
        for second in 1...5 as ClosedRange<UInt64> {
            let now = Fixture.second * (second + 1)
            core.setTime(now)
            for _ in 0..<60 { if card.decide(frame, port: 1) == nil { _ = try back.process(frame, port: 1) } }
            core.sweep(now: now, clock: { now })
        }
        let reasons = core.flows(FlowFilter()).compactMap(\.location?.reason)
        #expect(Set(reasons) == ["goes to the kernel", "under 20 pps"])
    }

    @Test("thresholds of a new configuration hold at once")
    func settings() throws {
        let (core, _, _) = try node()
        #expect(core.tiering?.policy.settings.promote == 20 && core.tiering?.policy.settings.share == 1)
        let other = Self.yaml.replacing("promote: 20pps", with: "promote: 5kpps")
        _ = try core.apply(try Fixture.configuration(other), facts: Fixture.facts, now: Fixture.second)
        #expect(core.tiering?.policy.settings.promote == 5000)
    }

    @Test("a node without a card says where its flows are")
    func without() throws {
        let core = Fixture.core(ReferenceDataPlane())
        _ = try core.apply(try Fixture.configuration(Self.yaml), facts: Fixture.facts, now: Fixture.second)
        #expect(core.flows(FlowFilter()).allSatisfy { $0.location == EntryLocation(place: "reference") })
        #expect(core.status(now: Fixture.second).card == nil)
    }
}
