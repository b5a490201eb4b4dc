// SPDX-License-Identifier: Apache-2.0
import Packet

/// Key of `flow_cache_table`: router interface the packet arrived at and its 5-tuple.
public struct FlowKey: Hashable, Sendable, BitwiseCopyable {
    /// Where the packet arrived; stands for the ingress port, its VLAN and the VRF together.
    public var routerInterface: RouterInterfaceID
    public var isIPv6: Bool
    public var ipProtocol: UInt8
    /// TCP and UDP: the port, host order. ICMP and ICMPv6: type << 8 | code. Else 0.
    public var sourcePort: UInt16
    /// TCP and UDP: the port, host order. Else 0.
    public var destinationPort: UInt16
    /// IPv4 addresses stand in the lower 32 bits of `low`.
    public var source: IPv6Address
    public var destination: IPv6Address

    public init(
        routerInterface: RouterInterfaceID, source: IPAddress, destination: IPAddress, ipProtocol: UInt8,
        sourcePort: UInt16 = 0, destinationPort: UInt16 = 0
    ) {
        self.routerInterface = routerInterface
        self.ipProtocol = ipProtocol
        (self.sourcePort, self.destinationPort) = (sourcePort, destinationPort)
        func wide(_ address: IPAddress) -> (IPv6Address, Bool) {
            switch address {
            case .v4(let v4): (IPv6Address(high: 0, low: UInt64(v4.rawValue)), false)
            case .v6(let v6): (v6, true)
            }
        }
        (self.source, isIPv6) = wide(source)
        self.destination = wide(destination).0
    }

    public var sourceAddress: IPAddress { address(source) }
    public var destinationAddress: IPAddress { address(destination) }

    private func address(_ wide: IPv6Address) -> IPAddress {
        isIPv6 ? .v6(wide) : .v4(IPv4Address(rawValue: UInt32(truncatingIfNeeded: wide.low)))
    }

    /// Few, whole words: tables of a million flows are looked up by this.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(source.low)
        hasher.combine(destination.low)
        hasher.combine(
            UInt64(sourcePort) | UInt64(destinationPort) << 16 | UInt64(ipProtocol) << 32
                | UInt64(routerInterface.rawValue) << 40)
        if isIPv6 {
            hasher.combine(source.high)
            hasher.combine(destination.high)
        }
    }
}

/// What a flow-cache or ACL entry does with its packets.
public enum ForwardingAction: Hashable, Sendable, BitwiseCopyable {
    /// Route by this next hop: TTL or hop limit decremented, MAC addresses rewritten.
    case nextHop(NextHopID)
    /// Send by this port as it is.
    case port(PortID)
    case drop
    case kernel
    case cpu
}

/// `flow_cache_table`: a decision for one flow, either given (static) or derived from the other tables.
public struct FlowEntry: Hashable, Sendable, BitwiseCopyable {
    public enum Origin: Hashable, Sendable, BitwiseCopyable {
        /// Given by a user; holds whatever the policy. The ACL is consulted before it.
        case `static`
        /// Computed from the other tables as they were in this generation.
        case derived(PolicyGeneration)
    }

    public var key: FlowKey
    public var action: ForwardingAction
    public var origin: Origin
    /// The decision includes the ACL's: do not consult it again. Only for derived entries whose ACL decision
    /// depends on the key alone.
    public var aclDone: Bool
    /// Copy to the controller (from an ACL entry with `mirror`).
    public var mirror: Bool
    /// Reported for packets that are not forwarded; `.flowCache` for static entries.
    public var reason: Reason

    public init(
        key: FlowKey, action: ForwardingAction, origin: Origin = .static, aclDone: Bool = false, mirror: Bool = false,
        reason: Reason = .flowCache
    ) {
        (self.key, self.action, self.origin, self.aclDone) = (key, action, origin, aclDone)
        (self.mirror, self.reason) = (mirror, reason)
    }
}
