// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

// The contents of each table.
extension RandomWorld {
    mutating func makePorts() {
        for port in options.ports where random.chance(92) {
            var entry = PortEntry(port: port)
            entry.admit = random.chance(96)
            entry.mode = random.chance(50) ? .routed : .switched
            entry.pvid = someVLAN()
            entry.malformed = random.one(of: .drop, .drop, .kernel, .ignore)
            entry.learnFlows = random.chance(80)
            entry.learnMACs = random.chance(80)
            entry.mtu = random.one(of: 68, 100, 300, 1280, 1500, 9000)
            entry.up = random.chance(88)
            add(.port(entry))
        }
    }

    mutating func makeVLANs() {
        for id in [1, 2, 3, 10, 4094] as [UInt16] where random.chance(85) {
            var entry = VLANEntry(vlan: VLANID(rawValue: id))
            for port in options.ports where state.port(port) != nil && random.chance(75) {
                if random.chance(50) { entry.tagged.insert(port) } else { entry.untagged.insert(port) }
            }
            func policy() -> FloodPolicy { random.chance(50) ? .flood : random.chance(50) ? .drop : .kernel }
            (entry.unknownUnicast, entry.broadcast, entry.multicast) = (policy(), policy(), policy())
            add(.vlan(entry))
        }
    }

    mutating func makeInterfaces() {
        for id in [1, 2, 3, 4, 511, 1023] as [UInt16] {
            guard let port = configuredPort(), let mac = random.pick(stationMACs) else { continue }
            var entry = RouterInterfaceEntry(id: RouterInterfaceID(rawValue: id), port: port, mac: mac)
            if random.chance(50) { entry.vlan = someVLAN() }
            entry.vrf = VRFID(rawValue: random.one(of: 0, 0, 0, 1, 255))
            add(.routerInterface(entry))
        }
    }

    mutating func someInterface() -> RouterInterfaceEntry? {
        let all = state.entries(of: .routerInterface).compactMap { entry -> RouterInterfaceEntry? in
            if case .routerInterface(let interface) = entry { interface } else { nil }
        }
        return random.pick(all.sorted { $0.id < $1.id })
    }

    mutating func makeStations() {
        for port in options.ports where state.port(port) != nil {
            for _ in 0..<random.range(1...3) { addStation(port: port) }
        }
        for _ in 0..<random.below(3) { addStation(port: nil) }
    }

    private mutating func addStation(port: PortID?) {
        guard let interface = someInterface(), let mac = random.pick(stationMACs) else { return }
        let vlan: VLANID? = random.chance(25) ? nil : random.chance(50) ? .untagged : someVLAN()
        var entry = MyStationEntry(
            port: port, vlan: vlan, mac: mac, priority: UInt32(random.below(3)), routerInterface: interface.id)
        if random.chance(15) {
            entry.macMask = MACAddress(rawValue: random.one(of: 0xffff_ff00_0000, 0xffff_ffff_ff00, 0xffff_ffff_fffe))
            entry.mac = MACAddress(rawValue: mac.rawValue & entry.macMask.rawValue)
        }
        add(.myStation(entry))
    }

    mutating func makeNextHops() {
        var ids: [NextHopID] = []
        for id in [1, 2, 3, 4, 5, 6, 100, 70000] as [UInt32] {
            guard let interface = someInterface() else { continue }
            let neighbor = address(isIPv6: random.chance(50))
            let entry = NextHopEntry(id: NextHopID(rawValue: id), routerInterface: interface.id, neighbor: neighbor)
            if add(.nextHop(entry)) { ids.append(entry.id) }
            guard random.chance(80) else { continue }
            let mac = MACAddress(rawValue: 0x0200_00aa_0000 | UInt64(random.below(256)))
            add(.neighbor(NeighborEntry(routerInterface: interface.id, address: neighbor, mac: mac)))
        }
        for id in [1, 2, 9000] as [UInt32] {
            let members = (0..<random.range(1...5)).compactMap { _ in
                random.pick(ids).map { NextHopGroupEntry.Member(nextHop: $0, weight: UInt8(random.range(1...12))) }
            }
            add(.nextHopGroup(NextHopGroupEntry(id: NextHopGroupID(rawValue: id), members: members)))
        }
    }

