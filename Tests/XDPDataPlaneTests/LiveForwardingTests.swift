// SPDX-License-Identifier: Apache-2.0
import BPF
import Glibc
import Netlink
import Packet
import Tables
import TestSupport
import Testing

@testable import XDPDataPlane

/// Real frames over veth, attached as in service.
@Suite("Frames really leave as the tables say", .enabled(if: kernelTestsRun))
struct LiveForwardingTests {
    typealias W = SmallWorld

    @Test("routed packets leave by the right port, byte for byte", arguments: ["native", "skb"])
    func routed(mode: String) throws {
        try LiveNode.run(hosts: 3, policy: XDPAttachPolicy(mode)) { node in
            #expect(node.xdp.attachedPorts.map(\.mode) == Array(repeating: XDPMode(rawValue: mode), count: 3))
            // Port 3's network is behind a tag.
            var interface = RouterInterfaceEntry(
                id: W.interface(3), port: W.port(3), mac: LiveNode.station(3))
            interface.vlan = W.vlan(300)
            node.apply([.modify(.routerInterface(interface))])
            var expected: [PortID?: [[UInt8]]] = [:]
            for number in 1...50 as ClosedRange<UInt16> {
                for text in ["10.0.2.2", "10.0.3.2", "fd00:2::2", "fd00:3::2"] {
                    let frame = LiveNode.udp(to: text, number: number, payload: Int(number) * 20)
                    for verdict in try node.send([frame], from: 1) {
                        expected[verdict.egressPort, default: []].append(verdict.output)
                    }
                }
            }
            for number in [2, 3] as [UInt16] {
                let right = expected[W.port(number)] ?? []
                #expect(right.count == 100)
                #expect(node.tap(number).frames(100, where: isTestTraffic) == right)
            }
            #expect(node.tap(1).arrived(where: isTestTraffic).isEmpty)
            #expect(node.count(1, .forward, .route) == 200)
            // And now by flow-cache entries.
            let generation = node.xdp.generation
            let key = FlowKey(
                routerInterface: W.interface(1), source: W.address("10.0.1.2"), destination: W.address("10.0.2.2"),
                ipProtocol: 17, sourcePort: 1, destinationPort: 9)
            node.apply([
                .insert(
                    .flow(.init(key: key, action: .nextHop(W.hop(3)), origin: .derived(generation), reason: .route)))
            ])
            node.tap(3).forget()
            let again = try node.send([LiveNode.udp(to: "10.0.2.2", number: 1)], from: 1)
            #expect(node.tap(3).frames(1, where: isTestTraffic) == again.map(\.output))
            #expect(node.count(1, .forward, .flowCache) == 1)
            #expect(flows(node.xdp) == flows(node.reference))
            // The hosts answer: what goes back to host 1 is not counted on.
            func counters(_ plane: any DataPlane) -> [TableEntry: Counter] {
                Dictionary(uniqueKeysWithValues: plane.counters(of: .ipv4).map { ($0.entry, $0.counter) })
                    .filter {
                        [W.route("10.0.2.0/24", .nextHop(W.hop(2))), W.route("10.0.3.0/24", .nextHop(W.hop(3)))]
                            .contains($0.key)
                    }
            }
            #expect(counters(node.xdp) == counters(node.reference))
            #expect(counters(node.xdp).values.map(\.packets) == [50, 50])
        }
    }

