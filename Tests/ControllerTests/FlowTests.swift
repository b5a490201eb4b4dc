// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import Testing

@testable import Controller

@Suite("From a miss to an entry")
struct FlowTests {
    private func node(_ text: String = Fixture.yaml) throws -> (ReferenceDataPlane, NodeCore) {
        let plane = ReferenceDataPlane()
        let core = Fixture.core(plane)
        _ = try core.apply(Fixture.configuration(text), facts: Fixture.facts, now: Fixture.second)
        return (plane, core)
    }

    /// The flow entries there are of this generation.
    private func valid(_ plane: ReferenceDataPlane) -> [FlowEntry] {
        plane.entries(of: .flowCache).compactMap {
            guard case .flow(let flow) = $0, flow.origin == .static || flow.origin == .derived(plane.generation) else {
                return nil
            }
            return flow
        }
    }

    @Test("the first packet is routed and reported, the second hits the cache and leaves alike")
    func missThenHit() throws {
        let (plane, core) = try node()
        let first = try plane.process(Fixture.frame(), port: 1)
        #expect(first.disposition == .forward && first.reason == .route)
        #expect(core.handleEvents(maximum: 64, now: Fixture.second) == 1)
        let second = try plane.process(Fixture.frame(), port: 1)
        #expect(second.disposition == .forward && second.reason == .flowCache)
        #expect(second.egressPort == first.egressPort && second.output == first.output)
        #expect(core.handleEvents(maximum: 64, now: Fixture.second) == 0)
        #expect(core.programmer.statistics.flowsInstalled == 1)
    }

    @Test("a change of policy makes every derived entry a miss at once")
    func policy() throws {
        let (plane, core) = try node()
        _ = try plane.process(Fixture.frame(), port: 1)
        core.handleEvents(maximum: 64, now: Fixture.second)
        let drop =
            Fixture.yaml + "\nacl: [{id: 1, priority: 1, match: {protocol: udp, destination_port: 53}, action: drop}]\n"
        _ = try core.apply(Fixture.configuration(drop), facts: Fixture.facts, now: Fixture.second)
        // A flow is reported once in each tick of the coarse time.
        core.setTime(2 * Fixture.second)
        let denied = try plane.process(Fixture.frame(), port: 1)
        #expect(denied.disposition == .drop && denied.reason == .acl)
        core.handleEvents(maximum: 64, now: Fixture.second)
        let cached = try plane.process(Fixture.frame(), port: 1)
        #expect(cached.disposition == .drop && cached.reason == .acl)
        #expect(valid(plane).first?.action == .drop)
        _ = try core.apply(Fixture.configuration(), facts: Fixture.facts, now: Fixture.second)
        #expect(try plane.process(Fixture.frame(), port: 1).reason == .route)
    }

