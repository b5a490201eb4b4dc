// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// What identifies an entry within its table: what modify and delete go by.
public enum EntryKey: Hashable, Sendable {
    case port(PortID)
    case vlan(VLANID)
    case myStation(port: PortID?, vlan: VLANID?, mac: MACAddress, mask: MACAddress, priority: UInt32)
    case routerInterface(RouterInterfaceID)
    case neighbor(RouterInterfaceID, IPAddress)
    case nextHop(NextHopID)
    case nextHopGroup(NextHopGroupID)
    case route(VRFID, IPPrefix)
    case acl(UInt32)
    case mac(VLANID, MACAddress)
    case flow(FlowKey)
}

extension TableEntry {
    public var entryKey: EntryKey {
        switch self {
        case .port(let entry): .port(entry.port)
        case .vlan(let entry): .vlan(entry.vlan)
        case .myStation(let entry):
            .myStation(
                port: entry.port, vlan: entry.vlan, mac: entry.mac, mask: entry.macMask, priority: entry.priority)
        case .routerInterface(let entry): .routerInterface(entry.id)
        case .neighbor(let entry): .neighbor(entry.routerInterface, entry.address)
        case .nextHop(let entry): .nextHop(entry.id)
        case .nextHopGroup(let entry): .nextHopGroup(entry.id)
        case .route(let entry): .route(entry.vrf, entry.prefix)
        case .acl(let entry): .acl(entry.id)
        case .mac(let entry): .mac(entry.vlan, entry.mac)
        case .flow(let entry): .flow(entry.key)
        }
    }

    /// Place in the order of dependence: an entry refers to entries of lower rank only.
    var rank: Int {
        switch self {
        case .port: 0
        case .vlan: 1
        case .routerInterface: 2
        case .neighbor: 3
        case .nextHop: 4
        case .nextHopGroup: 5
        case .route: 6
        case .acl: 7
        case .mac: 8
        case .flow: 9
        // Last, so that no packet is routed before the routes are there.
        case .myStation: 10
        }
    }

    static let rankCount = 11

    /// Whether no other entry refers to it.
    var isLeaf: Bool {
        switch self {
        case .port, .routerInterface, .nextHop, .nextHopGroup: false
        default: true
        }
    }
}
