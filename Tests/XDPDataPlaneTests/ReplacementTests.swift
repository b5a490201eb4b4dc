// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import Glibc
import Netlink
import Packet
import Tables
import TestSupport
import Testing

@testable import XDPDataPlane

@Suite("Another program takes the place of the running one", .enabled(if: kernelTestsRun))
struct ReplacementTests {
    typealias W = SmallWorld

    /// The flow that `NumberedTraffic` sends from port `number`.
    static func flow(_ number: Int, _ destination: String = "10.0.2.2") -> FlowKey {
        let isIPv6 = destination.contains(":")
        return FlowKey(
            routerInterface: W.interface(1), source: W.address(isIPv6 ? "fd00:1::2" : "10.0.1.2"),
            destination: W.address(destination), ipProtocol: 17, sourcePort: UInt16(number), destinationPort: 9)
    }

    /// Entries of such flows: as the controller derives them, or as somebody sets them.
    static func entries(_ node: LiveNode, _ numbers: ClosedRange<Int>, isStatic: Bool = false) -> [TableEntry] {
        numbers.compactMap { number in
            let isIPv6 = number % 2 == 0
            let key = flow(number, isIPv6 ? "fd00:2::2" : "10.0.2.2")
            if isStatic { return .flow(.init(key: key, action: .nextHop(W.hop(isIPv6 ? 102 : 2)), reason: .route)) }
            return Classifier.evaluate(key: key, state: node.reference.state, generation: node.xdp.generation).entry
                .map { .flow($0) }
        }
    }

    static let both = ["10.0.2.2", "fd00:2::2"]

    private func packets(_ plane: XDPDataPlane) -> [FlowKey: UInt64] {
        var all: [FlowKey: UInt64] = [:]
        plane.sweepFlows {
            all[$0.entry.key] = $0.counter.packets
            return .keep
        }
        return all
    }

    private func routePackets(_ plane: XDPDataPlane, _ prefix: String) -> UInt64 {
        for table in [TableID.ipv4, .ipv6] {
            for (entry, counter) in plane.counters(of: table) {
                if case .route(let route) = entry, route.prefix == W.prefix(prefix) { return counter.packets }
            }
        }
        return 0
    }

