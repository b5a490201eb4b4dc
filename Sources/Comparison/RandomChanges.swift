// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

// What happens to tables that are full: entries change and go. Many changes are rejected (what is named cannot go), and
// every data plane has to reject the same ones.
extension RandomWorld {
    mutating func makeChanges() {
        guard random.chance(70) else { return }
        for _ in 0..<random.range(3...30) {
            switch random.below(12) {
            case 0: changeMAC()
            case 1: changeFlow()
            default: changeEntry()
            }
        }
    }

    /// Writes a change, and keeps it in mind if the tables take it.
    private mutating func change(_ operation: TableUpdate.Operation, _ entry: TableEntry) {
        let update = TableUpdate(operation, entry)
        world.changes.append(update)
        _ = state.update(update)
    }

    private mutating func changeMAC() {
        guard !macs.isEmpty else { return }
        let index = random.below(macs.count)
        if random.chance(40) {
            change(.delete, .mac(macs.remove(at: index)))
        } else if let port = random.pick(options.ports.filter { state.port($0) != nil }) {
            macs[index].action = .port(port)
            change(.modify, .mac(macs[index]))
        }
    }

    private mutating func changeFlow() {
        guard !world.flows.isEmpty else { return }
        // Some are changed twice, or after they went: rejected then.
        var flow = world.flows[random.below(world.flows.count)]
        if random.chance(50) {
            change(.delete, .flow(flow))
        } else {
            flow.action = random.one(of: .drop, .kernel, .cpu)
            change(.modify, .flow(flow))
        }
    }

    private mutating func changeEntry() {
        let tables: [TableID] = [
            .port, .vlan, .myStation, .routerInterface, .neighbor, .nextHop, .nextHopGroup, .ipv4, .ipv4, .ipv6, .ipv6,
            .acl,
            .acl,
        ]
        guard let table = random.pick(tables),
            let entry = random.pick(state.entries(of: table).sorted { $0.keyText < $1.keyText })
        else { return }
        if random.chance(35) {
            change(.delete, entry)
            // Some come back at once.
            if random.chance(30) { change(.insert, entry) }
            return
        }
        switch entry {
        case .port(var port):
            switch random.below(4) {
            case 0: port.up.toggle()
            case 1: port.mtu = random.one(of: 68, 1500, 576)
            case 2: port.mode = port.mode == .routed ? .switched : .routed
            default: port.pvid = someVLAN()
            }
            change(.modify, .port(port))
        case .vlan(var vlan):
            let port = somePort()
            vlan.tagged.remove(port)
            vlan.untagged.remove(port)
            if random.chance(60) { vlan.untagged.insert(port) }
            vlan.unknownUnicast = random.one(of: .flood, .drop, .kernel)
            change(.modify, .vlan(vlan))
        case .myStation(var station):
            station.routerInterface = someInterface()?.id ?? station.routerInterface
            change(.modify, .myStation(station))
        case .routerInterface(var interface):
            if random.chance(50) { interface.vlan = random.chance(50) ? .untagged : someVLAN() }
            if random.chance(30) { interface.vrf = VRFID(rawValue: random.one(of: 0, 1, 255)) }
            if random.chance(30) { interface.port = somePort() }
            change(.modify, .routerInterface(interface))
        case .neighbor(var neighbor):
            neighbor.mac = MACAddress(rawValue: 0x0200_00bb_0000 | UInt64(random.below(256)))
            change(.modify, .neighbor(neighbor))
        case .nextHop(var nextHop):
            nextHop.routerInterface = someInterface()?.id ?? nextHop.routerInterface
            if random.chance(50) { nextHop.neighbor = address(isIPv6: random.chance(50)) }
            change(.modify, .nextHop(nextHop))
        case .nextHopGroup(var group):
            group.members.append(group.members.removeFirst())
            if group.members.count > 1, random.chance(50) { group.members.removeLast() }
            change(.modify, .nextHopGroup(group))
        case .route(var route):
            route.action = random.one(of: .drop, .kernel, .cpu, .nextHop(NextHopID(rawValue: 2)))
            if random.chance(40) { route.prefix = prefix(isIPv6: table == .ipv6) }
            // With a new prefix most are insertions, if that prefix has no route.
            let exists = state.stored(.route(route)) != nil
            change(exists || random.chance(10) ? .modify : .insert, .route(route))
        case .acl(var rule):
            rule.priority = UInt32(random.below(5))
            rule.action = random.one(of: .permit, .drop, .kernel)
            change(.modify, .acl(rule))
        case .flow, .mac: break
        }
    }
}
