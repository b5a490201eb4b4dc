// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import Testing

@Suite("What the flow cache may hold")
struct FlowCacheTests {
    static func rule(
        _ id: UInt32, _ action: ACLEntry.Action, mirror: Bool = false, _ change: (inout ACLEntry.Match) -> Void
    ) -> TableEntry {
        var match = ACLEntry.Match()
        change(&match)
        return .acl(ACLEntry(id: id, priority: 100 - id, match: match, action: action, mirror: mirror))
    }

    static let rules: [[TableEntry]] = [
        [],
        [rule(1, .drop) { $0.dscp = 32 }],
        [rule(1, .drop) { ($0.ipProtocol, $0.tcpFlags) = (6, Ternary(value: 2, mask: 2)) }],
        [rule(1, .drop) { $0.destinationMAC = Ternary(value: Network.router.rawValue, mask: 0xffff_ffff_ffff) }],
        [rule(1, .kernel) { $0.sourceMAC = Ternary(value: 0x0a, mask: 0x0f) }],
        [rule(1, .cpu) { ($0.ipProtocol, $0.destinationPorts) = (17, 50...60) }],
        [rule(1, .redirect(Network.port(5)), mirror: true) { $0.source = Network.prefix("198.51.100.0/29") }],
        [
            rule(1, .permit, mirror: true) { $0.destination = Network.prefix("10.1.0.0/16") },
            rule(2, .drop) { $0.dscp = 0 },
        ],
        [rule(1, .permit) { ($0.ipProtocol, $0.sourcePorts) = (6, 1000...1000) }, rule(2, .drop) { _ in }],
        [rule(1, .drop) { $0.ingressPort = Network.port(2) }, rule(2, .drop) { $0.vlan = Network.vlan(3) }],
        [
            rule(1, .drop) { $0.fragment = .any }, rule(2, .drop) { $0.routed = false },
            rule(3, .drop) { $0.etherType = 0x86dd },
        ],
        [
            rule(1, .drop) { ($0.ipProtocol, $0.icmpType) = (1, 0) },
            rule(2, .drop) { ($0.ipProtocol, $0.icmpType) = (58, 129) },
        ],
    ]

    static let frames: [Frame] = [
        Network.ipv4(), Network.ipv4(.tcp(source: 1000, destination: 80, flags: 2)),
        Network.ipv4(.icmp(type: 8, code: 0)),
        Network.ipv6(), Network.ipv6(.icmp(type: 128, code: 0)), Network.ipv6(extensions: [.destinationOptions([])]),
        Network.ipv4(.raw(ipProtocol: 47, bytes: [1, 2, 3])),
    ]

    /// The same but for the reason of a forward, which a cache hit reports as its own.
    func sameDecision(_ a: PacketVerdict, _ b: PacketVerdict) -> Bool {
        var (a, b) = (a, b)
        if a.disposition == .forward, b.disposition == .forward { (a.reason, b.reason) = (.none, .none) }
        return a == b
    }

    func network(_ rules: [TableEntry]) -> Network {
        let network = Network()
        network.add(
            rules + [
                .route(RouteEntry(prefix: Network.prefix("10.1.2.0/26"), action: .drop)),
                .route(RouteEntry(prefix: Network.prefix("10.1.2.0/29"), action: .nextHop(Network.nextHop4))),
                .route(RouteEntry(prefix: Network.prefix("10.1.2.4/31"), action: .kernel)),
            ])
        // A station that admits more than one address, and a second interface at another port.
        var wide = MyStationEntry(
            port: Network.port(2), vlan: nil, mac: Network.router, priority: 0, routerInterface: Network.interface2)
        wide.macMask = MACAddress(rawValue: 0xffff_ffff_fff0)
        wide.mac = MACAddress(rawValue: Network.router.rawValue & wide.macMask.rawValue)
        network.add([.myStation(wide)])
        return network
    }

