// SPDX-License-Identifier: Apache-2.0
#if Northbound
import Controller
import Glibc
import Northbound
import Packet
import Tables

/// The controller as the service that clients see: the same things under the service's names.
struct ControllerService: NodeService {
    let controller: NodeController
    let daemon: DaemonState

    func status() async throws(NodeError) -> Northbound.NodeStatus {
        let status = await controller.status()
        let statistics = status.statistics
        return Northbound.NodeStatus(
            version: Version.text, pid: getpid(), uptimeMilliseconds: UInt64(status.uptime * 1000),
            configuration: daemon.configurationFile, dataPlane: status.dataPlane, generation: status.generation,
            ports: status.ports.count, portsUp: status.ports.count { $0.entry.up },
            events: EventTotals(
                sent: statistics.eventsSent, repeated: statistics.eventsRepeated, lost: statistics.eventsLost),
            residentBytes: DaemonState.residentBytes(), complaints: daemon.notes + status.complaints)
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
                record.entry, counter: record.counter, idleMilliseconds: record.idle.map { UInt64($0 * 1000) })
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
                    idleMilliseconds: UInt64((record.idle ?? 0) * 1000), port: port))
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

    func reload() async throws(NodeError) -> ReloadReport {
        try await daemon.reload(controller)
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

extension TableReport {
    init(_ table: DataPlaneCapabilities.Table) {
        self.init(
            table: table.table, capacity: table.capacity, used: table.used,
            matchKinds: table.matchKinds.sorted { $0.rawValue < $1.rawValue }, costPerEntry: table.costPerEntry)
    }
}
#endif
