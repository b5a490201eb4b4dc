// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import TestSupport

@testable import Controller

/// Configurations that the file's language allows, of few names and addresses so that things meet, and hosts they may be on.
struct RandomConfiguration {
    var random: SeededGenerator
    private(set) var configuration = Configuration()
    private let here = SourceLocation(line: 0, column: 0)

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        makeSettings()
        makeVRFs()
        makePorts()
        makeVLANs()
        makeNeighbors()
        makeRoutes()
        makeACL()
        makeFlows()
        if chance(40) { makeCard() }
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
    mutating func number<T: FixedWidthInteger>(_ range: ClosedRange<T>) -> T { T.random(in: range, using: &random) }
    mutating func maybe<T>(_ percent: Int = 50, _ value: (inout Self) -> T) -> T? {
        chance(percent) ? value(&self) : nil
    }
    mutating func pick<T>(_ choices: [T]) -> T { choices[number(0...(choices.count - 1))] }
    mutating func some<T>(_ choices: [T]) -> T? { choices.isEmpty ? nil : pick(choices) }
    mutating func mac() -> MACAddress { MACAddress(rawValue: 0x0200_0000_0000 | UInt64(number(1...0xffff) as UInt32)) }

    // MARK: Settings, ports and VLANs

    private mutating func makeSettings() {
        if chance(50) {
            configuration.node.name = pick([
                "edge1", "", "a \"b\" \\ c", "null", "rack 7, row 3: #2", "Käfer\u{7}\u{2028}",
            ])
        }
        configuration.node.hashSeed = maybe(20) { $0.number(0...UInt64.max) }
        if chance(20) { configuration.pinPath = "/sys/fs/bpf/a b" }
        if chance(20) { configuration.aclDefault = .drop }
        if chance(30) { configuration.limits.ipv4Flows = number(64...16_777_216) }
        if chance(20) { configuration.limits.flowHighWater = number(10...100) }
        if chance(30) { configuration.ageing.tcp = .milliseconds(number(500...28_800_000)) }
        if chance(30) { configuration.ageing.mac = .seconds(number(1...28_800)) }
    }

    private mutating func makeVRFs() {
        for (name, id) in [("blue", 1), ("7", 2), ("~", 3)] as [(String, UInt16)] where chance(50) {
            configuration.vrfs.append(.init(name: name, id: VRFID(rawValue: id), location: here))
        }
    }

    /// Declared or not, few enough that ports share them.
    private mutating func vrf() -> VRFID { VRFID(rawValue: pick([0, 0, 0, 1, 2, 7])) }

    static let portNames = ["p1", "p2", "p1.10", "10", "no", "a\"b", "tr#nk", "0x10", "a:b", "Ölwanne"]

    private mutating func makePorts() {
        var names = Self.portNames.shuffled(using: &random)
        // In most configurations they have names as people give them.
        if chance(70) { names = ["p1", "p2", "p3", "trunk", "p5"] }
        var ids = Array(1...63).shuffled(using: &random)
        for index in 0..<number(1...5) {
            let name = names[index]
            let plain = name.allSatisfy { $0.isLetter || $0.isNumber || $0 == "." }
            var port = Configuration.Port(name: name, interface: plain ? name : "eth\(index)", location: here)
            if chance(30) { port.interface = "eth\(index)" }
            if chance(30) { port.id = ids.popLast().map { PortID(rawValue: UInt16($0)) } }
            port.mode = chance(40) ? .switched : .routed
            if port.mode == .switched { port.pvid = VLANID(rawValue: pick([1, 10, 20])) }
            port.attach = pick([[.native, .skb], [.skb], [.native], [.skb, .native]])
            port.mac = maybe(30) { $0.mac() }
            port.mtu = maybe(30) { $0.number(68...9000) }
            port.vrf = vrf()
            port.malformed = pick([.drop, .kernel, .ignore])
            (port.learnFlows, port.learnMACs, port.admit) = (chance(80), chance(80), chance(90))
            if port.mode == .routed || chance(40) { port.addresses = addresses(port.vrf) }
            for vlan in [10, 20, 30] as [UInt16] where chance(25) {
                if port.mode == .switched, vlan == port.pvid.rawValue, !port.addresses.isEmpty { continue }
                var sub = Configuration.Subinterface(
                    vlan: VLANID(rawValue: vlan), interface: "\(port.interface).\(vlan)", location: here)
                if chance(30) { sub.interface = "vlan\(index)\(vlan)" }
                sub.vrf = vrf()
                sub.addresses = addresses(sub.vrf)
                sub.mac = maybe(30) { $0.mac() }
                port.subinterfaces.append(sub)
            }
            configuration.ports.append(port)
        }
    }

