// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// A generator of tables and of packets aimed at them, from one seed. The same seed and options give the same world and the
/// same packets.
public struct RandomWorld {
    public struct Options: Sendable {
        /// Ports that the data planes have interfaces for. Most get into `port_table`; packets arrive at all of them.
        public var ports: [PortID]
        /// As the data planes were made with: some derived flows are what the tables give.
        public var ecmpSeed: HashSeed
        public var aclDefault: TableState.ACLDefault
        /// The kernel's test run takes no frame shorter than an Ethernet header.
        public var shortestFrame: Int
        /// Updates that have to be rejected, among the others.
        public var withRejections: Bool

        public init(
            ports: [PortID] = [0, 1, 2, 3, 5, 62, 63].map { PortID(rawValue: $0) }, ecmpSeed: HashSeed = .zero,
            aclDefault: TableState.ACLDefault = .permit, shortestFrame: Int = HeaderLength.ethernet,
            withRejections: Bool = true
        ) {
            (self.ports, self.ecmpSeed, self.aclDefault) = (ports, ecmpSeed, aclDefault)
            (self.shortestFrame, self.withRejections) = (shortestFrame, withRejections)
        }
    }

    public let seed: UInt64
    public let options: Options
    public internal(set) var world = World()

    var random: RandomSource
    /// The tables as far as they are made.
    var state: TableState
    var macs: [MACEntry] = []
    /// Addresses that entries are made of and packets aimed at.
    var hosts4: [IPv4Address] = []
    var hosts6: [IPv6Address] = []
    var stationMACs: [MACAddress] = []
    /// Keys of flows, to be hit again.
    var flowKeys: [FlowKey] = []
    let l4Ports: [UInt16] = [0, 1, 22, 53, 80, 443, 1023, 1024, 8080, 65535]

    public init(seed: UInt64, options: Options = Options()) {
        (self.seed, self.options) = (seed, options)
        random = RandomSource(seed: seed)
        state = TableState(aclDefault: options.aclDefault, ecmpSeed: options.ecmpSeed)
        makeAddresses()
        makePorts()
        makeVLANs()
        makeInterfaces()
        makeStations()
        makeNextHops()
        makeRoutes()
        makeACL()
        makeMACs()
        makeFlows()
        if options.withRejections { makeRejections() }
        makeChanges()
    }

    // MARK: Pools

    private mutating func makeAddresses() {
        for _ in 0..<12 {
            hosts4.append(IPv4Address(rawValue: 0x0a00_0000 | UInt32(truncatingIfNeeded: random.next()) & 0x0007_03ff))
            let high = 0x2001_0db8_0000_0000 | random.next() & 0x0001_0003
            hosts6.append(IPv6Address(high: high, low: random.next() & 0x8000_0000_0000_0103))
        }
        for _ in 0..<4 {
            hosts4.append(IPv4Address(rawValue: UInt32(truncatingIfNeeded: random.next() >> 20)))
            hosts6.append(IPv6Address(high: 0x2000_0000_0000_0000 | random.next() >> 3, low: random.next()))
        }
        for index in 0..<6 {
            stationMACs.append(MACAddress(rawValue: 0x0200_5e00_0000 | UInt64(random.below(4)) << 8 | UInt64(index)))
        }
    }

    mutating func somePort() -> PortID { random.pick(options.ports) ?? PortID(rawValue: 0) }

    /// One that is in `port_table`, or nil when none is.
    mutating func configuredPort() -> PortID? { random.pick(state.entries(of: .port).compactMap(\.portID).sorted()) }

    mutating func someVLAN() -> VLANID { random.one(of: 1, 2, 3, 10, 4094, 100).vlan }

    mutating func unicastMAC() -> MACAddress {
        if random.chance(50) { return random.pick(stationMACs) ?? .broadcast }
        return MACAddress(rawValue: 0x0200_0000_0000 | UInt64(random.below(24)))
    }

