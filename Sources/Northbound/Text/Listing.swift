// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// What a command prints: a table for people, or JSON for programs.
public struct Listing: Sendable {
    public var lines: [String]
    public var json: JSONValue

    public init(lines: [String], json: JSONValue) { (self.lines, self.json) = (lines, json) }

    /// The node at a glance. Whether it is degraded stands before all else.
    public static func status(_ status: NodeStatus, style: TerminalStyle = .plain) -> Listing {
        let uptime = Quantity.duration(milliseconds: status.uptimeMilliseconds)
        var lines = ["piccolo \(status.version), process \(status.pid), up \(uptime)"]
        if let problem = status.state?.problem {
            lines.insert(style.red("DEGRADED: packets are forwarded, changes are refused"), at: 0)
            lines += Paragraph.lines(problem.sentence, first: Self.label("degraded"), rest: Self.label(""))
        }
        lines += [
            "configuration  \(status.configuration)",
            "data plane     \(status.dataPlane), policy generation \(status.generation.rawValue)",
        ]
        if let card = status.card { lines += Self.card(card) }
        lines += Self.cpuPort(status.cpuPort)
        lines += memory(status)
        lines += [
            "ports          \(status.portsUp) of \(status.ports) up",
            "events         \(status.events.sent) sent, \(status.events.repeated) repeated, \(status.events.lost) lost",
            "memory         \(Quantity.short(status.residentBytes))B resident",
        ]
        lines +=
            status.complaints.isEmpty
            ? ["health         all is well"] : status.complaints.map { "health         \($0)" }
        return Listing(
            lines: lines,
            json: .object([
                "version": .string(status.version),
                "pid": .integer(Int64(status.pid)),
                "uptime_ms": .unsigned(status.uptimeMilliseconds),
                "configuration": .string(status.configuration),
                "data_plane": .string(status.dataPlane),
                "generation": .integer(Int64(status.generation.rawValue)),
                "ports": .count(status.ports),
                "ports_up": .count(status.portsUp),
                "events": events(status.events),
                "resident_bytes": .unsigned(status.residentBytes),
                "complaints": .array(status.complaints.map { .string($0) }),
                "state": status.state.map(json) ?? .null,
                "start": status.start.map(json) ?? .null,
                "reconciliation": json(status.reconciliation),
                "program": status.program.map(json) ?? .null,
                "card": status.card.map(json) ?? .null,
                "cpu_port": .array(status.cpuPort.map(json)),
            ]))
    }

    /// - Parameter width: of the table; nil: as wide as need be.
    public static func ports(_ ports: [PortReport], width: Int? = TextTable.width) -> Listing {
        var table = TextTable([
            .left("PORT"), .right("ID"), .left("STATE"), .left("MODE"), .left("XDP"), .right("MTU"), .right("RECEIVED"),
            .right("BYTES"), .right("FORWARDED"), .right("DROPPED"), .right("KERNEL"), .right("CPU"),
        ])
        var notes: [String] = []
        let ports = ports.sorted { $0.port < $1.port }
        for port in ports {
            let total = port.received.values.reduce(into: Counter()) { sum, counter in
                sum.packets += counter.packets
                sum.bytes += counter.bytes
            }
            let state = port.interfaceIndex == 0 ? "missing" : port.entry.up ? "up" : "down"
            let counts = Disposition.allCases.map { "\(port.received[$0]?.packets ?? 0)" }
            table.add(
                [
                    port.name, "\(port.port.rawValue)", state, port.entry.mode == .routed ? "routed" : "switched",
                    port.attachMode.isEmpty ? "-" : port.attachMode, "\(port.entry.mtu)", "\(total.packets)",
                    Quantity.short(total.bytes),
                ] + counts)
            if !port.attachReason.isEmpty { notes.append("\(port.name): \(port.attachReason)") }
        }
        return Listing(lines: table.lines(width: width) + notes, json: .array(ports.map(json)))
    }

    public static func tables(_ tables: [TableReport], width: Int? = TextTable.width) -> Listing {
        var table = TextTable([
            .left("TABLE"), .right("USED"), .right("CAPACITY"), .right("FILL"), .right("COST"), .left("MATCH"),
        ])
        for report in tables {
            table.add([
                report.table.rawValue, "\(report.used)", "\(report.capacity)",
                Quantity.percent(UInt64(clamping: report.used), of: UInt64(clamping: report.capacity)),
                "\(report.costPerEntry)", report.matchKinds.map(\.rawValue).joined(separator: ","),
            ])
        }
        return Listing(lines: table.lines(width: width), json: .array(tables.map(json)))
    }

    /// The entries of one table, a column for each field that any of them has, sorted by their text. Where they are decided as in `flows`.
    public static func entries(
        _ reports: [EntryReport], names: Directory, width: Int? = TextTable.width
    ) -> Listing {
        let reports = reports.map { report in
            (report: report, fields: EntryFields.fields(of: report.entry, names: names))
        }
        var order: [String] = []
        if let table = reports.first?.report.entry.table {
            let used = Set(reports.flatMap { $0.fields.map(\.key) })
            order = EntrySyntax.fields(of: table).map(\.name).filter(used.contains)
        }
        let numeric = Set(
            reports.flatMap { row in
                row.fields.compactMap { if case .integer = $0.value { $0.key } else { nil } }
            })
        var table = TextTable(
            order.map { numeric.contains($0) ? .right($0.uppercased()) : .left($0.uppercased()) }
                + [.right("PACKETS"), .right("BYTES"), .right("IDLE"), .left("WHERE")]
                + (width == nil ? [.left("WHY")] : []))
        var rows: [(cells: [String], key: [SortKey], json: JSONValue)] = []
        for (report, fields) in reports {
            var cells = order.map { name in
                fields.first { $0.key == name }.map { EntryFields.text($0.value) } ?? ""
            }
            let key = order.map { name in SortKey(fields.first { $0.key == name }?.value) }
            cells.append(report.counter.map { "\($0.packets)" } ?? "")
            cells.append(report.counter.map { Quantity.short($0.bytes) } ?? "")
            cells.append(report.idleMilliseconds.map { Quantity.duration(milliseconds: $0) } ?? "")
            cells += place(report.place, report.reason, width)
            rows.append((cells, key, json(report, fields)))
        }
        rows.sort { $0.key.lexicographicallyPrecedes($1.key) }
        for row in rows { table.add(row.cells) }
        return Listing(
            lines: rows.isEmpty ? ["no entries"] : table.withoutEmptyColumns().lines(width: width),
            json: .array(rows.map(\.json)))
    }

