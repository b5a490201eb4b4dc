// SPDX-License-Identifier: Apache-2.0
#if Northbound
import Controller
import Glibc
import Northbound
import Packet
import Tables
import XDPDataPlane

/// The controller as the service that clients see: the same things under the service's names.
struct ControllerService: NodeService {
    let controller: NodeController
    let daemon: DaemonState
    let programs: ProgramReplacement
    let held: OnControllerThread
    let cpuPorts: CPUPorts?

    func status() async throws(NodeError) -> Northbound.NodeStatus {
        let status = await controller.status()
        let statistics = status.statistics
        let (running, last) = await programs.describe()
        let cpuPort = cpuPorts?.counts()
        var card = status.card.map { CardReport($0) }
        if card != nil { card?.counts = await cardCounts(status.ports) }
        return Northbound.NodeStatus(
            version: Version.text, pid: getpid(), uptimeMilliseconds: UInt64(status.uptime * 1000),
            configuration: daemon.appliedFile.withLock { $0 }, dataPlane: status.dataPlane,
            generation: status.generation,
            ports: status.ports.count, portsUp: status.ports.count { $0.entry.up },
            events: EventTotals(
                sent: statistics.eventsSent, repeated: statistics.eventsRepeated, lost: statistics.eventsLost),
            residentBytes: DaemonState.residentBytes(),
            complaints: daemon.notes.withLock { $0 } + (status.memory?.notices ?? []) + status.complaints
                + (cpuPorts?.complaints() ?? []) + (cpuPort?.complaint.map { [$0] } ?? []),
            state: status.memory.map { StateReport($0, directory: daemon.stateDirectory) },
            start: status.adoption.map { StartReport($0, reason: daemon.startReason) },
            reconciliation: ReconciliationReport(status.reconciliation),
            program: ProgramReport(running, replacement: last?.sentence ?? ""),
            card: card,
            cpuPort: cpuPort?.counts ?? [])
    }

    func ports() async throws(NodeError) -> [PortReport] {
        let ports = await controller.ports()
        let verdicts = await controller.statistics().verdicts
        return ports.map { status in
            var received: [Disposition: Counter] = [:]
            for verdict in verdicts where verdict.port == status.entry.port {
                received[verdict.disposition, default: Counter()].packets += verdict.counter.packets
                received[verdict.disposition, default: Counter()].bytes += verdict.counter.bytes
            }
            return PortReport(
                name: status.binding.name, interfaceIndex: status.binding.interfaceIndex ?? 0, entry: status.entry,
                attachMode: status.attachment?.mode?.rawValue ?? "", attachReason: status.attachment?.reason ?? "",
                received: received)
        }
    }

    func tables() async throws(NodeError) -> [TableReport] {
        await controller.tables().map(TableReport.init)
    }

    func entries(of table: TableID) async throws(NodeError) -> [EntryReport] {
        await controller.entries(of: table).map { record in
            EntryReport(
                record.entry, counter: record.counter, idleMilliseconds: record.idle.map { UInt64($0 * 1000) },
                place: record.location?.place ?? "", reason: record.location?.reason ?? "")
        }
    }

    func write(_ updates: [TableUpdate]) async throws(NodeError) -> [UpdateResult] {
        await controller.write(updates)
    }

    func flows(_ filter: Northbound.FlowFilter) async throws(NodeError) -> [FlowReport] {
        var wanted = Controller.FlowFilter()
        wanted.source = filter.source
        wanted.destination = filter.destination
        wanted.ipProtocol = filter.ipProtocol
        wanted.routerInterface = filter.routerInterface
        wanted.maximum = .max
        let arrivals = await arrivalPorts()
        var reports: [FlowReport] = []
        for record in await controller.flows(wanted) {
            guard case .flow(let entry) = record.entry else { continue }
            let port = arrivals[entry.key.routerInterface]
            guard filter.matches(entry, port: port) else { continue }
            reports.append(
                FlowReport(
                    entry: entry, counter: record.counter ?? Counter(),
                    idleMilliseconds: UInt64((record.idle ?? 0) * 1000), port: port,
                    place: record.location?.place ?? "", reason: record.location?.reason ?? ""))
            if filter.limit > 0, reports.count == filter.limit { break }
        }
        return reports
    }

    func statistics() async throws(NodeError) -> Northbound.NodeStatistics {
        let statistics = await controller.statistics()
        let programmer = statistics.programmer
        return Northbound.NodeStatistics(
            timeNanoseconds: statistics.time, verdicts: statistics.verdicts,
            tables: await controller.tables().map(TableReport.init),
            flows: FlowTotals(
                installed: programmer.flowsInstalled, aged: statistics.flowsAged + statistics.flowsStale, evicted: 0,
                refused: programmer.refusals.reduce(0, +), rejected: programmer[.tableFull]),
            events: EventTotals(
                sent: statistics.eventsSent, repeated: statistics.eventsRepeated, lost: statistics.eventsLost))
    }