    @Test("misses come through the ring while packets flow")
    func events() throws {
        try LiveNode.run { node in
            let frames = (1...100 as ClosedRange<UInt16>).map { LiveNode.udp(to: "10.0.2.2", number: $0) }
            _ = try node.send(frames + frames, from: 1)
            #expect(node.tap(2).frames(200, where: isTestTraffic).count == 200)
            var ports: Set<UInt16> = []
            var misses = 0
            for _ in 0..<5000 where ports.count < 100 {
                _ = node.xdp.pollEvents(maximum: 1000) {
                    if case .flowMiss(let miss) = copy $0, miss.key.ipProtocol == 17 {
                        ports.insert(miss.key.sourcePort)
                        misses += 1
                        #expect(miss.disposition == .forward && miss.reason == .route && miss.port == W.port(1))
                    }
                }
                usleep(1000)
            }
            #expect(ports == Set(1...100))
            // Each flow may be told once by each processor that handled it.
            #expect(misses <= 100 * sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        }
    }

    private static func switched(_ topology: RouterTopology) -> [TableEntry] {
        let ports = topology.hosts.map { host -> TableEntry in
            var entry = PortEntry(port: W.port(UInt16(host.number)))
            (entry.mode, entry.pvid) = (.switched, W.vlan(10))
            return .port(entry)
        }
        var ten = VLANEntry(vlan: W.vlan(10))
        (ten.untagged, ten.tagged) = ([W.port(1), W.port(2)], [W.port(3)])
        var twenty = VLANEntry(vlan: W.vlan(20))
        twenty.tagged = [W.port(3), W.port(4)]
        return ports + [.vlan(ten), .vlan(twenty)]
    }

    @Test(
        "a flooded frame reaches every other member, tagged as each port wants it, and nobody else",
        arguments: ["native", "skb"])
    func flood(mode: String) throws {
        try LiveNode.run(hosts: 4, policy: XDPAttachPolicy(mode), entries: Self.switched) { node in
            func frame(_ number: UInt16, to: MACAddress, from: Int, tags: [Frame.Tag] = []) -> [UInt8] {
                W.frame(
                    .ipv4(W.udp4(to: "10.0.9.9", ports: (number, 9))), to: to, from: LiveNode.host(from), tags: tags)
            }
            let tag10 = Frame.Tag(vid: 10)
            // Untagged from 1; as it is to 2, tagged to 3. Tagged from 3; untagged to 1 and 2. VLAN 20 from 3 to 4, with two tags.
            for _ in 0..<10 {
                _ = try node.send([frame(1, to: .broadcast, from: 1)], from: 1)
                _ = try node.send([frame(2, to: W.peer, from: 3, tags: [Frame.Tag(priority: 5, vid: 10)])], from: 3)
                _ = try node.send([frame(3, to: .broadcast, from: 3, tags: [.init(vid: 20), .init(vid: 7)])], from: 3)
            }
            func expect(_ port: UInt16, _ expected: [[UInt8]]) {
                let found = node.tap(port).frames(expected.count, where: isTestTraffic)
                #expect(found.count == expected.count && Set(found) == Set(expected), "port \(port)")
            }
            func ten(_ frame: [UInt8]) -> [[UInt8]] { Array(repeating: frame, count: 10) }
            let fromOne = frame(1, to: .broadcast, from: 1)
            let fromThree = frame(2, to: W.peer, from: 3)
            expect(2, ten(fromOne) + ten(fromThree))
            expect(3, ten(frame(1, to: .broadcast, from: 1, tags: [tag10])))
            expect(4, ten(frame(3, to: .broadcast, from: 3, tags: [.init(vid: 20), .init(vid: 7)])))
            expect(1, ten(fromThree))
            // A station that is known gets its frames alone; a port that is down gets none.
            node.apply([
                .insert(.mac(.init(vlan: W.vlan(10), mac: LiveNode.host(3), action: .port(W.port(3)), isStatic: true)))
            ])
            for tap in node.taps { tap.forget() }
            _ = try node.send([frame(4, to: LiveNode.host(3), from: 1)], from: 1)
            expect(3, [frame(4, to: LiveNode.host(3), from: 1, tags: [tag10])])
            var down = PortEntry(port: W.port(2))
            (down.mode, down.pvid, down.up) = (.switched, W.vlan(10), false)
            node.apply([.modify(.port(down))])
            _ = try node.send([frame(5, to: .broadcast, from: 1)], from: 1)
            expect(3, [4, 5].map { frame($0, to: $0 == 4 ? LiveNode.host(3) : .broadcast, from: 1, tags: [tag10]) })
            #expect(node.tap(2).arrived(where: isTestTraffic).isEmpty)
            #expect(node.tap(1).arrived(where: isTestTraffic).isEmpty)
        }
    }

    @Test("a packet the controller sends leaves as it is, by the port it names")
    func packetOut() throws {
        try LiveNode.run(hosts: 3) { node in
            let frame = W.frame(.ipv4(W.udp4(to: "10.0.2.2", ports: (7, 9))), tags: [.init(priority: 3, vid: 77)])
            try node.xdp.packetOut(frame.span.bytes, port: W.port(2))
            #expect(node.tap(2).frames(1, where: isTestTraffic) == [frame])
            #expect(node.tap(3).arrived(where: isTestTraffic).isEmpty)
            #expect(throws: DataPlaneError.unknownPort(W.port(9))) {
                try node.xdp.packetOut(frame.span.bytes, port: W.port(9))
            }
        }
    }

