// SPDX-License-Identifier: Apache-2.0
import Comparison
import Northbound
import Packet
import Tables

/// What `replay` prints of a packet and of a capture.
struct ReplayOutput {
    var json: Bool
    var summaryOnly: Bool
    var portNames: [PortID: String]
    /// Packets by what became of them, in the first data plane.
    private(set) var counts: [Outcome: Int] = [:]
    private(set) var differences = 0

    struct Outcome: Hashable {
        var disposition: Disposition
        var reason: Reason
    }

    init(json: Bool, summaryOnly: Bool, ports: [(name: String, id: PortID)]) {
        (self.json, self.summaryOnly) = (json, summaryOnly)
        portNames = Dictionary(ports.map { ($0.id, $0.name) }) { first, _ in first }
    }

    mutating func add(_ record: ReplayRecord, path: String) {
        differences += record.differences.count
        if let verdict = record.verdicts.first?.verdict {
            counts[Outcome(disposition: verdict.disposition, reason: verdict.reason), default: 0] += 1
        }
        if summaryOnly, record.differences.isEmpty { return }
        Terminal.out(json ? value(record, path: path).line : lines(record).joined(separator: "\n"))
    }

    mutating func add(_ summary: ReplaySummary, ofPackets packetDifferences: Int) {
        // The others were printed with their packets.
        let rest = summary.differences.dropFirst(packetDifferences)
        differences += rest.count
        if json {
            Terminal.out(value(summary).line)
            return
        }
        for difference in rest { Terminal.out("  DIFFERENCE \(difference)") }
        let cut = summary.cutPackets > 0 ? ", \(summary.cutPackets) cut short when captured" : ""
        let count = summary.differences.count
        Terminal.out(
            "\(summary.path): \(summary.packets) packets\(cut), \(count) difference\(count == 1 ? "" : "s")")
        if let damage = summary.damage { Terminal.error("piccolo: \(summary.path): \(damage); read up to there") }
    }

    /// Packets by verdict over all captures.
    func totals() {
        guard !json, !counts.isEmpty else { return }
        var table = TextTable([.left("DISPOSITION"), .left("REASON"), .right("PACKETS")])
        for (outcome, count) in counts.sorted(by: {
            ($1.value, $0.key.reason.rawValue, $0.key.disposition.rawValue)
                < ($0.value, $1.key.reason.rawValue, $1.key.disposition.rawValue)
        }) {
            table.add(["\(outcome.disposition)", outcome.reason.name, "\(count)"])
        }
        Terminal.out(([""] + table.lines()).joined(separator: "\n"))
    }

    private func name(_ port: PortID) -> String { portNames[port] ?? "\(port.rawValue)" }

    func text(_ verdict: PacketVerdict?) -> String {
        guard let verdict else { return "cannot be put through" }
        var text = "\(verdict.disposition) \(verdict.reason.name)"
        if let port = verdict.egressPort { text += " to \(name(port))" }
        if let vlan = verdict.floodVLAN { text += " in VLAN \(vlan.rawValue)" }
        if verdict.mirrored { text += ", mirrored" }
        return text
    }

    private func lines(_ record: ReplayRecord) -> [String] {
        let number = String(record.number)
        let head = String(repeating: " ", count: max(0, 7 - number.count)) + "\(number)  \(record.capturedLength) bytes  "
        if record.differences.isEmpty { return [head + text(record.verdicts.first?.verdict)] }
        return [head + record.verdicts.map { "\($0.plane): \(text($0.verdict))" }.joined(separator: "; ")]
            + record.differences.map { "  DIFFERENCE \($0)" }
    }

    private func value(_ verdict: PacketVerdict?) -> JSONValue {
        guard let verdict else { return .null }
        return .object([
            "disposition": .string("\(verdict.disposition)"),
            "reason": .string(verdict.reason.name),
            "egress_port": verdict.egressPort.map { .string(name($0)) } ?? .null,
            "flood_vlan": verdict.floodVLAN.map { .integer(Int64($0.rawValue)) } ?? .null,
            "mirrored": .bool(verdict.mirrored),
            "output": .string(verdict.output.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()),
        ])
    }

    private func value(_ record: ReplayRecord, path: String) -> JSONValue {
        .object([
            "type": "packet",
            "capture": .string(path),
            "number": .count(record.number),
            "time_ns": .unsigned(record.timestamp),
            "length": .count(record.originalLength),
            "captured": .count(record.capturedLength),
            "verdicts": .object(record.verdicts.map { JSONMember($0.plane, value($0.verdict)) }),
            "differences": .array(record.differences.map { .string($0.description) }),
        ])
    }

    private func value(_ summary: ReplaySummary) -> JSONValue {
        .object([
            "type": "summary",
            "capture": .string(summary.path),
            "packets": .count(summary.packets),
            "cut_packets": .count(summary.cutPackets),
            "damage": summary.damage.map { .string($0) } ?? .null,
            "differences": .array(summary.differences.map { .string($0.description) }),
        ])
    }
}
