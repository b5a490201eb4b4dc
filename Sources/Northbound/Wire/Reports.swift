// SPDX-License-Identifier: Apache-2.0
#if Northbound
import Packet
import PiccoloProto
import Tables

extension Counter {
    var wire: Piccolo_V1_Counter { .with { ($0.packets, $0.bytes) = (packets, bytes) } }
    init(_ wire: Piccolo_V1_Counter) { self.init(packets: wire.packets, bytes: wire.bytes) }
}

extension EventTotals {
    var wire: Piccolo_V1_Events { .with { ($0.sent, $0.repeated, $0.lost) = (sent, repeated, lost) } }
    init(_ wire: Piccolo_V1_Events) { self.init(sent: wire.sent, repeated: wire.repeated, lost: wire.lost) }
}

extension NodeStatus {
    var wire: Piccolo_V1_GetStatusResponse {
        .with {
            ($0.version, $0.pid, $0.uptimeMilliseconds) = (version, pid, uptimeMilliseconds)
            ($0.configuration, $0.dataPlane) = (configuration, dataPlane)
            $0.generation = UInt32(generation.rawValue)
            ($0.ports, $0.portsUp) = (UInt32(clamping: ports), UInt32(clamping: portsUp))
            ($0.events, $0.residentBytes, $0.complaints) = (events.wire, residentBytes, complaints)
            if let state { $0.state = state.wire }
            if let start { $0.adoption = start.wire }
            $0.reconciliation = reconciliation.wire
            if let program { $0.program = program.wire }
            if let card { $0.card = card.wire }
            $0.cpuPort = cpuPort.map(\.wire)
        }
    }

    init(_ wire: Piccolo_V1_GetStatusResponse) throws(NodeError) {
        self.init(
            version: wire.version, pid: wire.pid, uptimeMilliseconds: wire.uptimeMilliseconds,
            configuration: wire.configuration, dataPlane: wire.dataPlane,
            generation: PolicyGeneration(
                rawValue: try Field.number(wire.generation, "generation", in: 0...UInt16.max)),
            ports: Int(wire.ports), portsUp: Int(wire.portsUp), events: EventTotals(wire.events),
            residentBytes: wire.residentBytes, complaints: wire.complaints,
            state: wire.hasState ? StateReport(wire.state) : nil,
            start: wire.hasAdoption ? StartReport(wire.adoption) : nil,
            reconciliation: try Field.within("reconciliation") { () throws(NodeError) in
                try ReconciliationReport(wire.reconciliation)
            }, program: wire.hasProgram ? ProgramReport(wire.program) : nil,
            card: wire.hasCard ? CardReport(wire.card) : nil, cpuPort: wire.cpuPort.map(CPUPortCount.init))
    }
}

extension PortReport {
    var wire: Piccolo_V1_PortReport {
        .with {
            ($0.port, $0.name) = (UInt32(port.rawValue), name)
            ($0.interfaceIndex, $0.entry) = (interfaceIndex, Piccolo_V1_PortEntry(entry))
            ($0.attachMode, $0.attachReason) = (attachMode, attachReason)
            $0.received = Disposition.allCases.compactMap { disposition in
                received[disposition].map { counter in
                    .with { ($0.disposition, $0.counter) = (disposition.wire, counter.wire) }
                }
            }
        }
    }

    init(_ wire: Piccolo_V1_PortReport) throws(NodeError) {
        self.init(
            name: wire.name, interfaceIndex: wire.interfaceIndex, entry: try wire.entry.model(),
            attachMode: wire.attachMode, attachReason: wire.attachReason)
        for counter in wire.received { received[try Disposition(counter.disposition)] = Counter(counter.counter) }
    }
}

extension TableReport {
    var wire: Piccolo_V1_TableReport {
        .with {
            $0.table = table.wire
            ($0.capacity, $0.used) = (UInt64(clamping: capacity), UInt64(clamping: used))
            ($0.matchKinds, $0.costPerEntry) = (matchKinds.map(\.rawValue), UInt64(clamping: costPerEntry))
        }
    }

    /// Match kinds that this version does not know are left out.
    init(_ wire: Piccolo_V1_TableReport) throws(NodeError) {
        self.init(
            table: try TableID(wire.table), capacity: Int(clamping: wire.capacity), used: Int(clamping: wire.used),
            matchKinds: wire.matchKinds.compactMap(DataPlaneCapabilities.MatchKind.init(rawValue:)),
            costPerEntry: Int(clamping: wire.costPerEntry))
    }
}

extension EntryReport {
    var wire: Piccolo_V1_EntryReport {
        .with {
            $0.entry = Piccolo_V1_Entry(entry)
            if let counter { $0.counter = counter.wire }
            if let idleMilliseconds { $0.idleMilliseconds = idleMilliseconds }
            ($0.place, $0.reason) = (place, reason)
        }
    }