    @Test("redirected packets leave unmodified; mirrored ones leave, and a copy is told")
    func redirectAndMirror() throws {
        try LiveNode.run(hosts: 3) { node in
            var match = ACLEntry.Match()
            (match.ipProtocol, match.sourcePorts) = (17, 5...5)
            node.apply([
                .insert(.acl(.init(id: 1, priority: 1, match: match, action: .redirect(W.port(3)), mirror: true)))
            ])
            let frame = LiveNode.udp(to: "10.0.2.2", number: 5)
            _ = try node.send([frame], from: 1)
            #expect(node.tap(3).frames(1, where: isTestTraffic) == [frame])
            var copies: [[UInt8]] = []
            for _ in 0..<5000 where copies.isEmpty {
                _ = node.xdp.pollEvents(maximum: 100) {
                    if case .packetIn(_, .acl, true, frame.count, let bytes) = copy $0 { copies.append(bytes) }
                }
                usleep(1000)
            }
            #expect(copies == [frame])
        }
    }

    @Test("with the chain on, the last slot's program takes the frame to the tables; an empty chain changes nothing")
    func chain() throws {
        try LiveNode.run { node in
            node.xdp.fastPath.settings.pointee.flags |= 1  // FP_SETTING_CHAIN
            var verdicts = try node.send([LiveNode.udp(to: "10.0.2.2", number: 1)], from: 1)
            #expect(node.tap(2).frames(1, where: isTestTraffic) == verdicts.map(\.output))
            try node.xdp.fastPath.map("chain").setProgram(node.xdp.fastPath.program("xdp_resume"), at: 0)
            verdicts += try node.send([LiveNode.udp(to: "fd00:2::2", number: 2)], from: 1)
            #expect(node.tap(2).frames(2, where: isTestTraffic) == verdicts.map(\.output))
            #expect(node.count(1, .forward, .route) == 2)
        }
    }

    @Test("a program in the chain sees every packet first, may end its way, and is out of it again at once")
    func foreignChain() throws {
        try LiveNode.run { node in
            let open = try OpenObject(name: "chained", base64: ChainedObject.base64)
            try open.reuse(node.xdp.chainMap(), asMap: "chain")
            // Programs of one program array agree on whether they take frames of several buffers.
            if node.xdp.configuration.multiBuffer { try open.addFlags(.xdpHasFragments, toProgram: "chained") }
            let object = try open.load()
            try node.xdp.chain(object.program("chained"), at: 0)
            _ = try node.send([LiveNode.udp(to: "10.0.2.2", number: 1)], from: 1)
            #expect(node.tap(2).frames(1, where: isTestTraffic).count == 1)
            #expect(node.count(1, .forward, .route) == 1)
            let passed = try object.map("passed", key: UInt32.self, value: UInt64.self)
            #expect(try passed.lookup(0) ?? 0 >= 1)
            try node.xdp.unchain(at: 0)
            let before = try passed.lookup(0)
            _ = try node.send([LiveNode.udp(to: "10.0.2.2", number: 2)], from: 1)
            #expect(node.tap(2).frames(2, where: isTestTraffic).count == 2)
            #expect(try passed.lookup(0) == before)
            #expect(throws: BPFError.self) { try node.xdp.unchain(at: XDPDataPlane.chainCapacity) }
        }
    }
}
