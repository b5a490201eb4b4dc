// SPDX-License-Identifier: Apache-2.0

/// What the public sources leave open, or tell in two ways, about how a card reads its tables. Every such question has a
/// value here and none is answered anywhere else in the driver. `init(profile:)` is what the sources for each board show;
/// the configuration overrides some of it (`card: quirks:`).
public struct CardQuirks: Hashable, Sendable {
    /// Where an action word has its output port.
    public enum ActionWordLayout: String, Hashable, Sendable, CaseIterable {
        /// Bits 5:1; bits 31:8 are written as ones. Source: TNflowtable, `tnlibflowtable.h`.
        case headerFile = "header-file"
        /// Bits 5:3, everything else zero, as `0x11` for port 2. Source: RT_HAT_python, `example/UC1`.
        case useCase1 = "use-case-1"
    }

    /// How the action id of a rule names an action and a queue.
    public enum ActionIDLayout: String, Hashable, Sendable, CaseIterable {
        /// 1,024 actions in bits 9:0, of which bits 9:7 are the queue too. Source: TNflowtable.
        case queueInIndex = "queue-in-index"
        /// 16 actions in bits 3:0, the queue in bits 6:4. Source: RT_HAT_python, `example/UC1`.
        case sixteenActions = "sixteen-actions"

        /// Actions the table has, with number 0, which is the default flow's.
        public var actionCount: Int { self == .queueInIndex ? 1024 : 16 }
    }

    /// What a bit in an EMA rule's TYPE says of its field.
    public enum TypeBitmap: String, Hashable, Sendable, CaseIterable {
        /// One: the field is compared. So the comment in the sources.
        case setIfCompared = "set-if-compared"
        /// One: the field is not compared. So the tool in the sources does it.
        case setIfOpen = "set-if-open"
    }

    /// What `VLAN_PRIO` is in a key.
    public enum VLANPriorityField: String, Hashable, Sendable, CaseIterable {
        /// The PCP, a number of three bits, as in RT_HAT_python, `example/UC1`.
        case pcp
        /// PCP and DEI. A rule for a priority is then for its frames that may not be dropped first.
        case pcpAndDEI = "pcp-and-dei"
    }

    /// The three bits that key version 2 and 4 mix into bits 13:11 of a type 4 hash.
    public enum HashOverlay: Hashable, Sendable {
        case constant(UInt8)
        case vlanPriority
    }

    /// How an EtherType goes into the hash.
    public enum EtherTypeFold: String, Hashable, Sendable, CaseIterable {
        /// As TNflowtable does for the key version: in two chunks in some, the lower 14 bits in others.
        case byRevision = "by-revision"
        case low14 = "low-14"
        case twoChunks = "two-chunks"
    }

    public var actionWord: ActionWordLayout
    public var actionID: ActionIDLayout
    /// The bit of an action word that drops; nil: not known, and nothing is dropped. 6 in the vendor's header file.
    public var dropBit: UInt8?
    /// Whether GOOD_FLOWID counts what a rule drops. If that is not known, no rule drops: it would look idle, and its packets would be
    /// in no count.
    public var countsDrops = false
    public var emaType = TypeBitmap.setIfOpen
    public var vlanPriority = VLANPriorityField.pcp
    /// Whether TOS in a key is the upper six bits of the octet. If that is not known, no rule looks at it.
    public var tosIsDSCP = false
    /// The VLAN id, in keys, of frames without a tag; nil: not known, and rules for them are refused.
    public var untaggedVLAN: UInt16?
    /// Nil: not known, and that type is not used.
    public var hashOverlay: HashOverlay?
    public var etherTypeFold = EtherTypeFold.byRevision
    /// Collision entries the card has. Not public: by default the four that the vendor's example shows to exist.
    public var collisionEntries = 4
    /// EMA rules, and TCAM entries, the card has. Not public: by default as many as an older map of the vendor's says.
    public var emaEntries = 128

    public init(actionWord: ActionWordLayout, actionID: ActionIDLayout) {
        (self.actionWord, self.actionID) = (actionWord, actionID)
        dropBit = actionWord == .headerFile ? 6 : nil
    }

    public init(profile: CardProfile) {
        switch profile {
        case .trustNode: self.init(actionWord: .headerFile, actionID: .queueInIndex)
        case .realTimeHAT: self.init(actionWord: .useCase1, actionID: .sixteenActions)
        }
    }
}

/// The boards there are.
public enum CardProfile: String, Hashable, Sendable, CaseIterable {
    /// Raspberry Pi Real-Time HAT: registers by SPI; one of its ports is cabled to the host and carries tagged frames.
    case realTimeHAT = "real-time-hat"
    /// TrustNode: registers by PCIe.
    case trustNode = "trustnode"
}
