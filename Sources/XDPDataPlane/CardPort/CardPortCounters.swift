// SPDX-License-Identifier: Apache-2.0
import CFastPath
import Tables

/// What the programs of a CPU port count (`CARD_COUNTERS` in `bpf/include/card_port.h`).
public enum CardCounter: UInt32, Sendable, Hashable, CaseIterable {
    /// Delivered to a port. Bytes are without the tag.
    case received
    /// The card marked it bad: dropped.
    case bad
    /// The tag's ingress is no port: dropped.
    case unknownIngress
    /// Ends before the tag and an EtherType behind it: dropped.
    case tagTruncated
    /// Without a tag, dropped as the policy says.
    case untaggedDropped
    /// Without a tag, left to the kernel.
    case untaggedPassed
    /// The tag could not be taken off, or the port has no interface: dropped.
    case receiveFailed
    /// Given a tag and to the CPU port. Bytes are without the tag.
    case sent
    /// Of those to send: brought to 60 bytes.
    case padded
    /// From a port, shorter than an Ethernet header: dropped.
    case frameTruncated
    /// Would not fit the CPU port with its tag: dropped.
    case tooLong
    /// From an interface that is no port: dropped.
    case unknownEgress
    /// The buffer has no room for padding or tag: dropped.
    case noRoom
    /// There is no CPU port to send by: dropped.
    case sendFailed

    /// `unknown_ingress`
    public var name: String { card_counter_name(rawValue).map { String(cString: $0) } ?? "counter_\(rawValue)" }
}

/// Why the card handed a frame up, or marked it bad: the tag's reason field.
public struct CardReason: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    /// 0...31.
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue & UInt8(CARD_REASON_SLOTS - 1) }

    /// `proc_fc_rule`; `reserved_4` for the numbers that have no name.
    public var description: String {
        card_reason_name(UInt32(rawValue)).map { String(cString: $0) } ?? "reserved_\(rawValue)"
    }
}

/// A counter of a CPU port.
public struct CardCount: Sendable, Hashable {
    /// The port's name; nil: of frames that belong to none.
    public var port: String?
    public var what: What
    public var counter: Counter

    public enum What: Sendable, Hashable {
        case counter(CardCounter)
        /// Well-formed tags with this reason, whatever became of their frames.
        case reason(CardReason)
    }
}

extension CardPortPrograms {
    /// Every counter that is not 0, by port (those of no port last) and number.
    func counts(_ ports: [CardLogicalPort]) throws(CardPortError) -> [CardCount] {
        var counts: [CardCount] = []
        let places = ports.map { (name: String?.some($0.name), number: UInt32($0.egress)) }
            .sorted { $0.number < $1.number }
        for place in places + [(name: nil, number: UInt32(CARD_NO_PORT))] {
            func add(_ what: CardCount.What, _ number: UInt32) throws(CardPortError) {
                let values: [fp_counter]?
                do { values = try counters.lookupPerCPU(card_counter_slot(place.number, number)) } catch {
                    throw .kernel(error)
                }
                let sum = (values ?? []).reduce(into: Counter()) { sum, value in
                    (sum.packets, sum.bytes) = (sum.packets &+ value.packets, sum.bytes &+ value.bytes)
                }
                if sum.packets != 0 { counts.append(CardCount(port: place.name, what: what, counter: sum)) }
            }
            for counter in CardCounter.allCases { try add(.counter(counter), counter.rawValue) }
            for code in 0..<UInt8(CARD_REASON_SLOTS) {
                try add(.reason(CardReason(rawValue: code)), UInt32(CARD_COUNTER_REASON) + UInt32(code))
            }
        }
        return counts
    }
}
