// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import Packet
import Tables

/// The card as a data plane: it decides what it was told to (`offload`, and flows whose packets it can tell apart), and leaves every
/// other frame to the data plane behind it.
///
/// It holds all tables, to prove from them that a rule, whose key is coarser than a flow's, decides every frame it matches as the
/// tables do (`MegaflowProof`). A change of tables proves again the rules it can touch, and changes or takes out those that are no
/// longer right, before it is acknowledged.
///
/// The card counts packets and no bytes: bytes are zero here. Whether it counts the packets that a rule drops under the rule's flow
/// (GOOD_FLOWID) is not public; if it does not, such a rule always looks unused.
public final class FlowEngineDataPlane: OffloadingDataPlane {
    /// What becomes of a flow entry that the card cannot hold.
    public enum FlowPlacement: Sendable {
        /// It is rejected, `unsupported`, with the reason.
        case required
        /// It is held as what proofs rest on, and its packets are decided by the data plane behind.
        case preferred
        /// As `preferred`, and no entry gets a rule of its own accord: what is on the card is for `offload` to say.
        case never
    }

    /// What is known of a rule beside where it is.
    struct RuleInfo {
        /// Learned station that its frames renew.
        var refreshes: MACKey?
        var macsRead: [MACKey] = []
        /// Asked for by `offload`.
        var isOffloaded = false
        /// Flow entry it stands for.
        var flow: FlowKey?
        /// Of its packets, those that are in sums already.
        var accounted: UInt64 = 0
        /// It was proven by the tables as they are. Rules of an earlier process are not, until they have been judged.
        var isProven = false
    }

    public let tables: FlowCacheTables
    public let traits: OffloadTraits
    public let flowPlacement: FlowPlacement
    public internal(set) var state: TableState
    var held = HeldEntries()
    /// By place.
    var infos: [RuleInfo?] = Array(repeating: nil, count: RulePlace.count)
    /// Rules whose proof looked up a MAC entry.
    var readers: [MACKey: Set<Int>] = [:]
    let nodePorts: Set<PortID>
    /// What was found at the card.
    public let start: FlowCacheTables.Start
    public private(set) var generation = PolicyGeneration(rawValue: 0)
    var now = CoarseTime(rawValue: 0)
    var withdrawn: [OffloadRecord] = []
    /// Frames decided by the card: by port, then forwarded and dropped.
    var verdicts: [[UInt64]] = Array(repeating: [0, 0], count: Int(PortID.maximum) + 1)
    /// Rules of an earlier process were found, and the tables they were proven from are not here yet.
    public internal(set) var isAdopted: Bool
    /// Why the card could not be looked after last time.
    var failedLook: CardError?
    /// When its ports' counters were read last.
    var countedAt = CoarseTime(rawValue: 0)
    var countInterval: UInt16 = 2
    var failedCounting: CardError?
    let ports: CardPorts
    private let maintains: Bool

    /// Takes over the card that `driver` has found.
    ///
    /// - Parameters:
    ///   - ports: the card's ports, by the node's.
    ///   - settings: how the card is to be set up; traffic begins when its tables are known.
    ///   - store: where the shadow is kept.
    ///   - traits: what is known of how the card reads frames.
    ///   - maintains: `setTime` looks after the card (`maintain`); else the owner has to.
    public init(
        driver: CardDriver, ports: CardPorts, settings: CardSettings, store: any CardShadowStore,
        traits: OffloadTraits = OffloadTraits(), flowPlacement: FlowPlacement = .required,
        capacities: [TableID: Int] = [:], aclDefault: TableState.ACLDefault = .permit, ecmpSeed: HashSeed = .zero,
        priority: UInt8 = 255, queues: [Int] = Array(0..<8), maintains: Bool = true
    ) throws(CardError) {
        tables = FlowCacheTables(driver: driver, ports: ports, store: store, priority: priority, queues: queues)
        (self.traits, self.flowPlacement, self.ports, self.maintains) = (traits, flowPlacement, ports, maintains)
        nodePorts = Set(ports.all)
        state = TableState(capacities: capacities, aclDefault: aclDefault, ecmpSeed: ecmpSeed)
        isAdopted = false
        start = try tables.start(settings)
        for ordinal in tables.book.ordinalsInUse where tables.book[ordinal]?.state != .condemned {
            infos[ordinal] = RuleInfo(isOffloaded: true)
            isAdopted = true
        }
    }

    // MARK: What it can do

    public var keySets: [OffloadKeySet] { tables.book.keys.keySets }

    public var offloadTables: [OffloadTable] { tables.book.tables }

    public var capabilities: DataPlaneCapabilities {
        let hardware = offloadTables.filter(\.holdsRules)
        let flowCapacity = hardware.reduce(0) { $0 + $1.capacity }
        let words = hardware.map(\.wordsPerRule).max() ?? 0
        return DataPlaneCapabilities(
            name: "flowengine",
            tables: TableID.allCases.map { table in
                switch table {
                case .flowCache:
                    .init(
                        table: table, capacity: max(flowCapacity, held.flows.count), used: held.flows.count,
                        matchKinds: [.exact], costPerEntry: words)
                case .mac:
                    .init(
                        table: table, capacity: state.capacity(of: .mac), used: held.stations.count,
                        matchKinds: [.exact], costPerEntry: 0)
                default:
                    .init(
                        table: table, capacity: state.capacity(of: table), used: state.count(of: table),
                        matchKinds: Self.matchKinds(of: table), costPerEntry: 0)
                }
            })
    }

    private static func matchKinds(of table: TableID) -> Set<DataPlaneCapabilities.MatchKind> {
        switch table {
        case .ipv4, .ipv6: [.exact, .lpm]
        case .acl: [.optional, .ternary, .range, .lpm]
        case .myStation: [.optional, .ternary]
        default: [.exact]
        }
    }

    // MARK: Generation and time

    /// Rules of flows that were derived in an earlier generation are taken out. Those that were offloaded have their own proofs.
    @discardableResult
    public func advanceGeneration() -> PolicyGeneration {
        generation = PolicyGeneration(rawValue: generation.rawValue &+ 1)
        let stale = held.flows.compactMap { key, flow in
            flow.entry.origin != .static && flow.rule != nil ? key : nil
        }
        takeRules(of: stale)
        // The number begins anew: what is left of earlier laps must not come to life again.
        if generation.rawValue == 0 { sweepFlows { $0.entry.origin == .static ? .keep : .remove } }
        return generation
    }

    func isValid(_ entry: FlowEntry) -> Bool { entry.origin == .static || entry.origin == .derived(generation) }

    public func setTime(_ now: CoarseTime) {
        let isLater = now != self.now
        self.now = now
        if isLater, maintains { maintain() }
    }

    // MARK: What a card has not

    /// The card reports no misses; it hands frames over.
    public func pollEvents(maximum: Int, _ body: (borrowing DataPlaneEvent) -> Void) -> Int { 0 }

    /// Frames are sent through the host's own interfaces (`ProcessorTag`), not by registers.
    public func packetOut(_ packet: RawSpan, port: PortID) throws(DataPlaneError) {
        guard state.port(port) != nil else { throw .unknownPort(port) }
        throw .failed(
            what: "a packet out by port \(port.rawValue)",
            why: "the card takes frames from its host's interfaces, not by registers; send it by those")
    }
}