    mutating func address(isIPv6: Bool) -> IPAddress {
        if isIPv6 {
            guard let host = random.pick(hosts6), !random.chance(15) else {
                return .v6(IPv6Address(high: 0x2001_0db8_0000_0000, low: random.next()))
            }
            // Near a known one, so that longer and shorter prefixes are told apart.
            guard random.chance(30) else { return .v6(host) }
            let bit = UInt64(random.below(64))
            return .v6(
                random.chance(50)
                    ? IPv6Address(high: host.high ^ 1 << (bit % 60), low: host.low)
                    : IPv6Address(high: host.high, low: host.low ^ 1 << bit))
        }
        guard let host = random.pick(hosts4), !random.chance(15) else {
            return .v4(IPv4Address(rawValue: UInt32(truncatingIfNeeded: random.next())))
        }
        guard random.chance(30) else { return .v4(host) }
        return .v4(IPv4Address(rawValue: host.rawValue ^ 1 << UInt32(random.below(29))))
    }

    mutating func specialAddress(isIPv6: Bool) -> IPAddress {
        if isIPv6 {
            return .v6(
                random.one(
                    of: IPv6Address(high: 0, low: 0), IPv6Address(high: 0, low: 1),
                    IPv6Address(high: 0xff02 << 48, low: 1), IPv6Address(high: 0xfe80 << 48, low: 2),
                    IPv6Address(high: 0xfebf << 48, low: 2), IPv6Address(high: 0xfec0 << 48, low: 2),
                    IPv6Address(high: 0, low: 2)))
        }
        return .v4(
            IPv4Address(
                rawValue: random.one(
                    of: 0, 0x0000_0001, 0x7f00_0001, 0x7fff_ffff, 0xe000_0001, 0xffff_ffff, 0xf000_0000, 0xdfff_ffff,
                    0x0100_0000)))
    }

    /// Of any length, cut from an address that packets go to.
    mutating func prefix(isIPv6: Bool) -> IPPrefix {
        let address = address(isIPv6: isIPv6)
        let bits = isIPv6 ? 128 : 32
        let length = random.chance(20) ? bits : random.chance(5) ? 0 : random.below(bits + 1)
        return IPPrefix(address, length: length) ?? IPPrefix(host: address)
    }

    /// Mostly one that admits packets.
    mutating func ingressPort() -> PortID {
        let admitting = options.ports.filter { state.port($0)?.admit == true }
        return random.chance(6) ? somePort() : random.pick(admitting) ?? somePort()
    }

    /// A VLAN that the port is a member of, mostly.
    mutating func memberVLAN(of port: PortID) -> VLANID {
        let vlans = state.entries(of: .vlan).compactMap { entry -> VLANID? in
            if case .vlan(let vlan) = entry, vlan.hasMember(port) { vlan.vlan } else { nil }
        }
        return random.chance(8) ? someVLAN() : random.pick(vlans.sorted()) ?? someVLAN()
    }

    // MARK: Updates

    /// Adds an update that the tables take; returns whether they do.
    @discardableResult
    mutating func add(_ entry: TableEntry, _ operation: TableUpdate.Operation = .insert) -> Bool {
        let update = TableUpdate(operation, entry)
        guard case .success = state.update(update) else { return false }
        world.updates.append(update)
        return true
    }

    private mutating func makeRejections() {
        let nowhere = NextHopID(rawValue: 999_999)
        world.updates += [
            .insert(.route(RouteEntry(prefix: prefix(isIPv6: random.chance(50)), action: .nextHop(nowhere)))),
            .delete(
                .nextHop(
                    NextHopEntry(id: nowhere, routerInterface: .init(rawValue: 1), neighbor: address(isIPv6: false)))),
            .insert(.nextHopGroup(NextHopGroupEntry(id: .init(rawValue: 77), members: []))),
        ]
        for table in [TableID.port, .routerInterface, .nextHop, .nextHopGroup, .ipv4, .acl] {
            guard let entry = random.pick(state.entries(of: table).sorted { $0.keyText < $1.keyText }) else { continue }
            world.updates.append(.insert(entry))
            // A deletion only where it has to fail: the rest of the world was made with the entry there.
            if state.validate(.delete(entry)) != nil { world.updates.append(.delete(entry)) }
        }
    }
}

extension Int {
    fileprivate var vlan: VLANID { VLANID(rawValue: UInt16(truncatingIfNeeded: self)) }
}

extension TableEntry {
    var portID: PortID? {
        if case .port(let entry) = self { entry.port } else { nil }
    }
}
