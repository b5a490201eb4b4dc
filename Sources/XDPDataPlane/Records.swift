// SPDX-License-Identifier: Apache-2.0
import CFastPath
import Glibc
import Packet
import Tables

// Entries as records of `fastpath_abi.h`: what is written when they change, and what is compared with when somebody asks whether
// the tables are still as they were written.
extension XDPDataPlane {
    // MARK: Ports

    /// A port's head and stations; all zero for a port that is not configured.
    func record(of port: PortID) -> fp_port {
        var record = fp_port()
        guard let entry = state.port(port) else { return record }
        record.head = Self.head(entry)
        let stations = state.stations(of: port)
        withUnsafeMutableBytes(of: &record.stations) { bytes in
            let list = bytes.bindMemory(to: fp_station.self)
            for (place, station) in stations.enumerated() where place < list.count {
                // A station's interface is there as long as the station is.
                guard let interface = state.routerInterface(station.routerInterface) else { continue }
                list[place] = fp_station(
                    mac: station.mac.rawValue, mask: station.macMask.rawValue, vlan: station.vlan?.rawValue ?? 0,
                    rif: station.routerInterface.rawValue, vrf: interface.vrf.rawValue,
                    any_vlan: station.vlan == nil ? 1 : 0)
            }
        }
        return record
    }

    private static func head(_ entry: PortEntry) -> UInt64 {
        var flags = UInt32(FP_PORT_CONFIGURED)
        if entry.admit { flags |= UInt32(FP_PORT_ADMIT) }
        if entry.mode == .switched { flags |= UInt32(FP_PORT_SWITCHED) }
        switch entry.malformed {
        case .drop: break
        case .kernel: flags |= UInt32(FP_PORT_MALFORMED_TO_KERNEL)
        case .ignore: flags |= UInt32(FP_PORT_MALFORMED_IGNORED)
        }
        if entry.learnFlows { flags |= UInt32(FP_PORT_LEARN_FLOWS) }
        if entry.learnMACs { flags |= UInt32(FP_PORT_LEARN_MACS) }
        if entry.up { flags |= UInt32(FP_PORT_UP) }
        return UInt64(flags) | UInt64(entry.pvid.rawValue) << 32 | UInt64(entry.mtu) << 48
    }

    /// What of a port's head decisions of flows depend on: mode and VLAN, and that there is a port.
    static let policyOfHead =
        UInt64(FP_PORT_CONFIGURED) | UInt64(FP_PORT_SWITCHED) | 0xffff << 32

    /// Number of the record that ingress looks at.
    func recordInForce(_ port: PortID) -> Int {
        Int(port.rawValue) + Int(portBanks[port] ?? 0) * Int(FP_MAX_PORTS)
    }

    // MARK: VLANs

    /// A VLAN's members and policies; all zero for one that is not there.
    func members(of vlan: VLANID) -> fp_vlan_members {
        var half = fp_vlan_members()
        guard let entry = state.vlan(vlan) else { return half }
        for port in entry.tagged { half.members |= 1 << UInt64(port.rawValue) }
        for port in entry.untagged {
            half.members |= 1 << UInt64(port.rawValue)
            half.untagged |= 1 << UInt64(port.rawValue)
        }
        half.unknown_unicast = entry.unknownUnicast.rawValue
        half.broadcast = entry.broadcast.rawValue
        half.multicast = entry.multicast.rawValue
        return half
    }

    // MARK: Next hops

    /// What a next hop's slot says, apart from which of the two rewrites is in force.
    struct NextHopRecord {
        var name: UInt64
        /// `FP_NEXTHOP_RESOLVED` and `FP_NEXTHOP_PORT_DOWN`, and the id in the upper half.
        var state: UInt64
        /// nil while the neighbour is unknown.
        var rewrite: fp_rewrite?
    }

    func record(of id: NextHopID) -> NextHopRecord {
        var record = NextHopRecord(name: state.nextHop(id).map(names.name) ?? 0, state: UInt64(id.rawValue) << 32)
        guard let resolved = state.resolve(id) else { return record }
        record.rewrite = fp_rewrite(resolved)
        record.state |= UInt64(FP_NEXTHOP_RESOLVED) | (resolved.isUp ? 0 : UInt64(FP_NEXTHOP_PORT_DOWN))
        return record
    }

    // MARK: Groups and routes

    /// The slots a group's buckets name. A member without a slot gives a number that no slot has.
    func buckets(of group: NextHopGroupID) -> fp_nexthop_group {
        var record = fp_nexthop_group()
        let members = state.buckets(of: group)
        withUnsafeMutableBytes(of: &record.bucket) { bytes in
            let words = bytes.bindMemory(to: UInt32.self)
            for (place, member) in members.enumerated() { words[place] = nextHopSlots[member] ?? .max }
        }
        return record
    }

    /// A route's action word, with its name. The kernel takes the packets of a route by what could not be given a slot.
    func word(of route: RouteEntry) -> UInt64 {
        let action: ActionWord =
            switch route.action {
            case .nextHop(let id):
                nextHopSlots[id].map { ActionWord(.forward, index: $0) } ?? ActionWord(.kernel)
            case .group(let id):
                groupSlots[id].map { ActionWord(.forward, index: $0, flags: ActionWord.permitOrGroup) }
                    ?? ActionWord(.kernel)
            case .drop: ActionWord(.drop)
            case .kernel: ActionWord(.kernel)
            case .cpu: ActionWord(.cpu)
            }
        return action.rawValue | names.name(route.vrf, route.prefix)
    }
}

extension fp_rewrite {
    init(_ resolved: ResolvedNextHop) {
        self.init()
        func bytes(_ mac: MACAddress) -> (UInt8, UInt8, UInt8, UInt8, UInt8, UInt8) {
            func byte(_ shift: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: mac.rawValue >> shift) }
            return (byte(40), byte(32), byte(24), byte(16), byte(8), byte(0))
        }
        destination = bytes(resolved.destination)
        source = bytes(resolved.source)
        vlan = resolved.vlan.rawValue
        port = resolved.egressPort.rawValue
        mtu = resolved.mtu
    }
}

/// Whether two records hold the same bytes. Records have no bytes that mean nothing: those between fields are written as zero.
func sameBytes<Record: BitwiseCopyable>(_ a: Record, _ b: Record) -> Bool {
    withUnsafeBytes(of: a) { a in
        withUnsafeBytes(of: b) { b in
            guard let first = a.baseAddress, let second = b.baseAddress else { return true }
            return memcmp(first, second, a.count) == 0
        }
    }
}