    private var networks: Set<[Int]> = []

    private mutating func addresses(_ vrf: VRFID) -> [Located<InterfaceAddress>] {
        var texts: [String] = []
        guard chance(75) else { return [] }
        for _ in 0..<number(1...2) {
            let number = number(1...9)
            guard networks.insert([Int(vrf.rawValue), number]).inserted else { continue }
            texts += pick([
                ["10.0.\(number).1/24"], ["10.0.\(number).1/24", "10.0.\(number).200/24"], ["10.0.\(number).1/31"],
                ["fd00:\(number)::1/64"], ["10.0.\(number).1/24", "fd00:\(number)::1/64", "fe80::1/64"],
            ])
        }
        return texts.compactMap { parseInterfaceAddress($0, hostIfBare: false) }.map { Located($0, at: here) }
    }

    private mutating func makeVLANs() {
        let switched = configuration.ports.filter { $0.mode == .switched }.map(\.name)
        var left = Set(switched)
        for id in [1, 10, 20, 30] as [UInt16] where chance(50) || (id == 30 && !left.isEmpty) {
            var vlan = Configuration.VLAN(id: VLANID(rawValue: id), location: here)
            for name in switched where chance(60) || (id == 30 && left.contains(name)) {
                left.remove(name)
                if chance(50) {
                    vlan.tagged.append(Located(name, at: here))
                } else {
                    vlan.untagged.append(Located(name, at: here))
                }
            }
            vlan.unknownUnicast = pick([.flood, .drop, .kernel])
            vlan.broadcast = pick([.flood, .flood, .kernel])
            vlan.multicast = pick([.flood, .flood, .drop])
            configuration.vlans.append(vlan)
        }
        for vlan in configuration.vlans {
            var seen: Set<MACAddress> = []
            for _ in 0..<number(0...3) {
                let mac = MACAddress(rawValue: 0x0200_0000_0001 + UInt64(number(0...4) as UInt32))
                guard seen.insert(mac).inserted else { continue }
                let members = (vlan.tagged + vlan.untagged).map { Configuration.StaticMAC.Action.port($0.value) }
                configuration.macs.append(
                    .init(vlan: vlan.id, mac: mac, action: pick(members + [.drop, .kernel, .cpu]), location: here))
            }
        }
    }

    // MARK: Forwarding

    /// Addresses in the networks of places, and some elsewhere; few, so that they are met again.
    mutating func address(at place: Configuration.RouterPlace, ipv6: Bool) -> IPAddress {
        var choices: [String] = ipv6 ? ["fe80::2", "2001:db8::9"] : ["203.0.113.9"]
        for item in place.addresses where item.value.address.isIPv6 == ipv6 && !item.value.address.isLinkLocal {
            switch item.value.prefix.address {
            case .v4(let v4):
                // A network of two has one other address.
                let hosts: [UInt32] = item.value.length == 31 ? [0] : [2, 2, 3, 130]
                choices += hosts.map { IPv4Address(rawValue: v4.rawValue + $0).description }
            case .v6(let v6): choices += [2, 2, 3].map { IPv6Address(high: v6.high, low: $0).description }
            }
        }
        let address = IPAddress(pick(choices)) ?? .v4(IPv4Address(rawValue: 0))
        // Not the node's own in that VRF.
        return ConnectedNetworks(configuration).own(address, vrf: place.vrf) == nil
            ? address : Fixture.address(ipv6 ? "2001:db8::9" : "203.0.113.9")
    }

    private mutating func makeNeighbors() {
        for place in configuration.routerPlaces where chance(60) {
            var seen: Set<IPAddress> = []
            for _ in 0..<number(0...3) {
                let address = address(at: place, ipv6: chance(40))
                guard seen.insert(address).inserted else { continue }
                configuration.neighbors.append(
                    .init(
                        address: address, mac: maybe(85) { $0.mac() }, port: place.port, makesRoute: chance(75),
                        location: here))
            }
        }
    }

