// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

// The keys scripts rely on; Docs/cli.md lists them. Adding is fine, renaming is not.
extension Listing {
    static func counter(_ counter: Counter) -> [JSONMember] {
        [JSONMember("packets", .unsigned(counter.packets)), JSONMember("bytes", .unsigned(counter.bytes))]
    }

    static func events(_ events: EventTotals) -> JSONValue {
        .object([
            "sent": .unsigned(events.sent), "repeated": .unsigned(events.repeated), "lost": .unsigned(events.lost),
        ])
    }

    static func json(_ port: PortReport) -> JSONValue {
        .object([
            "port": .string(port.name),
            "id": .integer(Int64(port.port.rawValue)),
            "interface_index": .integer(Int64(port.interfaceIndex)),
            "up": .bool(port.entry.up),
            "admit": .bool(port.entry.admit),
            "mode": .string(port.entry.mode == .routed ? "routed" : "switched"),
            "mtu": .integer(Int64(port.entry.mtu)),
            "attach_mode": .string(port.attachMode),
            "attach_reason": .string(port.attachReason),
            "received": .object(
                Disposition.allCases.map {
                    JSONMember("\($0)", .object(counter(port.received[$0] ?? Counter())))
                }),
        ])
    }

    static func json(_ table: TableReport) -> JSONValue {
        .object([
            "table": .string(table.table.rawValue),
            "capacity": .count(table.capacity),
            "used": .count(table.used),
            "match_kinds": .array(table.matchKinds.map { .string($0.rawValue) }),
            "cost_per_entry": .count(table.costPerEntry),
        ])
    }

    static func json(_ report: EntryReport, _ fields: [JSONMember]) -> JSONValue {
        var members = fields
        if let given = report.counter { members += counter(given) }
        if let idle = report.idleMilliseconds { members.append(JSONMember("idle_ms", .unsigned(idle))) }
        if !report.place.isEmpty {
            members.append(JSONMember("where", .string(report.place)))
            members.append(JSONMember("why", .string(report.reason)))
        }
        return .object(members)
    }

    static func json(_ flow: FlowReport, _ names: Directory) -> JSONValue {
        var members = EntryFields.fields(of: .flow(flow.entry), names: names).filter { $0.key != "port" }
        members.insert(JSONMember("port", flow.port.map { .string(names.name(of: $0)) } ?? .null), at: 0)
        members += counter(flow.counter)
        members.append(JSONMember("idle_ms", .unsigned(flow.idleMilliseconds)))
        members.append(JSONMember("where", .string(flow.place)))
        members.append(JSONMember("why", .string(flow.reason)))
        return .object(members)
    }

    static func json(_ verdict: VerdictCounter, _ names: Directory) -> JSONValue {
        .object(
            [
                JSONMember("port", .string(names.name(of: verdict.port))),
                JSONMember("disposition", .string("\(verdict.disposition)")),
                JSONMember("reason", .string(verdict.reason.name)),
            ] + counter(verdict.counter))
    }
}
