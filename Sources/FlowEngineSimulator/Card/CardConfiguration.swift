// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// Which card it is: board, bitstream, features, licence, and how it reads what the sources leave open.
public struct CardConfiguration: Hashable, Sendable {
    public enum Profile: String, Hashable, Sendable, CaseIterable {
        /// Raspberry Pi Real-Time HAT: ports 0 (RT0), 1 (cabled to the host, tagged frames) and 2 (RT2); one datapath; SPI.
        case realTimeHAT
        /// TrustNode: ports 0...11, CPU interfaces TN0...TN15, two datapaths; PCIe.
        case trustNode
    }

    /// Blocks that a bitstream may lack, or a licence may not cover.
    public struct Features: OptionSet, Hashable, Sendable {
        public let rawValue: UInt16
        public init(rawValue: UInt16) { self.rawValue = rawValue }

        /// FEATURES_FLOWCACHE b0; without it none of the next three either.
        public static let flowCache = Self(rawValue: 1 << 0)
        /// b1: hash table and EMH rules.
        public static let exactMatch = Self(rawValue: 1 << 1)
        /// b2: collision table.
        public static let linearSearch = Self(rawValue: 1 << 2)
        /// b3: EMA rules and TCAM.
        public static let maskedMatch = Self(rawValue: 1 << 3)
        public static let ethernetSwitch = Self(rawValue: 1 << 4)
        public static let sixTree = Self(rawValue: 1 << 5)
        /// Header overwrite.
        public static let txRouter = Self(rawValue: 1 << 6)
        public static let timeAwareShaper = Self(rawValue: 1 << 7)
        /// RESOURCE_LIMIT and DROP_CNT.
        public static let trafficManager = Self(rawValue: 1 << 8)

        public static let all = Self(rawValue: (1 << 9) - 1)
        static let flowCacheTables: Self = [.exactMatch, .linearSearch, .maskedMatch]
    }

    public var profile: Profile
    /// Of the address map: 7, 16 or 17.
    public var mapRevision: Int
    /// Of the EMH key sets: 1...12.
    public var hashRevision: Int
    public var variants: CardVariants
    /// Blocks the bitstream has. The registers of others time out.
    public var features = Features.all
    /// Features the licence covers. The others have registers and do not decide.
    public var licensed = Features.all
    /// Bits of the LICENSE register above bit 8. Which feature has which bit is not public: by default as in `Features`.
    public var licenceWord: UInt32?
    /// Seed of whatever is drawn: bits that flip, device ids.
    public var seed: UInt64
    /// Bytes, without FCS. Not public as reset values; a frame below is a runt (reason 3), above oversize (1). RX_MIN, RX_MAX.
    public var minimumFrame = 60
    public var maximumFrame = 1518
    /// EMH key sets in place of those of `hashRevision`, by type; for builds whose key set is in no public table.
    public var keySet: [Int: EntryLayout] = [:]
    /// Version of the CPU-port tag: 1...4 (HAT).
    public var tagVersion = 4
    /// Uplink ports of 6Tree, a bit each. Revision 7 shows them in FEATURES_6TREE.
    public var uplinkPorts: UInt16 = 1
    /// Die temperature, °C, and where the alarm is raised.
    public var temperature = 45.0
    public var overTemperature = 100.0

    /// - Parameters default to what each board is known to have: HAT revision 16 with key set 9, TrustNode 7 with 12.
    public init(
        profile: Profile, mapRevision: Int? = nil, hashRevision: Int? = nil, variants: CardVariants? = nil,
        seed: UInt64 = 1
    ) {
        self.profile = profile
        self.mapRevision = mapRevision ?? (profile == .realTimeHAT ? 16 : 7)
        self.hashRevision = hashRevision ?? (profile == .realTimeHAT ? 9 : 12)
        self.variants = variants ?? CardVariants(profile: profile)
        self.seed = seed
    }

    public var portCount: Int { profile == .realTimeHAT ? 3 : 12 }
    public var datapathCount: Int { profile == .realTimeHAT ? 1 : 2 }
    /// Port that is cabled to the host.
    public var hostPort: Int? { profile == .realTimeHAT ? 1 : nil }

    /// Which ports a datapath serves is not public; here the first half and the second.
    func datapath(of port: Int) -> Int { port * datapathCount / portCount }

    /// What is there and may decide.
    var effective: Features {
        var effective = features.intersection(licensed)
        if !effective.contains(.flowCache) { effective.subtract(.flowCacheTables) }
        return effective
    }
}
