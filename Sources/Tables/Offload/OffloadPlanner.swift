// SPDX-License-Identifier: Apache-2.0
import Packet

/// A megaflow that hardware can be told, and its proof.
public struct OffloadPlan: Hashable, Sendable {
    public var megaflow: Megaflow
    /// `OffloadKeySet.name`.
    public var keySet: String
    public var proof: MegaflowProof

    public init(megaflow: Megaflow, keySet: String, proof: MegaflowProof) {
        (self.megaflow, self.keySet, self.proof) = (megaflow, keySet, proof)
    }
}

/// Finds the megaflows that a sample (all the fields of one packet, or of some kind of packets) can be offloaded in.
/// Pure: tables in, plans out.
public struct OffloadPlanner<Entries: OffloadEntries> {
    public var state: TableState
    public var entries: Entries
    public var traits: OffloadTraits
    /// The ports that the hardware has.
    public var ports: Set<PortID>
    public var keySets: [OffloadKeySet]

    public init(
        state: TableState, entries: Entries, traits: OffloadTraits, ports: Set<PortID>, keySets: [OffloadKeySet]
    ) {
        (self.state, self.entries, self.traits) = (state, entries, traits)
        (self.ports, self.keySets) = (ports, keySets)
    }

    public func prove(_ megaflow: Megaflow) throws(OffloadRefusal) -> MegaflowProof {
        try MegaflowProof(megaflow, state: state, entries: entries, traits: traits, ports: ports)
    }

    /// The plans for a sample, the coarsest first: it covers the most flows. Coarser is what fixes fewer bits of a frame; among equals
    /// the key set that is told first comes first. One plan for each key set at most.
    ///
    /// A key that is not masked has to be filled. Of one that is, fields are left open one after the other, those that fix most
    /// first, as long as the proof holds: the fewer fields, the more frames, so a field that had to stay has to stay.
    ///
    /// Cost: one proof for a key set that is not masked, 13 at most for one that is.
    ///
    /// - Throws: if there is no plan: why the finest megaflow of the sample that a key can tell is refused; `noKey` if none can tell
    ///   any.
    public func plans(for sample: Megaflow) throws(OffloadRefusal) -> [OffloadPlan] {
        var plans: [OffloadPlan] = []
        var refused: (bits: Int, why: OffloadRefusal)?
        for keySet in keySets {
            let fields = sample.fields.intersection(keySet.fields)
            guard !fields.isEmpty, keySet.expresses(fields) else { continue }
            let finest = sample.reduced(to: fields)
            do throws(OffloadRefusal) {
                var plan = OffloadPlan(megaflow: finest, keySet: keySet.name, proof: try prove(finest))
                if keySet.isMasked { open(&plan) }
                plans.append(plan)
            } catch {
                if fields.bits > refused?.bits ?? 0 { refused = (fields.bits, error) }
            }
        }
        guard plans.isEmpty else {
            let order = plans.indices.sorted {
                (plans[$0].megaflow.fields.bits, $0) < (plans[$1].megaflow.fields.bits, $1)
            }
            return order.map { plans[$0] }
        }
        throw refused?.why ?? .noKey(fields: sample.fields, keys: keySets.map { "\($0.name) (\($0.fields))" })
    }

    private func open(_ plan: inout OffloadPlan) {
        for field in MegaflowFields.byBits {
            let fields = plan.megaflow.fields
            guard fields.contains(field), fields != field else { continue }
            let coarser = plan.megaflow.reduced(to: fields.subtracting(field))
            if let proof = try? prove(coarser), proof.decision == plan.proof.decision {
                (plan.megaflow, plan.proof) = (coarser, proof)
            }
        }
    }
}

extension MegaflowFields {
    /// Bits of a frame (and of the port's number) that a field fixes.
    private static let widths: [(field: MegaflowFields, bits: Int)] = [
        (.sourceMAC, 48), (.destinationMAC, 48), (.ipv4Source, 32), (.ipv4Destination, 32), (.sourcePort, 16),
        (.destinationPort, 16), (.etherType, 16), (.vlan, 12), (.ipProtocol, 8), (.dscp, 6), (.ingressPort, 6),
        (.vlanPriority, 3),
    ]

    /// All fields, those that fix most first.
    static let byBits = widths.map(\.field)

    var bits: Int { Self.widths.reduce(0) { $0 + (contains($1.field) ? $1.bits : 0) } }
}
