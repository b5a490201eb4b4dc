// SPDX-License-Identifier: Apache-2.0
import Packet

/// What is done with every frame of a megaflow by hardware: it can neither count down a TTL nor change tags.
public enum OffloadDecision: Hashable, Sendable {
    case drop
    /// Leaves by this port as it came.
    case forward(PortID)
}

/// What is known of how a piece of hardware reads frames, beyond any doubt. Whatever is not known is false: a decision is
/// offloaded only if it is the same however the hardware reads such frames.
public struct OffloadTraits: Hashable, Sendable {
    /// Frames whose IP or L4 headers are malformed (`Docs/pipeline.md`, 2.3 to 2.5) match no rule.
    public var skipsMalformed = false
    /// Frames with a multicast or zero source address match no rule.
    public var skipsInvalidSource = false
    /// A frame is never sent by the port it came in at; it is dropped.
    public var dropsToIngress = false
    /// Frames to 01:80:c2:00:00:00 … :0f match no rule.
    public var skipsReservedMulticast = false
    /// Later fragments of IPv4 have no L4 ports.
    public var knowsFragments = false
    /// IPv4 frames that are fragments, first or later, match no rule.
    public var skipsFragments = false
    /// IPv4 frames with options match no rule.
    public var skipsOptions = false
    /// Frames whose first tag is one that is read, and has VID 0, match no rule. Else they pass for untagged.
    public var skipsPriorityTags = false
    /// A first tag with TPID 0x88a8 is read like one with 0x8100. Else it may be, or the frame may pass for untagged.
    public var readsServiceTags = false
    /// Tags it reads past when it looks for EtherType and what follows; nil: 0, 1 or 2, not known.
    public var tagsRead: Int?
    /// Smallest frame, without FCS, that gets past the port, bytes; nil: not known.
    public var minimumFrame: Int?
    /// Largest frame, without FCS, that gets past the port, bytes; nil: not known.
    public var maximumFrame: Int?

    public init() {}
}

/// A set of fields that one kind of hardware rule can match.
public struct OffloadKeySet: Hashable, Sendable {
    /// For people and `placement`: `emh type 3`, `ema`.
    public var name: String
    public var fields: MegaflowFields
    /// A rule may leave some of the fields open.
    public var isMasked: Bool
    public init(name: String, fields: MegaflowFields, isMasked: Bool) {
        (self.name, self.fields, self.isMasked) = (name, fields, isMasked)
    }

    /// Whether the key can tell exactly this megaflow.
    public func expresses(_ fields: MegaflowFields) -> Bool {
        isMasked ? fields.isSubset(of: self.fields) : fields == self.fields
    }
}

/// Why a megaflow is not in hardware.
public enum OffloadRefusal: Error, Hashable, Sendable {
    /// No key of this hardware has exactly these fields. `keys` are what it has.
    case noKey(fields: MegaflowFields, keys: [String])
    /// Its frames are not all decided alike; two ways they can go, in words.
    case notUniform(String, String)
    /// All are decided alike, and the hardware cannot do that.
    case action(String)
    /// A field's value that a key of this hardware cannot hold.
    case value(field: String, value: String, expected: String)
    /// No room: hash slot and collision table, or all rules, are taken.
    case full(table: String, capacity: Int)
    /// The hardware failed or is not there.
    case hardware(String)
}

extension OffloadRefusal: CustomStringConvertible {
    public var description: String {
        switch self {
        case .noKey(let fields, let keys):
            "no key of the card has exactly \(fields); it has \(keys.joined(separator: "; "))"
        case .notUniform(let one, let other): "not all its frames are decided alike: \(one), \(other)"
        case .action(let what): "the card cannot do this: \(what)"
        case .value(let field, let value, let expected): "\(field) cannot be \(value); expected \(expected)"
        case .full(let table, let capacity): "\(table) is full (\(capacity) entries)"
        case .hardware(let what): what
        }
    }
}

/// A rule in hardware as a sweep sees it.
public struct OffloadRecord: Sendable {
    public var megaflow: Megaflow
    public var decision: OffloadDecision
    /// Where it is: `emh type 3, slot 0x1a2b, rule 17`. Begins with the name of its `OffloadTable`.
    public var place: String
    /// Frames since it was placed. Hardware that counts no bytes says nil.
    public var packets: UInt64
    public var bytes: UInt64?
    public init(megaflow: Megaflow, decision: OffloadDecision, place: String, packets: UInt64, bytes: UInt64?) {
        (self.megaflow, self.decision, self.place) = (megaflow, decision, place)
        (self.packets, self.bytes) = (packets, bytes)
    }
}

/// A data plane in front of another: it decides what it was told to, and leaves every other frame to the one behind it.
///
/// It holds the tables of `DataPlane` as what its decisions are proven from. Laws, beside those of `DataPlane`:
/// - A megaflow is in hardware only if every frame that the hardware could take for one of its is decided alike by the
///   tables as they are (`MegaflowProof`), and the hardware can do just that. Nothing is approximated.
/// - A change of tables takes out, or changes, every rule whose proof no longer holds before `write` returns. A frame in
///   flight is decided by the tables before or after, never by a mixture.
/// - As every rule is right for all its frames, it does not matter which of several matching rules decides.
/// - `verdictCounters` count the frames it decided itself, and no other: those it leaves are counted by the data plane behind.
public protocol OffloadingDataPlane: DataPlane {
    var keySets: [OffloadKeySet] { get }
    var traits: OffloadTraits { get }

    /// The tables its rules stand in, with what is used of them now.
    var offloadTables: [OffloadTable] { get }

    /// Puts megaflows into hardware; a result for each, in order. One that is there already stays as it is.
    func offload(_ megaflows: [Megaflow]) -> [Result<OffloadDecision, OffloadRefusal>]

    /// Takes them out; their frames go to the data plane behind. Returns their last counts; nil for one that was not there.
    func withdraw(_ megaflows: [Megaflow]) -> [OffloadRecord?]

    /// Visits every rule with its count; removes those the visitor does not keep.
    func sweepOffloads(_ visit: (borrowing OffloadRecord) -> SweepDecision)

    /// Rules that were taken out because the tables changed or the hardware was reset, with their last counts; each is told once.
    func takeWithdrawn() -> [OffloadRecord]
}