    /// Every byte of the frame in turn set to several values, as it is and with the header checksum put right so that the change
    /// gets through the parser: the first change that the cache and the tables decide differently.
    func firstDifference(_ frame: Frame, port: UInt16, _ cached: Network, _ plain: Network) throws -> String? {
        let original = frame.bytes
        for offset in original.indices {
            for value in [
                original[offset], original[offset] ^ 1, original[offset] ^ 0x80, original[offset] &+ 1, 0, 0xff,
            ] as [UInt8] {
                var bytes = original
                bytes[offset] = value
                for repair in [false, true] {
                    if repair, bytes[12...13] == [8, 0], bytes.count >= 34 {
                        bytes.store(bigEndian: UInt16(0), at: 24)
                        bytes.store(bigEndian: Checksum.of(bytes.span.bytes.extracting(14..<34)), at: 24)
                    }
                    let (a, b) = (try cached.send(bytes, port: port), try plain.send(bytes, port: port))
                    if !sameDecision(a, b) { return "byte \(offset) = \(value): cached \(a), tables \(b)" }
                }
            }
        }
        return nil
    }

    /// Two equal networks; in one of them the frame's flow is cached as it is derived.
    func cache(_ frame: Frame, port: UInt16, _ rules: [TableEntry], _ alter: (inout FlowEntry) -> Void = { _ in })
        throws
        -> (cached: Network, plain: Network, entry: FlowEntry)
    {
        let (cached, plain) = (network(rules), network(rules))
        let interface = port == 1 ? Network.interface1 : Network.interface2
        let key = try #require(try PacketFields(parsing: frame.bytes.span.bytes).flowKey(at: interface))
        let evaluation = Classifier.evaluate(key: key, state: cached.plane.state, generation: cached.plane.generation)
        var entry = try #require(evaluation.entry)
        alter(&entry)
        cached.add([.flow(entry)])
        return (cached, plain, entry)
    }

    @Test("every byte of a packet changed: the cache decides as the tables do", arguments: rules.indices)
    func mutations(index: Int) throws {
        for frame in Self.frames {
            for port in [1, 2] as [UInt16] {
                let (cached, plain, entry) = try cache(frame, port: port, Self.rules[index])
                let difference = try firstDifference(frame, port: port, cached, plain)
                #expect(difference == nil)
                var hits: UInt64 = 0
                cached.plane.sweepFlows {
                    hits += $0.counter.packets; return .keep
                }
                #expect(!entry.aclDone || hits > 0)
            }
        }
    }

    @Test("an entry that claims to stand for an ACL it does not know is caught by that", arguments: [1, 2, 4])
    func caught(index: Int) throws {
        let frame = Self.frames[1]
        let (cached, plain, entry) = try cache(frame, port: 1, Self.rules[index]) { $0.aclDone = true }
        #expect(entry.aclDone)
        #expect(try firstDifference(frame, port: 1, cached, plain) != nil)
    }

    func evaluate(_ rules: [TableEntry], _ frame: Frame = Network.ipv4(), port: UInt16 = 1) throws -> Evaluation {
        let network = network(rules)
        let interface = port == 1 ? Network.interface1 : Network.interface2
        let key = try #require(try PacketFields(parsing: frame.bytes.span.bytes).flowKey(at: interface))
        return Classifier.evaluate(key: key, state: network.plane.state, generation: .init(rawValue: 3))
    }

    @Test("an entry that could match on a field outside the key makes the cache ask the ACL again")
    func fieldsRead() throws {
        let flags = try evaluate(Self.rules[2], Network.ipv4(.tcp(source: 1, destination: 2)))
        #expect(flags.entry?.aclDone == false)
        #expect(flags.fieldsRead == [.ipProtocol, .tcpFlags])
        // A UDP flow is excluded by its protocol alone.
        let udp = try evaluate(Self.rules[2])
        #expect(udp.entry?.aclDone == true)
        #expect(udp.fieldsRead == [.ipProtocol])
        #expect(try evaluate(Self.rules[1]).fieldsRead == [.dscp])
        #expect(try evaluate([]).fieldsRead == [])
        // An entry that decides before hides those behind it.
        let hidden = try evaluate(Self.rules[7])
        #expect(hidden.entry?.aclDone == true)
        #expect(hidden.entry?.mirror == true)
        #expect(hidden.entry?.origin == .derived(.init(rawValue: 3)))
    }

