// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// A port and the interface behind it, for whoever attaches the fast path to interfaces.
public struct PortBinding: Hashable, Sendable {
    public var port: PortID
    public var name: String
    /// The interface's present name; the configured one while it does not exist.
    public var interface: String
    /// nil while the interface does not exist.
    public var interfaceIndex: UInt32?
    /// How to attach, in the order to try.
    public var attach: [Configuration.AttachMode]
}

/// What the tables should hold, by a configuration and the facts of the host: a pure function of the two.
public struct TablePlan: Sendable {
    /// In the order of dependence: nothing refers to what comes later.
    public private(set) var entries: [TableEntry] = []
    public private(set) var bindings: [PortBinding] = []
    /// Idle timeouts of static flows.
    public private(set) var idleTimeouts: [FlowKey: Duration] = [:]
    /// Names of router interfaces as users write them: `p1`, `p1.10`.
    public private(set) var interfaceNames: [RouterInterfaceID: String] = [:]
    /// Host routes to neighbours. They send where the kernel would have sent, so their coming changes no decision.
    public private(set) var neighborRoutes: Set<EntryKey> = []
    /// What the host does not have as the file wants it, in sentences. The plan holds nevertheless.
    public private(set) var notices: [String] = []

    /// The lowest-ranked ACL entry stands for `acl_default: drop`.
    static let aclDefaultID = UInt32.max
    static let aclDefault = ACLEntry(id: aclDefaultID, priority: 0, match: .init(), action: .drop)

    /// Keys of all entries, and of those that neighbours of the host brought.
    private var keys: Set<EntryKey> = []
    private var neighborKeys: Set<EntryKey> = []

    var byKey: [EntryKey: TableEntry] { Dictionary(entries.map { ($0.entryKey, $0) }) { first, _ in first } }

    /// Entries that the configuration says are not to be, whatever the host brings.
    private(set) var absent: Set<EntryKey> = []

    /// Whether the configuration itself asks for the entry, or for it not to be: not what the host's neighbours bring.
    func names(_ key: EntryKey) -> Bool { absent.contains(key) || keys.contains(key) && !neighborKeys.contains(key) }

    /// - Parameters:
    ///   - identities: numbers given before; updated with those given now.
    ///   - reserved: entries of others, whose numbers must not be given.
    ///   - withdrawn: routes of the file that others took out: neighbours behind them get their host routes again.
    ///   - keeping: next hops others refer to; they are planned even if nothing here uses them.
    public init(
        _ configuration: Configuration, facts: HostFacts, identities: inout Identities,
        reserved: [TableEntry] = [], withdrawn: Set<EntryKey> = [], keeping: Set<NextHopID> = []
    ) {
        var builder = Builder(configuration, facts, identities, reserved, withdrawn)
        builder.kept = keeping
        builder.build(&self)
        identities = builder.identities
        // A stable sort by rank keeps the file's order within a table.
        var byRank: [[TableEntry]] = Array(repeating: [], count: TableEntry.rankCount)
        for entry in entries { byRank[entry.rank].append(entry) }
        entries = byRank.flatMap { $0 }
    }

    /// Adds an entry unless one with its key is there: what is added first wins.
    private mutating func add(_ entry: TableEntry) {
        let key = entry.entryKey
        if !absent.contains(key), keys.insert(key).inserted { entries.append(entry) }
    }

    private struct Builder {
        let configuration: Configuration
        let facts: HostFacts
        var identities: Identities
        var portIDs: [String: PortID] = [:]
        var interfaces: [Interface] = []
        var kept: Set<NextHopID> = []
        var interfaceByName: [Configuration.RouterPort: Int] = [:]
        /// Routes that the file gives: those made by addresses and neighbours stand back.
        var routes: Set<EntryKey>
        /// Routes into a part of a connected network: there they decide, and not the neighbour.
        var inner: [(vrf: VRFID, prefix: IPPrefix)] = []
        /// Router interfaces by the kernel interface behind them.
        var interfaceByKernelName: [String: Int] = [:]

        struct Interface {
            var id: RouterInterfaceID
            var name: Configuration.RouterPort
            var vrf: VRFID
            var addresses: [InterfaceAddress]
        }