    /// Flows with entries count what they sent, and nothing else was forwarded by the cache; the others count at their route.
    private func expectExactCounters(
        _ node: LiveNode, _ traffic: NumberedTraffic, cached: ClosedRange<Int>,
        _ location: SourceLocation = #_sourceLocation
    ) {
        let found = packets(node.xdp)
        for number in cached {
            let key = Self.flow(number, Self.both[(number - 1) % 2])
            #expect(found[key] == UInt64(traffic.perFlow[number - 1]), "flow \(number)", sourceLocation: location)
        }
        let sent = (parity: [0, 1], total: traffic.times.count)
        let byCache = cached.reduce(0) { $0 + traffic.perFlow[$1 - 1] }
        #expect(node.count(1, .forward, .flowCache) == UInt64(byCache), sourceLocation: location)
        #expect(node.count(1, .forward, .route) == UInt64(sent.total - byCache), sourceLocation: location)
        for parity in sent.parity {
            let byRoute = traffic.perFlow.indices.filter { $0 % 2 == parity && !cached.contains($0 + 1) }
                .reduce(0) { $0 + traffic.perFlow[$1] }
            #expect(
                routePackets(node.xdp, parity == 0 ? "10.0.2.0/24" : "fd00:2::/64") >= UInt64(byRoute),
                sourceLocation: location)
        }
    }

    @Test("another build, and back: no packet is lost, no flow missed, nothing counted twice or not at all")
    func thereAndBack() throws {
        try LiveNode.run(forwards: false) { node in
            node.apply(Self.entries(node, 1...40).map { .insert($0) })
            let traffic = NumberedTraffic(node, flows: 60, to: Self.both)
            traffic.start()
            traffic.wait(packets: 1000)
            let configuration = XDPConfiguration.forTests
            let before = node.xdp.runningProgram
            #expect(before.isEmbedded && before.digest.count == 64)
            #expect(node.xdp.differs(from: configuration.with(try .upgraded)) && !node.xdp.differs(from: configuration))
            var programs: Set<UInt32> = [before.id]
            for round in 0..<6 {
                let wanted = configuration.with(round % 2 == 0 ? try .upgraded : nil)
                let report = try node.xdp.beginReplacement(wanted)
                #expect(report.moves.isEmpty && report.state == .pending && report.new.tag != report.old.tag)
                #expect(report.new == node.xdp.runningProgram && programs.insert(report.new.id).inserted)
                #expect(try XDPState(interfaceIndex: if_nametoindex("p1")).programs == [.native: report.new.id])
                #expect(try XDPState(interfaceIndex: if_nametoindex("p2")).programs == [.native: report.new.id])
                traffic.wait(packets: 300)
                // Every third one is taken back and put in place again.
                if round % 3 == 1 {
                    let sentence = try node.xdp.revertReplacement()
                    #expect(node.xdp.runningProgram == report.old && sentence.contains(report.old.short))
                    #expect(node.xdp.lastReplacement?.state == .reverted)
                    traffic.wait(packets: 300)
                    try node.xdp.beginReplacement(wanted)
                }
                try node.xdp.confirmReplacement()
                #expect(node.xdp.lastReplacement?.state == .confirmed && node.xdp.pendingReplacement == nil)
            }
            traffic.wait(packets: 300)
            traffic.end()
            #expect(traffic.lost.isEmpty && traffic.repeated == 0, "of \(traffic.times.count)")
            expectExactCounters(node, traffic, cached: 1...40)
        }
    }

    @Test("tables grow and shrink with their content while packets flow: none is lost, every count is right")
    func sizes() throws {
        try LiveNode.run(forwards: false) { node in
            node.apply(Self.entries(node, 1...40).map { .insert($0) })
            node.apply(Self.entries(node, 101...102, isStatic: true).map { .insert($0) })
            node.apply([
                .insert(.vlan(VLANEntry(vlan: W.vlan(10)))),
                .insert(
                    .mac(.init(vlan: W.vlan(10), mac: W.peer, action: .port(W.port(2)), isStatic: true))),
            ])
            let routes = node.xdp.entries(of: .ipv4).count
            let traffic = NumberedTraffic(node, flows: 60, to: Self.both)
            traffic.start()
            traffic.wait(packets: 1000)
            let configuration = XDPConfiguration.forTests
            for (scale, image) in [
                (configuration.scaled(4), nil), (configuration.scaled(1, 4), try FastPathImage.upgraded),
                (configuration, nil),
            ] {
                let report = try node.xdp.beginReplacement(scale.with(image))
                #expect(report.moves.map(\.table) == ["ipv4_flows", "ipv6_flows", "macs", "routes"])
                #expect(report.moves.map(\.entries) == [21, 21, 1, 8] && report.moves.allSatisfy { $0.left == 0 })
                traffic.wait(packets: 300)
                try node.xdp.confirmReplacement()
                #expect(node.xdp.capabilities[.flowCache]?.capacity == scale.ipv4Flows + scale.ipv6Flows)
                #expect(node.xdp.capabilities[.mac]?.capacity == scale.macs)
                #expect(node.xdp.capabilities[.ipv4]?.capacity == scale.routes)
                traffic.wait(packets: 300)
            }
            traffic.end()
            #expect(traffic.lost.isEmpty && traffic.repeated == 0, "of \(traffic.times.count)")
            expectExactCounters(node, traffic, cached: 1...40)
            #expect(node.xdp.entries(of: .ipv4).count == routes && node.xdp.macs.count == 1)
            #expect(flows(node.xdp).count == 42)
        }
    }

    /// Waits until the kernel has let go of these.
    private func areGone(_ maps: [UInt32], _ programs: [UInt32]) -> Bool {
        for _ in 0..<5000 {
            let left =
                maps.contains { (try? BPFMap(id: $0).id) != nil }
                || programs.contains { (try? Program(id: $0).id) != nil }
            if !left { return true }
            usleep(1000)
        }
        return false
    }

    private func kernelObjects(_ fastPath: FastPath, maps: some Sequence<String>) throws -> (
        maps: [UInt32], programs: [UInt32]
    ) {
        (try maps.map { try fastPath.map($0).id }, FastPath.programNames.map(fastPath.programID))
    }

    @Test("moved tables go back with what changed and was counted meanwhile; what is not needed any more is gone")
    func backWithChanges() throws {
        try LiveNode.run(forwards: false) { node in
            let mac = { (port: UInt16, isStatic: Bool) in
                TableEntry.mac(.init(vlan: W.vlan(10), mac: W.peer, action: .port(W.port(port)), isStatic: isStatic))
            }
            node.apply(Self.entries(node, 1...40).map { .insert($0) })
            node.apply(Self.entries(node, 101...104, isStatic: true).map { .insert($0) })
            node.apply([
                .insert(.vlan(VLANEntry(vlan: W.vlan(10)))), .insert(mac(1, false)),
                .insert(W.route("10.8.0.0/16", .nextHop(W.hop(2)))), .insert(W.route("10.9.0.0/16", .drop)),
            ])
            let traffic = NumberedTraffic(node, flows: 60, to: Self.both)
            traffic.start()
            traffic.wait(packets: 500)
            let old = node.xdp.fastPath
            let oldMaps = try kernelObjects(old, maps: FastPath.sizedMaps).maps
            try node.xdp.beginReplacement(XDPConfiguration.forTests.scaled(8).with(.upgraded))
            let tried = try kernelObjects(node.xdp.fastPath, maps: FastPath.sizedMaps + [FastPath.constants])
            #expect(Set(tried.maps).isDisjoint(with: oldMaps))
            // No more entries than either has room for, so that going back is always possible.
            #expect(node.xdp.capabilities[.mac]?.capacity == XDPConfiguration.forTests.macs)
            traffic.wait(packets: 200)

            // By route until now, cached from now on; nothing has been sent by them in between, or it would be counted at the route.
            let late = Self.entries(node, 41...50)
            node.apply(late.map { .insert($0) })
            let statics = Self.entries(node, 101...106, isStatic: true)
            node.apply([.delete(statics[0]), .insert(statics[4])])
            guard case .flow(var changed) = statics[1] else { return }
            changed.action = .drop
            node.apply([
                .modify(.flow(changed)), .modify(mac(2, false)), .delete(W.route("10.8.0.0/16", .nextHop(W.hop(2)))),
                .modify(W.route("10.9.0.0/16", .nextHop(W.hop(2)))),
                .insert(W.route("10.7.0.0/16", .nextHop(W.hop(2)))),
            ])
            traffic.wait(packets: 300)
            try node.xdp.revertReplacement()
            #expect(node.xdp.fastPath === old)
            #expect(try kernelObjects(old, maps: FastPath.sizedMaps).maps == oldMaps)
            #expect(areGone(tried.maps, tried.programs))
            traffic.wait(packets: 300)
            traffic.end()

            #expect(traffic.lost.isEmpty && traffic.repeated == 0, "of \(traffic.times.count)")
            #expect(Set(flows(node.xdp).keys) == Set(flows(node.reference).keys))
            #expect(Set(macs(node.xdp).keys) == Set(macs(node.reference).keys))
            for table in [TableID.ipv4, .ipv6] {
                #expect(Set(node.xdp.entries(of: table)) == Set(node.reference.entries(of: table)))
            }
            let counts = packets(node.xdp)
            for number in 1...40 {
                let key = Self.flow(number, Self.both[(number - 1) % 2])
                #expect(counts[key] == UInt64(traffic.perFlow[number - 1]), "flow \(number)")
            }
            let all = counts.values.reduce(0, +)
            #expect(
                node.count(1, .forward, .flowCache) == all && all > traffic.perFlow[..<40].reduce(0) { $0 + UInt64($1) }
            )
            #expect(node.count(1, .forward, .route) + all == UInt64(traffic.times.count))
            #expect(
                routePackets(node.xdp, "10.0.2.0/24") + routePackets(node.xdp, "fd00:2::/64")
                    >= node.count(1, .forward, .route))

            // The routes in force are those that are wanted.
            for (destination, disposition) in [
                ("10.7.0.1", Disposition.forward), ("10.8.0.1", .kernel), ("10.9.0.1", .forward),
            ] {
                let verdicts = try node.send([LiveNode.udp(to: destination, number: 7)], from: 1)
                #expect(verdicts.map(\.disposition) == [disposition])
            }
            #expect(node.tap(2).frames(2, where: isTestTraffic).count == 2)
            #expect(routePackets(node.xdp, "10.7.0.0/16") == 1 && routePackets(node.xdp, "10.9.0.0/16") == 1)
        }
    }

    @Test("what goes with the old program is gone once the new one stays")
    func nothingBehind() throws {
        try LiveNode.run { node in
            let old = try kernelObjects(node.xdp.fastPath, maps: FastPath.sizedMaps + [FastPath.constants])
            let kept = try kernelObjects(node.xdp.fastPath, maps: FastPath.fixedMaps).maps
            try node.xdp.beginReplacement(XDPConfiguration.forTests.scaled(2))
            try node.xdp.confirmReplacement()
            #expect(areGone(old.maps, old.programs))
            #expect(try kernelObjects(node.xdp.fastPath, maps: FastPath.fixedMaps).maps == kept)
        }
    }

    @Test(
        "of learned entries a smaller table takes over those used last; what was set by hand must fit, or nothing changes"
    )
    func tooSmall() throws {
        try LiveNode.run { node in
            node.apply(Self.entries(node, 1...200).map { .insert($0) })
            node.xdp.setTime(CoarseTime(rawValue: 50))
            let recent = (1...40).map { LiveNode.udp(to: Self.both[($0 - 1) % 2], number: UInt16($0)) }
            for frame in recent { try node.tap(1).send(frame) }
            #expect(node.tap(2).frames(40, where: isTestTraffic).count == 40)
            node.apply(Self.entries(node, 301...310, isStatic: true).map { .insert($0) })
            var small = XDPConfiguration.forTests
            (small.ipv4Flows, small.ipv6Flows) = (25, 30)
            let report = try node.xdp.beginReplacement(small)
            #expect(
                report.moves == [
                    .init(table: "ipv4_flows", entries: 25, left: 80),
                    .init(table: "ipv6_flows", entries: 30, left: 75),
                ])
            let left = Set(packets(node.xdp).keys)
            for number in 1...40 { #expect(left.contains(Self.flow(number, Self.both[(number - 1) % 2]))) }
            for number in 301...310 { #expect(left.contains(Self.flow(number, Self.both[(number - 1) % 2]))) }
            try node.xdp.revertReplacement()
            #expect(flows(node.xdp).count == 210)

            let program = node.xdp.runningProgram
            func refused(_ change: (inout XDPConfiguration) -> Void) -> String {
                var wanted = XDPConfiguration.forTests
                change(&wanted)
                do { try node.xdp.beginReplacement(wanted) } catch { return error.description }
                return "not refused"
            }
            #expect(
                refused { $0.ipv4Flows = 4 }
                    == "limits.ipv4_flows: 5 static IPv4 flows do not fit into 4; nothing was changed")
            #expect(refused { $0.ipv6Flows = 1 }.hasPrefix("limits.ipv6_flows: 5 static IPv6 flows"))
            #expect(refused { $0.routes = 7 } == "limits.routes: 8 routes do not fit into 7; nothing was changed")
            node.apply([
                .insert(.vlan(VLANEntry(vlan: W.vlan(10)))),
                .insert(.mac(.init(vlan: W.vlan(10), mac: W.peer, action: .port(W.port(2)), isStatic: true))),
                .insert(.mac(.init(vlan: W.vlan(10), mac: W.host, action: .port(W.port(1)), isStatic: true))),
            ])
            #expect(refused { $0.macs = 1 }.hasPrefix("limits.macs: 2 static MAC entries do not fit into 1"))
            #expect(refused { $0.multiBuffer = true }.contains("jumbo frames"))
            #expect(node.xdp.runningProgram == program && node.xdp.pendingReplacement == nil)
        }
    }

    private func refusal(_ body: () throws -> Void) -> String {
        do { try body() } catch { return "\(error)" }
        return "not refused"
    }

    @Test("what is no fast path, or another version's, is refused by name, and what the verifier refuses with its log")
    func refused() throws {
        try LiveNode.run { node in
            let program = node.xdp.runningProgram
            // Not inside the macro: there the optimiser of Swift 6.3 takes one of these closures for another.
            let garbage = refusal { _ = try FastPathImage([1, 2, 3]) }
            #expect(garbage.hasPrefix("not a fast-path program: "), "\(garbage)")
            let other = refusal { _ = try FastPathImage(ChainedObject.base64) }
            #expect(other.contains("no program xdp_fastpath, xdp_resume, xdp_flood_egress"), "\(other)")
            let later = refusal { _ = try FastPathImage(LaterObject.base64) }
            #expect(later.contains("layout version 1000") && later.contains("version \(FP_ABI_VERSION)"), "\(later)")
            let log = refusal { try node.xdp.beginReplacement(.forTests.with(.unverifiable)) }
            #expect(
                log.contains("verifier refused program") && log.contains("invalid access to packet"),
                "\(log.suffix(2000))")
            #expect(log.contains("nothing was changed"))
            let same = refusal { try node.xdp.beginReplacement() }
            #expect(same.contains("running already") && same.contains(program.digest), "\(same)")
            let ends = [refusal { try node.xdp.confirmReplacement() }, refusal { try node.xdp.revertReplacement() }]
            #expect(ends == ["no program is being tried", "no program is being tried"])
            try node.xdp.beginReplacement(.forTests.with(.upgraded))
            let second = refusal { try node.xdp.beginReplacement() }
            #expect(second.contains("being tried already"), "\(second)")
            try node.xdp.revertReplacement()
            #expect(node.xdp.runningProgram == program)
        }
    }

    @Test("a port that runs somebody else's program stops it all, and every port has the old one again")
    func foreignProgram() throws {
        try LiveNode.run(hosts: 3) { node in
            let other = try FastPath(.forTests)
            let second = try #require(node.xdp.links[W.port(2)])
            try second.link.update(to: other.program("xdp_fastpath"))
            let error = refusal { try node.xdp.beginReplacement(.forTests.with(.upgraded)) }
            #expect(error.contains("port 2") && error.contains("all ports have the old one"), "\(error)")
            let id = node.xdp.runningProgram.id
            for (port, program) in [(1, id), (2, other.programID("xdp_fastpath")), (3, id)] {
                #expect(try node.xdp.links[W.port(UInt16(port))]?.link.info().programID == program)
            }
            #expect(try node.xdp.chainMap().programID(at: 15) == node.xdp.fastPath.programID("xdp_resume"))
            try second.link.update(to: node.xdp.fastPathProgram())
            // An interface that has vanished has no program to replace.
            var netlink = try NetlinkSocket()
            try netlink.deleteLink(netlink.link(named: "p3").index)
            try node.xdp.beginReplacement(.forTests.with(.upgraded))
            #expect(try node.xdp.links[W.port(2)]?.link.info().programID == node.xdp.runningProgram.id)
            try node.xdp.revertReplacement()
            #expect(try node.xdp.links[W.port(1)]?.link.info().programID == id)
        }
    }

    @Test("the chain's other programs stay where they are, and floods are decided by the program that forwards")
    func chainAndFlood() throws {
        try LiveNode.run(hosts: 3) { node in
            let open = try OpenObject(name: "chained", base64: ChainedObject.base64)
            try open.reuse(node.xdp.chainMap(), asMap: "chain")
            let object = try open.load()
            try node.xdp.chain(object.program("chained"), at: 0)
            let passed = try object.map("passed", key: UInt32.self, value: UInt64.self)
            let chained = try object.program("chained").id
            func check(_ number: UInt16, _ location: SourceLocation = #_sourceLocation) throws {
                let chain = try node.xdp.chainMap()
                #expect(try chain.programID(at: 0) == chained, sourceLocation: location)
                #expect(
                    try chain.programID(at: 15) == node.xdp.fastPath.programID("xdp_resume"), sourceLocation: location)
                for port in 1...3 as ClosedRange<UInt32> {
                    let device = try node.xdp.fastPath.map("flood_ports").device(at: port)
                    #expect(device?.interfaceIndex == if_nametoindex("p\(port)"), sourceLocation: location)
                    #expect(
                        device?.programID == node.xdp.fastPath.programID("xdp_flood_egress"), sourceLocation: location)
                }
                let before = try passed.lookup(0) ?? 0
                let verdicts = try node.send([LiveNode.udp(to: "10.0.2.2", number: number)], from: 1)
                #expect(
                    node.tap(2).frames(Int(number), where: isTestTraffic).last == verdicts.first?.output,
                    sourceLocation: location)
                #expect(try passed.lookup(0) ?? 0 > before, sourceLocation: location)
            }
            try check(1)
            try node.xdp.beginReplacement(.forTests.with(.upgraded))
            try check(2)
            try node.xdp.revertReplacement()
            try check(3)
            try node.xdp.beginReplacement(.forTests.scaled(2).with(.upgraded))
            try node.xdp.confirmReplacement()
            try check(4)
        }
    }
}
