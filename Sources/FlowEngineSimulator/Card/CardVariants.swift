// SPDX-License-Identifier: Apache-2.0

/// What the public sources of the card leave open, each question with the answers it may have. A driver is right when it is
/// right under every one of them. Where the sources give no hint, the default is the reading in which the card checks least.
public struct CardVariants: Hashable, Sendable {
    /// Which stage's word counts when several have something to say about a frame.
    public enum OverrideOrder: String, Hashable, Sendable, CaseIterable {
        /// TrustNode manual: the flow cache comes after the Ethernet switch and overrides it; a frame the processor sends
        /// goes where the processor says.
        case manual
        /// `tn_env.h`, read literally: default, 6Tree, processor, flow cache, Ethernet switch, action of flow 0; each
        /// overrides those before.
        case header
    }

    /// Where an action word has its output port.
    public enum ActionWord: String, Hashable, Sendable, CaseIterable {
        /// Bits 5:1, bit 6 drops (TNflowtable).
        case trustNode
        /// Bits 5:3, as 0x11 for port 2 (RT_HAT_python, UC1). That bit 6 drops is assumed.
        case realTimeHAT
    }

    /// How the action id of a rule names an action and a queue.
    public enum ActionID: String, Hashable, Sendable, CaseIterable {
        /// Action in bits 9:0, of which 9:7 are the queue as well (TNflowtable).
        case queueInIndex
        /// Action in bits 3:0, queue in bits 6:4, as 0x31 for action 1 in queue 3 (RT_HAT_python, UC1).
        case sixteenActions
    }

    /// What a bit in the TYPE of an EMA rule says of its field.
    public enum TypeBitmap: String, Hashable, Sendable, CaseIterable {
        /// One: not compared (what TNflowtable does).
        case setIfOpen
        /// One: compared (what its comment says).
        case setIfCompared
    }

    /// Which TCAM entry counts when a folded key is selected by several.
    public enum TCAMSelection: String, Hashable, Sendable, CaseIterable {
        /// The lowest; if its rule then differs from the frame, the EMA has nothing to say.
        case first
        /// Every one; of the rules that agree with the frame the one of highest priority.
        case all
    }

    /// Which table wins among matches of equal priority.
    public enum EqualPriority: String, Hashable, Sendable, CaseIterable {
        case hashFirst, maskedFirst
    }

    /// What rules see of a field that a frame does not have.
    public enum AbsentField: String, Hashable, Sendable, CaseIterable {
        /// It reads as zero.
        case zero
        /// No rule with this field matches.
        case noMatch
    }

    /// What rules see of frames with malformed IP or L4 headers.
    public enum Malformed: String, Hashable, Sendable, CaseIterable {
        /// Nothing is checked: fields are what lies at their places.
        case matches
        /// No rule matches.
        case noMatch
    }

    /// L4 ports of later fragments.
    public enum FragmentPorts: String, Hashable, Sendable, CaseIterable {
        /// Whatever lies there.
        case asBytes
        /// Absent.
        case absent
    }

    /// Which protocols have L4 ports.
    public enum PortProtocols: String, Hashable, Sendable, CaseIterable {
        case tcpAndUDP, all
    }

    /// Protocol, TOS and ports of IPv6 frames; their addresses are in no public key.
    public enum IPv6Fields: String, Hashable, Sendable, CaseIterable {
        case absent
        /// As the fixed header has them; extension headers are not followed.
        case fixedHeader
        /// Behind extension headers.
        case behindExtensions
    }

    /// VLAN id, in keys, of a frame without a tag.
    public enum UntaggedVLAN: String, Hashable, Sendable, CaseIterable {
        case zero
        /// No rule with a VLAN id matches.
        case noMatch
        /// Of the port, register VLAN_INT (revision 17; earlier ones: zero).
        case portVLAN
    }

    /// Which TPIDs announce a tag.
    public enum TagTypes: String, Hashable, Sendable, CaseIterable {
        case customer, customerAndService
    }