        init(
            _ configuration: Configuration, _ facts: HostFacts, _ identities: Identities, _ reserved: [TableEntry],
            _ withdrawn: Set<EntryKey>
        ) {
            (self.configuration, self.facts, self.identities) = (configuration, facts, identities)
            var numbers: (interfaces: Set<UInt32>, nextHops: Set<UInt32>, groups: Set<UInt32>) = ([], [], [])
            for entry in reserved {
                switch entry {
                case .routerInterface(let entry): numbers.interfaces.insert(UInt32(entry.id.rawValue))
                case .nextHop(let entry): numbers.nextHops.insert(entry.id.rawValue)
                case .nextHopGroup(let entry): numbers.groups.insert(entry.id.rawValue)
                default: break
                }
            }
            routes = Set(configuration.routes.map { .route($0.vrf, $0.prefix) })
            for route in configuration.routes
            where route.action != .absent && !withdrawn.contains(.route(route.vrf, route.prefix)) {
                inner.append((route.vrf, route.prefix))
            }
            for case .route(let route) in reserved { inner.append((route.vrf, route.prefix)) }
            self.identities.ports.begin(reserved: [])
            self.identities.interfaces.begin(reserved: numbers.interfaces)
            self.identities.nextHops.begin(reserved: numbers.nextHops)
            self.identities.groups.begin(reserved: numbers.groups)
        }

        mutating func build(_ plan: inout TablePlan) {
            for port in configuration.ports {
                if let id = port.id { identities.ports.take(UInt32(id.rawValue), for: port.name) }
            }
            for port in configuration.ports { addPort(port, &plan) }
            for port in configuration.ports { addInterfaces(port, &plan) }
            addVLANs(&plan)
            addRoutes(&plan)
            addNeighbors(&plan)
            addACL(&plan)
            addFlows(&plan)
            keepNextHops(&plan)
            identities.ports.end()
            identities.interfaces.end()
            identities.nextHops.end()
            identities.groups.end()
            let names = Set(configuration.ports.map(\.name))
            identities.interfaceIndexes = identities.interfaceIndexes.filter { names.contains($0.key) }
        }

        /// The interface behind a port: by name, or by the index it had, if it was renamed since.
        private mutating func find(_ port: Configuration.Port, _ plan: inout TablePlan) -> HostFacts.Interface? {
            if let found = facts.interfaces[port.interface] {
                identities.interfaceIndexes[port.name] = found.index
                return found
            }
            if let index = identities.interfaceIndexes[port.name],
                let renamed = facts.interfaces.values.first(where: { $0.index == index })
            {
                plan.notices.append(
                    "port \(port.name): interface \(port.interface) is now called \(renamed.name); the port follows it")
                return renamed
            }
            plan.notices.append(
                "port \(port.name): there is no interface \(port.interface); the port is down until it appears")
            return nil
        }

        private mutating func addPort(_ port: Configuration.Port, _ plan: inout TablePlan) {
            let id = PortID(rawValue: UInt16(truncatingIfNeeded: identities.ports.number(of: port.name)))
            portIDs[port.name] = id
            let interface = find(port, &plan)
            var entry = PortEntry(port: id)
            entry.admit = port.admit
            entry.mode = port.mode == .switched ? .switched : .routed
            entry.pvid = port.pvid
            switch port.malformed {
            case .drop: entry.malformed = .drop
            case .kernel: entry.malformed = .kernel
            case .ignore: entry.malformed = .ignore
            }
            (entry.learnFlows, entry.learnMACs) = (port.learnFlows, port.learnMACs)
            entry.mtu = port.mtu ?? UInt16(min(max(interface?.mtu ?? 1500, 68), 65521))
            entry.up = interface?.up ?? false
            plan.add(.port(entry))
            plan.bindings.append(
                PortBinding(
                    port: id, name: port.name, interface: interface?.name ?? port.interface,
                    interfaceIndex: interface?.index, attach: port.attach))
            if let interface, let wanted = port.mtu, Int(wanted) > interface.mtu {
                plan.notices.append(
                    "port \(port.name): mtu \(wanted) is more than that of \(interface.name) (\(interface.mtu)); larger packets will be lost"
                )
            }
        }

        private mutating func addInterfaces(_ port: Configuration.Port, _ plan: inout TablePlan) {
            guard let id = portIDs[port.name] else { return }
            let bound = plan.bindings.first { $0.port == id }?.interface ?? port.interface
            let kernel = facts.interfaces[bound]
            let fallback = port.mac ?? kernel?.mac
            let isSwitched = port.mode == .switched
            if !isSwitched || !port.addresses.isEmpty {
                addInterface(
                    .init(port: port.name), port: id, vlan: isSwitched ? port.pvid : nil, mac: fallback, vrf: port.vrf,
                    configured: port.addresses.map(\.value), kernel: kernel, kernelName: bound, &plan)
            }
            for sub in port.subinterfaces {
                let kernel = facts.interfaces[sub.interface]
                addInterface(
                    .init(port: port.name, vlan: sub.vlan), port: id, vlan: sub.vlan,
                    mac: sub.mac ?? kernel?.mac ?? fallback, vrf: sub.vrf, configured: sub.addresses.map(\.value),
                    kernel: kernel, kernelName: sub.interface, &plan)
            }
        }

