// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import Tables

/// What the flow cache of a card can match: a choice made when its bitstream is built.
public struct CardKeys: Sendable {
    /// An exact-match rule's type.
    public struct ExactType: Sendable {
        public var layout: RuleLayout
        public var hash: FlowEngineHash

        public init(layout: RuleLayout, hash: FlowEngineHash) { (self.layout, self.hash) = (layout, hash) }
    }

    public let hashRevision: Int
    /// Those that the card has and whose layout and hash are known.
    public let exact: [ExactType]
    public let masked: RuleLayout?

    public init(hashRevision: Int, exact: [ExactType], masked: RuleLayout?) {
        (self.hashRevision, self.exact, self.masked) = (hashRevision, exact, masked)
    }

    /// As the offload contract names them, in the order of the types.
    public var keySets: [OffloadKeySet] {
        exact.map { OffloadKeySet(name: $0.layout.name, fields: $0.layout.fields, isMasked: false) }
            + (masked.map { [OffloadKeySet(name: $0.name, fields: $0.fields, isMasked: true)] } ?? [])
    }

    /// `emh type 3: destination_mac, vlan`
    public var descriptions: [String] {
        keySets.map { "\($0.name): \($0.isMasked ? "any of " : "")\($0.fields)" }
    }
}