    @Test("whatever byte of a packet changes, cache and tables agree on it")
    func everyField() throws {
        let rules = """

            acl:
              - {id: 1, priority: 9, match: {protocol: udp, source_port: 1000-1003, dscp: 10}, action: drop}
              - {id: 2, priority: 8, match: {source: 10.0.1.0/30, protocol: udp, destination_port: 53}, action: permit}
              - {id: 3, priority: 7, match: {source_mac: "02:00:00:00:00:12", destination: 192.0.2.8/30}, action: permit, mirror: true}
              - {id: 4, priority: 6, match: {protocol: tcp, tcp_flags: "syn,!ack"}, action: kernel}
              - {id: 5, priority: 5, match: {destination: 192.0.2.0/28}, action: cpu}
              - {id: 6, priority: 4, match: {protocol: icmp, icmp_type: 8}, action: redirect p3}
            """
        for ipProtocol in [17, 6, 1, 99] as [UInt8] {
            let (cached, core) = try node(Fixture.yaml + rules)
            let (fresh, _) = try node(Fixture.yaml + rules)
            let frame = Fixture.frame(ipProtocol: ipProtocol)
            _ = try cached.process(frame, port: 1)
            core.handleEvents(maximum: 64, now: Fixture.second)
            #expect(valid(cached).count == 1)
            var hits = 0
            for index in frame.indices {
                for bit in 0..<8 {
                    var mutated = frame
                    mutated[index] ^= 1 << UInt8(bit)
                    if (14..<34).contains(index) {
                        var header = Array(mutated[14..<34])
                        Fixture.setChecksum(&header)
                        mutated.replaceSubrange(14..<34, with: header)
                    }
                    let a = try cached.process(mutated, port: 1)
                    let b = try fresh.process(mutated, port: 1)
                    if a.reason != b.reason { hits += 1 }
                    #expect(a.disposition == b.disposition && a.egressPort == b.egressPort, "byte \(index) bit \(bit)")
                    #expect(a.output == b.output && a.mirrored == b.mirrored, "byte \(index) bit \(bit)")
                    #expect(a.reason == b.reason || a.reason == .flowCache, "byte \(index) bit \(bit)")
                }
            }
            if ipProtocol == 99 { #expect(hits > 0, "some of them hit the cache") }
        }
    }

    @Test("a flow to a neighbour still unknown is not kept, so that it goes on when the neighbour appears")
    func awaitsNeighbor() throws {
        let (plane, core) = try node()
        let frame = Fixture.frame(destination: "10.0.2.50")
        #expect(try plane.process(frame, port: 1).reason == .local)
        core.handleEvents(maximum: 64, now: Fixture.second)
        #expect(valid(plane).isEmpty && core.programmer.statistics[.awaitsNeighbor] == 1)
        // The node's own address is kept.
        _ = try plane.process(Fixture.frame(destination: "10.0.2.1"), port: 1)
        core.handleEvents(maximum: 64, now: Fixture.second)
        #expect(valid(plane).map(\.action) == [.kernel])
        let generation = plane.generation
        var facts = Fixture.facts
        facts.neighbors.append(.init(interface: "p2", address: Fixture.address("10.0.2.50"), mac: Fixture.mac(0x50)))
        _ = try core.update(facts: facts, now: Fixture.second)
        #expect(plane.generation == generation)
        let verdict = try plane.process(frame, port: 1)
        #expect(verdict.disposition == .forward && verdict.egressPort?.rawValue == 2)
    }

    @Test("when a neighbour goes and its number is given to another, no cached flow follows the number")
    func neighborReplaced() throws {
        let (plane, core) = try node()
        var facts = Fixture.facts
        facts.neighbors.append(.init(interface: "p2", address: Fixture.address("10.0.2.50"), mac: Fixture.mac(0x50)))
        _ = try core.update(facts: facts, now: 0)
        let frame = Fixture.frame(destination: "10.0.2.50")
        _ = try plane.process(frame, port: 1)
        core.handleEvents(maximum: 64, now: Fixture.second)
        #expect(try plane.process(frame, port: 1).reason == .flowCache)
        facts.neighbors[facts.neighbors.count - 1] = .init(
            interface: "p3", address: Fixture.address("10.0.3.60"), mac: Fixture.mac(0x60))
        _ = try core.update(facts: facts, now: 0)
        let verdict = try plane.process(frame, port: 1)
        #expect(verdict.disposition == .kernel && verdict.reason == .local)
    }

    @Test("one write serves many events, and a flow reported twice is looked at once")
    func batch() throws {
        let (plane, core) = try node()
        for port in 0..<500 as Range<UInt16> { _ = try plane.process(Fixture.frame(sourcePort: port), port: 1) }
        #expect(core.handleEvents(maximum: 1024, now: Fixture.second) == 500)
        #expect(valid(plane).count == 500)
        // The last one: of the others a few may have lost their place in what is remembered.
        let key = try #require(valid(plane).first { $0.key.sourcePort == 499 }?.key)
        let miss = FlowMiss(
            key: key, port: PortID(rawValue: 1), length: 60, time: 0, disposition: .forward, reason: .route)
        core.programmer.flowMiss(miss, state: core.state, generation: plane.generation, now: Fixture.second)
        #expect(core.programmer.statistics[.repeated] == 1 && core.programmer.updates.isEmpty)
    }

    @Test("a static flow takes the place of a derived one, holds over policy changes, and goes when idle for its time")
    func staticFlow() throws {
        let (plane, core) = try node()
        _ = try plane.process(Fixture.frame(), port: 1)
        core.handleEvents(maximum: 64, now: Fixture.second)
        let key = try #require(valid(plane).first?.key)
        let results = core.write(
            [.insert(.flow(FlowEntry(key: key, action: .drop)))], idleTimeouts: [key: .seconds(10)], now: 0)
        #expect(results == [.applied])
        #expect(try plane.process(Fixture.frame(), port: 1).disposition == .drop)
        _ = try core.apply(Fixture.configuration(Fixture.yaml + "\nacl_default: permit"), facts: Fixture.facts, now: 0)
        #expect(try plane.process(Fixture.frame(), port: 1).disposition == .drop)
        var now = Fixture.second
        for _ in 0..<30 {
            now += Fixture.second / 2
            core.setTime(now)
            core.sweep(now: now) { now }
        }
        #expect(plane.entries(of: .flowCache).isEmpty)
        #expect(core.wanted[.flow(key)] == nil && core.idleTimeouts.isEmpty)
    }
}

@Suite("Admission and ageing")
struct AdmissionTests {
    private func flood(
        _ core: NodeCore, _ plane: ReferenceDataPlane, count: Int, from start: UInt64, step: UInt64,
        source: (Int) -> UInt32
    ) -> UInt64 {
        var now = start
        let interface = core.plan?.interfaceNames.first { $0.value == "p1" }?.key ?? RouterInterfaceID(rawValue: 1)
        for index in 0..<count {
            let key = FlowKey(
                routerInterface: interface, source: .v4(IPv4Address(rawValue: source(index))),
                destination: Fixture.address("192.0.2.77"), ipProtocol: 17,
                sourcePort: UInt16(truncatingIfNeeded: index), destinationPort: UInt16(truncatingIfNeeded: index >> 16))
            core.programmer.flowMiss(
                FlowMiss(
                    key: key, port: PortID(rawValue: 1), length: 60, time: now, disposition: .forward, reason: .route),
                state: core.state, generation: plane.generation, now: now)
            now += step
            if core.programmer.updates.count >= 512 { core.programmer.written(plane.write(core.programmer.updates)) }
        }
        core.programmer.written(plane.write(core.programmer.updates))
        return now
    }