        /// - Parameter vlan: nil for the untagged frames of a routed port.
        private mutating func addInterface(
            _ name: Configuration.RouterPort, port: PortID, vlan: VLANID?, mac: MACAddress?, vrf: VRFID,
            configured: [InterfaceAddress], kernel: HostFacts.Interface?, kernelName: String, _ plan: inout TablePlan
        ) {
            let number = identities.interfaces.number(of: .init(port: port, vlan: vlan))
            let id = RouterInterfaceID(rawValue: UInt16(truncatingIfNeeded: number))
            // While the interface is away nothing is sent by it; the entry needs an address all the same.
            let placeholder = MACAddress(rawValue: 0x0200_0000_0000 | UInt64(port.rawValue))
            var entry = RouterInterfaceEntry(id: id, port: port, mac: mac ?? placeholder)
            entry.vrf = vrf
            if let vlan {
                let isUntagged = configuration.vlans.contains { item in
                    item.id == vlan && item.untagged.contains { $0.value == name.port }
                }
                entry.vlan = isUntagged ? .untagged : vlan
            }
            plan.add(.routerInterface(entry))
            plan.interfaceNames[id] = name.text
            if let mac {
                plan.add(.myStation(MyStationEntry(port: port, vlan: vlan ?? .untagged, mac: mac, routerInterface: id)))
            }
            let addresses = configured.isEmpty ? kernel?.addresses ?? [] : configured
            for address in configured where kernel.map({ !$0.addresses.contains(address) }) == true {
                plan.notices.append(
                    "\(name.text): interface \(kernelName) does not have \(address), so the kernel will not answer for it; "
                        + "ip address add \(address) dev \(kernelName)")
            }
            for address in addresses where !address.address.isLinkLocal {
                let bits = address.address.isIPv6 ? 128 : 32
                if let host = IPPrefix(address.address, length: bits) { addKernelRoute(vrf, host, &plan) }
                addKernelRoute(vrf, address.prefix, &plan)
            }
            interfaceByName[name] = interfaces.count
            interfaceByKernelName[kernelName] = interfaces.count
            interfaces.append(Interface(id: id, name: name, vrf: vrf, addresses: addresses))
        }

        private func addKernelRoute(_ vrf: VRFID, _ prefix: IPPrefix, _ plan: inout TablePlan) {
            if !routes.contains(.route(vrf, prefix)) {
                plan.add(.route(RouteEntry(vrf: vrf, prefix: prefix, action: .kernel)))
            }
        }

        private func addVLANs(_ plan: inout TablePlan) {
            func flood(_ policy: Configuration.Flood) -> FloodPolicy {
                switch policy {
                case .flood: .flood
                case .drop: .drop
                case .kernel: .kernel
                }
            }
            for vlan in configuration.vlans {
                var entry = VLANEntry(vlan: vlan.id)
                entry.tagged = Set(vlan.tagged.compactMap { portIDs[$0.value] })
                entry.untagged = Set(vlan.untagged.compactMap { portIDs[$0.value] })
                entry.unknownUnicast = flood(vlan.unknownUnicast)
                entry.broadcast = flood(vlan.broadcast)
                entry.multicast = flood(vlan.multicast)
                plan.add(.vlan(entry))
            }
            for mac in configuration.macs {
                let action: MACEntry.Action
                switch mac.action {
                case .port(let name):
                    guard let port = portIDs[name] else { continue }
                    action = .port(port)
                case .drop: action = .drop
                case .kernel: action = .kernel
                case .cpu: action = .cpu
                }
                plan.add(.mac(MACEntry(vlan: mac.vlan, mac: mac.mac, action: action, isStatic: true)))
            }
        }

        private mutating func nextHop(_ interface: RouterInterfaceID, _ address: IPAddress, _ plan: inout TablePlan)
            -> NextHopID
        {
            let id = NextHopID(
                rawValue: identities.nextHops.number(of: .init(routerInterface: interface, address: address)))
            plan.add(.nextHop(NextHopEntry(id: id, routerInterface: interface, neighbor: address)))
            return id
        }

        private mutating func nextHop(_ hop: Configuration.NextHop, _ plan: inout TablePlan) -> NextHopID? {
            interfaceByName[hop.port].map { nextHop(interfaces[$0].id, hop.address, &plan) }
        }

        private mutating func keepNextHops(_ plan: inout TablePlan) {
            guard !kept.isEmpty else { return }
            for (name, number) in identities.nextHops.given where kept.contains(NextHopID(rawValue: number)) {
                guard interfaces.contains(where: { $0.id == name.routerInterface }) else { continue }
                _ = nextHop(name.routerInterface, name.address, &plan)
            }
        }