    /// What VLAN_PRIO is in keys.
    public enum VLANPriority: String, Hashable, Sendable, CaseIterable {
        /// The three bits of the PCP.
        case pcp
        /// PCP and DEI, four bits.
        case pcpAndDEI
    }

    /// Which six bits of the TOS octet are in keys.
    public enum TOSBits: String, Hashable, Sendable, CaseIterable {
        /// The upper six.
        case dscp
        /// The lower six.
        case lower
    }

    /// Frames with a multicast or zero source address.
    public enum InvalidSource: String, Hashable, Sendable, CaseIterable {
        case matches
        case noMatch
        /// Dropped, reason 14.
        case dropped
    }

    /// Frames to 01:80:c2:00:00:00 … :0f.
    public enum ReservedMulticast: String, Hashable, Sendable, CaseIterable {
        case matches
        /// To the processor, reason 27, past all tables.
        case toProcessor
        /// Dropped, reason 14.
        case dropped
    }

    /// A frame that a table sends to the port it came in at.
    public enum LoopToIngress: String, Hashable, Sendable, CaseIterable {
        /// Dropped, reason 11 (10 if the Ethernet switch found it).
        case dropped
        case sent
    }

    /// Whether GOOD_FLOWID counts a frame that its rule's action drops.
    public enum DroppedFrames: String, Hashable, Sendable, CaseIterable {
        /// Only BADRSN does, by port (reason 13).
        case notCounted
        case counted
    }

    /// How an EtherType goes into the hash.
    public enum EtherTypeFold: String, Hashable, Sendable, CaseIterable {
        /// As TNflowtable does for the key set: in two chunks in some, the lower 14 bits in others.
        case byRevision
        case low14, twoChunks
    }

    /// The three bits that key sets 2 and 4 mix into bits 13:11 of a type 4 hash.
    public enum HashOverlay: Hashable, Sendable {
        case constant(UInt8)
        /// The frame's priority.
        case vlanPriority
    }

    /// Rules of key set 2, of which only what is hashed is public.
    public enum KeysOfRevision2: String, Hashable, Sendable, CaseIterable {
        /// No rule matches.
        case unknown
        /// The hashed fields from bit 40 on, in the order the tool hashes them.
        case inHashOrder
    }

    /// How 6Tree compares addresses.
    public enum SixTreeRule: String, Hashable, Sendable, CaseIterable {
        /// Destination against the own prefix up to the pointer; sources upstream must carry the prefix and the ingress nibble.
        case prefixAndSource
        /// Without the check of sources.
        case prefixOnly
    }

    /// What the 6Tree pointers count from.
    public enum SixTreePointer: String, Hashable, Sendable, CaseIterable {
        /// The first nibble of the address (0xa of 0xaf).
        case address
        /// The first of the 14 configured nibbles.
        case configured
    }

    /// Which IPv6 destinations 6Tree looks at.
    public enum SixTreeScope: String, Hashable, Sendable, CaseIterable {
        /// All but multicast and link-local.
        case unicast
        case all
    }

    /// RESOURCE_LIMIT of zero.
    public enum ZeroLimit: String, Hashable, Sendable, CaseIterable {
        case unlimited, closed
    }

    /// Checksums of frames whose addresses or ports are overwritten.
    public enum OverwrittenChecksums: String, Hashable, Sendable, CaseIterable {
        case unchanged, updated
    }

    /// A write by SPI that goes on after its last bit.
    public enum OversizeWrite: String, Hashable, Sendable, CaseIterable {
        case ignored, taken
    }

    /// What tables hold after a reset by register; a power cycle empties them in any case.
    public enum TablesAtReset: String, Hashable, Sendable, CaseIterable {
        case cleared, kept
    }

