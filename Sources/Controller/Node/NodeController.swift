// SPDX-License-Identifier: Apache-2.0
import Logging
import Packet
import Tables

/// The node's controller: the one owner of a data plane, from its own thread. Every operation of the CLI and the services ends
/// here; whatever crosses is a plain value.
///
///     let node = try NodeController(dataPlane: plane, binder: binder, store: store, options: options)
///     try await node.start(file, facts: facts)
///     for await statistics in await node.watch(every: .seconds(1)) { … }
///     await node.shutdown()
public actor NodeController {
    public struct Options: Sendable {
        /// Descriptors that become readable when the data plane has events. They must stay open until `shutdown` returns.
        public var eventDescriptors: [Int32] = []
        /// The data plane's seed for spreading flows over next-hop groups.
        public var ecmpSeed = HashSeed.zero
        /// Seed of the hashes that bound memory; random unless given.
        public var seed = UInt64.random(in: .min ... .max)
        public var logger = Logger(label: "piccolo.controller")

        public init() {}
    }

    private nonisolated let engine: Engine
    private nonisolated let store: (any NodeStore)?
    private var core: NodeCore
    private var watchers: [Int: Watcher] = [:]
    private var packetIns: [Int: AsyncStream<PacketIn>.Continuation] = [:]
    private var nextID = 0
    private var isShutDown = false

    private struct Watcher {
        var continuation: AsyncStream<NodeStatistics>.Continuation
        var interval: UInt64
        var due: UInt64
    }

    public nonisolated var unownedExecutor: UnownedSerialExecutor { engine.asUnownedSerialExecutor() }

    /// - Parameters:
    ///   - dataPlane: handed over; nobody else may use it from now on.
    ///   - binder: attaches the fast path to interfaces; nil for data planes without any.
    ///   - store: where what is wanted is kept; nil: nowhere.
    public init(
        dataPlane: sending any DataPlane, binder: sending (any PortBinder)? = nil, store: (any NodeStore)? = nil,
        options: Options = Options()
    ) throws(EngineError) {
        self.store = store
        engine = try Engine(descriptors: options.eventDescriptors)
        core = NodeCore(
            dataPlane: dataPlane, binder: binder, store: store, ecmpSeed: options.ecmpSeed, seed: options.seed,
            logger: options.logger, now: Engine.now())
        try engine.start()
        // Weak: the engine must not keep the controller alive that keeps it alive.
        engine.setTurn { [weak self] in
            guard let self else { return UInt64.max }
            return self.assumeIsolated { $0.turn() }
        }
    }

    /// Ends ageing, events and streams. The data plane stays as it is: packets go on.
    public func shutdown() {
        isShutDown = true
        engine.setTurn(nil)
        for watcher in watchers.values { watcher.continuation.finish() }
        for continuation in packetIns.values { continuation.finish() }
        (watchers, packetIns) = ([:], [:])
    }

    private func turn() -> UInt64 {
        guard !isShutDown else { return .max }
        var next = core.turn(now: Engine.now(), clock: Engine.now)
        storeOwed()
        guard !watchers.isEmpty else { return next }
        let now = Engine.now()
        var statistics: NodeStatistics?
        for (id, watcher) in watchers {
            if watcher.due <= now {
                let value = statistics ?? core.statistics(now: now)
                statistics = value
                watcher.continuation.yield(value)
                watchers[id]?.due = max(watcher.due &+ watcher.interval, now)
            }
            next = min(next, watchers[id]?.due ?? next)
        }
        return next
    }

    // MARK: The store

    /// Waits until what the last operation changed is on disk; returns why it cannot be, and has been undone.
    private func isDurable() async -> StoreProblem? {
        guard let store, let (ticket, change) = core.takeOutgoing() else { return nil }
        let problem = await withCheckedContinuation { continuation in
            store.commit(change) { continuation.resume(returning: $0) }
        }
        core.stored(ticket, problem, now: Engine.now())
        return problem
    }

    /// Hands over what nobody waits for.
    private func storeOwed() {
        guard let store, let (ticket, change) = core.takeOutgoing() else { return }
        store.commit(change) { [weak self] problem in
            Task { await self?.stored(ticket, problem) }
        }
    }

    private func stored(_ ticket: UInt64, _ problem: StoreProblem?) {
        core.stored(ticket, problem, now: Engine.now())
    }

    /// What the store holds about the data plane at a place; nil: nothing.
    public func shadowRecord(_ place: UInt64) -> [UInt8]? { core.shadow[place] }

    /// Keeps something about the data plane that it cannot be asked; nil: no more.
    public func setShadowRecord(_ place: UInt64, _ content: [UInt8]?) { core.setShadow(place, content) }

    // MARK: Configuration

    /// Begins: remembers what was wanted, takes over tables an earlier process left, or fills new ones, attaches the ports, and
    /// applies the file if it is not the one applied last. To be called once, before anything else.
    ///
    /// - Parameter file: nil for the configuration applied last.
    /// - Throws: why there is nothing to begin with, or the file is refused.
    @discardableResult
    public func start(_ file: ConfigurationFile?, facts: HostFacts) throws(ApplyError) -> AdoptionReport {
        try core.start(file, facts: facts, now: Engine.now(), clock: Engine.now)
    }

    /// Makes the node what the configuration says: all of it, durably, or nothing (and then throws why).
    @discardableResult
    public func apply(_ file: ConfigurationFile, facts: HostFacts) async throws(ApplyError) -> ApplyReport {
        if let problem = core.refusal { throw .notStored(problem) }
        let report = try core.apply(file.configuration, source: file.source, facts: facts, now: Engine.now())
        if let problem = await isDurable() { throw .notStored(problem) }
        return report
    }

    /// Follows changes of the host's interfaces, addresses and neighbours.
    @discardableResult
    public func update(facts: HostFacts) async throws(ApplyError) -> ApplyReport {
        if core.number(facts) { _ = await isDurable() }
        return try core.update(facts: facts, now: Engine.now())
    }

    /// What `apply` would do.
    public func preview(_ configuration: Configuration, facts: HostFacts) -> Preview {
        core.preview(configuration, facts: facts)
    }

    /// The configuration in force; nil before the first.
    public var configuration: Configuration? { core.configuration }

    // MARK: Entries

    /// Writes entries, each for itself; a result for each, in order. Flows and MAC entries are static. What is answered to be applied
    /// is in the tables and on disk.
    public func write(_ updates: [TableUpdate], idleTimeouts: [FlowKey: Duration] = [:]) async -> [UpdateResult] {
        func refused(_ problem: StoreProblem, _ update: TableUpdate) -> UpdateResult {
            .rejected(.notStored(table: update.entry.table, entry: update.entry.keyText, why: "\(problem)"))
        }
        if let problem = core.refusal { return updates.map { refused(problem, $0) } }
        let results = core.write(
            updates, idleTimeouts: idleTimeouts, now: Engine.now(), time: NodeCore.wallClock())
        guard let problem = await isDurable() else { return results }
        return zip(updates, results).map { $1 == .applied ? refused(problem, $0) : $1 }
    }

    /// The entries of a table, at most `maximum`.
    public func entries(of table: TableID, maximum: Int = .max) -> [EntryRecord] {
        core.entries(of: table, maximum: maximum)
    }

    public func flows(_ filter: FlowFilter = FlowFilter()) -> [EntryRecord] { core.flows(filter) }

    /// Entries that calls have made different from the configuration, each with what the configuration has.
    public func difference() -> [(amendment: Amendment, planned: TableEntry?)] { core.difference() }

    /// Compares tables, entries and links with what is wanted; repairs if asked.
    public func reconcile(repair: Bool) -> ReconcileReport {
        core.reconcile(derived: true, repair: repair, now: Engine.now())
    }

    // MARK: State

    public func status() -> NodeStatus { core.status(now: Engine.now()) }

    public func ports() -> [PortStatus] { core.ports() }

    public func tables() -> [DataPlaneCapabilities.Table] { core.dataPlane.capabilities.tables }

    public func names() -> NodeNames { core.names() }

    public func statistics() -> NodeStatistics { core.statistics(now: Engine.now()) }

    /// The statistics now and every `interval` (at least 10 ms) from now on; a slow reader misses some, and gets the newest.
    public func watch(every interval: Duration) -> AsyncStream<NodeStatistics> {
        let parts = interval.components
        let nanoseconds = max(0, parts.seconds) * 1_000_000_000 + max(0, parts.attoseconds) / 1_000_000_000
        let (stream, continuation) = AsyncStream.makeStream(
            of: NodeStatistics.self, bufferingPolicy: .bufferingNewest(4))
        guard !isShutDown else {
            continuation.finish()
            return stream
        }
        let id = nextID
        nextID += 1
        watchers[id] = Watcher(
            continuation: continuation, interval: max(10_000_000, UInt64(nanoseconds)), due: Engine.now())
        continuation.onTermination = { [weak self] _ in
            Task { await self?.endWatch(id) }
        }
        return stream
    }

    private func endWatch(_ id: Int) { watchers[id] = nil }

    // MARK: Packets

    /// Packets handed to the controller from now on; of those nobody takes in time, the oldest are lost.
    public func packets(buffer: Int = 1024) -> AsyncStream<PacketIn> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: PacketIn.self, bufferingPolicy: .bufferingNewest(buffer))
        guard !isShutDown else {
            continuation.finish()
            return stream
        }
        let id = nextID
        nextID += 1
        packetIns[id] = continuation
        continuation.onTermination = { [weak self] _ in
            Task { await self?.endPackets(id) }
        }
        routePackets()
        return stream
    }

    private func endPackets(_ id: Int) {
        packetIns[id] = nil
        routePackets()
    }

    private func routePackets() {
        let continuations = Array(packetIns.values)
        core.onPacketIn = continuations.isEmpty ? nil : { packet in for each in continuations { each.yield(packet) } }
    }

    /// Sends a frame by a port, as it is.
    public func packetOut(_ frame: [UInt8], port: PortID) throws(DataPlaneError) {
        try core.dataPlane.packetOut(frame.span.bytes, port: port)
    }

    /// Runs a closure with the data plane, on the controller's thread: for what only one back end can do.
    public func withDataPlane<Result: Sendable>(_ body: @Sendable (any DataPlane) throws -> Result) rethrows -> Result {
        try body(core.dataPlane)
    }
}
