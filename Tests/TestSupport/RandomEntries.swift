// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// Entries with any values their types and the model's rules allow.
public struct RandomEntries {
    public var random: SeededGenerator
    public init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    public mutating func number<T: FixedWidthInteger>(_ range: ClosedRange<T>) -> T {
        T.random(in: range, using: &random)
    }
    public mutating func bool() -> Bool { Bool.random(using: &random) }
    mutating func maybe<T>(_ value: (inout Self) -> T) -> T? { bool() ? value(&self) : nil }
    public mutating func port() -> PortID { PortID(rawValue: number(0...63)) }
    public mutating func vlan(from lowest: UInt16 = 1) -> VLANID { VLANID(rawValue: number(lowest...4094)) }
    public mutating func mac() -> MACAddress { MACAddress(rawValue: number(0...UInt64.max)) }
    mutating func ternaryMAC() -> Ternary<UInt64> { Ternary(value: mac().rawValue, mask: mac().rawValue) }
    mutating func interface() -> RouterInterfaceID { RouterInterfaceID(rawValue: number(1...1023)) }
    mutating func id() -> UInt32 { number(0...UInt32.max) }
    mutating func byte() -> UInt8 { number(0...UInt8.max) }
    mutating func word() -> UInt16 { number(0...UInt16.max) }

    public mutating func address(v6: Bool) -> IPAddress {
        v6
            ? .v6(IPv6Address(high: number(0...UInt64.max), low: number(0...UInt64.max)))
            : .v4(IPv4Address(rawValue: id()))
    }

    public mutating func prefix(v6: Bool) -> IPPrefix {
        let address = address(v6: v6)
        let length = number(0...(v6 ? 128 : 32))
        guard let prefix = IPPrefix(address, length: length) else { fatalError("\(length) is no prefix length") }
        return prefix
    }

    mutating func range() -> ClosedRange<UInt16> {
        let (a, b) = (word(), word())
        return min(a, b)...max(a, b)
    }

    public mutating func pick<T>(_ choices: [T]) -> T { choices[number(0...(choices.count - 1))] }

    public mutating func entry(of table: TableID) -> TableEntry {
        switch table {
        case .port:
            var entry = PortEntry(port: port())
            (entry.admit, entry.up, entry.learnFlows, entry.learnMACs) = (bool(), bool(), bool(), bool())
            (entry.mode, entry.malformed) = (pick([.routed, .switched]), pick([.drop, .kernel, .ignore]))
            (entry.pvid, entry.mtu) = (vlan(), number(1...UInt16.max))
            return .port(entry)
        case .vlan:
            var entry = VLANEntry(vlan: vlan())
            for _ in 0..<number(0...20) { entry.tagged.insert(port()) }
            for _ in 0..<number(0...20) { entry.untagged.insert(port()) }
            entry.untagged.subtract(entry.tagged)
            let policies: [FloodPolicy] = [.flood, .drop, .kernel]
            (entry.unknownUnicast, entry.broadcast, entry.multicast) = (pick(policies), pick(policies), pick(policies))
            return .vlan(entry)
        case .myStation:
            var entry = MyStationEntry(
                port: maybe { $0.port() }, vlan: maybe { $0.vlan(from: 0) }, mac: mac(), priority: id(),
                routerInterface: interface())
            if bool() { entry.macMask = mac() }
            return .myStation(entry)
        case .mac:
            let action = pick([MACEntry.Action.port(port()), .drop, .kernel, .cpu])
            return .mac(MACEntry(vlan: vlan(), mac: mac(), action: action, isStatic: bool()))
        case .acl: return .acl(acl())
        case .flowCache: return .flow(flow())
        case .ipv4, .ipv6:
            let action = pick([
                RouteEntry.Action.nextHop(NextHopID(rawValue: id())), .group(NextHopGroupID(rawValue: id())), .drop,
                .kernel, .cpu,
            ])
            let vrf = VRFID(rawValue: number(0...255))
            return .route(RouteEntry(vrf: vrf, prefix: prefix(v6: table == .ipv6), action: action))
        case .nextHop:
            return .nextHop(
                NextHopEntry(id: NextHopID(rawValue: id()), routerInterface: interface(), neighbor: address(v6: bool()))
            )
        case .nextHopGroup:
            let members = (0..<number(0...8)).map { _ in
                NextHopGroupEntry.Member(nextHop: NextHopID(rawValue: id()), weight: number(1...8))
            }
            return .nextHopGroup(NextHopGroupEntry(id: NextHopGroupID(rawValue: id()), members: members))
        case .neighbor:
            return .neighbor(NeighborEntry(routerInterface: interface(), address: address(v6: bool()), mac: mac()))
        case .routerInterface:
            var entry = RouterInterfaceEntry(id: interface(), port: port(), mac: mac())
            (entry.vlan, entry.vrf) = (vlan(from: 0), VRFID(rawValue: number(0...255)))
            return .routerInterface(entry)
        }
    }

    public mutating func acl() -> ACLEntry {
        var match = ACLEntry.Match()
        let v6 = bool()
        match.ingressPort = maybe { $0.port() }
        match.vlan = maybe { $0.vlan(from: 0) }
        match.etherType = maybe { $0.word() }
        match.destinationMAC = maybe { $0.ternaryMAC() }
        match.sourceMAC = maybe { $0.ternaryMAC() }
        match.source = maybe { $0.prefix(v6: v6) }
        match.destination = maybe { $0.prefix(v6: v6) }
        match.ipProtocol = maybe { $0.byte() }
        match.dscp = maybe { $0.number(0...63) }
        match.sourcePorts = maybe { $0.range() }
        match.destinationPorts = maybe { $0.range() }
        match.tcpFlags = maybe { Ternary(value: $0.byte(), mask: $0.byte()) }
        match.icmpType = maybe { $0.byte() }
        match.icmpCode = maybe { $0.byte() }
        match.fragment = maybe { $0.pick([ACLEntry.Fragment.first, .later, .any, .none]) }
        match.routed = maybe { $0.bool() }
        let action = pick([ACLEntry.Action.permit, .drop, .kernel, .cpu, .redirect(port())])
        return ACLEntry(id: id(), priority: id(), match: match, action: action, mirror: bool())
    }

    public mutating func flow() -> FlowEntry {
        let v6 = bool()
        let ipProtocol = pick([1, 6, 17, 58, byte()] as [UInt8])
        let isICMP = ipProtocol == (v6 ? 58 : 1)
        let ports = ipProtocol == 6 || ipProtocol == 17
        let key = FlowKey(
            routerInterface: interface(), source: address(v6: v6), destination: address(v6: v6),
            ipProtocol: ipProtocol, sourcePort: ports || isICMP ? word() : 0, destinationPort: ports ? word() : 0)
        let action = pick([
            ForwardingAction.nextHop(NextHopID(rawValue: id())), .port(port()), .drop, .kernel, .cpu,
        ])
        let origin: FlowEntry.Origin = bool() ? .static : .derived(PolicyGeneration(rawValue: word()))
        return FlowEntry(
            key: key, action: action, origin: origin, aclDone: bool(), mirror: bool(), reason: pick(Reason.allCases))
    }
}
