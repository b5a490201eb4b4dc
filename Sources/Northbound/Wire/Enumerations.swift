// SPDX-License-Identifier: Apache-2.0
#if Northbound
import PiccoloProto
import Tables

extension TableID {
    var wire: Piccolo_V1_Table {
        switch self {
        case .port: .port
        case .vlan: .vlan
        case .myStation: .myStation
        case .mac: .mac
        case .acl: .aclIngress
        case .flowCache: .flowCache
        case .ipv4: .ipv4
        case .ipv6: .ipv6
        case .nextHop: .nexthop
        case .nextHopGroup: .nexthopGroup
        case .neighbor: .neighbor
        case .routerInterface: .routerInterface
        }
    }

    init(_ wire: Piccolo_V1_Table, field: String = "table") throws(NodeError) {
        guard let table = Self.allCases.first(where: { $0.wire == wire }) else {
            throw Field.unknown(field, wire.rawValue, "one of TABLE_PORT ... TABLE_ROUTER_INTERFACE (1...12)")
        }
        self = table
    }
}

extension Disposition {
    var wire: Piccolo_V1_Disposition {
        switch self {
        case .forward: .forward
        case .drop: .drop
        case .kernel: .kernel
        case .cpu: .cpu
        }
    }

    init(_ wire: Piccolo_V1_Disposition) throws(NodeError) {
        guard let disposition = Self.allCases.first(where: { $0.wire == wire }) else {
            throw Field.unknown("disposition", wire.rawValue, "1...4")
        }
        self = disposition
    }
}

extension FloodPolicy {
    var wire: Piccolo_V1_FloodPolicy {
        switch self {
        case .flood: .flood
        case .drop: .drop
        case .kernel: .kernel
        }
    }

    init(_ wire: Piccolo_V1_FloodPolicy, _ field: String) throws(NodeError) {
        switch wire {
        case .unspecified, .flood: self = .flood
        case .drop: self = .drop
        case .kernel: self = .kernel
        case .UNRECOGNIZED(let value): throw Field.unknown(field, value, "0...3 (flood, drop, kernel)")
        }
    }
}

extension PortEntry.Mode {
    var wire: Piccolo_V1_PortEntry.Mode {
        switch self {
        case .routed: .routed
        case .switched: .switched
        }
    }

    init(_ wire: Piccolo_V1_PortEntry.Mode) throws(NodeError) {
        switch wire {
        case .unspecified, .routed: self = .routed
        case .switched: self = .switched
        case .UNRECOGNIZED(let value): throw Field.unknown("mode", value, "0...2 (routed, switched)")
        }
    }
}

extension PortEntry.Malformed {
    var wire: Piccolo_V1_PortEntry.Malformed {
        switch self {
        case .drop: .drop
        case .kernel: .kernel
        case .ignore: .ignore
        }
    }

    init(_ wire: Piccolo_V1_PortEntry.Malformed) throws(NodeError) {
        switch wire {
        case .unspecified, .drop: self = .drop
        case .kernel: self = .kernel
        case .ignore: self = .ignore
        case .UNRECOGNIZED(let value): throw Field.unknown("malformed", value, "0...3 (drop, kernel, ignore)")
        }
    }
}

extension TableUpdate.Operation {
    var wire: Piccolo_V1_Update.Operation {
        switch self {
        case .insert: .insert
        case .modify: .modify
        case .delete: .delete
        }
    }

    init(_ wire: Piccolo_V1_Update.Operation) throws(NodeError) {
        switch wire {
        case .insert: self = .insert
        case .modify: self = .modify
        case .delete: self = .delete
        case .unspecified, .UNRECOGNIZED:
            throw Field.unknown("operation", wire.rawValue, "1...3 (insert, modify, delete)")
        }
    }
}

extension ACLEntry.Fragment {
    var wire: Piccolo_V1_AclEntry.Fragment {
        switch self {
        case .first: .first
        case .later: .later
        case .any: .any
        case .none: .none
        }
    }
}
#endif