    mutating func makeRoutes() {
        let nextHops = state.entries(of: .nextHop).compactMap { entry -> NextHopID? in
            if case .nextHop(let nextHop) = entry { nextHop.id } else { nil }
        }.sorted()
        let groups = state.entries(of: .nextHopGroup).compactMap { entry -> NextHopGroupID? in
            if case .nextHopGroup(let group) = entry { group.id } else { nil }
        }.sorted()
        for _ in 0..<random.range(10...60) {
            let isIPv6 = random.chance(50)
            let action: RouteEntry.Action
            switch random.below(10) {
            case 0: action = .drop
            case 1: action = .kernel
            case 2: action = .cpu
            case 3, 4, 5: action = random.pick(groups).map { .group($0) } ?? .drop
            default: action = random.pick(nextHops).map { .nextHop($0) } ?? .drop
            }
            let vrf = VRFID(rawValue: random.one(of: 0, 0, 0, 1, 255))
            add(.route(RouteEntry(vrf: vrf, prefix: prefix(isIPv6: isIPv6), action: action)))
        }
        // Some change, some go again: what is left must be as if it had never been otherwise.
        for table in [TableID.ipv4, .ipv6] {
            for entry in state.entries(of: table).sorted(by: { $0.keyText < $1.keyText }) {
                guard case .route(var route) = entry else { continue }
                if random.chance(8) {
                    add(entry, .delete)
                } else if random.chance(8) {
                    route.action = random.pick(nextHops).map { .nextHop($0) } ?? .kernel
                    add(.route(route), .modify)
                }
            }
        }
    }

    mutating func makeACL() {
        guard random.chance(85) else { return }
        for id in 0..<UInt32(random.range(1...14)) {
            var match = ACLEntry.Match()
            let isIPv6 = random.chance(50)
            for _ in 0..<random.range(1...3) { addField(&match, isIPv6: isIPv6) }
            let action: ACLEntry.Action
            switch random.below(10) {
            case 0, 1: action = .drop
            case 2: action = .kernel
            case 3: action = .cpu
            case 4: action = configuredPort().map { .redirect($0) } ?? .drop
            default: action = .permit
            }
            add(
                .acl(
                    ACLEntry(
                        id: id * 7 + 1, priority: UInt32(random.below(5)), match: match, action: action,
                        mirror: random.chance(20))))
        }
    }

    private mutating func addField(_ match: inout ACLEntry.Match, isIPv6: Bool) {
        func ports() -> ClosedRange<UInt16> {
            let first = random.pick(l4Ports) ?? 0
            return random.chance(60) ? first...first : first...max(first, random.pick(l4Ports) ?? 0)
        }
        switch random.below(15) {
        case 0: match.ingressPort = somePort()
        case 1: match.vlan = random.chance(50) ? .untagged : someVLAN()
        case 2: match.etherType = random.one(of: EtherType.ipv4, EtherType.ipv6, EtherType.arp, EtherType.vlan)
        case 3: match.destinationMAC = mask(unicastMAC())
        case 4: match.sourceMAC = mask(unicastMAC())
        case 5: match.source = prefix(isIPv6: isIPv6)
        case 6: match.destination = prefix(isIPv6: isIPv6)
        case 7: if match.ipProtocol == nil { match.ipProtocol = random.one(of: 6, 17, 1, 58, 47, 59) }
        case 8: match.dscp = random.one(of: 0, 1, 46, 63)
        case 9, 10:
            if match.ipProtocol != 6, match.ipProtocol != 17 {
                match.ipProtocol = random.one(of: 6, 17)
                (match.icmpType, match.icmpCode) = (nil, nil)
            }
            if random.chance(50) { match.sourcePorts = ports() } else { match.destinationPorts = ports() }
        case 11:
            match.ipProtocol = 6
            (match.icmpType, match.icmpCode) = (nil, nil)
            let flags = random.byte()
            match.tcpFlags = Ternary(value: random.byte() & flags, mask: flags)
        case 12:
            match.ipProtocol = random.one(of: 1, 58)
            (match.sourcePorts, match.destinationPorts, match.tcpFlags) = (nil, nil, nil)
            if random.chance(70) {
                match.icmpType = random.one(of: 0, 8, 128, 129)
            } else {
                match.icmpCode = random.one(of: 0, 1)
            }
        case 13: match.fragment = random.one(of: .first, .later, .any, ACLEntry.Fragment.none)
        default: match.routed = random.chance(50)
        }
    }