    mutating func prefix(ipv6: Bool) -> IPPrefix {
        let fixed =
            ipv6 ? ["2001:db8::/32", "::/0", "2001:db8::9/128"] : ["192.0.2.0/24", "0.0.0.0/0", "203.0.113.9/32"]
        var choices = fixed.compactMap { IPPrefix($0) }
        for place in configuration.routerPlaces {
            for item in place.addresses where item.value.address.isIPv6 == ipv6 {
                let neighbor = address(at: place, ipv6: ipv6)
                choices += [
                    IPPrefix(host: neighbor), item.value.prefix, IPPrefix(host: item.value.address),
                    IPPrefix(neighbor, length: ipv6 ? 80 : 25),
                ].compactMap { $0 }
            }
        }
        return pick(choices)
    }

    mutating func hops(ipv6: Bool, at most: Int) -> [Configuration.NextHop] {
        var seen: Set<[String]> = []
        var result: [Configuration.NextHop] = []
        guard !configuration.routerPlaces.isEmpty else { return [] }
        for _ in 0..<number(1...most) {
            let place = pick(configuration.routerPlaces)
            let address = address(at: place, ipv6: ipv6)
            guard seen.insert([place.port.text, address.description]).inserted else { continue }
            result.append(
                .init(address: address, weight: chance(70) ? 1 : number(2...20), port: place.port, location: here))
        }
        return result
    }

    private mutating func makeRoutes() {
        let networks = ConnectedNetworks(configuration)
        var seen: Set<EntryKey> = []
        for _ in 0..<number(0...8) {
            let ipv6 = chance(35)
            let prefix = prefix(ipv6: ipv6)
            let vrf = vrf()
            guard seen.insert(.route(vrf, prefix)).inserted else { continue }
            let hops = hops(ipv6: ipv6, at: 3)
            var action = pick([.drop, .kernel, .cpu, .absent] as [Configuration.Route.Action])
            if !hops.isEmpty, chance(65) { action = .via(hops) }
            let isConnected = networks.list.contains {
                $0.vrf == vrf && ($0.address.prefix == prefix || IPPrefix(host: $0.address.address) == prefix)
            }
            configuration.routes.append(
                .init(prefix: prefix, vrf: vrf, action: isConnected ? .absent : action, location: here))
        }
    }

    // MARK: Policy

    mutating func rule(id: UInt32) -> Configuration.ACLRule {
        let ports = configuration.ports.map(\.name)
        let actions: [Configuration.ACLRule.Action] = [.permit, .drop, .kernel, .cpu, .redirect(pick(ports))]
        var rule = Configuration.ACLRule(
            id: id, priority: number(0...9), match: match(), action: pick(actions), mirror: chance(20), location: here)
        rule.ingressPort = maybe(30) { $0.pick(ports) }
        return rule
    }

    mutating func match() -> ACLEntry.Match {
        var match = ACLEntry.Match()
        match.vlan = maybe(20) { VLANID(rawValue: $0.pick([0, 1, 10, 4094])) }
        match.etherType = maybe(20) { $0.pick([0x0800, 0x0806, 0x86dd, 0x88cc]) }
        match.destinationMAC = maybe(15) { Ternary(value: $0.mac().rawValue, mask: MACAddress.broadcast.rawValue) }
        match.sourceMAC = maybe(15) { _ in Ternary(value: 0x0100_0000_0000, mask: 0x0100_0000_0000) }
        let ipv6 = chance(40)
        match.source = maybe(30) { $0.prefix(ipv6: ipv6) }
        match.destination = maybe(30) { $0.prefix(ipv6: ipv6) }
        match.ipProtocol = maybe(60) { $0.pick([1, 6, 17, 58, 50]) }
        match.dscp = maybe(15) { $0.number(0...63) }
        switch match.ipProtocol {
        case 6, 17:
            match.sourcePorts = maybe(40) { 0...($0.number(0...65535)) }
            match.destinationPorts = maybe(40) { _ in 443...443 }
            if match.ipProtocol == 6 {
                let mask: UInt8 = number(0...255)
                match.tcpFlags = maybe(40) { Ternary(value: $0.number(0...255) & mask, mask: mask) }
            }
        case 1, 58:
            match.icmpType = maybe(50) { $0.number(0...255) }
            match.icmpCode = maybe(30) { $0.number(0...255) }
        default: break
        }
        match.fragment = maybe(20) { $0.pick([.first, .later, .any, .none]) }
        match.routed = maybe(20) { $0.chance(50) }
        return match
    }

