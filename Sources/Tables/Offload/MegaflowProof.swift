// SPDX-License-Identifier: Apache-2.0
import Packet

/// That the pipeline decides every frame of a megaflow alike, in a way that hardware can do by itself; found by going through
/// the pipeline (`Docs/pipeline.md`) with sets of frames in place of a frame. A question that not all frames of a set
/// answer alike is answered both ways. What is not known is never taken to be well: a refusal may be too careful, a proof never
/// too bold.
///
/// What is taken as given of hardware, beside its `OffloadTraits`:
/// - It compares the fields of a megaflow that it reads in a frame. Tags are those with TPID 0x8100 or 0x88a8; it reads
///   IPv4 addresses only in frames whose EtherType, behind the tags it reads past, is 0x0800.
/// - Protocol, DSCP and ports may hold anything in a frame that is not IPv4, ports also where a packet has options, no TCP or
///   UDP, or is a later fragment (but see `knowsFragments`). A priority says nothing: a frame without a tag may have any.
///
/// What counts as a difference, and what does not:
/// - The reason does not. A frame dropped by hardware is counted by its rule, whatever reason the tables would have given.
/// - Limits of the data plane behind do not (`multi_buffer`): they are not policy. Of a frame's length only what the tables
///   say about it matters, that is the egress MTU.
/// - A copy to the controller does. So does a source address that would be reported to be learned: at a port that learns, a
///   frame can be kept from the CPU only if its station is known there. A flow miss does not: the flow has been offloaded.
/// - Renewing a learned station does: either all frames renew the same one (`refreshes`), or none renews any.
///
/// Cost: ports × cases (56 at most: tags, IP version, fragment, options, malformed) × (stations of the port + ACL entries); less by far if
/// it fails, as it ends with the second decision found.
public struct MegaflowProof: Hashable, Sendable {
    public let decision: OffloadDecision

    /// The learned station that every one of the frames renews. Whoever counts them in hardware is to renew its last hit.
    public let refreshes: MACKey?

    /// The keys of `mac_table` whose entries, or absence, the proof rests on. A change of that table at any other key leaves the
    /// proof as it is; a change of another table may not.
    public let macsRead: Set<MACKey>

    /// - Parameters:
    ///   - entries: the MAC table and the static flows.
    ///   - ports: the ports that the hardware has: where frames come in, and where it can send them.
    /// - Throws: `notUniform` with two of the ways frames go; `action` if all go one way that is not the hardware's to go;
    ///   `value` if no frame agrees with the megaflow.
    public init(
        _ megaflow: Megaflow, state: TableState, entries: some OffloadEntries, traits: OffloadTraits, ports: Set<PortID>
    ) throws(OffloadRefusal) {
        func walk(explains: Bool) throws(OffloadRefusal) -> MegaflowProof {
            var walk = MegaflowWalk(
                megaflow, state: state, entries: entries, traits: traits, ports: ports, explains: explains)
            let outcome = try walk.run()
            return MegaflowProof(
                decision: outcome.decision, refreshes: outcome.refreshes, macsRead: walk.macsRead)
        }
        // Words for the ways of frames take longer than finding them, and only a refusal has any.
        do { self = try walk(explains: false) } catch { self = try walk(explains: true) }
    }

    private init(decision: OffloadDecision, refreshes: MACKey?, macsRead: Set<MACKey>) {
        (self.decision, self.refreshes, self.macsRead) = (decision, refreshes, macsRead)
    }
}