    @Test("under a flood of a million random sources, flows in use keep their entries")
    func flood() throws {
        let plane = ReferenceDataPlane(capacities: [.flowCache: 4096])
        let core = Fixture.core(plane)
        _ = try core.apply(Fixture.configuration(), facts: Fixture.facts, now: Fixture.second)
        for port in 0..<100 as Range<UInt16> { _ = try plane.process(Fixture.frame(sourcePort: port), port: 1) }
        core.handleEvents(maximum: 1024, now: Fixture.second)
        for _ in 0..<2 {
            for port in 0..<100 as Range<UInt16> { _ = try plane.process(Fixture.frame(sourcePort: port), port: 1) }
        }
        let old = Set(plane.entries(of: .flowCache))
        #expect(old.count == 100)
        var random = SystemRandomNumberGenerator()
        var now = Fixture.second
        // 1 M misses in 20 s, with sweeps between; the old flows send a packet now and then.
        for round in 0..<40 {
            now = flood(core, plane, count: 25_000, from: now, step: 20_000) { _ in
                0x0b00_0000 | random.next() & 0xff_ffff
            }
            core.setTime(now)
            if round % 3 == 0 {
                for port in 0..<100 as Range<UInt16> {
                    let verdict = try plane.process(Fixture.frame(sourcePort: port), port: 1)
                    #expect(verdict.reason == .flowCache)
                }
            }
            core.sweep(now: now) { now }
        }
        #expect(old.isSubset(of: plane.entries(of: .flowCache)))
        #expect(plane.entries(of: .flowCache).count <= 4096)
        let statistics = core.programmer.statistics
        #expect(statistics[.highWater] + statistics[.tableFull] > 100_000)
        #expect(statistics.flowMisses == 1_000_100)
        #expect(
            statistics.flowMisses == statistics.flowsInstalled + statistics.refusals.reduce(0, +),
            "every miss is accounted for")
    }

    @Test("a source that opens too many flows is refused, another one is not")
    func heavySource() throws {
        let plane = ReferenceDataPlane()
        let core = Fixture.core(plane)
        _ = try core.apply(
            Fixture.configuration(Fixture.yaml + "\nlimits: {new_flows_per_second_per_source: 1000}"),
            facts: Fixture.facts, now: 0)
        // A second at 100 000 a second from one source: its burst of 250 ms and a second's worth pass.
        let end = flood(core, plane, count: 100_000, from: Fixture.second, step: 10_000) { _ in 0x0a00_0102 }
        let installed = core.programmer.statistics.flowsInstalled
        #expect((1200...1300).contains(installed))
        #expect(core.programmer.statistics[.sourceRate] == 100_000 - installed)
        _ = flood(core, plane, count: 10, from: end, step: 10_000) { 0x0a00_0203 + UInt32($0) }
        #expect(core.programmer.statistics.flowsInstalled == installed + 10)
    }