    private mutating func makeACL() {
        for id in [1, 2, 3, 10, UInt32.max - 1] as [UInt32] where chance(40) { configuration.acl.append(rule(id: id)) }
    }

    /// The five-tuple of a flow, of few values.
    mutating func tuple(ipv6: Bool) -> (IPAddress, IPAddress, UInt8, UInt16, UInt16) {
        let ipProtocol: UInt8 = pick([6, 17, 50, ipv6 ? 58 : 1])
        let (source, destination) = ipv6 ? ("2001:db8::1", "2001:db8::2") : ("10.0.1.7", "192.0.2.7")
        let isICMP = ipProtocol == 1 || ipProtocol == 58
        let ports = ipProtocol == 6 || ipProtocol == 17
        return (
            Fixture.address(source), Fixture.address(destination), ipProtocol,
            ports || isICMP ? pick([0x0800, 1, 77]) : 0,
            ports ? pick([53, 443]) : 0
        )
    }

    private mutating func makeFlows() {
        guard !configuration.routerPlaces.isEmpty else { return }
        var seen: Set<String> = []
        for _ in 0..<number(0...5) {
            let ipv6 = chance(35)
            let place = pick(configuration.routerPlaces)
            let (source, destination, ipProtocol, sourcePort, destinationPort) = tuple(ipv6: ipv6)
            guard seen.insert("\(place.port) \(source) \(ipProtocol) \(sourcePort) \(destinationPort)").inserted else {
                continue
            }
            var flow = Configuration.StaticFlow(
                port: place.port, source: source, destination: destination, ipProtocol: ipProtocol,
                sourcePort: sourcePort, destinationPort: destinationPort, action: .drop, location: here)
            let hops = hops(ipv6: ipv6, at: 1)
            flow.action = pick(
                hops.map { .via($0) } + [.drop, .kernel, .cpu, .redirect(pick(configuration.ports).name)])
            flow.mirror = chance(20)
            flow.idleTimeout = maybe(30) { .milliseconds($0.pick([500, 1500, 60_000, 3_600_000])) }
            configuration.flows.append(flow)
        }
    }

    // MARK: The card

    private mutating func makeCard() {
        let bus: Configuration.Card.Bus = pick([
            .spi("/dev/spidev0.0"), .pci("0000:01:00.0"), .simulated("/run/a card: \"1\".sock"),
        ])
        var card = Configuration.Card(bus: bus, location: here)
        if case .spi = bus {
            card.speed = maybe { $0.pick([1000, 20_000_000, 12_345_000, 33_333_333]) }
            card.mode = pick([0, 0, 3])
        }
        if case .simulated = bus { card.board = pick([.realTimeHAT, .trustNode]) }
        for (index, port) in configuration.ports.enumerated() where index == 0 || chance(60) {
            card.ports.append(
                .init(
                    name: Located(port.name, at: here), physical: (index * number(1...5)) % 16,
                    speed: maybe { $0.pick([.mbps10, .mbps100, .mbps1000]) }))
        }
        var taken: Set<Int> = []
        card.ports.removeAll { !taken.insert($0.physical).inserted || !card.board.ports.contains($0.physical) }
        card.cpuPort = maybe { random in
            var port = Configuration.Card.CPUPort(interface: random.pick(["cable0", "cable1"]))
            port.tag = random.number(1...4)
            port.untagged = random.pick([.drop, .kernel])
            return port
        }
        if card.board == .trustNode { card.cpuPort = nil }
        card.hashRevision = maybe { $0.number(1...12) }
        card.quirks.dropBit = maybe { $0.number(6...7) }
        card.quirks.countsDrops = chance(30)
        card.quirks.untaggedVLAN = maybe { $0.pick([0, 4095]) }
        card.quirks.collisionEntries = maybe { $0.number(0...1024) }
        card.quirks.emaEntries = maybe { $0.number(0...512) }
        for trait in CardTrait.flags where chance(30) { card.traits[keyPath: trait.path] = true }
        for trait in CardTrait.numbers where chance(30) { card.traits[keyPath: trait.path] = number(trait.range) }
        if let least = card.traits.minimumFrame, let most = card.traits.maximumFrame, least > most {
            card.traits.minimumFrame = nil
        }
        card.packetMemory = maybe { 64 * $0.number(1...8192) }
        card.sixTree =
            maybe { random in
                let address = IPv6Address(high: 0xaf << 56 | UInt64(random.number(0...(1 << 55))), low: 0)
                return IPPrefix(.v6(address), length: 64).map {
                    .init(prefix: $0, sourceNibble: random.number(0...15), destinationNibble: random.number(0...15))
                }
            } ?? nil
        if chance(50) { (card.promote, card.demote) = pick([(2000, 1999), (1_000_000, 1), (1500, 10)]) }
        if chance(50) { card.share = number(1...100) }
        for index in configuration.ports.indices where chance(30) {
            let tenant = pick(["blue", "red", "on: \"green\"".replacing(" ", with: "")])
            configuration.ports[index].tenant = tenant
            if chance(50) { card.shares[tenant] = number(1...100) }
        }
        configuration.card = card
    }