    public var overrideOrder = OverrideOrder.manual
    public var actionWord: ActionWord
    public var actionID: ActionID
    public var emaType = TypeBitmap.setIfOpen
    public var tcamSelection = TCAMSelection.first
    public var equalPriority = EqualPriority.hashFirst
    public var absentField = AbsentField.zero
    public var malformed = Malformed.matches
    public var fragmentPorts = FragmentPorts.asBytes
    public var portProtocols = PortProtocols.tcpAndUDP
    public var ipv6Fields = IPv6Fields.fixedHeader
    /// Tags passed on the way to EtherType and IP: 0, 1 or 2. VLAN id and priority are the first tag's in any case.
    public var tagsRead = 1
    public var tagTypes = TagTypes.customerAndService
    public var untaggedVLAN = UntaggedVLAN.zero
    public var vlanPriority = VLANPriority.pcp
    public var tosBits = TOSBits.dscp
    public var invalidSource = InvalidSource.matches
    public var reservedMulticast = ReservedMulticast.matches
    public var loopToIngress = LoopToIngress.dropped
    public var droppedFrames = DroppedFrames.notCounted
    public var etherTypeFold = EtherTypeFold.byRevision
    public var hashOverlay = HashOverlay.constant(0)
    public var keysOfRevision2 = KeysOfRevision2.unknown
    public var sixTreeRule = SixTreeRule.prefixAndSource
    public var sixTreePointer = SixTreePointer.address
    public var sixTreeScope = SixTreeScope.unicast
    /// 6Tree counts hop limits down, and drops (reason 9) what would reach zero.
    public var sixTreeCountsHops = false
    public var zeroLimit = ZeroLimit.unlimited
    public var overwrittenChecksums = OverwrittenChecksums.unchanged
    public var oversizeWrite = OversizeWrite.ignored
    public var tablesAtReset = TablesAtReset.cleared
    /// A flood reaches the processor too (reason 30).
    public var floodReachesProcessor = true
    /// Collision entries the card has; by default those that the vendor's example shows to exist.
    public var collisionDepth = 4
    /// EMA rules and TCAM entries the card has; by default what an older map says.
    public var emaDepth = 128
    /// 64-byte segments of packet memory.
    public var bufferSegments = 4096
    /// Number of RT2 as ingress in the CPU-port tag: 1 or 2, depending on the version.
    public var tagNumberOfRT2 = 2

    public init(actionWord: ActionWord, actionID: ActionID) {
        (self.actionWord, self.actionID) = (actionWord, actionID)
    }

    /// For a profile: action words and ids as the sources for that board have them.
    public init(profile: CardConfiguration.Profile = .trustNode) {
        switch profile {
        case .trustNode: self.init(actionWord: .trustNode, actionID: .queueInIndex)
        case .realTimeHAT: self.init(actionWord: .realTimeHAT, actionID: .sixteenActions)
        }
    }
}

extension CardVariants {
    /// An answer to each question about how frames are read and decided, drawn by `generator`; formats of words and depths
    /// of tables, which a driver must be told, stay as they are.
    public func drawingReadings(using generator: inout some RandomNumberGenerator) -> CardVariants {
        func draw<Reading: CaseIterable>(_ current: Reading) -> Reading {
            Reading.allCases.randomElement(using: &generator) ?? current
        }
        var drawn = self
        drawn.overrideOrder = draw(overrideOrder)
        drawn.tcamSelection = draw(tcamSelection)
        drawn.equalPriority = draw(equalPriority)
        drawn.absentField = draw(absentField)
        drawn.malformed = draw(malformed)
        drawn.fragmentPorts = draw(fragmentPorts)
        drawn.portProtocols = draw(portProtocols)
        drawn.ipv6Fields = draw(ipv6Fields)
        drawn.tagsRead = Int.random(in: 0...2, using: &generator)
        drawn.tagTypes = draw(tagTypes)
        drawn.untaggedVLAN = draw(untaggedVLAN)
        drawn.vlanPriority = draw(vlanPriority)
        drawn.tosBits = draw(tosBits)
        drawn.invalidSource = draw(invalidSource)
        drawn.reservedMulticast = draw(reservedMulticast)
        drawn.loopToIngress = draw(loopToIngress)
        drawn.droppedFrames = draw(droppedFrames)
        return drawn
    }
}
