// SPDX-License-Identifier: Apache-2.0
import Packet

/// What a flow's packets come to by all tables but the flow cache and the MAC table, and what that was read from.
public struct Evaluation: Sendable, Hashable {
    /// The entry to install, derived in the generation that was given; nil if the decision cannot be cached.
    public var entry: FlowEntry?
    /// Why there is no entry, in words.
    public var notCacheable: String?
    /// ACL fields that the decision depends on. `entry.aclDone` if the flow key holds all of them.
    public var fieldsRead: FieldSet
}

/// The pure part of the pipeline: fields and tables in, decision out.
public enum Classifier {
    // MARK: ACL (section 7)

    struct ACLDecision {
        /// The entry that decided; nil for the default.
        var rule: ACLEntry?
        var action: ACLEntry.Action
        var read: FieldSet
        /// A flow's packets may differ in a field that an entry reads.
        var isUndecided = false
    }

    static func acl(_ fields: ACLFields, state: borrowing TableState) -> ACLDecision {
        var read: FieldSet = []
        for rule in state.rules {
            let comparison = ACLComparison(rule.match, fields)
            read.formUnion(comparison.read)
            switch comparison.outcome {
            case .mismatch: continue
            case .match: return ACLDecision(rule: rule, action: rule.action, read: read)
            case .undecided: return ACLDecision(rule: nil, action: .permit, read: read, isUndecided: true)
            }
        }
        let action: ACLEntry.Action = state.aclDefault == .drop ? .drop : .permit
        return ACLDecision(rule: nil, action: action, read: read)
    }

    // MARK: Routing (sections 4.7 and 4.8)

    struct RouteDecision {
        var action: ForwardingAction
        var reason: Reason
        /// The route that was found, which counts the packet.
        var route: RouteEntry?
    }

    /// For a packet that has a flow key.
    static func route(_ key: FlowKey, state: borrowing TableState) -> RouteDecision {
        if key.destinationAddress.isNeverRouted || key.sourceAddress.isNeverRouted {
            return RouteDecision(action: .kernel, reason: .specialAddress)
        }
        let vrf = state.routerInterface(key.routerInterface)?.vrf ?? .default
        guard let route = state.route(vrf: vrf, to: key.destinationAddress) else {
            return RouteDecision(action: .kernel, reason: .noRoute)
        }
        switch route.action {
        case .drop: return RouteDecision(action: .drop, reason: .route, route: route)
        case .kernel: return RouteDecision(action: .kernel, reason: .local, route: route)
        case .cpu: return RouteDecision(action: .cpu, reason: .route, route: route)
        case .nextHop(let id): return RouteDecision(action: .nextHop(id), reason: .route, route: route)
        case .group(let id):
            let buckets = state.buckets(of: id)
            // A group has members as long as it is named; its buckets are 64.
            guard !buckets.isEmpty else { return RouteDecision(action: .kernel, reason: .noRoute, route: route) }
            let member = buckets[FlowHash.bucket(key, seed: state.ecmpSeed)]
            return RouteDecision(action: .nextHop(member), reason: .route, route: route)
        }
    }

    // MARK: A flow, by its key alone

    /// What the flow cache may hold for a flow. The decision goes as far as the next hop: whether its neighbour is known, its
    /// port up, the packet small enough is looked at packet by packet.
    public static func evaluate(
        key: FlowKey, state: borrowing TableState, generation: PolicyGeneration
    ) -> Evaluation {
        guard state.routerInterface(key.routerInterface) != nil else {
            return Evaluation(
                notCacheable: "router interface \(key.routerInterface.rawValue) does not exist", fieldsRead: [])
        }
        let acl = acl(ACLFields(key, ingress: state.ingress(of: key.routerInterface)), state: state)
        var entry = FlowEntry(
            key: key, action: .kernel, origin: .derived(generation), aclDone: !acl.isUndecided,
            mirror: acl.rule?.mirror ?? false)
        switch acl.action {
        case .permit:
            let route = route(key, state: state)
            (entry.action, entry.reason) = (route.action, route.reason)
        case .drop: (entry.action, entry.reason) = (.drop, .acl)
        case .kernel: (entry.action, entry.reason) = (.kernel, .acl)
        case .cpu: (entry.action, entry.reason) = (.cpu, .acl)
        case .redirect(let port): (entry.action, entry.reason) = (.port(port), .acl)
        }
        return Evaluation(entry: entry, fieldsRead: acl.read)
    }

    /// The fields that a flow key at this interface holds.
    public static func fieldsOfKey(at interface: RouterInterfaceID, state: borrowing TableState) -> FieldSet {
        let ingress = state.ingress(of: interface)
        var fields = FieldSet.flowKey
        if ingress.port != nil { fields.insert(.ingressPort) }
        if ingress.vlan != nil { fields.insert(.vlan) }
        return fields
    }
}

extension IPAddress {
    /// Section 4.7, special addresses.
    var isNeverRouted: Bool {
        switch self {
        case .v4(let address):
            let first = address.rawValue >> 24
            return first == 0 || first == 127 || first >= 224
        case .v6(let address):
            return (address.high == 0 && address.low <= 1) || address.high >> 56 == 0xff
                || address.high >> 54 == 0xfe80 >> 6
        }
    }
}