        private mutating func addRoutes(_ plan: inout TablePlan) {
            for route in configuration.routes {
                let action: RouteEntry.Action
                switch route.action {
                case .drop: action = .drop
                case .kernel: action = .kernel
                case .cpu: action = .cpu
                case .absent:
                    plan.absent.insert(.route(route.vrf, route.prefix))
                    continue
                case .via(let hops):
                    let members = hops.compactMap { hop in
                        nextHop(hop, &plan).map { NextHopGroupEntry.Member(nextHop: $0, weight: hop.weight) }
                    }
                    guard let first = members.first, members.count == hops.count else { continue }
                    if members.count == 1 {
                        action = .nextHop(first.nextHop)
                    } else {
                        let id = NextHopGroupID(rawValue: identities.groups.number(of: members))
                        plan.add(.nextHopGroup(NextHopGroupEntry(id: id, members: members)))
                        action = .group(id)
                    }
                }
                plan.add(.route(RouteEntry(vrf: route.vrf, prefix: route.prefix, action: action)))
            }
        }

        private mutating func addNeighbors(_ plan: inout TablePlan) {
            inner = inner.filter { route in
                interfaces.contains { interface in
                    interface.vrf == route.vrf
                        && interface.addresses.contains {
                            $0.length < route.prefix.length && $0.prefix.contains(route.prefix.address)
                        }
                }
            }
            for neighbor in configuration.neighbors {
                if let index = interfaceByName[neighbor.port] {
                    addNeighbor(index, neighbor.address, neighbor.mac, makesRoute: neighbor.makesRoute, &plan)
                }
            }
            let named = plan.keys
            for neighbor in facts.neighbors {
                if let index = interfaceByKernelName[neighbor.interface] {
                    addNeighbor(index, neighbor.address, neighbor.mac, &plan)
                }
            }
            plan.neighborKeys = plan.keys.subtracting(named)
        }

        /// - Parameter mac: nil keeps the address from being a neighbour.
        private mutating func addNeighbor(
            _ index: Int, _ address: IPAddress, _ mac: MACAddress?, makesRoute: Bool = true, _ plan: inout TablePlan
        ) {
            let interface = interfaces[index]
            if let mac {
                guard !mac.isMulticast, mac.rawValue != 0 else { return }
                plan.add(.neighbor(NeighborEntry(routerInterface: interface.id, address: address, mac: mac)))
            } else {
                plan.absent.insert(.neighbor(interface.id, address))
            }
            // Only where its network is: elsewhere the routes say how to get there.
            guard makesRoute, !address.isLinkLocal,
                interface.addresses.contains(where: { $0.prefix.contains(address) }),
                let prefix = IPPrefix(address, length: address.isIPv6 ? 128 : 32),
                !plan.keys.contains(.route(interface.vrf, prefix)), !routes.contains(.route(interface.vrf, prefix)),
                !inner.contains(where: { $0.vrf == interface.vrf && $0.prefix.contains(address) })
            else { return }
            let id = nextHop(interface.id, address, &plan)
            plan.add(.route(RouteEntry(vrf: interface.vrf, prefix: prefix, action: .nextHop(id))))
            plan.neighborRoutes.insert(.route(interface.vrf, prefix))
        }

        private func addACL(_ plan: inout TablePlan) {
            for rule in configuration.acl {
                var match = rule.match
                if let name = rule.ingressPort {
                    guard let port = portIDs[name] else { continue }
                    match.ingressPort = port
                }
                let action: ACLEntry.Action
                switch rule.action {
                case .permit: action = .permit
                case .drop: action = .drop
                case .kernel: action = .kernel
                case .cpu: action = .cpu
                case .redirect(let name):
                    guard let port = portIDs[name] else { continue }
                    action = .redirect(port)
                }
                plan.add(
                    .acl(
                        ACLEntry(
                            id: rule.id, priority: rule.priority, match: match, action: action, mirror: rule.mirror)))
            }
            if configuration.aclDefault == .drop {
                plan.add(.acl(TablePlan.aclDefault))
            }
        }

        private mutating func addFlows(_ plan: inout TablePlan) {
            for flow in configuration.flows {
                guard let index = interfaceByName[flow.port] else { continue }
                let key = FlowKey(
                    routerInterface: interfaces[index].id, source: flow.source, destination: flow.destination,
                    ipProtocol: flow.ipProtocol, sourcePort: flow.sourcePort, destinationPort: flow.destinationPort)
                let action: ForwardingAction
                switch flow.action {
                case .drop: action = .drop
                case .kernel: action = .kernel
                case .cpu: action = .cpu
                case .via(let hop):
                    guard let id = nextHop(hop, &plan) else { continue }
                    action = .nextHop(id)
                case .redirect(let name):
                    guard let port = portIDs[name] else { continue }
                    action = .port(port)
                }
                plan.add(.flow(FlowEntry(key: key, action: action, mirror: flow.mirror)))
                if let timeout = flow.idleTimeout { plan.idleTimeouts[key] = timeout }
            }
        }
    }
}
