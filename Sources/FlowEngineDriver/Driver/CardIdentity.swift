// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// What a card says of itself.
public struct CardIdentity: Hashable, Sendable {
    public struct FlowCacheFeatures: Hashable, Sendable {
        public var isPresent: Bool
        /// EMH: rules found by hash.
        public var exact: Bool
        /// The collision table.
        public var linear: Bool
        /// EMA: masked rules.
        public var masked: Bool
    }

    public var profile: CardProfile
    public var mapRevision: Int
    /// Frames on PCIe carry their hardware timestamps as fragments of their own (ADDR_MAP_REV bit 31).
    public var hasTimestampFragments: Bool
    /// FLOW_CACHE HASH_ID as read; nil if there is no flow cache.
    public var hashID: UInt32?
    /// The key sets that are used: HASH_ID, or what the configuration says instead.
    public var hashRevision: Int?
    public var majorRevision: UInt32
    public var minorRevision: UInt32
    public var userRevision: UInt32
    /// Device DNA: FPGA_ID1 above FPGA_ID0.
    public var deviceID: UInt64
    public var builtAt: CommonBitgenTime
    public var portCount: Int
    public var datapathCount: Int
    public var flowCache: FlowCacheFeatures
    public var hasTAS: Bool
    /// Nil where the map has no such register (revision 16 and later).
    public var sixTree: CommonFeatures6Tree?
    /// Real-Time HAT: bits of what is licensed; which bit is which is not public.
    public var licence: UInt32?
    /// Real-Time HAT: board, use case of the bitstream, number of the design.
    public var board: SPIBoardRev?
    public var design: SPIFPGARev?
    /// RX_MIN and RX_MAX as read; whether they count the FCS is not public.
    public var smallestFrame: UInt32
    public var largestFrame: UInt32

    /// What the meaning of its words hangs on.
    var layout: String {
        "map revision \(mapRevision), HASH_ID \(hashID.map { "\($0)" } ?? "none"), \(portCount) ports"
    }

    /// `TrustNode, map revision 7`
    public var title: String {
        "\(profile == .trustNode ? "this TrustNode" : "this Real-Time HAT"), map revision \(mapRevision),"
    }
}

extension CardIdentity {
    /// Reads who answers on a bus.
    ///
    /// - Parameters:
    ///   - profile: the board the bus leads to: SPI to a Real-Time HAT, PCIe to a TrustNode.
    ///   - hashRevision: key sets to be used whatever HASH_ID says. That its number is the key set's is an assumption of ours.
    public static func probe(
        _ bus: any RegisterBus, profile: CardProfile, hashRevision: Int? = nil
    ) throws(CardError) -> (identity: CardIdentity, map: FlowEngineMap) {
        do {
            return try identify(bus, profile, hashRevision)
        } catch let error as BusError {
            throw .bus(error)
        } catch let error as CardError {
            throw error
        } catch {
            preconditionFailure("an error of no kind a probe has: \(error)")
        }
    }

    private static func identify(
        _ bus: any RegisterBus, _ profile: CardProfile, _ override: Int?
    ) throws -> (CardIdentity, FlowEngineMap) {
        // At the same place in every map; all other offsets depend on it.
        let revision = try bus.read(FlowEngineMap.revision7.common.addrMapRev)
        guard let map = FlowEngineMap.revision(Int(revision.revision)) else {
            throw CardError.unknownMapRevision(
                found: revision.revision, known: FlowEngineMap.revisions.map(\.revision))
        }
        let common = map.common
        let flowCache = try bus.read(common.featuresFlowcache)
        var hashID: UInt32?
        var chosen: Int?
        if flowCache.present {
            let found = try bus.read(map.flowCache.hashID).value
            hashID = found
            let wanted = override ?? Int(found)
            if let override, !FlowCacheLayouts.hashRevisions.contains(override) {
                throw CardError.invalid(
                    setting: "hash revision", value: "\(override)",
                    expected: "one of \(FlowCacheLayouts.hashRevisions.map { "\($0)" }.joined(separator: ", "))")
            }
            guard FlowCacheLayouts.hashRevisions.contains(wanted) else {
                throw CardError.unknownHashRevision(
                    found: UInt32(truncatingIfNeeded: wanted), known: FlowCacheLayouts.hashRevisions)
            }
            chosen = wanted
        }
        let low = try bus.read(common.fpgaID0).value
        let high = try bus.read(common.fpgaID1).value
        var identity = CardIdentity(
            profile: profile, mapRevision: map.revision, hasTimestampFragments: revision.timestampFragments,
            hashID: hashID, hashRevision: chosen, majorRevision: try bus.read(common.tnMajorRev).value,
            minorRevision: try bus.read(common.tnMinorRev).value, userRevision: try bus.read(common.userRev).value,
            deviceID: UInt64(high) << 32 | UInt64(low), builtAt: try bus.read(common.bitgenTime),
            portCount: Int(try bus.read(common.paramPrtCnt).value),
            datapathCount: Int(try bus.read(common.paramDPCnt).value),
            flowCache: FlowCacheFeatures(
                isPresent: flowCache.present, exact: flowCache.emh, linear: flowCache.linear, masked: flowCache.ema),
            hasTAS: try bus.read(common.featuresTrafficManager).tas, sixTree: nil, licence: nil, board: nil,
            design: nil, smallestFrame: try bus.read(common.paramRXMin).value,
            largestFrame: try bus.read(common.paramRXMax).value)
        if let sixTree = common.features6Tree { identity.sixTree = try bus.read(sixTree) }
        if profile == .realTimeHAT, let local = map.spiLocal {
            identity.licence = try bus.read(local.license).features
            identity.board = try bus.read(local.boardRev)
            identity.design = try bus.read(local.fpgaRev)
        }
        return (identity, map)
    }
}

extension CardKeys {
    /// The key sets of a card whose layout and hash are public, as far as it has the tables for them.
    public init(_ identity: CardIdentity, _ quirks: CardQuirks) {
        self.init(
            revision: identity.hashRevision ?? 0, hasExact: identity.flowCache.exact,
            hasMasked: identity.flowCache.masked, quirks)
    }

    /// The key sets of a card that has all tables; nil if the revision is in no public source.
    public init?(hashRevision: Int, _ quirks: CardQuirks) {
        guard FlowCacheLayouts.hashRevisions.contains(hashRevision) else { return nil }
        self.init(revision: hashRevision, hasExact: true, hasMasked: true, quirks)
    }

    private init(revision: Int, hasExact: Bool, hasMasked: Bool, _ quirks: CardQuirks) {
        var exact: [ExactType] = []
        if hasExact {
            for type in 1...4 {
                guard let layout = FlowCacheLayouts.emhRule(hashRevision: revision, type: type),
                    let rule = RuleLayout(name: "emh type \(type)", type: type, layout),
                    let hash = FlowEngineHash(hashRevision: revision, type: type, quirks)
                else { continue }
                exact.append(ExactType(layout: rule, hash: hash))
            }
        }
        var masked: RuleLayout?
        if hasMasked {
            masked = RuleLayout(name: "ema", type: 0, FlowCacheLayouts.emaRule)
            if !quirks.tosIsDSCP { masked?.fields.remove(.dscp) }
        }
        self.init(hashRevision: revision, exact: exact, masked: masked)
    }
}