    init(_ wire: Piccolo_V1_EntryReport) throws(NodeError) {
        self.init(
            try wire.entry.model(), counter: wire.hasCounter ? Counter(wire.counter) : nil,
            idleMilliseconds: wire.hasIdleMilliseconds ? wire.idleMilliseconds : nil, place: wire.place,
            reason: wire.reason)
    }
}

extension FlowFilter {
    var wire: Piccolo_V1_FlowFilter {
        .with {
            if let port { $0.port = UInt32(port.rawValue) }
            if let routerInterface { $0.routerInterface = UInt32(routerInterface.rawValue) }
            if let source { $0.source = source.wire }
            if let destination { $0.destination = destination.wire }
            if let ipProtocol { $0.ipProtocol = UInt32(ipProtocol) }
            if let sourcePort { $0.sourcePort = UInt32(sourcePort) }
            if let destinationPort { $0.destinationPort = UInt32(destinationPort) }
            if let isStatic { $0.isStatic = isStatic }
            $0.limit = UInt64(clamping: limit)
        }
    }

    init(_ wire: Piccolo_V1_FlowFilter) throws(NodeError) {
        self.init()
        if wire.hasPort { port = try Field.port(wire.port) }
        if wire.hasRouterInterface { routerInterface = try Field.routerInterface(wire.routerInterface) }
        if wire.hasSource { source = try Field.prefix(wire.source, "source") }
        if wire.hasDestination { destination = try Field.prefix(wire.destination, "destination") }
        if wire.hasIpProtocol { ipProtocol = try Field.number(wire.ipProtocol, "ip_protocol", in: 0...255) }
        if wire.hasSourcePort { sourcePort = try Field.number(wire.sourcePort, "source_port", in: 0...UInt16.max) }
        if wire.hasDestinationPort {
            destinationPort = try Field.number(wire.destinationPort, "destination_port", in: 0...UInt16.max)
        }
        if wire.hasIsStatic { isStatic = wire.isStatic }
        limit = Int(clamping: wire.limit)
    }
}

extension FlowReport {
    var wire: Piccolo_V1_FlowReport {
        .with {
            $0.entry = Piccolo_V1_FlowEntry(entry)
            ($0.counter, $0.idleMilliseconds) = (counter.wire, idleMilliseconds)
            if let port { $0.port = UInt32(port.rawValue) }
            ($0.place, $0.reason) = (place, reason)
        }
    }

    init(_ wire: Piccolo_V1_FlowReport) throws(NodeError) {
        self.init(
            entry: try wire.entry.model(), counter: Counter(wire.counter), idleMilliseconds: wire.idleMilliseconds,
            port: wire.hasPort ? try Field.port(wire.port) : nil, place: wire.place, reason: wire.reason)
    }
}

extension NodeStatistics {
    var wire: Piccolo_V1_Statistics {
        .with {
            $0.timeNanoseconds = timeNanoseconds
            $0.verdicts = verdicts.map { verdict in
                .with {
                    $0.port = UInt32(verdict.port.rawValue)
                    ($0.disposition, $0.reason) = (verdict.disposition.wire, verdict.reason.name)
                    $0.counter = verdict.counter.wire
                }
            }
            $0.tables = tables.map(\.wire)
            $0.flows = .with {
                ($0.installed, $0.aged, $0.evicted) = (flows.installed, flows.aged, flows.evicted)
                ($0.refused, $0.rejected) = (flows.refused, flows.rejected)
            }
            $0.events = events.wire
        }
    }

    init(_ wire: Piccolo_V1_Statistics) throws(NodeError) {
        self.init(
            timeNanoseconds: wire.timeNanoseconds,
            flows: FlowTotals(
                installed: wire.flows.installed, aged: wire.flows.aged, evicted: wire.flows.evicted,
                refused: wire.flows.refused, rejected: wire.flows.rejected),
            events: EventTotals(wire.events))
        for table in wire.tables { tables.append(try TableReport(table)) }
        for verdict in wire.verdicts {
            verdicts.append(
                VerdictCounter(
                    port: try Field.port(verdict.port), disposition: try Disposition(verdict.disposition),
                    reason: try Field.reason(verdict.reason), counter: Counter(verdict.counter)))
        }
    }
}

extension ReloadReport {
    var wire: Piccolo_V1_ReloadResponse {
        .with {
            ($0.inserted, $0.modified) = (UInt32(clamping: inserted), UInt32(clamping: modified))
            $0.deleted = UInt32(clamping: deleted)
        }
    }

    init(_ wire: Piccolo_V1_ReloadResponse) {
        self.init(inserted: Int(wire.inserted), modified: Int(wire.modified), deleted: Int(wire.deleted))
    }
}
#endif