    // MARK: The host

    /// Most interfaces, with addresses where the file gives none, and neighbours the kernel resolved.
    mutating func facts() -> HostFacts {
        var facts = HostFacts()
        var index: UInt32 = 0
        for port in configuration.ports {
            let names = [(port.interface, port.addresses)] + port.subinterfaces.map { ($0.interface, $0.addresses) }
            for (name, given) in names where chance(90) {
                index += 1
                var addresses = given.map(\.value)
                if given.isEmpty, chance(60) {
                    addresses = ["172.16.\(index).1/24", "fd10:\(index)::1/64"].compactMap {
                        parseInterfaceAddress($0, hostIfBare: false)
                    }
                }
                facts.interfaces[name] = .init(
                    name: name, index: index, mac: mac(), mtu: pick([1500, 9000]), up: chance(80), addresses: addresses)
                let place = Configuration.RouterPlace(
                    port: .init(port: port.name), vrf: .default, addresses: addresses.map { Located($0, at: here) },
                    isSwitched: false)
                for _ in 0..<number(0...3) {
                    let address = address(at: place, ipv6: chance(40))
                    if !addresses.contains(where: { $0.address == address }) {
                        facts.neighbors.append(.init(interface: name, address: address, mac: mac()))
                    }
                }
            }
        }
        return facts
    }
}

extension Configuration {
    /// The same without places in a file: what two files that say the same have in common.
    var unlocated: Configuration {
        let here = SourceLocation(line: 0, column: 0)
        func bare<Value>(_ items: [Located<Value>]) -> [Located<Value>] { items.map { Located($0.value, at: here) } }
        func bare(_ hop: NextHop) -> NextHop {
            .init(address: hop.address, weight: hop.weight, port: hop.port, location: here)
        }
        var copy = self
        for index in copy.ports.indices {
            copy.ports[index].location = here
            copy.ports[index].addresses = bare(ports[index].addresses)
            for sub in copy.ports[index].subinterfaces.indices {
                copy.ports[index].subinterfaces[sub].location = here
                copy.ports[index].subinterfaces[sub].addresses = bare(ports[index].subinterfaces[sub].addresses)
            }
        }
        for index in copy.vlans.indices {
            copy.vlans[index].location = here
            copy.vlans[index].tagged = bare(vlans[index].tagged)
            copy.vlans[index].untagged = bare(vlans[index].untagged)
        }
        for index in copy.macs.indices { copy.macs[index].location = here }
        for index in copy.vrfs.indices { copy.vrfs[index].location = here }
        for index in copy.routes.indices {
            copy.routes[index].location = here
            if case .via(let hops) = routes[index].action { copy.routes[index].action = .via(hops.map(bare)) }
        }
        for index in copy.neighbors.indices { copy.neighbors[index].location = here }
        for index in copy.acl.indices { copy.acl[index].location = here }
        for index in copy.flows.indices {
            copy.flows[index].location = here
            if case .via(let hop) = flows[index].action { copy.flows[index].action = .via(bare(hop)) }
        }
        copy.card?.location = here
        copy.card?.ports = (card?.ports ?? []).map {
            .init(name: Located($0.name.value, at: here), physical: $0.physical, speed: $0.speed)
        }
        return copy
    }
}
