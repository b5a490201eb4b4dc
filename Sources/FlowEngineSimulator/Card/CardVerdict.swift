// SPDX-License-Identifier: Apache-2.0

/// What became of a frame, and why.
public struct CardVerdict: Hashable, Sendable, BitwiseCopyable {
    public enum Source: Hashable, Sendable, BitwiseCopyable {
        /// The port, before any table: `reason` says what was wrong.
        case port
        /// The host said where it goes.
        case injection
        case sixTree
        /// ETH_SW knows the address.
        case ethernetSwitch
        /// ETH_SW does not know it.
        case flood
        /// ETH_SW: the address is the card's own.
        case ownAddress
        case flowCache(FlowCacheMatch)
        /// The action of the default flow.
        case defaultAction
        /// No one had anything to say: FEATURES_FLOWCACHE b4.
        case miss
        /// 01:80:c2:00:00:0x, as the variant says.
        case reservedMulticast
    }

    public var ingress = 0
    public var source = Source.port
    /// Ports it was sent to, a bit each; 16 + x: CPU interface x. Zero: dropped.
    public var ports: UInt32 = 0
    /// Of a drop, or for the processor; else `.none`.
    public var reason = ReasonCode.none
    public var flowID = 0
    public var queue = 0
    /// Entry of the overwrite table; 0 by default.
    public var overwrite = 0

    public init() {}

    public var isDropped: Bool { ports == 0 }

    /// The rule that decided, if one did.
    public var match: FlowCacheMatch? {
        if case .flowCache(let match) = source { return match }
        return nil
    }
}

extension CardVerdict: CustomStringConvertible {
    /// `port 0: EMH type 4, slot 0x1a2b, rule 17, priority 255, action id 0x1: to port 2, flow 1, queue 0`
    public var description: String {
        let decided =
            switch source {
            case .port: "not taken"
            case .injection: "the host"
            case .sixTree: "6Tree"
            case .ethernetSwitch: "Ethernet switch, learned address"
            case .flood: "Ethernet switch, flood"
            case .ownAddress: "Ethernet switch, own address"
            case .flowCache(let match): match.description
            case .defaultAction: "action of flow 0"
            case .miss: "no rule"
            case .reservedMulticast: "reserved multicast"
            }
        let targets = (0..<32).filter { ports >> UInt32($0) & 1 != 0 }
            .map { $0 < 16 ? "port \($0)" : "CPU interface \($0 - 16)" }
        let outcome = targets.isEmpty ? "dropped" : "to " + targets.joined(separator: ", ")
        let why = reason == .none ? "" : ", reason \(reason)"
        return "port \(ingress): \(decided): \(outcome)\(why), flow \(flowID), queue \(queue)"
    }
}
