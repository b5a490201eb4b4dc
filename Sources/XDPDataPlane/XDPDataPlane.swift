// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import CLinux
import Packet
import Tables

/// The tables in XDP programs: `DataPlane` over mapped BPF arrays.
///
/// `TableState` says what may be written; this class turns what changed into records of `fastpath_abi.h` and publishes them.
/// How each kind of record is published so that no packet meets half of it is the subject of
/// `Docs/decisions/0002-publishing-entries.md`. One thread owns it.
public final class XDPDataPlane: DataPlane {
    /// As asked for, but with the sizes that the tables have.
    public internal(set) var configuration: XDPConfiguration
    var fastPath: FastPath
    let gracePeriod: any GracePeriod
    let names: Names
    public internal(set) var state: TableState
    public internal(set) var isAdopted: Bool
    /// The tables are an earlier process's.
    let tookOver: Bool
    /// What differs between the programs and tables that were taken over and those this process would have made; nil when nothing
    /// does. They go on as they are.
    public internal(set) var pendingUpgrade: String?
    /// Why tables that were found were not taken over; nil if they were, or if there were none.
    public let adoptionRefusal: String?

    var flows4: ExactMatchTable<ExactMatchKey32>
    var flows6: ExactMatchTable<ExactMatchKey64>
    var macs: ExactMatchTable<ExactMatchKey32>
    var tree: PrefixTree

    var nextHopSlots: [NextHopID: UInt32] = [:]
    var nextHopIDs: [NextHopID] = []
    /// The name each slot bears; 0 for a free one.
    var nextHopNames: [UInt64] = []
    /// Slots whose next hop was deleted; flows may still name them, so they serve no other id until they run out.
    var retiredNextHops: Set<UInt32> = []
    var freeNextHops: [UInt32] = []
    /// Of the retired slots, those of tables that were found, by what they were called.
    var retiredByName: [UInt64: UInt32] = [:]
    var nextHopCache = NextHopCache()
    var knownRouterInterfaces = [Bool](repeating: false, count: Int(UInt16.max) + 1)
    var routeChanges: [(key: RouteKey, record: UInt32?)] = []
    var groupSlots: [NextHopGroupID: UInt32] = [:]
    var groupPool = RecordPool(from: 0, to: UInt32(FP_MAX_NEXTHOP_GROUPS))
    var routeRecords: [RouteKey: UInt32] = [:]
    var routePool: RecordPool
    var aclCounterSlots: [UInt32: UInt32] = [:]
    var aclCounterPool = RecordPool(from: 0, to: UInt32(FP_MAX_ACL_RULES) * 2)

    /// Halves and banks written since the last grace period: the other half of these must not be written before one.
    var flipped: Set<FlippedRecord> = []
    var aclIsStale = false
    var stalePorts: Set<PortID> = []
    /// Ports there have been: what they received stays counted. What is received at no port counts under 0.
    var countedPorts: Set<UInt16> = [0]

    /// The generation as this process has set it; the one in the tables is the same, unless others write there.
    var generationInForce: UInt16
    /// `policy_open` is set.
    var policyIsOpen = false
    /// Packets go through the chain first.
    var isChained = false
    var timeIsSet = false

    /// Number of the pinned set that the tables are; nil when nothing is pinned.
    var pinnedSet: UInt32?
    var links: [PortID: LinkOwner] = [:]
    var attachmentFacts: [PortID: PortAttachment] = [:]
    var interfaceSlots: [UInt32: InterfaceSlot] = [:]
    var portBanks: [PortID: UInt32] = [:]
    /// Bound ports that frames are sent by.
    var sendingPorts: Set<PortID> = []
    var now = CoarseTime(rawValue: 0)
    var eventRing: RingBuffer
    var packetRing: RingBuffer
    var processor: TestRunProcessor?
    var sender: PacketSender?
    var complaints: [String] = []
    /// What a program that is being tried has taken the place of.
    var pendingReplacement: PendingReplacement?
    /// The last replacement of the program, whatever came of it.
    public internal(set) var lastReplacement: ReplacementReport?
    /// nil where the kernel has no BTF, or refuses: then nobody tells of frames it does not send.
    let sendWatch: SendWatch?

    struct RouteKey: Hashable {
        var vrf: VRFID
        var prefix: IPPrefix
    }

    enum FlippedRecord: Hashable { case nextHop(UInt32), vlan(UInt16), port(PortID), acl }

    /// Where an interface stands in `interfaces`, and as which port.
    struct InterfaceSlot: Hashable {
        var slot: Int
        var port: PortID
    }