    private mutating func mask(_ mac: MACAddress) -> Ternary<UInt64> {
        let mask: UInt64 = random.chance(60) ? 0xffff_ffff_ffff : random.one(of: 0xffff_ffff_ff00, 0x0000_0000_000f, 0)
        return Ternary(value: mac.rawValue & mask, mask: mask)
    }

    mutating func makeMACs() {
        for _ in 0..<random.range(5...40) {
            let action: MACEntry.Action
            switch random.below(12) {
            case 0: action = .drop
            case 1: action = .kernel
            case 2: action = .cpu
            default: action = configuredPort().map { .port($0) } ?? .drop
            }
            var isStatic = random.chance(40)
            if case .port = action {} else { isStatic = true }
            let entry = MACEntry(vlan: someVLAN(), mac: unicastMAC(), action: action, isStatic: isStatic)
            guard !macs.contains(where: { $0.vlan == entry.vlan && $0.mac == entry.mac }) else { continue }
            macs.append(entry)
            world.updates.append(.insert(.mac(entry)))
        }
    }

    mutating func someFlowKey() -> FlowKey? {
        // Of an interface that packets arrive at, mostly.
        let arrivals = options.ports.flatMap { state.stations(of: $0) }.map(\.routerInterface)
        let arrival = random.chance(90) ? random.pick(arrivals).flatMap { state.routerInterface($0) } : nil
        guard let interface = arrival ?? someInterface() else { return nil }
        let isIPv6 = random.chance(50)
        let ipProtocol: UInt8 = random.one(of: 6, 6, 17, 17, isIPv6 ? 58 : 1, isIPv6 ? 1 : 58, 47, 59)
        var ports: (UInt16, UInt16) = (0, 0)
        if ipProtocol == 6 || ipProtocol == 17 {
            ports = (random.pick(l4Ports) ?? 0, random.pick(l4Ports) ?? 0)
        } else if ipProtocol == (isIPv6 ? 58 : 1) {
            ports.0 = random.one(of: 0x0800, 0x0000, 0x8000, 0x8100, 0x0301)
        }
        let special = random.chance(4)
        return FlowKey(
            routerInterface: interface.id,
            source: address(isIPv6: isIPv6),
            destination: special ? specialAddress(isIPv6: isIPv6) : address(isIPv6: isIPv6), ipProtocol: ipProtocol,
            sourcePort: ports.0, destinationPort: ports.1)
    }

    mutating func makeFlows() {
        let nextHops = state.entries(of: .nextHop).compactMap { entry -> NextHopID? in
            if case .nextHop(let nextHop) = entry { nextHop.id } else { nil }
        }.sorted()
        let current = PolicyGeneration(rawValue: 0)
        for _ in 0..<random.range(15...80) {
            guard let key = someFlowKey(), !flowKeys.contains(key) else { continue }
            flowKeys.append(key)
            let action: ForwardingAction
            switch random.below(10) {
            case 0: action = .drop
            case 1: action = .kernel
            case 2: action = .cpu
            case 3, 4: action = configuredPort().map { .port($0) } ?? .drop
            default: action = random.pick(nextHops).map { .nextHop($0) } ?? .kernel
            }
            switch random.below(6) {
            case 0: continue
            case 1:
                world.flows.append(FlowEntry(key: key, action: action, mirror: random.chance(20)))
            case 2:
                world.staleFlows.append(FlowEntry(key: key, action: action, origin: .derived(current), aclDone: true))
                // Some are derived anew in place of the stale entry.
                guard random.chance(30) else { continue }
                world.flows.append(FlowEntry(key: key, action: action, origin: .derived(current)))
            case 3:
                let reason: Reason = random.one(of: .acl, .route, .local, .noRoute, .specialAddress)
                world.flows.append(
                    FlowEntry(
                        key: key, action: action, origin: .derived(current), aclDone: random.chance(50),
                        mirror: random.chance(20), reason: reason))
            default:
                let evaluation = Classifier.evaluate(key: key, state: state, generation: current)
                if let entry = evaluation.entry { world.flows.append(entry) }
            }
        }
        for flow in world.flows { state.countReferences(removed: nil, inserted: flow) }
        for _ in 0..<12 {
            if let key = someFlowKey() { flowKeys.append(key) }
        }
    }
}