    /// Flows with their use and where they are decided; why there, where the width is not limited.
    public static func flows(
        _ flows: [FlowReport], names: Directory, width: Int? = TextTable.width
    ) -> Listing {
        var table = TextTable(
            [
                .left("PORT"), .left("PROTO"), .left("SOURCE"), .left("DESTINATION"), .left("ACTION"), .left("ORIGIN"),
                .right("PACKETS"), .right("BYTES"), .right("IDLE"), .left("WHERE"),
            ] + (width == nil ? [.left("WHY")] : []))
        for flow in flows {
            let key = flow.entry.key
            let ports = key.ipProtocol == 6 || key.ipProtocol == 17
            let isICMP = key.ipProtocol == (key.isIPv6 ? 58 : 1)
            let detail = isICMP ? " \(key.sourcePort >> 8)/\(key.sourcePort & 0xff)" : ""
            table.add(
                [
                    flow.port.map(names.name(of:)) ?? "-",
                    EntryFields.protocolName(key.ipProtocol) + detail,
                    endpoint(key.sourceAddress, ports ? key.sourcePort : nil),
                    endpoint(key.destinationAddress, ports ? key.destinationPort : nil),
                    actionText(flow.entry, names),
                    flow.entry.origin == .static ? "static" : "derived",
                    "\(flow.counter.packets)", Quantity.short(flow.counter.bytes),
                    Quantity.duration(milliseconds: flow.idleMilliseconds),
                ] + place(flow.place, flow.reason, width))
        }
        return Listing(
            lines: flows.isEmpty ? ["no flows"] : table.withoutEmptyColumns().lines(width: width),
            json: .array(flows.map { json($0, names) }))
    }

    /// The cells of WHERE and WHY. The exact place is for those who ask for it.
    private static func place(_ place: String, _ reason: String, _ width: Int?) -> [String] {
        width == nil ? [place, reason] : [String(place.prefix { $0 != ":" })]
    }

    /// Totals by reason and port, tables and flows.
    public static func statistics(
        _ statistics: NodeStatistics, names: Directory, width: Int? = TextTable.width
    ) -> Listing {
        let verdicts = statistics.verdicts.sorted {
            ($0.port, $0.disposition.rawValue, $0.reason.rawValue)
                < ($1.port, $1.disposition.rawValue, $1.reason.rawValue)
        }
        var table = TextTable([
            .left("PORT"), .left("DISPOSITION"), .left("REASON"), .right("PACKETS"), .right("BYTES"),
        ])
        for verdict in verdicts {
            table.add([
                names.name(of: verdict.port), "\(verdict.disposition)", verdict.reason.name,
                "\(verdict.counter.packets)", "\(verdict.counter.bytes)",
            ])
        }
        let flows = statistics.flows
        let tail = [
            "",
            "flows   \(flows.installed) installed, \(flows.aged) aged, \(flows.evicted) evicted, "
                + "\(flows.refused) refused, \(flows.rejected) rejected",
            "events  \(statistics.events.sent) sent, \(statistics.events.repeated) repeated, "
                + "\(statistics.events.lost) lost",
        ]
        return Listing(
            lines: table.lines(width: width) + tail,
            json: .object([
                "time_ns": .unsigned(statistics.timeNanoseconds),
                "verdicts": .array(verdicts.map { json($0, names) }),
                "tables": .array(statistics.tables.map(json)),
                "flows": .object([
                    "installed": .unsigned(flows.installed),
                    "aged": .unsigned(flows.aged),
                    "evicted": .unsigned(flows.evicted),
                    "refused": .unsigned(flows.refused),
                    "rejected": .unsigned(flows.rejected),
                ]),
                "events": events(statistics.events),
            ]))
    }

    static func endpoint(_ address: IPAddress, _ port: UInt16?) -> String {
        let text = address.description
        guard let port else { return text }
        return text.contains(":") ? "[\(text)]:\(port)" : "\(text):\(port)"
    }

    private static func actionText(_ entry: FlowEntry, _ names: Directory) -> String {
        switch entry.action {
        case .nextHop(let id):
            if let nextHop = names.nextHops[id] {
                "via " + nextHop.neighbor.description
            } else {
                "next hop \(id.rawValue)"
            }
        case .port(let port): "out " + names.name(of: port)
        case .drop: "drop " + entry.reason.name
        case .kernel: "kernel " + entry.reason.name
        case .cpu: "cpu " + entry.reason.name
        }
    }
}

/// Numbers by size, words by their letters; a field that is absent comes first.
private enum SortKey: Comparable {
    case absent
    case number(Int64)
    case text(String)

    init(_ value: JSONValue?) {
        switch value {
        case nil: self = .absent
        case .integer(let number): self = .number(number)
        case .some(let value): self = .text(EntryFields.text(value))
        }
    }
}