    /// Takes over the programs and tables that an earlier process left pinned, as they are; else loads the programs and makes empty
    /// tables. Nothing is attached.
    public init(_ asked: XDPConfiguration = XDPConfiguration()) throws(XDPDataPlaneError) {
        gracePeriod = systemGracePeriod()
        let start: FastPathStart
        do {
            start = try FastPathStart(asked)
            fastPath = start.fastPath
            sendWatch = try? SendWatch(transmit: fastPath.map("tx_ports"), flood: fastPath.map("flood_ports"))
            eventRing = try RingBuffer(fastPath.map("events"))
            packetRing = try RingBuffer(fastPath.map("packets"))
        } catch {
            throw .kernel(error)
        }
        (pinnedSet, isAdopted, tookOver) = (start.set, start.isAdopted, start.isAdopted)
        (pendingUpgrade, adoptionRefusal) = (start.pendingUpgrade, start.refusal)
        configuration = fastPath.sizes.capacities(for: asked)
        names = Names(key: fastPath.nameKey)
        do {
            flows4 = try Self.table(fastPath.flow4, configuration.ipv4Flows, gracePeriod, start.isAdopted)
            flows6 = try Self.table(fastPath.flow6, configuration.ipv6Flows, gracePeriod, start.isAdopted)
            macs = try Self.table(fastPath.mac, configuration.macs, gracePeriod, start.isAdopted)
        } catch {
            throw .table(error)
        }
        do {
            tree = try PrefixTree(memory: fastPath.tree, gracePeriod: gracePeriod, adopting: start.isAdopted)
        } catch {
            throw .tree(error)
        }
        routePool = RecordPool(from: 1, to: UInt32(fastPath.sizes.routeRecords))
        generationInForce = fastPath.settings.pointee.generation
        state = Self.emptyState(configuration, fastPath)
        nextHopIDs.reserveCapacity(1024)
        if isAdopted { readWhatIsThere() }
    }

    private static func table<Key>(
        _ memory: ExactMatchMemory, _ capacity: Int, _ gracePeriod: any GracePeriod, _ isAdopted: Bool
    ) throws(ExactMatchError) -> ExactMatchTable<Key> {
        isAdopted
            ? try .adopting(memory, capacity: capacity, gracePeriod: gracePeriod)
            : try ExactMatchTable(memory: memory, capacity: capacity, gracePeriod: gracePeriod)
    }

    private static func emptyState(_ configuration: XDPConfiguration, _ fastPath: FastPath) -> TableState {
        TableState(
            capacities: [
                .flowCache: configuration.ipv4Flows + configuration.ipv6Flows, .mac: configuration.macs,
                .ipv4: configuration.routes, .ipv6: configuration.routes,
                .acl: min(configuration.aclEntries, Int(FP_MAX_ACL_RULES)), .nextHop: Int(FP_MAX_NEXTHOPS),
                .nextHopGroup: Int(FP_MAX_NEXTHOP_GROUPS), .routerInterface: Int(FP_MAX_ROUTER_INTERFACES) - 1,
                .port: Int(FP_MAX_PORTS),
            ], stationsPerPort: Int(FP_MAX_STATIONS_PER_PORT),
            aclDefault: configuration.aclDefaultDrop ? .drop : .permit, ecmpSeed: fastPath.ecmpSeed)
    }

    public var emptyState: TableState { Self.emptyState(configuration, fastPath) }

    public var marker: UInt64 { fastPath.marker }

    // MARK: DataPlane

    public var generation: PolicyGeneration { PolicyGeneration(rawValue: generationInForce) }

    /// The number wraps after 65,535 changes. Entries that would come back to life with it are removed first.
    @discardableResult
    public func advanceGeneration() -> PolicyGeneration {
        let next = generationInForce &+ 1
        if next == 0 {
            removeDerivedFlows()
            pendingReplacement?.removeDerivedFlows()
        }
        generationInForce = next
        memory_store_release16(&fastPath.settings.pointee.generation, next)
        closePolicy()
        return PolicyGeneration(rawValue: next)
    }

    /// Notes in the tables that derived entries may be of a policy that is being changed. A process that finds this advances the
    /// generation: the one that wrote did not come to it.
    func openPolicy() {
        guard !policyIsOpen else { return }
        policyIsOpen = true
        // An exchange: what follows must not be written before.
        _ = memory_exchange32(&fastPath.settings.pointee.policy_open, 1)
    }

    /// Derived entries are as the policy says.
    func closePolicy() {
        guard policyIsOpen else { return }
        policyIsOpen = false
        _ = memory_exchange32(&fastPath.settings.pointee.policy_open, 0)
    }

    public func setTime(_ now: CoarseTime) {
        (self.now, timeIsSet) = (now, true)
        memory_store_release16(&fastPath.settings.pointee.epoch, now.rawValue)
    }