    @Test("the ingress port and VLAN are in the key only if the router interface has one of each")
    func ingress() throws {
        // Interface 1 is reached from port 1, untagged; interface 2 from port 2 in any VLAN.
        #expect(try evaluate(Self.rules[9]).entry?.aclDone == true)
        let second = try evaluate(Self.rules[9], port: 2)
        #expect(second.entry?.action == .drop)
        let rule = Self.rule(1, .drop) { $0.vlan = Network.vlan(3) }
        #expect(try evaluate([rule], port: 2).entry?.aclDone == false)
        #expect(try evaluate([rule], port: 2).fieldsRead == [.vlan])
        #expect(try evaluate([rule]).entry?.aclDone == true)
    }

    @Test(
        "decisions are derived as the tables make them",
        arguments: [
            ("10.1.2.63", ForwardingAction.drop, Reason.route), ("10.1.2.1", .nextHop(Network.nextHop4), .route),
            ("10.1.2.5", .kernel, .local), ("192.168.0.1", .kernel, .noRoute), ("127.0.0.1", .kernel, .specialAddress),
        ])
    func decisions(destination: String, action: ForwardingAction, reason: Reason) throws {
        let entry = try #require(try evaluate([], Network.ipv4(to: destination)).entry)
        #expect(entry.action == action)
        #expect(entry.reason == reason)
        #expect(entry.aclDone)
    }

    @Test("an unknown neighbour is no reason to keep a flow out of the cache: the next hop is looked at by packet")
    func unresolved() throws {
        let network = network([])
        let bytes = Network.ipv4(to: "10.200.0.1").bytes
        let key = try #require(try PacketFields(parsing: bytes.span.bytes).flowKey(at: Network.interface1))
        _ = network.plane.write([.delete(Network.entries[10])])
        let entry = try #require(
            Classifier.evaluate(key: key, state: network.plane.state, generation: network.plane.generation).entry)
        #expect(entry.action == .nextHop(Network.nextHop4))
        network.add([.flow(entry)])
        #expect(try network.reason(bytes) == "kernel neighbor_unresolved")
        network.add([Network.entries[10]])
        #expect(try network.reason(bytes) == "forward flow_cache")
    }

    @Test("a flow of an interface that does not exist has no entry, and the evaluation says why")
    func noInterface() {
        let key = FlowKey(
            routerInterface: .init(rawValue: 9), source: Network.ip("::2"), destination: Network.ip("::3"),
            ipProtocol: 6)
        let evaluation = Classifier.evaluate(key: key, state: TableState(), generation: .init(rawValue: 0))
        #expect(evaluation.entry == nil)
        #expect(evaluation.notCacheable == "router interface 9 does not exist")
    }

    @Test("the hash is the one of the shared header: multilinear over little-endian words")
    func hash() {
        let words = (1...12).map { UInt64($0) &* 0x9e37_79b9_7f4a_7c15 }
        func reference(_ memory: [UInt8]) -> UInt32 {
            var sum = words[0]
            for index in 0..<(memory.count / 4) {
                if index % 2 == 1 { continue }
                func character(_ i: Int) -> UInt64 {
                    (0..<4).reduce(0) { $0 | UInt64(memory[i * 4 + $1]) << UInt64(8 * $1) }
                }
                sum = sum &+ (words[index + 1] &+ character(index)) &* (words[index + 2] &+ character(index + 1))
            }
            return UInt32(sum >> 32)
        }
        let seed = HashSeed(words)
        let v4 = FlowKey(
            routerInterface: .init(rawValue: 0x0302), source: Network.ip("1.2.3.4"), destination: Network.ip("5.6.7.8"),
            ipProtocol: 17,
            sourcePort: 0x1122, destinationPort: 0x3344)
        let tail: [UInt8] = [0x11, 0x22, 0x33, 0x44, 17, 0, 0x02, 0x03]
        #expect(FlowHash.hash(v4, seed: seed) == reference([1, 2, 3, 4, 5, 6, 7, 8] + tail))
        let v6 = FlowKey(
            routerInterface: .init(rawValue: 0x0302), source: Network.ip("102:304:506:708:90a:b0c:d0e:f10"),
            destination: Network.ip("1112:1314:1516:1718:191a:1b1c:1d1e:1f20"), ipProtocol: 17, sourcePort: 0x1122,
            destinationPort: 0x3344)
        #expect(FlowHash.hash(v6, seed: seed) == reference(Array(1...32) + tail))
        #expect(FlowHash.bucket(v6, seed: seed) == Int(FlowHash.hash(v6, seed: seed) % 64))
    }
}
