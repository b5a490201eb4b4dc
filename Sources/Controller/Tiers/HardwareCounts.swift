// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// What rules in hardware have counted, by the entries whose packets they were. Pure.
///
/// A count that hardware tells is taken over once: what a rule counts beyond what was seen of it last. So the sum stays right
/// when a rule comes, goes, and comes again, and it is the entry's as long as the entry exists.
struct HardwareCounts {
    /// A rule that stands on the card.
    struct Placement {
        var subject: OffloadSubject?
        /// The station that its frames are from, if they are from one.
        var source: OffloadSubject?
        var decision: OffloadDecision
        var place: String
        /// Of its count, what is accounted for.
        var counted: UInt64 = 0
        /// Looks at the card that have not met it, since one did.
        var misses = 0
        /// When it was last seen to have counted.
        var lastHit: CoarseTime?
    }

    struct Sum {
        var packets: UInt64 = 0
        /// When a rule that counts for it was hit.
        var lastHit: CoarseTime?
        /// When a rule was hit whose frames are all from it.
        var lastSeen: CoarseTime?
    }

    private(set) var placements: [Megaflow: Placement] = [:]
    private var sums: [OffloadSubject: Sum] = [:]
    /// Rules by the entry they count for, so that it can be left.
    private var bySubject: [OffloadSubject: Set<Megaflow>] = [:]
    /// A bit for each entry with a sum, by hash: looking up the others costs no more than this.
    private var marks = [UInt64](repeating: 0, count: 1024)
    private let seed: UInt64
    /// Packets that hardware has decided, all of them.
    private(set) var total: UInt64 = 0

    init(seed: UInt64) { self.seed = seed }

    var isEmpty: Bool { sums.isEmpty && placements.isEmpty }

    // MARK: Rules

    mutating func place(_ megaflow: Megaflow, _ placement: Placement) {
        guard placements[megaflow] == nil else { return }
        placements[megaflow] = placement
        for subject in [placement.subject, placement.source].compactMap({ $0 }) {
            sums[subject, default: Sum()].packets += 0
            mark(subject)
        }
        if let subject = placement.subject { bySubject[subject, default: []].insert(megaflow) }
    }

    /// Takes over what a rule has counted. Returns how many packets that were.
    @discardableResult
    mutating func count(_ record: borrowing OffloadRecord, now: CoarseTime) -> UInt64 {
        guard var placement = placements[record.megaflow] else {
            // From before this process, or it came in a way that was not seen: it counts for nothing but the total.
            place(record.megaflow, Placement(decision: record.decision, place: record.place, counted: record.packets))
            return 0
        }
        // Less than before: another rule, or hardware that was reset.
        let packets = record.packets >= placement.counted ? record.packets - placement.counted : record.packets
        if record.decision != placement.decision {
            // Tables have changed, and the rule with them. A station that moved is still the one; what is dropped now, or is no
            // longer, is counted elsewhere or nowhere in the tables. Of what was counted since the last look nobody knows which.
            if record.decision == .drop || placement.decision == .drop {
                if let subject = placement.subject { bySubject[subject]?.remove(record.megaflow) }
                placement.subject = nil
            }
            placement.decision = record.decision
        }
        (placement.counted, placement.place, placement.misses) = (record.packets, record.place, 0)
        total += packets
        if packets > 0 {
            placement.lastHit = now
            if let subject = placement.subject {
                sums[subject, default: Sum()].packets += packets
                sums[subject]?.lastHit = now
            }
            if let source = placement.source { sums[source, default: Sum()].lastSeen = now }
        }
        placements[record.megaflow] = placement
        return packets
    }

    /// A rule is gone; its last count.
    mutating func withdraw(_ record: borrowing OffloadRecord, now: CoarseTime) {
        count(record, now: now)
        forget(record.megaflow)
    }

    /// A rule is gone, and nobody knows what it has counted since it was seen last.
    mutating func forget(_ megaflow: Megaflow) {
        guard let placement = placements.removeValue(forKey: megaflow), let subject = placement.subject else { return }
        bySubject[subject]?.remove(megaflow)
        if bySubject[subject]?.isEmpty == true { bySubject[subject] = nil }
    }

    /// Rules that a look at the card has not met. One that is to go, and cannot be taken out yet, is told of when it is out; after so
    /// many looks that is not to be expected any more.
    mutating func miss(but met: Set<Megaflow>) {
        for megaflow in Array(placements.keys) where !met.contains(megaflow) {
            placements[megaflow]?.misses += 1
            if placements[megaflow]?.misses ?? 0 > Self.mostMisses { forget(megaflow) }
        }
    }

    private static let mostMisses = 1000

    // MARK: Entries

    /// What hardware has counted for an entry, and when it was hit there last; nil: it never had a rule.
    func sum(of flow: borrowing FlowKey) -> Sum? {
        guard !sums.isEmpty, isMarked(flow.fingerprint(seed: seed)) else { return nil }
        return sums[.flow(copy flow)]
    }

    func sum(of vlan: VLANID, _ mac: MACAddress) -> Sum? {
        guard !sums.isEmpty else { return nil }
        let subject = OffloadSubject.station(vlan, mac)
        guard isMarked(subject.fingerprint(seed: seed)) else { return nil }
        return sums[subject]
    }

    func has(_ subject: OffloadSubject) -> Bool {
        !sums.isEmpty && isMarked(subject.fingerprint(seed: seed)) && sums[subject] != nil
    }

    /// An entry is gone, or begins anew: what was counted for it is not the next one's. Its rules stay, and count for nobody.
    mutating func leave(_ subject: OffloadSubject) {
        guard sums.removeValue(forKey: subject) != nil else { return }
        for megaflow in bySubject.removeValue(forKey: subject) ?? [] { placements[megaflow]?.subject = nil }
        // A station that comes back is seen by the rules that stand for what it sends.
        if placements.values.contains(where: { $0.source == subject }) { sums[subject] = Sum() }
    }

    /// After a look at all entries of a kind: of those that were not met nothing is kept.
    mutating func keep(_ met: Set<OffloadSubject>, where isOfKind: (OffloadSubject) -> Bool) {
        let gone = sums.keys.filter { isOfKind($0) && !met.contains($0) }
        guard !gone.isEmpty else { return }
        for subject in gone { leave(subject) }
        marks = marks.map { _ in 0 }
        for subject in sums.keys { mark(subject) }
    }

    private mutating func mark(_ subject: OffloadSubject) {
        let bit = subject.fingerprint(seed: seed) & 0xffff
        marks[Int(bit >> 6)] |= 1 << (bit & 63)
    }

    private func isMarked(_ fingerprint: UInt64) -> Bool {
        let bit = fingerprint & 0xffff
        return marks[Int(bit >> 6)] & 1 << (bit & 63) != 0
    }
}