    public func write(_ updates: [TableUpdate]) -> [UpdateResult] {
        if isAdopted {
            let why = "these tables were found as an earlier process left them; they have to be reconciled first"
            return updates.map { .rejected(.backEnd(table: $0.entry.table, why)) }
        }
        var results: [UpdateResult] = []
        results.reserveCapacity(updates.count)
        // Insertions of flows are gathered, so that the memory of many is fetched at once.
        var gathered4 = GatheredFlows<ExactMatchKey32>()
        var gathered6 = GatheredFlows<ExactMatchKey64>()
        // Of these, the static ones: what they name is counted when they are in.
        var statics: [(flow: FlowEntry, result: Int)] = []
        func insertGathered() {
            flush(&gathered4, &gathered6, &results)
            for (flow, result) in statics where results[result] == .applied {
                state.countReferences(removed: nil, inserted: flow)
            }
            statics.removeAll(keepingCapacity: true)
        }
        for update in updates {
            if case .flow(let flow) = update.entry, update.operation == .insert {
                var word = flowWord(flow)
                if word == nil, flow.origin == .static {
                    if let error = state.validate(update) {
                        results.append(.rejected(error))
                        continue
                    }
                    word = self.word(of: flow)
                    statics.append((flow, results.count))
                }
                if let word {
                    if flow.key.isIPv6 {
                        gathered6.add(ExactMatchKey64(flow.key), word, result: results.count)
                    } else {
                        gathered4.add(ExactMatchKey32(flow.key), word, result: results.count)
                    }
                    results.append(.applied)
                    if gathered4.isFull || gathered6.isFull { flush(&gathered4, &gathered6, &results, last: false) }
                    continue
                }
            }
            insertGathered()
            switch update.entry {
            case .flow(let flow): results.append(writeFlow(update.operation, flow))
            case .mac(let mac): results.append(writeMAC(update.operation, mac))
            default: results.append(writeStored(update))
            }
        }
        insertGathered()
        publish()
        return results
    }

    public func entries(of table: TableID) -> [TableEntry] {
        switch table {
        case .flowCache:
            var all: [TableEntry] = []
            all.reserveCapacity(flows4.count + flows6.count)
            sweepFlows {
                all.append(.flow($0.entry))
                return .keep
            }
            return all
        case .mac:
            var all: [TableEntry] = []
            all.reserveCapacity(macs.count)
            sweepMACs {
                all.append(.mac($0.entry))
                return .keep
            }
            return all
        default: return state.entries(of: table)
        }
    }

    public var capabilities: DataPlaneCapabilities {
        let costs: [TableID: (Set<DataPlaneCapabilities.MatchKind>, Int)] = [
            .port: ([.exact], MemoryLayout<fp_port>.stride * 2), .vlan: ([.exact], MemoryLayout<fp_vlan>.stride),
            .myStation: ([.ternary, .optional], MemoryLayout<fp_station>.stride), .mac: ([.exact], 32 * 5 / 4),
            .acl: ([.ternary, .range, .optional], MemoryLayout<fp_acl_rule>.stride), .flowCache: ([.exact], 64 * 5 / 4),
            .ipv4: ([.exact, .lpm], 48), .ipv6: ([.exact, .lpm], 48),
            .nextHop: ([.exact], MemoryLayout<fp_nexthop>.stride),
            .nextHopGroup: ([.exact], MemoryLayout<fp_nexthop_group>.stride), .neighbor: ([.exact], 0),
            .routerInterface: ([.exact], 0),
        ]
        return DataPlaneCapabilities(
            name: "xdp",
            tables: TableID.allCases.map { table in
                let used =
                    switch table {
                    case .flowCache: flows4.count + flows6.count
                    case .mac: macs.count
                    default: state.count(of: table)
                    }
                return .init(
                    table: table, capacity: state.capacity(of: table), used: used,
                    matchKinds: costs[table]?.0 ?? [.exact], costPerEntry: costs[table]?.1 ?? 0)
            })
    }

    // MARK: Grace periods

    /// Waits until no program can still look at what was taken out of its reach.
    func waitForReaders() {
        do { try gracePeriod.wait() } catch { complain("waiting for packet programs to finish: \(error)") }
        flipped.removeAll(keepingCapacity: true)
        // What waits for a publication is still in the programs' reach.
        if routeChanges.isEmpty {
            groupPool.graceHasPassed()
            // No process that finds the record may take it for the route's.
            routePool.graceHasPassed { fastPath.routes[Int($0)].action = 0 }
        }
        if !aclIsStale { aclCounterPool.graceHasPassed() }
    }

    /// Makes the half of a record that is not in force ready to be written.
    func prepareFlip(_ record: FlippedRecord) {
        if flipped.contains(record) { waitForReaders() }
        flipped.insert(record)
    }

    func complain(_ sentence: String) {
        if complaints.count < 32, !complaints.contains(sentence) { complaints.append(sentence) }
    }
}

/// Why the XDP data plane could not be made or changed.
public enum XDPDataPlaneError: Error, CustomStringConvertible {
    case kernel(BPFError)
    case table(ExactMatchError)
    case tree(PrefixTreeError)
    case interface(name: String, why: String)
    case noRoomForInterface(index: UInt32)

    public var description: String {
        switch self {
        case .kernel(let error): error.description
        case .table(let error): error.description
        case .tree(let error): error.description
        case .interface(let name, let why): "interface \(name): \(why)"
        case .noRoomForInterface(let index):
            "interface index \(index): more than \(FP_IFINDEX_PROBES) ports have indexes that are equal modulo "
                + "\(FP_IFINDEX_SLOTS); give one of the interfaces another index"
        }
    }
}