    /// By the names of the node's ports.
    private func cardCounts(_ ports: [PortStatus]) async -> [CardReport.PortCount] {
        let names = Dictionary(ports.map { ($0.entry.port, $0.binding.name) }) { first, _ in first }
        return await controller.withDataPlane { _ in
            guard let front = held.front else { return [] }
            let numbers = front.tables.book.ports
            return front.statistics.counts.map { count in
                let name = numbers.all.first { numbers.number(of: $0) == count.port }.flatMap { names[$0] }
                return CardReport.PortCount(
                    port: name ?? "card port \(count.port)", what: count.what, packets: count.packets)
            }
        }
    }

    func acknowledgeCard() async throws(NodeError) -> [String] {
        let forgotten = await controller.withDataPlane { _ in
            held.front.map { front in
                let before = front.health().complaints
                front.acknowledge()
                let after = Set(front.health().complaints)
                return before.filter { !after.contains($0) }
            }
        }
        guard let forgotten else { throw .failed("there is no card, or it is not used") }
        return forgotten
    }

    func reload() async throws(NodeError) -> ReloadReport {
        try await daemon.reload(controller)
    }

    func apply(text: String, path: String, dryRun: Bool) async throws(NodeError) -> ChangesReport {
        let file = try ConfigurationFile.checked(text, path: path)
        let preview = await controller.preview(file.configuration, facts: try daemon.factsForCall())
        let notices = dryRun ? preview.notices : try await daemon.apply(file, controller).notices
        return ChangesReport(
            changes: preview.updates.map { ChangeReport($0.update.operation, $0.update.entry, before: $0.before) },
            notices: notices, portNames: preview.portNames)
    }

    func differences() async throws(NodeError) -> [DifferenceReport] {
        await controller.difference().map { amendment, planned in
            DifferenceReport(
                entry: amendment.kind == .set ? amendment.entry : nil, configured: planned,
                timeSeconds: amendment.time,
                idleTimeoutMilliseconds: amendment.idleTimeout.map { UInt64($0) * 500 })
        }
    }

    func reconcile(dryRun: Bool) async throws(NodeError) -> ReconcileReport {
        if !dryRun { await controller.withDataPlane { _ in held.front?.rewrite() } }
        return await controller.reconcile(repair: !dryRun)
    }

    func replaceProgram(
        _ image: [UInt8], name: String, progress: @escaping @Sendable (ProgramStep) async -> Void
    ) async throws(NodeError) -> ProgramVerdict {
        do {
            let outcome = try await programs.run(image: image) { report in
                await progress(.loaded(ProgramReport(report.new)))
                await progress(.switched)
            }
            if case .confirmed = outcome { return ProgramVerdict(isConfirmed: true, message: outcome.sentence) }
            return ProgramVerdict(isConfirmed: false, message: outcome.sentence)
        } catch {
            throw .failed("\(name): \(error)")
        }
    }

    func shutdown(keep: Bool) async throws(NodeError) {
        daemon.stop(keeping: keep)
    }

    private func arrivalPorts() async -> [RouterInterfaceID: PortID] {
        var ports: [RouterInterfaceID: PortID] = [:]
        for record in await controller.entries(of: .routerInterface) {
            if case .routerInterface(let entry) = record.entry { ports[entry.id] = entry.port }
        }
        return ports
    }
}

extension StateReport {
    init(_ memory: MemoryStatus, directory: String) {
        self.init(
            problem: memory.problem.map { Problem(name: $0.name, sentence: "\($0)") }, directory: directory,
            revision: memory.revision, amendments: memory.amendments, pending: memory.pending)
    }
}

extension StartReport {
    init(_ adoption: AdoptionReport, reason: String) {
        let found = adoption.report
        self.init(
            isAdopted: adoption.isAdopted, reason: reason, checked: found.checked,
            repaired: adoption.isAdopted ? found.found - found.failed : 0, failed: found.failed,
            milliseconds: UInt64(adoption.seconds * 1000))
    }
}

extension ReconciliationReport {
    init(_ status: ReconciliationStatus) {
        self.init(
            runs: status.runs, found: status.found, repaired: status.found - status.failed, failed: status.failed,
            timeSeconds: status.lastTime, discrepancies: Array((status.last?.discrepancies ?? []).prefix(8)))
    }
}

extension CardReport {
    init(_ card: CardStatus) {
        self.init(
            name: card.name, problem: card.problem ?? "",
            tables: card.tables.map { Table(name: $0.name, capacity: $0.capacity, used: $0.used) },
            packets: card.packets, placed: card.placed, cold: card.cold, replaced: card.replaced,
            overtaken: card.overtaken, refused: card.refused)
    }
}

extension ProgramReport {
    init(_ program: ProgramDescription, replacement: String = "") {
        self.init(digest: program.digest, tag: program.tag, id: program.id, replacement: replacement)
    }
}

extension TableReport {
    init(_ table: DataPlaneCapabilities.Table) {
        self.init(
            table: table.table, capacity: table.capacity, used: table.used,
            matchKinds: table.matchKinds.sorted { $0.rawValue < $1.rawValue }, costPerEntry: table.costPerEntry)
    }
}
#endif