    @Test("near the high-water mark a heavy source gets nothing and a light one still does")
    func highWater() throws {
        let plane = ReferenceDataPlane(capacities: [.flowCache: 10_000])
        let core = Fixture.core(plane)
        _ = try core.apply(
            Fixture.configuration(Fixture.yaml + "\nlimits: {flow_high_water: 50}"), facts: Fixture.facts,
            now: Fixture.second)
        core.sweep(now: Fixture.second) { Fixture.second }
        let end = flood(core, plane, count: 9000, from: Fixture.second, step: 50_000) { _ in 0x0a00_0102 }
        let statistics = core.programmer.statistics
        #expect((5000...5600).contains(statistics.flowsInstalled), "\(statistics.flowsInstalled)")
        #expect(statistics[.highWater] > 3000)
        // The port has used its share as well; a second later a newcomer is let in, the heavy source is not.
        let later = end + 2 * Fixture.second
        _ = flood(core, plane, count: 1, from: later, step: 1) { _ in 0x0a00_0999 }
        #expect(core.programmer.statistics.flowsInstalled == statistics.flowsInstalled + 1)
    }

    @Test("idle flows go after their protocol's time, used ones stay, stale ones go at the next sweep")
    func ageing() throws {
        let plane = ReferenceDataPlane()
        let core = Fixture.core(plane)
        _ = try core.apply(
            Fixture.configuration(Fixture.yaml + "\nageing: {tcp: 30s, udp: 10s, icmp: 5s}"), facts: Fixture.facts,
            now: 0)
        var now = Fixture.second
        core.setTime(now)
        for ipProtocol in [6, 17, 1] as [UInt8] {
            _ = try plane.process(Fixture.frame(ipProtocol: ipProtocol), port: 1)
        }
        core.handleEvents(maximum: 64, now: now)
        func alive() -> Set<UInt8> {
            Set(
                plane.entries(of: .flowCache).compactMap {
                    guard case .flow(let flow) = $0 else { return nil }
                    return flow.key.ipProtocol
                })
        }
        func pass(_ seconds: UInt64) {
            for _ in 0..<seconds {
                now += Fixture.second
                core.setTime(now)
                core.sweep(now: now) { now }
            }
        }
        pass(4)
        #expect(alive() == [6, 17, 1])
        pass(2)
        #expect(alive() == [6, 17])
        _ = try plane.process(Fixture.frame(ipProtocol: 17), port: 1)
        pass(9)
        #expect(alive() == [6, 17])
        pass(2)
        #expect(alive() == [6])
        _ = try core.apply(
            Fixture.configuration(Fixture.yaml.replacing("action: drop", with: "action: kernel")), facts: Fixture.facts,
            now: now)
        pass(1)
        #expect(alive().isEmpty && core.flowsStale == 1 && core.flowsAged == 2)
    }

    @Test("the pause between sweeps follows what they cost")
    func adaptiveSweep() {
        var ageing = FlowAgeing(timeouts: .init())
        ageing.swept(duration: 10_000, now: 0, fill: 0)
        #expect(ageing.nextSweep == FlowAgeing.shortestPause)
        ageing.swept(duration: 10_000_000, now: 0, fill: 0)
        #expect(ageing.nextSweep == 2_500_000_000)
        ageing.swept(duration: 10_000_000, now: 0, fill: 0.95)
        #expect(ageing.nextSweep == 625_000_000)
        ageing.swept(duration: 1_000_000_000, now: 0, fill: 0)
        #expect(ageing.nextSweep == FlowAgeing.longestPause)
        ageing.requestSweep(now: 0)
        #expect(ageing.nextSweep == FlowAgeing.longestPause)
    }

    @Test("idle times shrink as the table fills")
    func shrinking() {
        let ageing = FlowAgeing(timeouts: .init())
        let key = FlowKey(
            routerInterface: .init(rawValue: 1), source: Fixture.address("10.0.0.1"),
            destination: Fixture.address("10.0.0.2"), ipProtocol: 6)
        /// Seconds after which a TCP flow that was hit so often goes.
        func idle(_ fill: Double, packets: UInt64) -> Int? {
            let entry = FlowEntry(key: key, action: .drop, origin: .derived(.init(rawValue: 0)))
            let flow = FlowRecord(entry: entry, counter: Counter(packets: packets), lastHit: .init(rawValue: 0))
            return (0...1000).first { seconds in
                ageing.rules(
                    now: .init(rawValue: UInt16(seconds * 2)), generation: .init(rawValue: 0), fill: fill, macFill: 0
                ).isExpired(flow, idleTimeouts: [:])
            }
        }
        #expect(idle(0.5, packets: 0) == 300 && idle(0.8, packets: 9) == 300)
        #expect(idle(1, packets: 0) == 5 && idle(1, packets: 9) == 75)
        #expect((140...160).contains(idle(0.9, packets: 0) ?? 0))
        #expect((180...190).contains(idle(0.9, packets: 9) ?? 0))
    }
}

@Suite("Learning stations")
struct StationTests {
    private let vlan = VLANID(rawValue: 10)
    private let ports = [PortID(rawValue: 1), PortID(rawValue: 2)]

    @Test("a new station is inserted, one that moved is modified, one that flaps is held")
    func moves() throws {
        var stations = StationLearning(perPort: 10)
        guard case .update(let insert) = stations.miss(vlan, Fixture.mac(1), ports[0], now: 0) else {
            Issue.record("learned")
            return
        }
        #expect(insert.operation == .insert)
        var moved = 0
        var held = 0
        for index in 1...20 {
            switch stations.miss(vlan, Fixture.mac(1), ports[index % 2], now: UInt64(index) * 1000) {
            case .update(let update):
                #expect(update.operation == .modify)
                moved += 1
            case .refuse(.macFlapping): held += 1
            default: break
            }
        }
        #expect((3...5).contains(moved) && held > 5)
    }

    @Test("a port learns as many stations as it may, and forgotten ones make room")
    func limit() {
        var stations = StationLearning(perPort: 3)
        for index in 1...3 { _ = stations.miss(vlan, Fixture.mac(UInt64(index)), ports[0], now: 0) }
        guard case .refuse(.macPortLimit) = stations.miss(vlan, Fixture.mac(4), ports[0], now: 0) else {
            Issue.record("refused")
            return
        }
        stations.forget(vlan, Fixture.mac(1))
        guard case .update = stations.miss(vlan, Fixture.mac(4), ports[0], now: 0) else {
            Issue.record("learned")
            return
        }
    }

    @Test("frames teach the switch, static entries stay, silence and a link going down make it forget")
    func switching() throws {
        let text = """
            ageing: {mac: 10s}
            ports: [{name: p1, mode: switched}, {name: p2, mode: switched}]
            vlans: [{id: 1, untagged: [p1, p2]}]
            macs: [{vlan: 1, mac: "02:00:00:00:00:99", port: p2}]
            """
        let plane = ReferenceDataPlane()
        let core = Fixture.core(plane)
        _ = try core.apply(Fixture.configuration(text), facts: Fixture.facts, now: 0)
        func frame(from source: UInt8, to destination: UInt8) -> [UInt8] {
            [2, 0, 0, 0, 0, destination, 2, 0, 0, 0, 0, source, 0x12, 0x34] + [UInt8](repeating: 0, count: 46)
        }
        var now = Fixture.second
        core.setTime(now)
        #expect(try plane.process(frame(from: 0x41, to: 0x42), port: 1).reason == .flood)
        _ = try plane.process(frame(from: 0x99, to: 0x42), port: 1)
        core.handleEvents(maximum: 64, now: now)
        let back = try plane.process(frame(from: 0x42, to: 0x41), port: 2)
        #expect(back.egressPort?.rawValue == 1 && back.reason == .mac)
        core.handleEvents(maximum: 64, now: now)
        #expect(core.programmer.stations.count == 2)
        #expect(try plane.process(frame(from: 0x41, to: 0x99), port: 1).egressPort?.rawValue == 2)
        var facts = Fixture.facts
        facts.interfaces["p2"]?.up = false
        _ = try core.update(facts: facts, now: now)
        #expect(core.programmer.stations.count == 1 && plane.entries(of: .mac).count == 2)
        for _ in 0..<12 {
            now += Fixture.second
            core.setTime(now)
            core.sweep(now: now) { now }
        }
        #expect(core.programmer.stations.count == 0 && plane.entries(of: .mac).count == 1 && core.macsAged == 1)
    }
}
